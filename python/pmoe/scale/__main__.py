"""`python -m pmoe.scale`; `pmoe scale` has Python run this file."""

import pathlib
import sys

if not __package__:
    # Behind everything else: matplotlib and Ray are those of the Python that was chosen.
    sys.path[0:1] = []
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from pmoe.scale.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
