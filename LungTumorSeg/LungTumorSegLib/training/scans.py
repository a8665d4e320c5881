"""Whole scans with outlined lesions that judge a model: a folder a scan, ``image.nii.gz`` and ``mask.nii.gz``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.reading import read_ct, read_mask

TOUCHING = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class TestScan:
    """lesions : uint16 on the CT's grid, the lesions' numbers, 0 = none."""

    __test__ = False  # not one of pytest's classes

    name: str
    ct: Volume
    lesions: np.ndarray


def read_scan(folder: Path) -> TestScan:
    """CT and lesions (26-connected); a scan without a mask has none."""
    folder = Path(folder)
    if not (folder / "image.nii.gz").is_file():
        raise InputRefused(f"{folder.name} has no image.nii.gz; give a folder with a scan")
    ct = read_ct(folder / "image.nii.gz")
    lesions = np.zeros(ct.voxels.shape, np.uint16)
    if (folder / "mask.nii.gz").is_file():
        mask = read_mask(folder / "mask.nii.gz", ct)
        lesions = ndimage.label(mask.voxels > 0, TOUCHING)[0].astype(np.uint16)
    return TestScan(folder.name, ct, lesions)
