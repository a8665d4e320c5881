"""The layouts that are known, and which one a folder has."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from LungTumorSegLib.cases import (
    brats,
    decathlon,
    dicom_folders,
    nnunet,
    nodule_crops,
    paired_folders,
    picture_pairs,
    scan_folders,
    siim_acr,
)
from LungTumorSegLib.cases.case import Dataset
from LungTumorSegLib.cases.patients import with_patients
from LungTumorSegLib.errors import InputRefused

# A dataset is taken for the first that fits: those that name themselves by a table first, DICOM, which has to be looked
# for, last.
LAYOUTS = (
    nodule_crops,
    nnunet,
    decathlon,
    siim_acr,
    paired_folders,
    picture_pairs,
    scan_folders,
    brats,
    dicom_folders,
)


def read_dataset(folder: str | Path) -> Dataset:
    """The cases of a folder, in whichever known layout it is. No voxel is read. InputRefused where none fits."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputRefused("There is no folder of that name: name the dataset's own folder.")
    with in_one_line():
        return _read(folder)


@contextmanager
def in_one_line() -> Iterator[None]:
    """A table that is not of its layout's form, or a folder that is closed to us, becomes `InputRefused`."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError, StopIteration, csv.Error, ValueError) as error:
        if isinstance(error, InputRefused):
            raise
        raise InputRefused("The dataset's own table (JSON or CSV) is not of its layout's form: mend it.") from None
    except OSError as error:
        raise InputRefused(f"The dataset cannot be read: {error.strerror}.") from None


def _read(folder: Path) -> Dataset:
    layout = next((layout for layout in LAYOUTS if layout.fits(folder)), None)
    if layout is None:
        known = "; ".join(f"{layout.LAYOUT} ({layout.LOOKS})" for layout in LAYOUTS)
        raise InputRefused(f"The folder has none of the known layouts: {known}.")
    dataset = layout.read(folder)
    if not dataset.cases and not dataset.problems:
        raise InputRefused(f"The folder ({layout.LAYOUT}) holds no case: is the dataset complete?")
    return dataset if layout is nodule_crops else with_patients(dataset, folder)  # their own table names the patients
