"""Runs the package's tests with the packages of requirements.txt: the ctest entry. With files as
arguments, those; tests/gym is run so.

`./pmoe test` installs those into $PMOE_DEPS/python. Exit code 77 without: the tests are skipped.
"""

import os
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
SKIPPED = 77


def main():
    deps = pathlib.Path(os.environ.get("PMOE_DEPS") or FOLDER.parents[1] / ".deps")
    python = deps / "python" / "bin" / "python"
    if not python.exists():
        print(f"skipped: {python} is not there; `./pmoe test` installs it, or by hand:\n"
              f"  python3 -m venv {deps / 'python'}\n"
              f"  {deps / 'python'}/bin/pip install -r {FOLDER / 'requirements.txt'}")
        sys.exit(SKIPPED)
    given = sys.argv[1:]
    folder = [] if given and given[0].endswith(".py") else [str(FOLDER)]
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *folder, *given]
    os.execv(python, [str(python), *words])


if __name__ == "__main__":
    main()
