"""Flat pictures: PNG, and DICOM with one image (X-ray), as volumes of one slice."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.checking import check_image, check_mask
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.headers import CUT_OFF, DAMAGED
from LungTumorSegLib.volume.itk_name import itk_name
from LungTumorSegLib.volume.pixels import pixels

PNG = b"\x89PNG\r\n\x1a\n"
ENDINGS = (".png", ".dcm")
WHITE = 255
X_RAY = {"CR", "DX", "RG", "XA", "RF", "MG", "IO", "PX"}  # DICOM modalities (PS3.3 C.7.3.1.1.1) of flat pictures
NO_SIZE = "A PNG does not state the size of its pixels: they are taken for 1 mm."


def is_picture(path: Path) -> bool:
    """True for a PNG, and for a DICOM file of an X-ray; not for a folder."""
    if path.suffix.lower() == ".png":
        return True
    try:
        with path.open("rb") as file:
            if file.read(132)[128:] != b"DICM":
                return False
    except OSError:
        return False
    from pydicom import dcmread  # only where it is needed: 0.2 s

    from LungTumorSegLib.volume.quiet_dicom import quiet_dicom

    with quiet_dicom():
        try:
            header = dcmread(path, stop_before_pixels=True, specific_tags=["Modality"])
        except (OSError, ValueError, EOFError):
            return False
        return header.get("Modality") in X_RAY


def read_picture(path: Path) -> Volume:
    """A picture (1, rows, columns): int16 where its values are whole and fit, else float32. Spacing: see `_read`."""
    array, geometry = _read(path)
    notes = (NO_SIZE,) if path.suffix.lower() == ".png" else ()
    return Volume(check_image(array, geometry).voxels, geometry, notes, path.name)


def read_picture_mask(path: Path) -> Volume:
    """A mask's picture as labels, uint8: a picture of black and white (0 and 255) has the one label 1."""
    array, geometry = _read(path)
    mask = check_mask(array, geometry)
    if mask.voxels.max() > WHITE:
        raise InputRefused("The mask's values go beyond 255: export it in 8 bits.")
    labels = mask.voxels.astype(np.uint8, copy=False)
    if labels.max() == WHITE and not ((labels != 0) & (labels != WHITE)).any():
        labels = (labels == WHITE).view(np.uint8)
    return Volume(labels, geometry, (), path.name)


def _read(path: Path) -> tuple[np.ndarray, Geometry]:
    """Pixels (1, rows, columns), grey, or colours all equal.

    Spacing is 1 mm in PNG, which does not state it, and DICOM's pixel spacing where stated. InputRefused for colour
    pictures and damaged files: a PNG is held to the checksum of every chunk, which its library does not insist on.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputRefused(f"The file cannot be opened: {error.strerror}.") from None
    is_png = content.startswith(PNG)
    if is_png:
        _check_chunks(content)
    elif content[128:132] != b"DICM":
        raise InputRefused("This is neither a PNG nor a DICOM picture: export it again as one of these.")
    name = itk_name(path)
    try:
        image = sitk.ReadImage(name, imageIO="PNGImageIO" if is_png else "GDCMImageIO")
    except RuntimeError:
        raise InputRefused("The picture cannot be read: it is cut off or damaged. Export it again.") from None
    array = sitk.GetArrayFromImage(image) if image.GetNumberOfComponentsPerPixel() > 1 else pixels(image)
    size = image.GetSize()[1::-1]
    if image.GetDimension() == 3 and image.GetSize()[2] != 1:
        raise InputRefused("The file holds several pictures: export one a file.")
    if image.GetNumberOfComponentsPerPixel() > 1:
        array = _grey(array.reshape(*size, -1))
    geometry = Geometry((1, *size), (*image.GetSpacing()[:2], 1.0))
    return array.reshape(1, *size), geometry


def _grey(colours: np.ndarray) -> np.ndarray:
    """Colours (rows, columns, 3 or 4) as grey; the fourth, opacity, is left aside."""
    if colours.shape[2] < 3:
        return colours[..., 0]
    if (colours[..., :3] != colours[..., :1]).any():
        raise InputRefused("The picture is in colour: export it in grey.")
    return colours[..., 0]


def _check_chunks(content: bytes) -> None:
    """PNG, ISO/IEC 15948: length, name, data and CRC of every chunk, to the chunk IEND."""
    at = len(PNG)
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        if end > len(content):
            break
        if zlib.crc32(content[at + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            raise InputRefused(DAMAGED)
        if content[at + 4 : at + 8] == b"IEND":
            return
        at = end
    raise InputRefused(CUT_OFF)
