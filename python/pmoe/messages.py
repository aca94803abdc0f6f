"""Protobuf messages of proto/replay.proto and the protos that it imports.

The build writes all of them into one file, protocol.binpb (protoc --descriptor_set_out), from which
any protobuf runtime makes its classes: no generated code, which is good for one runtime only.
"""

from __future__ import annotations

import functools
import os
import pathlib
import typing

from pmoe.binaries import PACKAGE, checkout
from pmoe.errors import Error

FILE = "protocol.binpb"


def _file() -> pathlib.Path:
    places = [PACKAGE / FILE]
    if os.environ.get("PMOE_BIN_DIR"):
        places.append(pathlib.Path(os.environ["PMOE_BIN_DIR"]).parent / "python" / FILE)
    root = checkout()
    if root is not None:
        places.append(root / "build" / "release" / "python" / FILE)
    for place in places:
        if place.is_file():
            return place
    raise Error(f"{FILE} is not in {', '.join(str(place.parent) for place in places)}: install the "
                "wheel, or build it with `./pmoe build pmoe-python`")


@functools.lru_cache(maxsize=1)
def _pool() -> typing.Any:
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool
    except ImportError:
        raise Error("pmoe.ReplayClient needs protobuf and grpcio: pip install protobuf grpcio"
                    ) from None
    files = descriptor_pb2.FileDescriptorSet.FromString(_file().read_bytes())
    pool = descriptor_pool.DescriptorPool()  # our own: other programs' files may have our names
    for file in files.file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


@functools.lru_cache(maxsize=None)
def message(name: str) -> typing.Any:
    """The class of a message: message("SampleRequest")."""
    from google.protobuf import message_factory
    descriptor = _pool().FindMessageTypeByName(f"pmoe.{name}")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(_pool()).GetPrototype(descriptor)
