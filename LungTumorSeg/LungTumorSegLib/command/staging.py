"""Files that appear together or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from LungTumorSegLib.errors import InputRefused


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, whose files are moved into `folder` when the block ends without an exception.

    Files of the same names are replaced one by one, each whole. InputRefused where the place cannot be written to.
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
        folder.mkdir(exist_ok=True)
        for file in sorted(staging.iterdir()):
            os.replace(file, folder / file.name)
    except OSError as error:
        raise InputRefused(f"cannot write to {folder}: {error.strerror}; choose another folder with -o") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
