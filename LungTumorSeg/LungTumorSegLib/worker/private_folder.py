"""A private folder that goes with its process, however that ends: what a killed one left, the next one removes.

A lock that the system drops when a process dies, however it dies, tells a dead one's folder from a living one's. (A
process id would not: ids are reused, and containers that share a folder count their own.)
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

if os.name != "nt":
    import fcntl

LOCK, NEW_LOCK = "host.lock", "new.lock"
FILES = "files"


class PrivateFolder:
    """
    Parameters
    ----------
    name : with which the folder's own name begins; folders of this name that dead processes left are removed first
    parent : [the temp folder]

    Attributes
    ----------
    path : where files may be put
    """

    def __init__(self, name: str, parent: Path | None = None):
        parent = parent or Path(tempfile.gettempdir())
        for folder in parent.glob(f"{name}*"):
            with contextlib.suppress(OSError):
                if is_mine(folder) and (folder / LOCK).exists() and not host_lives(folder):
                    _remove(folder)
        self._folder = Path(tempfile.mkdtemp(prefix=name, dir=parent))  # mode 0700
        self._lock = take_lock(self._folder)
        self.path = self._folder / FILES
        self.path.mkdir()

    def close(self) -> None:
        """Remove it and all that is in it."""
        if os.name == "nt":  # an open file cannot be removed there
            os.close(self._lock)
        _remove(self._folder)
        if os.name != "nt":
            os.close(self._lock)


def is_mine(folder: Path) -> bool:
    """A folder, no link to one, and this user's."""
    mine = os.name == "nt" or folder.lstat().st_uid == os.getuid()
    return mine and folder.is_dir() and not folder.is_symlink()


def take_lock(folder: Path) -> int:
    """The folder is this process's until the lock (a file's descriptor) is closed, or the process ends."""
    if os.name == "nt":  # there, that it is open is the lock: it cannot be removed
        return os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    lock = os.open(folder / NEW_LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / NEW_LOCK).rename(folder / LOCK)  # locked before it has its name: no sweep sees it unlocked
    return lock


def host_lives(folder: Path) -> bool:
    """Somebody holds the folder's lock."""
    lock = folder / LOCK
    if os.name == "nt":
        try:
            lock.unlink(missing_ok=True)
        except PermissionError:
            return True
        return False
    try:
        opened = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(opened)
    return False


def _remove(folder: Path) -> None:
    """The lock goes last: who dies meanwhile leaves what the next one finds."""
    shutil.rmtree(folder / FILES, ignore_errors=True)
    if not (folder / FILES).exists():
        shutil.rmtree(folder, ignore_errors=True)
