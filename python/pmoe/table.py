"""A saved replay table as NumPy arrays: pmoe.read_table. The format: docs/replay.md, "Files"."""

from __future__ import annotations

import dataclasses
import os
import pathlib

import numpy as np

from pmoe.container import Reader
from pmoe.crc32c import crc32c
from pmoe.errors import Error

MAGIC = b"PMOERPL2"
END, TABLE, PAGE = 0, 2, 3  # types of blocks
STEP, TERMINATED, TRUNCATED = 4, 16, 32  # flags of a record
NONE = 0xFFFFFFFF


@dataclasses.dataclass(frozen=True)
class Table:
    """Transitions of a saved table, stream by stream, in the order of time. N rows.

    Attributes:
        actors, envs, steps: who made each row, and its number in that environment.
    """

    observations: np.ndarray       # f32 [N, O]
    actions: np.ndarray            # f32 [N, A] in [-1, 1]
    rewards: np.ndarray            # f32 [N]
    terminated: np.ndarray         # bool [N]
    truncated: np.ndarray          # bool [N]
    next_observations: np.ndarray  # f32 [N, O]
    policy_versions: np.ndarray    # u32 [N]
    extra: np.ndarray              # f32 [N, X]
    actors: np.ndarray             # u32 [N]
    envs: np.ndarray               # u32 [N]
    steps: np.ndarray              # u64 [N]

    def __len__(self) -> int:
        return len(self.rewards)

    def sample(self, rows: int, rng: np.random.Generator | None = None) -> Table:
        """So many rows drawn uniformly, with replacement."""
        rng = np.random.default_rng() if rng is None else rng
        at = rng.integers(len(self), size=rows)
        return Table(**{field.name: getattr(self, field.name)[at]
                        for field in dataclasses.fields(self)})

    def save_npz(self, file: str | os.PathLike[str]) -> None:
        """As an archive with arrays as D4RL has them; `pmoe-replay load` takes it."""
        np.savez_compressed(file, observations=self.observations, actions=self.actions,
                            rewards=self.rewards, terminated=self.terminated,
                            truncated=self.truncated, next_observations=self.next_observations)


@dataclasses.dataclass
class _Page:
    following: int  # slot of the next page of its stream, or NONE
    stream: tuple[int, int, int, int]  # member, actor, epoch, env
    first_step: int
    records: np.ndarray  # u32 [rows, words]


def read_table(path: str | os.PathLike[str]) -> Table:
    """The rows of <run>/replay/NAME.table, or of what ReplayClient.checkpoint saved.

    Raises:
        Error: no such file, or a damaged one; says where.
    """
    file = pathlib.Path(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Error(f"cannot read the table {file}: {error.strerror}; a run's lie in its replay/"
                    ) from None
    try:
        return _rows(data)
    except Error as error:
        raise Error(f"{file} cannot be used: {error}; take an older one, or see "
                    "`pmoe-replay verify`") from None


def _rows(data: bytes) -> Table:
    pages: dict[int, _Page] = {}
    widths: tuple[int, int, int] | None = None
    for kind, payload in _blocks(data):
        reader = Reader(payload, "a block")
        if kind == TABLE:
            obs_dim, action_dim, extra_dim, _ = reader.values("iiii")
            widths = (obs_dim, action_dim, extra_dim)
        elif kind == PAGE and widths is not None:
            slot, page = _page(reader, sum(widths) + 3)
            pages[slot] = page
    if widths is None:
        raise Error("it has no block that says its columns")
    return _joined(pages, widths)


def _blocks(data: bytes) -> list[tuple[int, bytes]]:
    """(type, payload) of each, once its sum was found right."""
    if data[:len(MAGIC)] != MAGIC:
        raise Error("it is no saved table of this version of pmoe")
    reader = Reader(data, "it")
    reader.take(len(MAGIC))
    blocks: list[tuple[int, bytes]] = []
    while True:
        begin = reader.at
        kind, size = reader.values("IQ")
        payload = reader.take(size)
        if reader.value("I") != crc32c(memoryview(data)[begin:begin + 12 + size]):
            raise Error(f"its block at byte {begin} is damaged: the CRC32C differs")
        if kind == END:
            reader.finish()
            return blocks
        blocks.append((kind, payload))


def _page(reader: Reader, words: int) -> tuple[int, _Page]:
    slot, _, following = reader.values("IQI")
    stream = reader.values("IIII")
    first_step = reader.value("Q")
    rows, _, _, _ = reader.values("HHHB")
    records = np.frombuffer(reader.take(4 * words * rows), "<u4").reshape(rows, words)
    reader.finish()
    return slot, _Page(following, stream, first_step, records)


def _joined(pages: dict[int, _Page], widths: tuple[int, int, int]) -> Table:
    """Every record that is a step, with its successor: the next record of its stream."""
    words = sum(widths) + 3
    parts, nexts, origins = [], [], []
    for page in sorted(pages.values(), key=lambda each: (each.stream, each.first_step)):
        after = page.records[1:]
        if page.following != NONE and page.following in pages:
            after = np.concatenate([after, pages[page.following].records[:1]])
        whole = page.records[:len(after)]
        steps = (whole[:, words - 1] & STEP) != 0
        number = page.first_step + np.cumsum(steps) - 1
        parts.append(whole[steps])
        nexts.append(after[steps])
        _, actor, _, env = page.stream
        origins += [(actor, env, int(step)) for step in number[steps]]
    rows = np.concatenate(parts) if parts else np.zeros((0, words), "<u4")
    after = np.concatenate(nexts) if nexts else rows
    obs, act, more = np.cumsum(widths).tolist()
    floats, flags = rows.view("<f4"), rows[:, words - 1]
    origin = np.array(origins, np.uint64).reshape(-1, 3)
    return Table(floats[:, :obs], floats[:, obs:act], floats[:, more], (flags & TERMINATED) != 0,
                 (flags & TRUNCATED) != 0, after.view("<f4")[:, :obs], rows[:, more + 1],
                 floats[:, act:more], origin[:, 0].astype(np.uint32),
                 origin[:, 1].astype(np.uint32), origin[:, 2])
