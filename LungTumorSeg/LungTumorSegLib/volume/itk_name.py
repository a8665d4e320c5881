"""Names of files as SimpleITK takes them."""

from __future__ import annotations

from pathlib import Path

from LungTumorSegLib.errors import InputRefused


def itk_name(path: str | Path) -> str:
    """The path for SimpleITK. `InputRefused` where it is not UTF-8, as old archives unpack an umlaut: SimpleITK would
    end the whole process."""
    if is_utf_8(path):
        return str(path)
    path = Path(path)
    what = "folder" if is_utf_8(path.name) or path.is_dir() else "file"
    raise InputRefused(f"The {what}'s name is not UTF-8: rename the {what}.")


def is_utf_8(path: str | Path) -> bool:
    """False where Python could not decode the system's bytes and keeps them as surrogates (PEP 383)."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
