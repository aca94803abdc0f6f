"""A running cluster: who takes part, rates, who waits for whom. Asks through `pmoe status`."""

from __future__ import annotations

import json
import os
import pathlib
import re
import typing

from pmoe import command
from pmoe.errors import CommandError, Error

if typing.TYPE_CHECKING:
    from pmoe.replay import Learner, ReplayClient

# Of proto/run.proto and what it holds; every other value that is text is a 64-bit number, which
# JSON carries as text (tests/python/cluster_test.py holds this against the protos).
TEXTS = frozenset({"run_id", "directory", "label", "state", "host", "build_id", "listen_address",
                   "metrics_address", "limiter", "durability", "mode", "name", "role", "bottleneck",
                   "text", "change", "machine"})
NUMBER = re.compile(r"-?\d+\Z")
NOBODY_ANSWERS = 3


class Cluster:
    """A cluster by its learner's address, or by the run directory of `pmoe up`.

        pmoe.Cluster("runs/my-run").status()["env_steps_per_s"]
        pmoe.Cluster("learner.example.org:7000", tls="certs/admin").status()

    Args:
        address: unix:/path, host:port, or a run directory.
        tls: folder of an admin's certificate (`pmoe certs init`); over TCP it must be given.
        insecure: TCP on loopback without certificates.
    """

    def __init__(self, address: str | os.PathLike[str], *,
                 tls: str | os.PathLike[str] | None = None, insecure: bool = False) -> None:
        self.address = os.fspath(address)
        self._tls, self._insecure = tls, insecure

    def __repr__(self) -> str:
        return f"Cluster({self.address!r})"

    def status(self) -> dict[str, typing.Any]:
        """The learner's RunStatus (proto/run.proto) as nested dictionaries.

        `["members"]` has one for each process; `["members"][i]["role"]` is "RUN_ROLE_ACTOR" or the
        like, and a replay shard's address is `["process"]["listen_address"]`.

        Raises:
            CommandError: nobody answers (code 3), or the learner refuses (code 2).
        """
        is_run = os.path.isdir(self.address) or ":" not in self.address
        words = ["pmoe", "status", "--run" if is_run else "--learner", self.address, "--json"]
        if self._tls is not None:
            words += ["--tls", os.fspath(self._tls)]
        if self._insecure:
            words.append("--insecure")
        text = command.run(words)
        try:
            said = json.loads(text)
        except ValueError as error:
            raise Error(f"`pmoe status --json` of {self.address} printed no JSON ({error}); does "
                        "it name a cluster's run?") from None
        if not isinstance(said, dict):
            raise Error(f"{self.address} is a folder of several seeds, no cluster; see pmoe.runs()")
        return _numbers(said)

    def answers(self) -> bool:
        """Whether a learner answers there."""
        try:
            self.status()
        except CommandError as error:
            if error.code == NOBODY_ANSWERS:
                return False
            raise
        return True

    def learner(self) -> Learner:
        """Who the run's learner is, for ReplayClient.sample."""
        from pmoe.replay import Learner
        status = self.status()
        return Learner(status["run_id"], status["learner_epoch"])

    def replay_addresses(self) -> list[str]:
        """Where the replay shards that take part listen."""
        return [member["process"]["listen_address"] for member in self.status()["members"]
                if member["role"] == "RUN_ROLE_REPLAY" and member["connected"]]

    def replay(self, shard: int = 0) -> ReplayClient:
        """A client of one replay shard, with this cluster's certificate."""
        from pmoe.replay import ReplayClient  # here: status needs neither gRPC nor NumPy
        addresses = self.replay_addresses()
        if not 0 <= shard < len(addresses):
            raise Error(f"shard is {shard}, and {len(addresses)} replay shards take part in "
                        f"{self.address}")
        tls, insecure = self._tls, self._insecure
        if tls is None and not insecure:
            tls, insecure = self._of_up()
        return ReplayClient(addresses[shard], tls=tls, insecure=insecure)

    def _of_up(self) -> tuple[str | None, bool]:
        """The certificate that `pmoe up` keeps for its own run, or that it goes without."""
        try:
            said = pathlib.Path(self.address, "up.security").read_text(encoding="utf-8").strip()
        except OSError:
            return None, False
        return said[len("tls "):] if said.startswith("tls ") else None, said == "insecure"


def _numbers(value: typing.Any, key: str = "") -> typing.Any:
    if isinstance(value, dict):
        return {name: _numbers(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_numbers(part, key) for part in value]
    if isinstance(value, str) and key not in TEXTS and NUMBER.match(value):
        return int(value)
    return value
