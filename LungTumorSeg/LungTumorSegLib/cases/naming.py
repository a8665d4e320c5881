"""What file names say: which files are images, which belong together, and which patient they show."""

from __future__ import annotations

import json
import re
from pathlib import Path

from LungTumorSegLib.cases.table import UTF_8
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.reading import READERS

# Collections of The Cancer Imaging Archive and BraTS name patients so; what follows is a nodule, a date or a file.
ARCHIVE_NAME = re.compile(r"^([A-Za-z][A-Za-z0-9]*(?:-[A-Za-z][A-Za-z0-9]*)*-\d{3,5})(?=[-_. ]|$)")
VISIT = re.compile(
    r"[-_](baseline|follow-?up|pre|post|ses-\w+?|(?:visit|session|timepoint|tp|t)[-_]?\d+)(?=[-_]|$)", re.IGNORECASE
)
PIECE = re.compile(r"[-_](?:scan|slice|nodule|lesion|crop|patch)[-_]?\d+(?=[-_]|$)", re.IGNORECASE)
MASK_WORD = re.compile(r"[-_](mask|seg|segmentation|label|labels|labelmap|gt)$", re.IGNORECASE)
IMAGE_WORD = re.compile(r"[-_](image|img|ct|scan|0000)$", re.IGNORECASE)


def stem(path: Path) -> str:
    """The file's name without its ending, .nii.gz being one."""
    name = path.name
    return name[:-7] if name.lower().endswith(".nii.gz") else path.stem


def is_volume(path: Path) -> bool:
    """True for an image file of volume's readers. Names that start with a dot are some system's own files."""
    name = path.name.lower()
    return not name.startswith(".") and name.endswith(tuple(READERS)) and path.is_file()


def listed(folder: Path) -> list[Path]:
    """What lies in a folder, by name, without hidden things; [] where there is no such folder."""
    return sorted(p for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []


def volumes(folder: Path) -> list[Path]:
    return [path for path in listed(folder) if is_volume(path)]


def patient_of(name: str) -> str:
    """The patient whom a case's name names: LIDC-IDRI-0001_R_2 -> LIDC-IDRI-0001, sub-01_ses-02 -> sub-01.

    A word such as nodule_2 is dropped where a number is left to tell patients apart: x17_nodule_2 -> x17, but
    lung_nodule_2 is a name of its own. Where no rule fits, every case is taken for a patient of its own; `patients.csv`
    says better (`cases.patients`).
    """
    found = ARCHIVE_NAME.match(name)
    if found:
        return found.group(1)
    at_any_time = VISIT.sub("", name) or name
    whole = PIECE.sub("", at_any_time)
    return whole if re.search(r"\d", whole) else at_any_time


def classes_of(folder: Path, default: dict[int, str]) -> dict[int, str]:
    """The optional `classes.json` of a dataset, {"1": "left lung", ...}; else the default."""
    file = folder / "classes.json"
    return whole_numbers(read_json(file)) if file.is_file() else dict(default)


def whole_numbers(named: dict) -> dict[int, str]:
    """{"0": "background", "1": "cancer"} as {1: "cancer"}."""
    try:
        return {int(number): str(name) for number, name in named.items() if int(number)}
    except (ValueError, TypeError, AttributeError):
        raise InputRefused(
            "The classes must be whole numbers with a name each: mend the dataset's JSON file."
        ) from None


def read_json(file: Path) -> dict:
    try:
        content = json.loads(file.read_text(encoding=UTF_8))
    except (ValueError, OSError):
        raise InputRefused(f"{file.name} cannot be read as JSON: mend it.") from None
    if not isinstance(content, dict):
        raise InputRefused(f"{file.name} must hold named entries, not a list: mend it.")
    return content
