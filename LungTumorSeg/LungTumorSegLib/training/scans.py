"""Whole scans with outlined lesions that judge a model: a folder a scan, ``image.nii.gz`` and ``mask.nii.gz``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.crops import Nodule

AROUND_MM = 100.0  # the widest window reaches this far from a click


@dataclass(frozen=True)
class TestScan:
    """image : int16 HU [k, j, i] in canonical axial order; lesions : uint16, 0 = none; spacing : mm (k, j, i)."""

    name: str
    spacing: tuple[float, float, float]
    image: np.ndarray
    lesions: np.ndarray

    def background(self) -> Background:
        return Background(self.name, self.spacing, self.image, (self.lesions == 0).astype(np.uint8))

    def nodules(self) -> list[Nodule]:
        """Each lesion with the scan around it, as if it were a generous crop."""
        return [self._around(label, part) for label, part in enumerate(ndimage.find_objects(self.lesions), start=1)]

    def _around(self, label: int, part: tuple[slice, slice, slice]) -> Nodule:
        margin = [int(AROUND_MM / s) for s in self.spacing]
        box = tuple(slice(max(0, p.start - m), p.stop + m) for p, m in zip(part, margin, strict=True))
        mask = self.lesions[box] == label
        return Nodule(f"{self.name} lesion {label}", self.name, self.spacing, self.image[box], mask, mask * 1.0, 0.0)


def read_scan(folder: Path) -> TestScan:
    """Image and lesions (26-connected); a scan without a mask has none."""
    folder = Path(folder)
    if not (folder / "image.nii.gz").is_file():
        raise InputRefused(f"{folder.name} has no image.nii.gz; give a folder with a scan")
    image = sitk.DICOMOrient(sitk.ReadImage(str(folder / "image.nii.gz")), "LPS")
    voxels = np.maximum(sitk.GetArrayFromImage(image), -1024).astype(np.int16)
    lesions = np.zeros(voxels.shape, np.uint16)
    if (folder / "mask.nii.gz").is_file():
        mask = sitk.DICOMOrient(sitk.ReadImage(str(folder / "mask.nii.gz")), "LPS")
        lesions = ndimage.label(sitk.GetArrayFromImage(mask) > 0, np.ones((3, 3, 3)))[0].astype(np.uint16)
    return TestScan(folder.name, image.GetSpacing()[::-1], voxels, lesions)
