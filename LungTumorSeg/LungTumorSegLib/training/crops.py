"""Nodules cut out of their scans, with the opinions of several readers: the layout of ``lidc-nodules``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from LungTumorSegLib.cases import nodule_crops
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.itk_name import itk_name


@dataclass(frozen=True)
class Nodule:
    """One nodule and what lies a few millimetres around it.

    Arrays are [k, j, i] in canonical axial order (towards head, back, patient's left); positions are mm from the
    centre of voxel (0, 0, 0), in the order (k, j, i).

    image : int16 HU. mask : bool, marked by at least half of the readers. share : float32 0..1, the share of the
    readers that marked the voxel. spacing : mm (k, j, i). diameter_mm : longest in an axial slice.
    """

    name: str
    patient: str
    spacing: tuple[float, float, float]
    image: np.ndarray
    mask: np.ndarray
    share: np.ndarray
    diameter_mm: float

    @cached_property
    def extent_mm(self) -> tuple[np.ndarray, np.ndarray]:
        """First and last position (k, j, i) of the nodule's voxel centres."""
        inside = np.argwhere(self.mask)
        return inside.min(0) * self.spacing, inside.max(0) * self.spacing

    @cached_property
    def target(self) -> np.ndarray:
        """float32 0..1: half the majority's verdict, half the share of readers; above 0.5 exactly inside the mask."""
        return 0.5 * self.mask + 0.5 * self.share

    @cached_property
    def depth_mm(self) -> np.ndarray:
        """How deep a voxel lies in the nodule: mm to the nearest voxel outside, 0 outside."""
        return ndimage.distance_transform_edt(np.pad(self.mask, 1), sampling=self.spacing)[1:-1, 1:-1, 1:-1]

    @cached_property
    def rim(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions (n, 3) in mm and HU (n,) of voxels near the crop's faces, outside the nodule: at most 160."""
        index = np.stack(np.meshgrid(*[np.arange(n) for n in self.image.shape], indexing="ij"), -1).reshape(-1, 3)
        shape = np.array(self.image.shape)
        depth = np.minimum(index, shape - 1 - index)
        near = (depth[:, 0] < 1) | (depth[:, 1] < 3) | (depth[:, 2] < 3)
        near &= self.share[tuple(index.T)] == 0
        index = index[near]
        index = index[np.linspace(0, len(index) - 1, min(160, len(index))).astype(int)]
        return index * np.array(self.spacing), self.image[tuple(index.T)].astype(np.float32)


def read_nodules(folder: Path) -> list[Nodule]:
    """Every nodule of the folder's ``nodules.csv``, in its order. Raises `InputRefused` for a missing or odd file."""
    folder = Path(folder)
    table = folder / "nodules.csv"
    if not table.is_file():
        raise InputRefused(f"{folder} has no nodules.csv; give a folder laid out as lidc-nodules")
    rows = nodule_crops.read_nodules(table, "readers", "longest_axial_diameter_mm")
    return [_read(folder, row) for row in rows]


def _read(folder: Path, row: dict[str, str]) -> Nodule:
    name = f"{row['id']}.nii.gz"
    image = sitk.ReadImage(itk_name(folder / "images" / name))
    mask = sitk.ReadImage(itk_name(folder / "masks" / name))
    votes = sitk.ReadImage(itk_name(folder / "reader_votes" / name))
    if not image.GetSize() == mask.GetSize() == votes.GetSize():
        raise InputRefused(f"{row['id']}: image, mask and votes differ in size; extract the data again")
    inside = sitk.GetArrayFromImage(mask) > 0
    if not inside.any():
        raise InputRefused(f"{row['id']}: its mask is empty; leave it out of nodules.csv")
    return Nodule(
        name=row["id"],
        patient=row["patient"],
        spacing=image.GetSpacing()[::-1],
        image=sitk.GetArrayFromImage(image).astype(np.int16),
        mask=inside,
        share=(sitk.GetArrayFromImage(votes) / float(row["readers"])).astype(np.float32).clip(0, 1),
        diameter_mm=float(row["longest_axial_diameter_mm"]),
    )


def folder_digest(folder: Path) -> str:
    """SHA-256 over the sorted relative names and contents of all files of a folder: what a model was trained on."""
    digest = hashlib.sha256()
    for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        digest.update(file.relative_to(folder).as_posix().encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
