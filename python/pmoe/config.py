"""The configuration of a run, as config.textproto has it: every setting, resolved."""

from __future__ import annotations

import pathlib
import re
import typing

from pmoe import textproto
from pmoe.crc32c import crc32c
from pmoe.errors import Error

# Fields of proto/config.proto that are lists (tests/python/parts_test.py holds both together).
REPEATED = frozenset({"arg", "hidden", "primitive_hidden", "router_hidden", "critic_hidden",
                      "qnet_hidden"})
LAST_LINE = re.compile(rb"^# crc32c of all above: ([0-9a-f]{8})\n\Z", re.MULTILINE)


def read_config(file: pathlib.Path) -> dict[str, typing.Any]:
    """config.textproto as nested dictionaries: `read_config(file)["learner"]["batch_size"]`.

    Raises:
        Error: it cannot be read, is damaged, or not as the run wrote it.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Error(f"cannot read {file}: {error.strerror}; put it back as it was") from None
    last = LAST_LINE.search(data)
    if last is not None and int(last[1], 16) != crc32c(data[:last.start()]):
        raise Error(f"{file} is not as the run wrote it: its last line names another CRC32C; put "
                    "it back as it was, or remove that line to have it taken as it is")
    fields = textproto.parse(data.decode(errors="replace"), str(file), REPEATED)
    for group in ("env", "observe"):  # a run writes every group
        if not isinstance(fields.get(group), dict):
            raise Error(f"{file} is cut off: it has no {group} {{ … }}; put it back as it was")
    return fields
