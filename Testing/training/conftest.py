"""A tiny data set made in code: balls in noise, and a chest of two air-filled cylinders in soft tissue."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

PATIENTS = 12


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory) -> Path:
    """`PATIENTS` nodules laid out as lidc-nodules."""
    folder = tmp_path_factory.mktemp("nodules")
    rows = []
    for number in range(PATIENTS):
        rng = np.random.default_rng(number)
        radius = 4 + number % 4
        k, j, i = np.meshgrid(np.arange(9) - 4, *[np.arange(24) - 11.5] * 2, indexing="ij")
        distance = np.sqrt((2 * k) ** 2 + j**2 + i**2)
        mask = distance <= radius
        votes = 2 * mask.astype(np.uint8) + (distance <= radius - 1) + (distance <= radius + 1)
        image = np.where(mask, 30, -850) + rng.normal(0, 20, mask.shape)
        name = f"case-{number}"
        for kind, array in (
            ("images", image.astype(np.int16)),
            ("masks", mask.astype(np.uint8)),
            ("reader_votes", votes),
        ):
            (folder / kind).mkdir(exist_ok=True)
            picture = sitk.GetImageFromArray(array)
            picture.SetSpacing((1.0, 1.0, 2.0))
            sitk.WriteImage(picture, str(folder / kind / f"{name}.nii.gz"))
        rows.append(
            {"id": name, "patient": f"patient-{number}", "readers": 4, "longest_axial_diameter_mm": 2 * radius + 1}
        )
    with (folder / "nodules.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    return folder


@pytest.fixture(scope="session")
def tiny_backgrounds(tmp_path_factory) -> Path:
    """One chest, 40 x 64 x 64 voxels of 5 x 4 x 4 mm; a box in its left lung may hold tumour."""
    folder = tmp_path_factory.mktemp("backgrounds")
    rng = np.random.default_rng(0)
    j, i = np.meshgrid(np.arange(64) - 31.5, np.arange(64) - 31.5, indexing="ij")
    plane = np.where((j / 26) ** 2 + (i / 30) ** 2 < 1, 40.0, -1000.0)
    for side in (-13, 13):
        plane[(j / 17) ** 2 + ((i - side) / 10) ** 2 < 1] = -850
    image = plane + rng.normal(0, 15, (40, 64, 64))
    image[[0, -1]] = 40
    picture = sitk.GetImageFromArray(image.astype(np.int16))
    picture.SetSpacing((4.0, 4.0, 5.0))
    (folder / "chest").mkdir()
    sitk.WriteImage(picture, str(folder / "chest" / "image.nrrd"))
    (folder / "chest" / "unknown.json").write_text(json.dumps([[10, 20, 24, 40, 40, 50]]))
    return folder
