"""A replay shard that runs, from Python: pmoe.ReplayClient."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import typing

import numpy as np

from pmoe.channel import connect, nobody
from pmoe.chunks import make_rows, requests
from pmoe.errors import Error, RpcError
from pmoe.messages import message

SERVICE = "/pmoe.ReplayService/"
KEY_BYTES = 8  # u32 place, u32 generation


@dataclasses.dataclass(frozen=True)
class Learner:
    """Whose samples they are: a run and the life of its learner, as pmoe.Cluster.learner() says."""

    run_id: str
    epoch: int


@dataclasses.dataclass(frozen=True)
class Batch:
    """B rows that a shard drew. discounts: gamma to the n, 0 where the episode terminated.

    weights and keys are there with `replay.selector=prioritized`; update_priorities takes the keys.
    """

    observations: np.ndarray       # f32 [B, O]
    actions: np.ndarray            # f32 [B, A] in [-1, 1]
    rewards: np.ndarray            # f32 [B]
    discounts: np.ndarray          # f32 [B]
    next_observations: np.ndarray  # f32 [B, O]
    policy_versions: np.ndarray    # u32 [B]
    weights: np.ndarray | None = None  # f32 [B]
    keys: bytes | None = None


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What a shard says after an insert, in transitions."""

    rows: int      # that entered
    left_out: int  # that have no successor
    size: int      # held now
    capacity: int


class ReplayClient:
    """One shard. What it may do is what its certificate may (SECURITY.md); a Unix socket has no
    roles, and its owner may do everything.

        with pmoe.ReplayClient("replay.example.org:7000", tls="certs/admin") as shard:
            shard.stats()["size"]
            shard.insert(observations, actions, rewards, terminated, truncated)

    | call | admin | learner |
    |---|---|---|
    | stats | yes | yes |
    | insert, checkpoint | yes | no |
    | sample, update_priorities | no | yes |

    Args:
        address: unix:/path or host:port; pmoe.Cluster.replay_addresses() lists them.
        tls: folder of the certificate to show; over TCP it must be given.
        insecure: TCP on loopback without certificates.
        timeout_s: of every call but insert.
    """

    def __init__(self, address: str, *, tls: str | os.PathLike[str] | None = None,
                 insecure: bool = False, timeout_s: float = 10.0) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self._channel = connect(address, "replay", tls, insecure, timeout_s)

    def __enter__(self) -> ReplayClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ReplayClient({self.address!r})"

    def close(self) -> None:
        self._channel.close()

    def stats(self) -> dict[str, typing.Any]:
        """TableStats (proto/replay.proto): size, inserted, sampled, loaded, limiter, …"""
        return _fields(self._unary("GetStats", message("GetStatsRequest")(), "TableStats"))

    def insert(self, observations: typing.Any, actions: typing.Any, rewards: typing.Any,
               terminated: typing.Any, truncated: typing.Any = None,
               next_observations: typing.Any = None, *, extra: typing.Any = None,
               action_range: tuple[float, float] = (-1.0, 1.0)) -> Loaded:
        """Gives the shard of an async, off-policy run rows of a data set, in the order of time.

        Returns once they are on disk, as far as `replay.durability` promises. They are no env steps
        and do not move the limiter (docs/replay.md, "Rows of files").

        Args:
            observations, actions: [N, O] and [N, A].
            rewards, terminated, truncated: [N]; truncated may be left away.
            next_observations: [N, O]; without it the next row's observation is the successor, and
                a truncated row and the last one, which have none, are left out and counted.
            extra: [N, X], columns that the run's algorithm adds.
            action_range: what actions are between; they become [-1, 1].

        Raises:
            Error: a number that cannot be learned from; nothing was sent.
            RpcError: the shard refuses, or is gone; says how many rows stay.
        """
        rows = make_rows(observations, actions, rewards, terminated, truncated, next_observations,
                         extra, action_range)
        call = self._channel.stream_unary(
            SERVICE + "Load", request_serializer=_bytes,
            response_deserializer=message("LoadReply").FromString)
        with self._errors():
            reply = call(requests(rows))
        return Loaded(reply.rows, rows.left_out, reply.stats.size, reply.capacity)

    def checkpoint(self) -> str:
        """Has the shard of an async run save its table now, as an admin may.

        Returns its name: pmoe.read_table reads NAME.table in the shard's folder."""
        return self._unary("Checkpoint", message("CheckpointRequest")(), "CheckpointReply").name

    def sample(self, rows: int, obs_dim: int, action_dim: int, learner: Learner) -> Batch:
        """A minibatch of the shard's selector: a learner's call.

        It is drawn in the learner's place. It moves the limiter, counts in `sampled`, spends rows
        under `replay.max_times_sampled`; a run's own learner then gets fewer rows, or later ones.
        An epoch above the run's learner's takes the shard over from it; a lower one is refused. A
        shard without a limiter is of a lockstep or on-policy run, whose bits it would change: that
        is refused here. To read rows without all that, an admin saves the table (checkpoint) and
        reads the file.
        """
        if not 1 <= rows <= 1 << 20:
            raise Error(f"rows is {rows}, must be from 1 to {1 << 20}")
        self._refuse_without_limiter()
        request = message("SampleRequest")(rows=rows)
        request.learner.run_id, request.learner.learner_epoch = learner.run_id, learner.epoch
        call = self._channel.stream_stream(
            SERVICE + "Sample", request_serializer=_bytes,
            response_deserializer=message("SampleReply").FromString)
        with self._errors():
            replies = list(call(iter([request]), timeout=self._timeout_s))
        if len(replies) != 1 or replies[0].rows != rows:
            raise Error(f"{self.address} answered with {len(replies)} minibatches, not one of "
                        f"{rows}")
        return _batch(replies[0].columns, rows, obs_dim, action_dim)

    def update_priorities(self, keys: bytes, errors: typing.Any, learner: Learner) -> None:
        """Prioritized replay: |TD error| of each row of a Batch, in its order. A learner's call."""
        values = np.abs(np.asarray(errors, np.float32)).ravel()
        if len(keys) != KEY_BYTES * values.size:
            raise Error(f"errors has {values.size} numbers for {len(keys) // KEY_BYTES} rows")
        request = message("UpdatePrioritiesRequest")(rows=keys, errors=values.tolist())
        request.learner.run_id, request.learner.learner_epoch = learner.run_id, learner.epoch
        self._unary("UpdatePriorities", request, "UpdatePrioritiesReply")

    def _refuse_without_limiter(self) -> None:
        stats = self.stats()
        if stats["has_table"] and stats["limiter"] == "the rate limiter is off":
            raise Error(f"{self.address} has no limiter: it is of a lockstep or on-policy run, "
                        "whose bits a sample from outside would change; use a run with "
                        "schedule.mode=async and an algorithm of SAC's family")

    def _unary(self, method: str, request: typing.Any, reply: str) -> typing.Any:
        call = self._channel.unary_unary(SERVICE + method, request_serializer=_bytes,
                                         response_deserializer=message(reply).FromString)
        with self._errors():
            return call(request, timeout=self._timeout_s)

    @contextlib.contextmanager
    def _errors(self) -> typing.Iterator[None]:
        import grpc
        try:
            yield
        except grpc.RpcError as error:
            code, details = error.code().name, error.details() or "no details"
            if code == "UNAVAILABLE":
                raise nobody(self.address, details) from None
            raise RpcError(code, f"{self.address}: {details}") from None


def _bytes(request: typing.Any) -> bytes:
    return request.SerializeToString()


def _fields(said: typing.Any) -> dict[str, typing.Any]:
    """Every field, also those that are 0."""
    fields = {}
    for field in said.DESCRIPTOR.fields:
        value = getattr(said, field.name)
        if field.message_type:
            single = hasattr(value, "DESCRIPTOR")
            value = _fields(value) if single else [_fields(one) for one in value]
        fields[field.name] = value
    return fields


def _batch(columns: bytes, rows: int, obs_dim: int, action_dim: int) -> Batch:
    plain = 4 * rows * (2 * obs_dim + action_dim + 3)
    prioritized = len(columns) == plain + rows * (4 + KEY_BYTES)
    if len(columns) != plain and not prioritized:
        raise Error(f"the minibatch has {len(columns)} bytes, {rows} rows of obs_dim {obs_dim} and "
                    f"action_dim {action_dim} have {plain}; are these the run's? Its policy says: "
                    "pmoe.Run(DIR).policy().spec")
    at = 0

    def take(dtype: str, *shape: int) -> np.ndarray:
        nonlocal at
        count = int(np.prod(shape))
        array = np.frombuffer(columns, dtype, count, at).reshape(shape)
        at += array.nbytes
        return array

    batch = Batch(take("<f4", rows, obs_dim), take("<f4", rows, action_dim), take("<f4", rows),
                  take("<f4", rows), take("<f4", rows, obs_dim), take("<u4", rows))
    if not prioritized:
        return batch
    return dataclasses.replace(batch, weights=take("<f4", rows), keys=columns[at:])
