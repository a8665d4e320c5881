"""X-rays with run-length masks: the layout of the SIIM-ACR pneumothorax challenge (2019).

A CSV with the columns ImageId and EncodedPixels (a line a target; -1 for none), and the pictures anywhere below the
folder, named ImageId.dcm or ImageId.png.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from itertools import chain
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from LungTumorSegLib.cases.case import Case, Dataset
from LungTumorSegLib.cases.naming import listed, patient_of
from LungTumorSegLib.cases.pairing import missing_image
from LungTumorSegLib.cases.picture_pairs import MOST_FOREGROUND
from LungTumorSegLib.cases.problem import WARNING, Problem
from LungTumorSegLib.cases.scan import PICTURE
from LungTumorSegLib.cases.table import UTF_8, delimiter_of
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.picture import ENDINGS
from LungTumorSegLib.volume.quiet_dicom import quiet_dicom

LAYOUT = "SIIM-ACR run lengths"
LOOKS = "a CSV with ImageId and EncodedPixels, pictures named ImageId.dcm or ImageId.png"
COLUMNS = {"ImageId", "EncodedPixels"}


def fits(folder: Path) -> bool:
    return bool(_tables(folder))


@quiet_dicom()
def read(folder: Path) -> Dataset:
    tables = _tables(folder)
    if len(tables) > 1:
        raise InputRefused(f"{len(tables)} CSV files with run lengths: leave the one to learn from in the folder.")
    codes: dict[str, list[str]] = defaultdict(list)
    with tables[0].open(newline="", encoding=UTF_8) as lines:
        first = lines.readline()
        rows = csv.reader(chain([first], lines), delimiter=delimiter_of(first))
        heading = [name.strip() for name in next(rows)]  # the challenge's own file has " EncodedPixels"
        image, code = heading.index("ImageId"), heading.index("EncodedPixels")
        for row in rows:
            if row:
                if len(row) <= max(image, code):
                    raise InputRefused(f"Line {rows.line_num} of {tables[0].name} is cut off: copy it again.")
                codes[row[image].strip()].append(row[code].strip())
    files = {p.stem: p for p in sorted(folder.rglob("*")) if p.suffix.lower() in ENDINGS and not p.name.startswith(".")}
    problems = [missing_image(name) for name in codes if name not in files]
    problems += [
        Problem(
            name, WARNING, "missing-mask", "Not in the CSV: left out of training", "add its line (-1 for no target)"
        )
        for name in files.keys() - codes.keys()
    ]
    cases = tuple(
        Case(
            name,
            _patient(path),
            (path,),
            kind="slice",
            channels=(PICTURE,),
            codes=tuple(c for c in codes[name] if c) if name in codes else None,
        )
        for name, path in files.items()
    )
    return Dataset(LAYOUT, cases, {1: "target"}, (PICTURE,), tuple(problems), MOST_FOREGROUND)


def _tables(folder: Path) -> list[Path]:
    found = []
    for path in listed(folder):
        if path.suffix.lower() == ".csv" and path.is_file():  # not a folder, nor a link to nowhere
            with path.open(newline="", encoding=UTF_8, errors="replace") as lines:
                heading = lines.readline(1000)
                if {name.strip() for name in heading.split(delimiter_of(heading))} >= COLUMNS:
                    found.append(path)
    return found


def _patient(path: Path) -> str:
    if path.suffix.lower() == ".dcm":
        try:
            header = dcmread(path, stop_before_pixels=True, specific_tags=["PatientID"])
        except (InvalidDicomError, OSError, ValueError, EOFError):
            return path.stem  # refused with a line of its own when its pixels are read
        return str(header.get("PatientID") or "").strip() or path.stem
    return patient_of(path.stem)
