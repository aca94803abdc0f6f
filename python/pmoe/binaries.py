"""Where the programs are: in the wheel, $PMOE_BIN_DIR, the checkout of this file, or PATH."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys

from pmoe.errors import Error

PACKAGE = pathlib.Path(__file__).resolve().parent


def checkout() -> pathlib.Path | None:
    """The repository that this package is imported from; None where it was installed."""
    root = PACKAGE.parent.parent
    return root if (root / "proto" / "replay.proto").is_file() else None


def folders() -> list[pathlib.Path]:
    """Folders that are searched before PATH, the first one wins.

    $PMOE_BIN_DIR goes before the checkout's build and behind the wheel's own programs, which are
    of the same version as this package.
    """
    places = [PACKAGE / "bin"]
    if os.environ.get("PMOE_BIN_DIR"):
        places.append(pathlib.Path(os.environ["PMOE_BIN_DIR"]))
    root = checkout()
    if root is not None:
        places.append(root / "build" / "release" / "bin")
    return places


def environment() -> dict[str, str]:
    """For the programs: those of a wheel draw with the interpreter that it is installed in."""
    variables = dict(os.environ)
    if (PACKAGE / "bin").is_dir():
        variables.setdefault("PMOE_PYTHON", sys.executable)
    return variables


def binary(name: str) -> str:
    """The path of a program, such as "pmoe" or "pmoe-replay".

    Raises:
        Error: it is nowhere; the text says where it was looked for.
    """
    places = folders()
    for place in places:
        path = place / name
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    found = shutil.which(name)
    if found:
        return found
    looked = ", ".join(map(str, places))
    raise Error(f"the program {name} is neither in {looked} nor in PATH: install the wheel, build "
                "it with `./pmoe build`, or set PMOE_BIN_DIR to the folder that has it")
