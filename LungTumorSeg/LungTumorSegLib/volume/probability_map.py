"""Probabilities from files, and the grid of a file without its voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.checking import check_geometry, straighten
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.itk_name import itk_name
from LungTumorSegLib.volume.pixels import pixels
from LungTumorSegLib.volume.reading import READERS, _ending, _must_exist, _read_file, _refusal

REAL = (sitk.sitkFloat32, sitk.sitkFloat64)


def read_grid(path: str | Path) -> tuple[Geometry, bool]:
    """The grid that an image file is read on, and whether its voxels are floating-point numbers. Reads the header only.

    InputRefused, one line, for what is no volume and for a grid that cannot be right.
    """
    path = Path(path)
    if _ending(path) not in READERS:
        raise InputRefused(f"An image file is needed ({', '.join(READERS)}): export it as one of these.")
    _must_exist(path)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(READERS[_ending(path)])
    reader.SetFileName(itk_name(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _refusal(str(error)) from None
    if len(reader.GetSize()) < 3:
        raise InputRefused("This is a flat picture, not a volume: slice thickness and position are unknown.")
    size, spacing, origin = reader.GetSize()[:3], reader.GetSpacing()[:3], reader.GetOrigin()[:3]
    axes = np.reshape(reader.GetDirection(), (reader.GetDimension(),) * 2)[:3, :3]
    geometry, _ = straighten(Geometry(size[::-1], spacing, origin, axes))
    return geometry, reader.GetPixelIDValue() in REAL


def read_probability(path: str | Path) -> Volume:
    """A map of probabilities as float32 from 0 to 1. InputRefused where values lie outside or are no numbers."""
    image, geometry, warnings = _read_file(Path(path))
    voxels = pixels(image).astype(np.float32, copy=False)
    low, high = float(voxels.min()), float(voxels.max())
    if not (low >= 0 and high <= 1):  # NaN fails too
        raise InputRefused(
            f"The values run from {low:.4g} to {high:.4g}: probabilities from 0 to 1 are needed (apply the sigmoid)."
        )
    return Volume(voxels, geometry, warnings + check_geometry(geometry), Path(path).name)
