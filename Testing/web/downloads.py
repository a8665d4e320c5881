"""Reads the downloads back, by the means of others than who wrote them where there are such."""

import csv
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

from LungTumorSegLib.volume.geometry import Volume


def unpacked(file: Path) -> Path:
    """The folder into which a .zip or .mrb was unpacked."""
    folder = file.with_name(file.name + "-unpacked")
    with zipfile.ZipFile(file) as packed:
        packed.extractall(folder)
    return folder


def on_grid(image: sitk.Image, ct: Volume) -> np.ndarray:
    """The image's voxels [k, j, i]; its grid must be the CT's own."""
    grid = ct.geometry
    assert image.GetSize() == grid.shape[::-1]
    assert np.allclose(image.GetSpacing(), grid.spacing, atol=1e-4)
    assert np.allclose(image.GetOrigin(), grid.origin, atol=1e-2)
    assert np.allclose(np.reshape(image.GetDirection(), (3, 3)), grid.direction, atol=1e-4)
    return sitk.GetArrayFromImage(image)


def lies_on(image: sitk.Image, ct: Volume) -> bool:
    """Its voxels are some of the CT's own."""
    if image.GetNumberOfComponentsPerPixel() != 1 or image.GetDimension() != 3:
        return False
    start = _start(image, ct)
    end = start + image.GetSize()[::-1]
    return (
        np.allclose(image.GetSpacing(), ct.geometry.spacing, atol=1e-4)
        and np.allclose(np.reshape(image.GetDirection(), (3, 3)), ct.geometry.direction, atol=1e-4)
        and np.allclose(start, np.rint(start), atol=0.01)
        and bool((start > -0.5).all() and (end < np.array(ct.geometry.shape) + 0.5).all())
    )


def laid_on(image: sitk.Image, ct: Volume) -> np.ndarray:
    """The voxels of a part of the CT's grid (`lies_on`), with 0 around it."""
    assert lies_on(image, ct)
    part, start = sitk.GetArrayFromImage(image), np.rint(_start(image, ct)).astype(int)
    whole = np.zeros(ct.geometry.shape, part.dtype)
    whole[tuple(slice(n, n + size) for n, size in zip(start, part.shape, strict=True))] = part
    return whole


def _start(image: sitk.Image, ct: Volume) -> np.ndarray:
    """k, j, i of its first voxel."""
    return ct.geometry.lps_to_ijk(np.array([image.GetOrigin()]))[0][::-1]


def table(file: Path) -> list[dict]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def seg_voxels(file: Path, ct: Volume) -> np.ndarray:
    """Where a DICOM SEG marks something, [k, j, i] on the CT's grid, from its frames and their positions alone."""
    seg = pydicom.dcmread(file)
    shared = seg.SharedFunctionalGroupsSequence[0]
    assert np.allclose(shared.PixelMeasuresSequence[0].PixelSpacing, ct.geometry.spacing[1::-1], atol=1e-4)
    cosines = np.reshape(shared.PlaneOrientationSequence[0].ImageOrientationPatient, (2, 3)).astype(float)
    assert np.allclose(cosines, np.asarray(ct.geometry.direction).T[:2], atol=1e-4)
    found = np.zeros(ct.geometry.shape, bool)
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    for frame, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        place = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        i, j, k = np.rint(ct.geometry.lps_to_ijk(place[None])[0]).astype(int)
        found[k, j : j + seg.Rows, i : i + seg.Columns] |= frame > 0
    return found
