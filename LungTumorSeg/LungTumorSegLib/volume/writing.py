"""Volumes to files, all or nothing, and the folders they go to."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

import SimpleITK as sitk

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.headers import read_header
from LungTumorSegLib.volume.itk_name import is_utf_8, itk_name

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")


def check_place(folder: Path) -> None:
    """Refuse, in one line, a folder for results that cannot be written to or made. Nothing is made."""
    if not is_utf_8(folder):
        raise InputRefused("The folder's name is not UTF-8: choose another folder.")
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.exists(place))
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        raise _closed(folder, error) from None


def make_folder(folder: Path) -> None:
    """Make a folder for results, and those above it, where they are missing; refuses what `check_place` refuses."""
    check_place(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _closed(folder, error) from None


def _closed(folder: Path, error: OSError) -> InputRefused:
    return InputRefused(f"cannot write to {folder}: {error.strerror}; choose another folder")


def write_volume(path: str | Path, volume: Volume, *, compressed: bool = True) -> None:
    """Write a scan or a mask as .nii.gz, .nii, .nrrd or .mha, on its own grid, compressed where the format allows.
    Not compressed, a CT is written ten times as fast (.nii.gz is compressed in any case).

    The file is written beside its place under a nameless temporary name, read back to its end, brought to the disk and
    only then put in its place: whatever happens, `path` is either the old file or the whole new one. NIfTI keeps
    positions as 32-bit numbers (about 1e-5 mm) and axes at right angles alone, which those of everything that was read
    are (`checking.straighten`); NRRD and MetaImage keep all exactly.

    Raises InputRefused, one line, where the folder is missing or closed to us or the disk is full: the chosen place is
    an input like any other. The old file is intact then and nothing is left behind.
    """
    path = Path(path)
    ending = next((e for e in ENDINGS if path.name.lower().endswith(e)), None)
    if ending is None:
        raise InputRefused(f"Results can be written as {', '.join(ENDINGS)}: choose one of these endings.")
    image = sitk.GetImageFromArray(volume.voxels)
    image.SetSpacing(volume.geometry.spacing)
    image.SetOrigin(volume.geometry.origin)
    image.SetDirection(volume.geometry.axes.ravel().tolist())
    part = path.with_name(f".{secrets.token_hex(8)}{ending}")
    try:
        part.open("xb").close()  # made here, not by ITK, so that a closed folder is told from a full disk
        try:
            _write_whole(image, part, compressed)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        _remember_name(path.parent)
    except OSError as error:
        raise InputRefused(
            f"The file could not be written: {error.strerror}. The old one, if any, is intact."
        ) from None


def _write_whole(image: sitk.Image, part: Path, compressed: bool) -> None:
    name = itk_name(part)
    try:
        sitk.WriteImage(image, name, useCompression=compressed)
        read_header(part).check_data()  # ITK does not notice every write that fails
    except (RuntimeError, InputRefused):
        raise InputRefused(
            "The file could not be written whole: is the disk full? The old one, if any, is intact."
        ) from None
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _remember_name(folder: Path) -> None:
    """Bring the folder's entry to the disk as well, where the system can (Windows cannot)."""
    if os.name == "posix":
        entry = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(entry)
        finally:
            os.close(entry)
