"""SHA-256 of the files that a case lies in: what `prepared` and `taught` know it again by."""

from __future__ import annotations

import hashlib
from pathlib import Path

from LungTumorSegLib.cases.case import Case
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.reading import is_header_alone, read_stored


def file_digests(case: Case, path: Path) -> list[bytes]:
    """Of an image or a mask of the case: one of its file, or of a DICOM folder one a file, by their names. An RTSTRUCT
    or SEG that lies there is no part of the image: outlined anew, it is the same scan.

    Where the file is a header and the voxels lie in others (.mhd, .nhdr), of voxels and grid instead: the header says
    nothing of them, and holds the others' names. `InputRefused`, with the case's name, where they cannot be read.
    """
    if path.is_dir():
        return [file_digest(each) for each in sorted(path.rglob("*")) if each.is_file() and each != case.mask]
    try:
        if is_header_alone(path):
            return [bytes.fromhex(read_stored(path).content_hash)]
    except InputRefused as refusal:
        raise InputRefused(f"case {case.name}: {refusal}") from None
    return [file_digest(path)]


def file_digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
