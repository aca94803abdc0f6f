"""A gRPC channel to a process of a cluster: a Unix socket, or TCP with certificates.

A pmoe server is known by the role in its certificate, spiffe://<cluster>/<role>/<name>, not by its
host's name. gRPC for Python can check one name only. So the certificate is read first, by Python's
ssl, which holds it against ca.pem; its role is looked at, and then gRPC is given the name that its
owner has in it ("replay 1", which says the role too) to insist on. Versions before 1.82 cannot.
"""

from __future__ import annotations

import ipaddress
import os
import pathlib
import queue
import socket
import ssl
import stat
import typing

from pmoe.errors import Error, RpcError

MESSAGE_BYTES_MAX = 64 << 20
GRPCIO_MIN = "1.82"  # over TLS
UNIX = "unix:"
UNIX_PATH_MAX = 107


def connect(address: str, role: str, tls: str | os.PathLike[str] | None, insecure: bool,
            timeout_s: float) -> typing.Any:
    """A grpc.Channel to the server of that role.

    Raises:
        Error: an address that is none, TCP without certificates, a server of another role.
    """
    try:
        import grpc
    except ImportError:
        raise Error("pmoe.ReplayClient needs grpcio and protobuf: pip install grpcio protobuf"
                    ) from None
    options: list[tuple[str, typing.Any]] = [
        ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
        ("grpc.max_send_message_length", MESSAGE_BYTES_MAX), ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1)]
    if address.startswith(UNIX):
        path = address[len(UNIX):]
        if not 0 < len(os.fsencode(path)) <= UNIX_PATH_MAX:
            raise Error(f"address {address!r}: a socket's path has 1 to {UNIX_PATH_MAX} bytes")
        return grpc.insecure_channel(address, options)
    host, port = split(address)
    if tls is not None:
        name = server_name(address, (host, port), pathlib.Path(tls), role, timeout_s)
        ca, cert, key = (file.read_bytes() for file in _files(pathlib.Path(tls)))
        credentials = grpc.ssl_channel_credentials(ca, key, cert)
        options += [("grpc.ssl_target_name_override", name), ("grpc.default_authority", host)]
        channel = grpc.secure_channel(address, credentials, options)
        if _connects(channel, timeout_s):
            return channel
        channel.close()
        raise nobody(address, f"gRPC does not connect to {name!r}, though its certificate is good; "
                     f"grpcio {GRPCIO_MIN} or newer can do so, here is {grpc.__version__}")
    if insecure and _is_loopback(host):
        return grpc.insecure_channel(address, options)
    raise Error(f"address {address!r} is TCP, which needs certificates: give tls=DIR, an admin's "
                "of `pmoe certs init`" + ("; insecure=True is for loopback only" if insecure else
                                       ", or insecure=True on loopback"))


def split(address: str) -> tuple[str, int]:
    """(host, port) of a TCP address."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise Error(f"address {address!r} must be unix:/path or host:port, port from 0 to 65535")
    return host.strip("[]"), int(port)


def _connects(channel: typing.Any, timeout_s: float) -> bool:
    """Whether the first attempt of a channel succeeds."""
    import grpc
    states: queue.SimpleQueue[typing.Any] = queue.SimpleQueue()
    channel.subscribe(states.put, try_to_connect=True)
    try:
        while True:
            state = states.get(timeout=timeout_s)
            if state == grpc.ChannelConnectivity.READY:
                return True
            if state in (grpc.ChannelConnectivity.TRANSIENT_FAILURE,
                         grpc.ChannelConnectivity.SHUTDOWN):
                return False
    except queue.Empty:
        return False
    finally:
        channel.unsubscribe(states.put)


def server_name(address: str, at: tuple[str, int], tls: pathlib.Path, role: str,
                timeout_s: float) -> str:
    """The owner of the server's certificate, once its authority and role were found right."""
    context = _context(tls)
    try:
        with socket.create_connection(at, timeout_s) as plain:
            with context.wrap_socket(plain) as secured:
                said: dict[str, typing.Any] = dict(secured.getpeercert() or {})
    except ssl.SSLError as error:
        raise RpcError("UNAUTHENTICATED", f"{address}: the server's certificate, or that of {tls}, "
                       f"is not good there ({error.reason or error}); are both of one `pmoe certs "
                       "init`? `pmoe certs show` prints issuer and end") from None
    except OSError as error:
        raise nobody(address, str(error)) from None
    names = [value for kind, value in said.get("subjectAltName", ()) if kind == "URI"]
    parts = names[0].split("/") if len(names) == 1 else []
    if len(parts) != 5 or parts[0] != "spiffe:" or parts[3] != role:
        raise RpcError("PERMISSION_DENIED", f"{address}: its certificate names {names}, not the "
                       f"role {role}; is the address right?")
    owners = [value for field in said.get("subject", ()) for kind, value in field
              if kind == "commonName"]
    if len(owners) != 1 or owners[0].split(" ")[0] != role:
        raise RpcError("PERMISSION_DENIED", f"{address}: its certificate is of {owners}, not of a "
                       f"{role}; `pmoe certs init` makes certificates")
    return owners[0]


def _context(tls: pathlib.Path) -> ssl.SSLContext:
    ca, cert, key = _files(tls)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the role is checked instead
    context.set_alpn_protocols(["h2"])
    try:
        context.load_verify_locations(ca)
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise Error(f"tls folder {tls}: its certificate or key cannot be used ({error}); make them "
                    "with `pmoe certs init`") from None
    return context


def _files(tls: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path, pathlib.Path]:
    """(ca, cert, key)."""
    files = tls / "ca.pem", tls / "cert.pem", tls / "key.pem"
    for file in files:
        if not file.is_file():
            raise Error(f"tls folder {tls} has no {file.name}; make one with `pmoe certs init`")
    mode = files[2].stat().st_mode
    if mode & stat.S_IROTH:
        raise Error(f"{files[2]} has mode {stat.S_IMODE(mode):04o}: every user can read the key; "
                    f"chmod 600 {files[2]}")
    return files


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def nobody(address: str, why: str) -> RpcError:
    return RpcError("UNAVAILABLE", f"nobody answers at {address}: {why}; is the process there? "
                    "`pmoe status` says where the members of a cluster listen")
