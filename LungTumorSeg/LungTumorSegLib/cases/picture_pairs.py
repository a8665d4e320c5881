"""Flat pictures with masks: a folder of PNG or X-ray DICOM, and one of PNG masks of the same names."""

from __future__ import annotations

from pathlib import Path

from LungTumorSegLib.cases.case import Case, Dataset
from LungTumorSegLib.cases.naming import classes_of, listed, patient_of
from LungTumorSegLib.cases.pairing import find_folders, paired
from LungTumorSegLib.cases.scan import PICTURE
from LungTumorSegLib.volume.picture import ENDINGS

LAYOUT = "pictures and masks"
LOOKS = "images with .png or .dcm, masks with .png of the same names"
MOST_FOREGROUND = 0.95  # lungs fill half of an X-ray; a mask of everything is a mistake


def fits(folder: Path) -> bool:
    found = find_folders(folder)
    return bool(found and any(pictures(side) for side in found))


def pictures(folder: Path) -> list[Path]:
    return [path for path in listed(folder) if path.suffix.lower() in ENDINGS and path.is_file()]


def read(folder: Path) -> Dataset:
    images, masks = find_folders(folder)
    pairs, problems = paired(pictures(images), pictures(masks))
    cases = tuple(
        Case(name, patient_of(name), (image,), mask, kind="slice", channels=(PICTURE,)) for name, image, mask in pairs
    )
    classes = classes_of(folder, {1: "target"})
    return Dataset(LAYOUT, cases, classes, (PICTURE,), tuple(problems), MOST_FOREGROUND)
