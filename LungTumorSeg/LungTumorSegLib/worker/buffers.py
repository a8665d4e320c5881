"""Arrays to the worker and back through files that both sides map: no file format, one copy.

The host owns the files. They lie in a private folder, in memory (/dev/shm) where that exists and has room, else in the
temp folder, and are locked while the host lives (`private_folder`).
"""

from __future__ import annotations

import atexit
import contextlib
import mmap
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from LungTumorSegLib.worker.messages import Array
from LungTumorSegLib.worker.private_folder import LOCK, NEW_LOCK, host_lives, is_mine, take_lock

MEMORY = Path("/dev/shm")
ROOM = 2 << 30  # bytes: a large scan and its probability. Docker's default /dev/shm has 64 MiB
NAME = "lungtumorseg-worker-"
VOLUME, REPLY = "volume", "reply"  # with the lock all that ever lies in such a folder
UNLOCKED_FOR = 60.0  # seconds after which a folder without a lock is one whose host died while making it


class SharedFolder:
    """The private folder of one host: there at once, gone at `close`. Leftovers of dead hosts are removed first.

    Raises
    ------
    OSError
        No folder can be made.
    """

    def __init__(self, parent: Path | None = None):
        parent = parent or _roomy_parent()
        for place in {parent, MEMORY, Path(tempfile.gettempdir())}:
            sweep(place)
        self.path = Path(tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-", dir=parent))  # mode 0700
        self._lock = take_lock(self.path)
        self.volume = Buffer(self.path / VOLUME)
        self.reply = self.path / REPLY
        atexit.register(self.close)

    def close(self) -> None:
        """Remove the folder and all that is in it."""
        atexit.unregister(self.close)
        self.volume.close()
        if os.name == "nt":  # an open file cannot be removed there
            os.close(self._lock)
        _remove(self.path)
        if os.name != "nt":
            os.close(self._lock)


class Buffer:
    """A file for one array after the other. It stays mapped: a later array costs a fifth of the first."""

    def __init__(self, path: Path):
        self.path = path
        self._map: mmap.mmap | None = None

    def put(self, values: np.ndarray) -> Array:
        """Copy the array in, over the last one.

        Raises
        ------
        OSError
            No room. The last array is gone; the buffer can be used again.
        """
        if values.nbytes:
            if self._map is None or len(self._map) < values.nbytes:
                self._grow(values.nbytes)
            np.copyto(np.frombuffer(self._map, values.dtype, values.size).reshape(values.shape), values)
        return Array(values.dtype.str, values.shape, file=str(self.path))

    def close(self) -> None:
        """Unmap; the file stays, for whoever reads it."""
        if self._map is not None:
            self._map.close()
            self._map = None

    def _grow(self, size: int) -> None:
        self.close()
        try:
            with open(self.path, "ab") as file:  # makes it, and keeps what is there
                _reserve(file, size)
            with open(self.path, "r+b") as file:
                self._map = mmap.mmap(file.fileno(), size)
        except OSError:
            self.path.unlink(missing_ok=True)
            raise


def _reserve(file, size: int) -> None:
    """Take the room before it is mapped: a store into a mapping that finds no room kills the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:
        file.write(bytes(size - file.tell()))


def sweep(parent: Path) -> None:
    """Remove what this user's dead hosts left in the folder."""
    for folder in parent.glob(f"{NAME}*"):
        with contextlib.suppress(OSError):
            young = time.time() - folder.lstat().st_mtime < UNLOCKED_FOR
            if is_mine(folder) and ((folder / LOCK).exists() or not young):
                remove_if_host_is_dead(folder)


def remove_if_host_is_dead(folder: Path) -> bool:
    """Remove a host's folder unless that host lives. True where the folder is gone or its host is dead."""
    if host_lives(folder):
        return False
    _remove(folder)
    return True


def _remove(folder: Path) -> None:
    for name in (VOLUME, REPLY, NEW_LOCK, LOCK):  # by name: never more than we put there
        with contextlib.suppress(OSError):
            (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _roomy_parent() -> Path:
    with contextlib.suppress(OSError):
        if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
            return MEMORY
    return Path(tempfile.gettempdir())
