"""Files that appear together or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from LungTumorSegLib.errors import InputRefused


@contextmanager
def staged(folder: Path, last: str = "", gone: Collection[str] = ()) -> Iterator[Path]:
    """A new folder whose files are moved into `folder` when the block ends without an exception.

    A folder that is not there yet appears whole. In one that is, files of the same names are replaced one by one, each
    whole; `last` names the file that is taken away first and comes last: while it is there, all belong together.
    `gone` names files that the new ones contradict: they are taken away before the first of these comes.
    InputRefused where the place cannot be written to.
    """
    place = Path(os.path.realpath(folder))
    if place.exists() and not place.is_dir():
        raise InputRefused(f"{folder} is a file; name a folder for the results with -o")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        # A file is moved within one disk only, and a folder that is there may be another one than that around it.
        around = place if place.exists() else place.parent
        staging = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=around))
    except OSError as error:
        raise InputRefused(f"cannot write to {folder}: {error.strerror}; choose another folder with -o") from None
    try:
        yield staging
        if not place.exists():
            staging.chmod(0o777 & ~umask())  # mkdtemp's own is private
            os.rename(staging, place)
            return
        refuse_folders(place, (*(file.name for file in staging.iterdir()), *gone))
        for name in (last, *gone) if last else gone:
            (place / name).unlink(missing_ok=True)
        for file in sorted(staging.iterdir(), key=lambda file: (file.name == last, file.name)):
            os.replace(file, place / file.name)
    except OSError as error:
        raise InputRefused(f"cannot write to {folder}: {error.strerror}; choose another folder with -o") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def refuse_folders(place: Path, names: Iterable[str]) -> None:
    """Before the first file goes: a folder in the place of one of them would end the move half-way."""
    for name in names:
        if (place / name).is_dir() and not (place / name).is_symlink():
            raise InputRefused(f"{place / name} is a folder and a file is to be there: choose another folder with -o")


def refuse_own_input(folder: Path, files: Iterable[str], read: Iterable[Path]) -> None:
    """Before the work: a CT or a mask that is read may be named as one of the files that are written."""
    read = [source for source in read if source.exists()]
    for file in (folder / name for name in files):
        if file.exists() and any(file.samefile(source) for source in read):
            raise InputRefused(f"{file} is what the results are made from: name another folder with -o")


def unfinished(folder: Path) -> list[Path]:
    """What `staged` works in for this folder, or worked in when its process was killed."""
    place = Path(os.path.realpath(folder))
    made = re.compile(re.escape(f".{place.name}-") + r"[a-z0-9_]{8}")
    return [path for around in (place.parent, place) for path in around.glob(".*") if made.fullmatch(path.name)]


def umask() -> int:
    """The process's mask of permissions, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
