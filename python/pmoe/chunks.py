"""Rows as chunks: what a replay shard takes. O obs_dim, A action_dim, X extra columns, N rows."""

from __future__ import annotations

import collections.abc
import dataclasses
import struct
import typing

import numpy as np

from pmoe.crc32c import crc32c
from pmoe.errors import Error
from pmoe.messages import message

CHUNK_ROWS = 64
MESSAGE_ROWS, MESSAGE_BYTES = 4096, 1 << 20
LOADER = 0xFFFFFFFF  # the actor that rows of files are of
ROUNDING = 1e-6  # of actions that were scaled to [-1, 1]


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows that are fit for a table; flags are 0 or 1.

    Attributes:
        breaks: [N] the row does not follow from the one before: its stream ends there.
        left_out: rows that were given and have no successor.
    """

    observations: np.ndarray       # f32 [N, O]
    actions: np.ndarray            # f32 [N, A] in [-1, 1]
    rewards: np.ndarray            # f32 [N]
    terminated: np.ndarray         # u8 [N]
    truncated: np.ndarray          # u8 [N]
    next_observations: np.ndarray  # f32 [N, O]
    extra: np.ndarray              # f32 [N, X]
    breaks: np.ndarray
    left_out: int

    def __len__(self) -> int:
        return len(self.rewards)


def make_rows(observations: typing.Any, actions: typing.Any, rewards: typing.Any,
              terminated: typing.Any, truncated: typing.Any = None,
              next_observations: typing.Any = None, extra: typing.Any = None,
              action_range: tuple[float, float] = (-1.0, 1.0)) -> Rows:
    """Checks every number, and finds out what follows from what.

    Raises:
        Error: names the array, the place, the value, and what to do.
    """
    obs = _floats("observations", observations, 2)
    count = len(obs)
    act = _scaled(_floats("actions", actions, 2, count), action_range)
    reward = _floats("rewards", rewards, 1, count)
    ends = _flags("terminated", terminated, count)
    cuts = np.zeros(count, bool) if truncated is None else _flags("truncated", truncated, count)
    more = np.zeros((count, 0), np.float32)
    if extra is not None:
        more = _floats("extra", extra, 2, count)
    if next_observations is None:  # the next row's, where the episode goes on
        after = np.concatenate([obs[1:], obs[-1:]])
        kept = ends | ~cuts
        kept[-1:] &= ends[-1:]
    else:
        after = _floats("next_observations", next_observations, 2, count)
        if after.shape != obs.shape:
            raise Error(f"next_observations has shape {after.shape}, observations {obs.shape}")
        kept = np.ones(count, bool)
    if not kept.any():
        raise Error(f"observations has {count} rows, and none has a successor: nothing can be "
                    "loaded")
    after = np.where(ends[:, None], obs, after) if next_observations is None else after
    follows = np.zeros(count, bool)
    follows[1:] = kept[:-1] & (after[:-1] == obs[1:]).all(-1)
    starts = np.zeros(count, bool)  # an episode ended properly before
    starts[1:] = kept[:-1] & (ends | cuts)[:-1]
    breaks = ~(follows | starts)
    breaks[np.argmax(kept)] = False  # nothing lies before it
    return Rows(obs[kept], act[kept], reward[kept], ends[kept].astype(np.uint8),
                cuts[kept].astype(np.uint8), after[kept], more[kept], breaks[kept],
                int(count - kept.sum()))


def requests(rows: Rows) -> collections.abc.Iterator[typing.Any]:
    """The messages of one Load call: a hello in the first, chunks in all."""
    request = message("LoadRequest")()
    columns = request.hello.columns
    columns.obs_dim, columns.action_dim = rows.observations.shape[1], rows.actions.shape[1]
    columns.extra_dim = rows.extra.shape[1]
    row_bytes = 4 * (columns.obs_dim + columns.action_dim + columns.extra_dim + 3)
    held = 0
    for seq, (first, last, step) in enumerate(_spans(rows)):
        _fill(request.chunks.add(), rows, seq, first, last, step)
        held += last - first
        if held >= MESSAGE_ROWS or held * row_bytes >= MESSAGE_BYTES:
            yield request
            request, held = message("LoadRequest")(), 0
    if held:
        yield request


def _spans(rows: Rows) -> collections.abc.Iterator[tuple[int, int, int]]:
    """(first, behind the last, number of the first step) of each chunk.

    It ends with its episode, after 64 rows, or where a row does not follow; then a step number is
    left out, which ends the stream.
    """
    done = (rows.terminated | rows.truncated).astype(bool)
    opens = rows.breaks.copy()
    opens[1:] |= done[:-1]
    opens[:1] = True
    bounds = [*np.flatnonzero(opens).tolist(), len(rows)]
    step = 0
    for begin, end in zip(bounds, bounds[1:]):
        step += int(rows.breaks[begin])
        for first in range(begin, end, CHUNK_ROWS):
            last = min(first + CHUNK_ROWS, end)
            yield first, last, step
            step += last - first


def _fill(chunk: typing.Any, rows: Rows, seq: int, first: int, last: int, step: int) -> None:
    chunk.seq, chunk.first_step, chunk.rows = seq, step, last - first
    chunk.observations = (rows.observations[first:last].tobytes() +
                          rows.next_observations[last - 1].tobytes())
    chunk.actions = rows.actions[first:last].tobytes()
    chunk.rewards = rows.rewards[first:last].tobytes()
    chunk.terminated = rows.terminated[first:last].tobytes()
    chunk.truncated = rows.truncated[first:last].tobytes()
    chunk.policy_version = bytes(4 * (last - first))
    chunk.extra = rows.extra[first:last].tobytes()
    chunk.crc32c = chunk_crc(chunk)


def chunk_crc(chunk: typing.Any) -> int:
    """Over the writer (member, actor, epoch) and every field, as docs/replay.md has them."""
    parts = [struct.pack("<IIIQIQQBI", 0, LOADER, 0, chunk.seq, chunk.env, chunk.first_step,
                         chunk.round, chunk.last_of_round, chunk.rows)]
    for column in (chunk.observations, chunk.actions, chunk.rewards, chunk.terminated,
                   chunk.truncated, chunk.policy_version, chunk.extra):
        parts += [struct.pack("<Q", len(column)), column]
    return crc32c(b"".join(parts))


def _floats(name: str, given: typing.Any, dims: int, count: int | None = None) -> np.ndarray:
    array = np.asarray(given)
    if array.dtype.kind not in "fiub":
        raise Error(f"{name} has dtype {array.dtype}; give numbers, such as float32")
    if array.ndim != dims or array.size == 0 and count is None:
        wanted = "[N, width], N and width at least 1" if dims == 2 else "[N]"
        raise Error(f"{name} has shape {array.shape}, must be {wanted}")
    if count is not None and len(array) != count:
        raise Error(f"{name} has {len(array)} rows, observations {count}")
    with np.errstate(over="ignore"):
        floats = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(floats).all():
        at = tuple(int(index) for index in np.argwhere(~np.isfinite(floats))[0])
        raise Error(f"{name}[{', '.join(map(str, at))}] is {array[at]} as a float32; leave its "
                    "episode out")
    return floats


def _scaled(actions: np.ndarray, action_range: tuple[float, float]) -> np.ndarray:
    low, high = action_range
    if not low < high:
        raise Error(f"action_range is {action_range}, must be (low, high), low < high")
    scaled = actions
    if (low, high) != (-1.0, 1.0):
        scaled = ((2.0 * actions.astype(np.float64) - low - high) / (high - low)).astype(np.float32)
        scaled = np.where(np.abs(scaled) <= 1 + ROUNDING, np.clip(scaled, -1, 1), scaled)
    if (np.abs(scaled) > 1).any():
        row, column = (int(index) for index in np.argwhere(np.abs(scaled) > 1)[0])
        raise Error(f"actions[{row}, {column}] is {actions[row, column]}, outside [{low}, {high}]; "
                    "give the environment's bounds as action_range=(low, high)")
    return np.ascontiguousarray(scaled, np.float32)


def _flags(name: str, given: typing.Any, count: int) -> np.ndarray:
    array = np.asarray(given)
    if array.shape != (count,):
        raise Error(f"{name} has shape {array.shape}, must be ({count},), one for each row")
    if array.dtype.kind not in "fiub" or not np.isin(array, (0, 1)).all():
        raise Error(f"{name} must be 0 or 1 everywhere; save it as array.astype(bool)")
    return array.astype(bool)
