"""Files that appear together or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from LungTumorSegLib.errors import InputRefused


@contextmanager
def staged(folder: Path, last: str = "", gone: Collection[str] = ()) -> Iterator[Path]:
    """A new folder beside `folder`, whose files are moved into `folder` when the block ends without an exception.

    A folder that is not there yet appears whole. In one that is, files of the same names are replaced one by one, each
    whole; `last` names the file that is taken away first and comes last: while it is there, all belong together.
    `gone` names files that the new ones contradict: they are taken away before the first of these comes.
    InputRefused where the place cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise InputRefused(f"{folder} is a file; name a folder for the results with -o")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise InputRefused(f"cannot write to {folder}: {error.strerror}; choose another folder with -o") from None
    try:
        yield staging
        if not folder.exists():
            staging.chmod(0o777 & ~umask())  # mkdtemp's own is private
            os.rename(staging, folder)
            return
        for name in (last, *gone) if last else gone:
            (folder / name).unlink(missing_ok=True)
        for file in sorted(staging.iterdir(), key=lambda file: (file.name == last, file.name)):
            os.replace(file, folder / file.name)
    except OSError as error:
        raise InputRefused(f"cannot write to {folder}: {error.strerror}; choose another folder with -o") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def umask() -> int:
    """The process's mask of permissions, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
