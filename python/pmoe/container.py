"""The `.pmoe` container: a header and named sections, each with its CRC32C (docs/replay.md)."""

from __future__ import annotations

import dataclasses
import struct
import typing

import numpy as np

from pmoe.crc32c import crc32c
from pmoe.errors import Error

MAGIC = b"PMOE"
SCHEMA = 2
SNAPSHOT, CHECKPOINT = 1, 2  # kinds
SECTIONS_MAX = 4096


class Reader:
    """Little-endian values from the front of some bytes, never beyond their end."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._what, self.at = data, what, 0

    def take(self, count: int) -> bytes:
        if count < 0 or count > len(self._data) - self.at:
            raise Error(f"{self._what} is truncated at byte {self.at} of {len(self._data)}")
        self.at += count
        return self._data[self.at - count:self.at]

    def values(self, layout: str) -> tuple[typing.Any, ...]:
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def value(self, layout: str) -> typing.Any:
        return self.values(layout)[0]

    def text(self) -> str:
        return self.take(self.value("Q")).decode(errors="replace")

    def vector(self, dtype: str) -> np.ndarray:
        kind = np.dtype(dtype)
        return np.frombuffer(self.take(self.value("Q") * kind.itemsize), kind)

    def finish(self) -> None:
        if self.at != len(self._data):
            raise Error(f"{self._what} has {len(self._data) - self.at} bytes left over")


@dataclasses.dataclass(frozen=True)
class Container:
    """What a `.pmoe` file holds, once every sum was found right."""

    kind: int
    architecture_hash: int
    policy_version: int
    env_steps: int
    sections: dict[str, bytes]

    def section(self, name: str) -> bytes:
        if name not in self.sections:
            raise Error(f"it has no section {name!r}")
        return self.sections[name]


def open_container(data: bytes) -> Container:
    """Checks everything before any of it is used.

    Raises:
        Error: not such a file, truncated, or altered; says where, and not which file.
    """
    reader = Reader(data, "the header")
    if data[:4] != MAGIC:
        raise Error("it is no .pmoe file")
    reader.take(4)
    schema, kind = reader.values("II")
    if schema != SCHEMA:
        raise Error(f"it has schema {schema}, this version of pmoe reads {SCHEMA}")
    architecture_hash, version, env_steps, count = reader.values("QQQI")
    if count > SECTIONS_MAX:
        raise Error("its section table is damaged")
    table = [(reader.text(), *reader.values("QI")) for _ in range(count)]
    covered = reader.at
    if reader.value("I") != crc32c(data[:covered]):
        raise Error("its header is damaged")
    sections = {}
    for name, size, crc in table:
        if size > len(data) - reader.at:
            raise Error(f"it is truncated in section {name!r}")
        sections[name] = reader.take(size)
        if crc32c(sections[name]) != crc:
            raise Error(f"its section {name!r} is damaged: the CRC32C differs")
    if reader.at != len(data):
        raise Error("it has bytes after its last section")
    return Container(kind, architecture_hash, version, env_steps, sections)
