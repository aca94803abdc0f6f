"""`python -m pmoe.paper`; `pmoe paper` has Python run this file."""

import pathlib
import sys

if not __package__:
    # Behind everything else: NumPy and matplotlib are those of the Python that was chosen.
    sys.path[0:1] = []
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from pmoe.paper.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
