"""A model as somebody sends it: a folder, a zip of one, or its loose files. Imported by `models.import_folder`.

Of a zip no more is unpacked than cards and weights, to where we choose, and no larger than these may be: a name in it
that leads elsewhere, and a bomb, do nothing.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.workstation.models import (
    CARD,
    LARGEST_CARD,
    LARGEST_WEIGHTS,
    WEIGHTS,
    Model,
    import_folder,
    read_card,
)

LARGEST = {CARD: LARGEST_CARD, WEIGHTS: LARGEST_WEIGHTS}
MOST_ENTRIES = 10_000


def holds_model(given: Path) -> bool:
    """What was given (a folder, searched to its depths, or a file) is a model, no scan."""
    return _zip_in(given) is not None or bool(_cards(given))


def import_given(given: Path, own: Path | None = None) -> Model:
    """The model in a folder or zip becomes one of the user's own.

    given : a folder in which one model's folder or zip lies at any depth, or the zip itself.

    Raises `InputRefused`, as `models.import_folder` does.
    """
    packed = _zip_in(given)
    with tempfile.TemporaryDirectory(prefix="lungtumorseg-model-") as unpacked:
        if packed is not None:
            _unpack(packed, Path(unpacked))
        folder = Path(unpacked) if packed is not None else given
        top = _top(_cards(folder))
        if top is None:
            raise InputRefused("No model.json is in it: choose the folder of a model, or a zip of that folder.")
        model = folder / top
        if model in (given, Path(unpacked)):  # loose files: the folder is ours, its name says nothing
            name = packed.stem if packed is not None else str(read_card(model).get("name", "model"))
            model = _named(model, Path(unpacked) / "named" / PurePosixPath(name).name)
        return import_folder(model, own)


def _cards(given: Path) -> list[PurePosixPath]:
    """The folders in it that hold a card, as paths in it."""
    if not given.is_dir():
        return []
    return [PurePosixPath(card.parent.relative_to(given).as_posix()) for card in given.rglob(CARD)]


def _top(folders: Iterable[PurePosixPath]) -> PurePosixPath | None:
    """Of the folders with a card, the one that all others lie in (a model may hold a part of itself)."""
    folders = sorted(folders, key=lambda folder: len(folder.parts))
    if folders and any(folders[0] != other and folders[0] not in other.parents for other in folders):
        raise InputRefused("Several models are in it: give one at a time.")
    return folders[0] if folders else None


def _zip_in(given: Path) -> Path | None:
    """The zip, or the only file of a folder where that is a zip, with a card in it."""
    files = [given] if given.is_file() else [file for file in given.rglob("*") if file.is_file()][:2]
    if len(files) != 1 or not zipfile.is_zipfile(files[0]):
        return None
    try:
        with zipfile.ZipFile(files[0]) as packed:
            names = packed.namelist()
    except (zipfile.BadZipFile, OSError):
        return None
    return files[0] if any(PurePosixPath(name).name == CARD for name in names) else None


def _unpack(packed: Path, folder: Path) -> None:
    """The top model's cards and weights, at the same places in the folder."""
    try:
        with zipfile.ZipFile(packed) as file:
            entries = {PurePosixPath(info.filename): info for info in file.infolist() if not info.is_dir()}
            if len(entries) > MOST_ENTRIES:
                raise InputRefused("The zip holds more files than any model has: zip the model's folder alone.")
            top = _top(path.parent for path in entries if path.name == CARD)
            for path, info in entries.items():
                inside = path.relative_to(top).parts if path.is_relative_to(top) else ()
                if path.name not in LARGEST or len(inside) not in (1, 2) or ".." in path.parts or path.is_absolute():
                    continue
                if info.file_size > LARGEST[path.name]:
                    raise InputRefused(f"{path.name} is larger than any model of this program: get the model again.")
                target = folder.joinpath(*path.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with file.open(info) as source, target.open("xb") as copy:
                    shutil.copyfileobj(_Limited(source, LARGEST[path.name]), copy, 1 << 20)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise InputRefused(f"The zip cannot be unpacked ({type(error).__name__}): zip the folder again.") from None


class _Limited:
    """Reads no more than so many bytes, whatever the zip says of its size."""

    def __init__(self, file, left: int):
        self._file, self._left = file, left

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise InputRefused("A file of the zip is larger than any model of this program: get the model again.")
        return data


def _named(folder: Path, place: Path) -> Path:
    place.mkdir(parents=True)
    for card in sorted(folder.rglob(CARD)):
        if place not in card.parents:
            target = place / card.parent.relative_to(folder)
            target.mkdir(exist_ok=True)
            for name in LARGEST:
                if (card.parent / name).is_file():
                    shutil.copyfile(card.parent / name, target / name)
    return place
