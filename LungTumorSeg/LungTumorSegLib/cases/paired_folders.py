"""Two folders, one of images and one of masks, whose files share names; optional classes.json."""

from __future__ import annotations

from pathlib import Path

from LungTumorSegLib.cases.case import TUMOUR, Case, Dataset
from LungTumorSegLib.cases.naming import classes_of, patient_of, volumes
from LungTumorSegLib.cases.pairing import find_folders, paired

LAYOUT = "folders of images and masks"
LOOKS = "images and masks (or labels, segmentations) with files of the same names"


def fits(folder: Path) -> bool:
    found = find_folders(folder)
    return bool(found and any(volumes(side) for side in found))


def read(folder: Path) -> Dataset:
    images, masks = find_folders(folder)
    pairs, problems = paired(volumes(images), volumes(masks))
    cases = tuple(Case(name, patient_of(name), (image,), mask) for name, image, mask in pairs)
    return Dataset(LAYOUT, cases, classes_of(folder, TUMOUR), problems=tuple(problems))
