"""CRC32C (Castagnoli), the checksum of every pmoe file and chunk.

Short texts are summed byte by byte. Of longer ones NumPy cuts lanes of equal length, which all go
on by a byte at a time, and their sums are joined: to append n zero bytes to a sum is a linear map
over GF(2), a table look-up for each of its four bytes. That is ten times as fast as the loop.
"""

from __future__ import annotations

import functools
import math
import typing

POLYNOMIAL = 0x82F63B78  # reflected
SHORT = 4096  # bytes


def _byte_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


TABLE = _byte_table()


def crc32c(data: bytes | memoryview, before: int = 0) -> int:
    """The sum of `data`, behind what has the sum `before`. crc32c(b"123456789") is 0xe3069283."""
    register = before ^ 0xFFFFFFFF
    view = memoryview(data).cast("B")
    joined = 0
    if len(view) > SHORT:
        lanes = math.isqrt(len(view))
        length = len(view) // lanes
        joined = lanes * length
        low, second, third, high = _append_zeros(length)
        for lane in _lanes(view[:joined], lanes, length):
            register = (low[register & 0xFF] ^ second[register >> 8 & 0xFF] ^
                        third[register >> 16 & 0xFF] ^ high[register >> 24]) ^ lane
    for byte in view[joined:]:
        register = TABLE[(register ^ byte) & 0xFF] ^ (register >> 8)
    return register ^ 0xFFFFFFFF


def _lanes(view: memoryview, lanes: int, length: int) -> list[int]:
    """The register of each lane, begun at 0."""
    import numpy as np  # here: what reads configurations alone needs no NumPy
    table = _numpy_table()
    by_place = np.ascontiguousarray(np.frombuffer(view, np.uint8).reshape(lanes, length).T)
    registers = np.zeros(lanes, np.uint32)
    for places in by_place:
        registers = table[(registers ^ places) & 0xFF] ^ (registers >> 8)
    return registers.tolist()


@functools.lru_cache(maxsize=1)
def _numpy_table() -> typing.Any:
    import numpy as np
    return np.array(TABLE, np.uint32)


@functools.lru_cache(maxsize=256)
def _append_zeros(count: int) -> list[list[int]]:
    """Four tables that map a register, byte by byte, to what `count` zero bytes make of it."""
    columns = [1 << bit for bit in range(32)]
    step = [TABLE[column & 0xFF] ^ (column >> 8) for column in columns]  # of one byte, by bit
    while count:
        if count & 1:
            columns = [_apply(step, column) for column in columns]
        step = [_apply(step, column) for column in step]
        count >>= 1
    return [[_apply(columns[8 * byte:8 * byte + 8], value) for value in range(256)]
            for byte in range(4)]


def _apply(columns: list[int], value: int) -> int:
    result = 0
    for bit, column in enumerate(columns):
        if value >> bit & 1:
            result ^= column
    return result
