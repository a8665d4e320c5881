"""What a model is, in one number: two models of the same fingerprint give the same answers. Loads no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from LungTumorSegLib.networks.model import companion, files_of, find, load_card


def fingerprint(name_or_folder: str | Path) -> str:
    """SHA-256 (hex) over a model's card and weights, its gate's, and those of the model that outlines what it finds.

    Raises `InputRefused` where there is no such model.
    """
    folder = find(name_or_folder)
    digest = hashlib.sha256()
    for path in files_of(folder):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    if outliner := load_card(folder).outlined_by:
        digest.update(fingerprint(companion(folder, outliner)).encode())  # a prompted model: it has none of its own
    return digest.hexdigest()
