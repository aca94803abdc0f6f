"""The Ray actor around one process of pmoe. It travels to its node by value, so it and what it uses
(private_folder) need nothing there but the standard library, Ray, and pmoe's programs."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import fcntl
import importlib.util
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time

from pmoe.ray_cluster.private_folder import PrivateFolder

KEPT_LINES = 200      # of what the process says, for the one who started all
GIVE_UP_S = 60        # without a learner; the next life asks anew where it is
END_BEFORE_S = 70     # that the life before may still hold the run's directory, for its checkpoint
CONFIG = "config.textproto"
PROGRAMS = {"learner": "pmoe-learner", "replay": "pmoe-replay", "actor": "pmoe-actor",
            "evaluator": "pmoe-actor"}


@dataclasses.dataclass(frozen=True)
class MemberSpec:
    """What one member is, on whatever node it runs."""

    role: str                     # learner, replay, actor, evaluator
    name: str                     # "actor 3"
    about: str                    # what the dashboard shows behind the address: the run
    words: tuple[str, ...]        # for the program, beside what the node decides
    certificates: dict[str, str]  # ca.pem, cert.pem, key.pem
    config: str                   # a new run's settings, for its learner; "": none
    programs: str                 # folder, if it is there on that node
    work_folder: str              # likewise; what relative paths in words mean
    directory: str                # the run's
    learner: str                  # Ray's name of the learner's actor; "" for the learner
    port: int = 0                 # to listen on; 0: any


class Member:
    """One process from its start to its end, in a thread that lives as long as it does. A life of
    this object is one life of the process: after its end, the supervisor asks for `again`, which
    ends the Ray actor, so that Ray starts it, here or on another node."""

    def __init__(self, spec: MemberSpec) -> None:
        import ray
        self._spec = spec
        self._node = ray.util.get_node_ip_address()
        self._life = f"{self._node} {os.getpid()} {time.time_ns()}"
        self._address = self._own_address()
        self._lines: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)
        self._said = 0  # lines in all
        self._code: int | None = None
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._folder = PrivateFolder()
        self._folder.write({**spec.certificates, CONFIG: spec.config})
        threading.Thread(target=self._live, daemon=True).start()

    def __repr__(self) -> str:
        """What Ray's dashboard and its logs call this actor."""
        return f"pmoe {self._spec.name} {self._address or self._node} {self._spec.about}"

    def address(self) -> str:
        return self._address

    def news(self, since: int) -> dict[str, object]:
        """How it fares, with the lines that it has said after the first `since` ones."""
        with self._lock:
            new = min(self._said - since, len(self._lines)) if since <= self._said else 0
            return {"life": self._life, "node": self._node, "address": self._address,
                    "pid": self._process.pid if self._process else 0, "said": self._said,
                    "code": self._code, "lines": list(self._lines)[len(self._lines) - new:]}

    def stop(self, grace_s: float, tell: bool) -> int:
        """Its exit code, once it has ended: told so by SIGTERM or by itself; killed after the
        grace, which is -9."""
        with self._lock:
            self._stopped = True
            if self._process is None:
                self._code = 0 if self._code is None else self._code
                self._ended.set()
        if tell:
            self._signal(signal.SIGTERM)
        if not self._ended.wait(grace_s):
            self._signal(signal.SIGKILL)
            self._ended.wait(5)
        self._folder.remove()
        return -signal.SIGKILL if self._code is None else self._code

    def again(self) -> None:
        """After the end of the process: ends this life, and Ray begins the next one."""
        self._folder.remove()
        os._exit(1)

    def _live(self) -> None:
        try:
            words = self._command()
            with self._lock:
                if self._stopped:
                    return
                self._process = self._start(words)
            for line in self._process.stdout or ():
                self._hear(line.rstrip("\r\n"))
            code = self._process.wait()
        except Exception as error:  # whatever it is, its reader is the supervisor
            self._hear(f"pmoe: {error}")
            code = 2 if isinstance(error, (FileNotFoundError, PermissionError)) else 1
        with self._lock:
            self._code = code
        self._ended.set()

    def _start(self, words: list[str]) -> subprocess.Popen[str]:
        spec, here = self._spec, self._spec.work_folder
        variables = {**os.environ, "OMP_WAIT_POLICY": "passive"}
        for name in ("PMOE_TLS", "OMP_NUM_THREADS"):  # learner.threads says it, not Ray
            variables.pop(name, None)
        print(f"pmoe {spec.name} on {self._node}: {' '.join(words)}", flush=True)
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace", env=variables, start_new_session=True,
            cwd=here if os.path.isdir(here) else self._folder.path, pass_fds=(self._folder.lock,))

    def _hear(self, line: str) -> None:
        print(line, flush=True)  # Ray's log of this actor
        with self._lock:
            self._lines.append(line)
            self._said += 1

    def _signal(self, number: int) -> None:
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(number)

    def _command(self) -> list[str]:
        spec = self._spec
        words = [self._program()]
        if spec.role == "learner":
            self._await_end_of("lock")
            words += ["--listen", self._address]
        elif spec.role == "replay":
            words += ["--learner", self._learner(), "--listen", self._address]
        else:
            words += ["run", "--learner", self._learner()]
        words += spec.words
        if spec.config:
            words += ["--config", str(self._folder.path / CONFIG)]
        if spec.role != "learner":
            words += ["--give-up", str(GIVE_UP_S)]
        return [*words, "--tls", str(self._folder.path), "--metrics", "127.0.0.1:0",
                "--parent", str(os.getpid())]

    def _program(self) -> str:
        """On this node, which may be another machine than the one that `pmoe ray` was typed on."""
        name = PROGRAMS[self._spec.role]
        places = [self._spec.programs, os.environ.get("PMOE_BIN_DIR", "")]
        package = importlib.util.find_spec("pmoe")
        if package is not None and package.origin:
            places.append(os.path.join(os.path.dirname(package.origin), "bin"))
        for place in filter(None, places):
            path = os.path.join(place, name)
            if os.access(path, os.X_OK):
                return path
        found = shutil.which(name)
        if found:
            return found
        raise FileNotFoundError(
            f"node {self._node} has no {name}, neither in {', '.join(filter(None, places))} nor in "
            "PATH: install the same wheel of pmoe in every node's Python, or name its folder by "
            "--programs DIR")

    def _own_address(self) -> str:
        """Where this member listens; "" for those who do not. A learner that comes back to its node
        takes the port that it had: nobody needs to look for it."""
        if self._spec.role not in ("learner", "replay"):
            return ""
        host = f"[{self._node}]" if ":" in self._node else self._node
        if self._spec.port:
            return f"{host}:{self._spec.port}"
        with contextlib.suppress(OSError):
            text = pathlib.Path(self._spec.directory, "learner.address").read_text("utf-8").strip()
            if text.rpartition(":")[0] == host and self._spec.role == "learner":
                return text
        family = socket.AF_INET6 if ":" in self._node else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as free:
            free.bind((self._node, 0))
            return f"{host}:{free.getsockname()[1]}"

    def _learner(self) -> str:
        """Its address, in this life of it."""
        import ray
        while True:
            try:
                return ray.get(ray.get_actor(self._spec.learner).address.remote(), timeout=30)
            except (ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError, ValueError):
                if self._ended.wait(0.5):
                    return ""

    def _await_end_of(self, name: str) -> None:
        """A killed life may still write its checkpoint; what holds the lock is its process."""
        file = pathlib.Path(self._spec.directory, name)
        deadline = time.monotonic() + END_BEFORE_S
        while file.exists() and time.monotonic() < deadline:
            with open(file, "rb") as held:
                try:
                    fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    return
                except OSError:
                    self._ended.wait(0.1)
