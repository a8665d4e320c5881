"""A tiny dataset: a ball of tissue in air beside a wall, a folder a scan, two scans of each patient."""

import json

import numpy as np
import SimpleITK as sitk

EDGE = 20


def ball(number: int, count: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """HU and labels [k, j, i]; with `count` 2 the ball's upper half is the second class."""
    rng = np.random.default_rng(number)
    k, j, i = np.meshgrid(*[np.arange(EDGE)] * 3, indexing="ij")
    centre, radius = rng.uniform(7, 13, 3), rng.uniform(3.5, 5)
    inside = (k - centre[0]) ** 2 + (j - centre[1]) ** 2 + (i - centre[2]) ** 2 < radius**2
    hu = np.where(inside | (i < 2), 40, -850) + rng.normal(0, 30, inside.shape)
    labels = inside.astype(np.uint8)
    if count == 2:
        labels[inside & (k > centre[0])] = 2
    return hu.astype(np.int16), labels


def write_case(folder, name: str, number: int, classes: int = 1) -> None:
    (folder / name).mkdir(parents=True)
    for kind, array in zip(("image", "mask"), ball(number, classes), strict=True):
        picture = sitk.GetImageFromArray(array)
        picture.SetSpacing((1.0, 1.0, 2.0))
        sitk.WriteImage(picture, str(folder / name / f"{kind}.nii.gz"))


def make_cases(folder, patients: int = 4, classes: int = 1):
    """`LIDC-IDRI-9000_1`, `LIDC-IDRI-9000_2`, ...: two scans a patient."""
    for number in range(2 * patients):
        write_case(folder, f"LIDC-IDRI-{9000 + number // 2}_{number % 2 + 1}", number, classes)
    if classes == 2:
        (folder / "classes.json").write_text(json.dumps({"1": "lower", "2": "upper"}))
    return folder
