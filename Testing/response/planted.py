"""Two dates of one patient with lesions planted at known places and of known sizes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from LungTumorSegLib.measurement.measure import CONVENTION, measure
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.writing import write_volume

SOFT_TISSUE = 40.0  # HU


def ellipsoid(grid: Geometry, centre_lps, diameters_mm) -> np.ndarray:
    """Bool [k, j, i]; its axes lie along the patient's. One diameter: a sphere."""
    radii = np.broadcast_to(np.asarray(diameters_mm, float) / 2, 3)
    k, j, i = np.indices(grid.shape, np.float32)
    away = grid.ijk_to_lps(np.stack([i, j, k], axis=-1)) - np.asarray(centre_lps, float)
    return ((away / radii) ** 2).sum(axis=-1) <= 1


def plant(scan: Volume, lesions: dict[int, tuple]) -> tuple[Volume, np.ndarray]:
    """The scan with lesions of soft tissue, and their labels. lesions : number -> (centre LPS mm, diameters mm)."""
    voxels, labels = scan.voxels.copy(), np.zeros(scan.geometry.shape, np.uint16)
    for number, (centre, diameters) in lesions.items():
        inside = ellipsoid(scan.geometry, centre, diameters)
        voxels[inside], labels[inside] = SOFT_TISSUE, number
    return Volume(voxels, scan.geometry), labels


def write_study(folder: Path, scan: Volume, labels: np.ndarray, day: str | None = None) -> Path:
    """A result folder as `segment` writes it, with its CT beside it."""
    folder.mkdir(parents=True)
    image = folder.with_suffix(".nii.gz")
    write_volume(image, scan)
    write_volume(folder / "lesions.nii.gz", Volume(labels, scan.geometry))
    lesions = [lesion.as_dict() for lesion in measure(labels, scan.geometry)]
    (folder / "lesions.json").write_text(json.dumps({"convention": CONVENTION, "lesions": lesions}))
    run = {"model": "planted", "lungtumorseg": "0", "threshold": 0.5, "image_path": str(image), "study_date": day}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def planted_study(folder: Path, scan: Volume, lesions: dict[int, tuple], day: str | None = None) -> Path:
    return write_study(folder, *plant(scan, lesions), day)
