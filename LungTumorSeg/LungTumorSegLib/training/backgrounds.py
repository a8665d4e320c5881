"""Whole lungs in which training sets its nodules.

A folder a scan: ``image.nrrd`` (HU, canonical axial order) and ``unknown.json``, a list of voxel boxes
[k0, k1, j0, j1, i0, i1] (half open) that may hold tumour nobody outlined. What lies in such a box is neither taught
as background nor used as a place for a nodule.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.itk_name import itk_name
from LungTumorSegLib.volume.lung_air import lungs_air, side_air

COARSE_MM = 3.0
WALL_MM = 6.0  # places for nodules reach this far into chest wall and mediastinum


@dataclass(frozen=True)
class Background:
    """image : int16 HU [k, j, i]; known : uint8 [k, j, i], 0 where tumour may hide; spacing : mm (k, j, i)."""

    name: str
    spacing: tuple[float, float, float]
    image: np.ndarray
    known: np.ndarray

    @cached_property
    def coarse_steps(self) -> tuple[int, int, int]:
        return tuple(max(1, round(COARSE_MM / s)) for s in self.spacing)

    @cached_property
    def lungs(self) -> np.ndarray:
        """bool, every `coarse_steps`-th voxel: the lungs' air (`volume.lung_air`) and the vessels in it."""
        a, b, c = self.coarse_steps
        coarse = self.image[::a, ::b, ::c]
        air, _ = lungs_air(coarse, side_air(coarse), self.coarse_spacing)
        return ndimage.binary_closing(air, iterations=2)

    @cached_property
    def places(self) -> np.ndarray:
        """(n, 3) mm (k, j, i): where a nodule may be set, in the lungs or up to `WALL_MM` from them in plane."""
        near = ndimage.distance_transform_edt(~self.lungs, sampling=(1e3, *self.coarse_spacing[1:])) < WALL_MM
        return np.argwhere(near & (self.coarse_known > 0)) * self.coarse_spacing

    @cached_property
    def coarse_spacing(self) -> np.ndarray:
        return np.multiply(self.spacing, self.coarse_steps)

    @cached_property
    def coarse_known(self) -> np.ndarray:
        """`known`, every `coarse_steps`-th voxel."""
        a, b, c = self.coarse_steps
        return np.ascontiguousarray(self.known[::a, ::b, ::c])

    def thinned(self, spacing: tuple[float, float, float]) -> Background:
        """The same scan with fewer voxels: every n-th slice up to the spacing (k), read linearly in plane."""
        step = max(1, int(spacing[0] / self.spacing[0]))
        fewer = ndimage.zoom(
            self.image[::step],
            (1, self.spacing[1] / spacing[1], self.spacing[2] / spacing[2]),
            order=1,
            grid_mode=False,
        )
        known = ndimage.zoom(
            self.known[::step],
            (1, self.spacing[1] / spacing[1], self.spacing[2] / spacing[2]),
            order=0,
            grid_mode=False,
        )
        shape = np.array(self.image.shape[1:]) - 1
        in_plane = shape * self.spacing[1:] / (np.array(fewer.shape[1:]) - 1)
        return Background(self.name, (self.spacing[0] * step, *in_plane), fewer, known)

    def look_up(self, positions: np.ndarray) -> np.ndarray:
        """HU (...,) of the voxels nearest to positions (..., 3) in mm; outside, of the nearest voxel in the scan."""
        index = np.rint(positions / self.spacing).astype(int)
        index = index.clip(0, np.array(self.image.shape) - 1)
        return self.image[index[..., 0], index[..., 1], index[..., 2]]


def read_backgrounds(folder: Path) -> list[Background]:
    """The scans of a folder, by name. Raises `InputRefused` where there is none."""
    scans = sorted(path.parent for path in Path(folder).glob("*/image.nrrd"))
    if not scans:
        raise InputRefused(f"{folder} has no scans; give a folder of folders with image.nrrd and unknown.json")
    return [_read(scan) for scan in scans]


def _read(scan: Path) -> Background:
    image = sitk.ReadImage(itk_name(scan / "image.nrrd"))
    voxels = np.maximum(sitk.GetArrayFromImage(image), -1024).astype(np.int16)
    known = np.ones(voxels.shape, np.uint8)
    for k0, k1, j0, j1, i0, i1 in json.loads((scan / "unknown.json").read_text()):
        known[k0:k1, j0:j1, i0:i1] = 0
    return Background(scan.name, image.GetSpacing()[::-1], voxels, known)
