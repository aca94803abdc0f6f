"""A folder for keys that ends with its process: mode 0700, locked while somebody uses it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile

PREFIX = "pmoe-ray-"


class PrivateFolder:
    """In the temporary folder. `lock` is to be inherited by a child that reads what lies here, so
    that nobody sweeps it away while that child lives."""

    def __init__(self) -> None:
        sweep()
        while not self._make():
            pass

    def _make(self) -> bool:
        """False if another process of this user swept the folder away before it was locked."""
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            self.lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return False
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        if self.path.exists():
            return True
        os.close(self.lock)
        return False

    def write(self, files: dict[str, str]) -> None:
        """Each with mode 0600."""
        for name, text in files.items():
            fd = os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(fd, "w", encoding="utf-8") as out:
                out.write(text)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):  # a second call
            os.close(self.lock)


def sweep() -> None:
    """Removes what killed processes of this user have left."""
    for folder in pathlib.Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(fd)
