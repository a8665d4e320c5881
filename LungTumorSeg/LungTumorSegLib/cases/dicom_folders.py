"""A folder a case with a DICOM CT series and its SEG or RTSTRUCT, as archives hand them out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset as Header
from pydicom.errors import InvalidDicomError
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from LungTumorSegLib.cases.case import Case, Dataset
from LungTumorSegLib.cases.naming import listed
from LungTumorSegLib.cases.pairing import missing_image
from LungTumorSegLib.cases.problem import STOPS, WARNING, Problem
from LungTumorSegLib.volume.dicom_mask import LABEL_MAP_SEGMENTATION
from LungTumorSegLib.volume.quiet_dicom import quiet_dicom

LAYOUT = "DICOM folders"
LOOKS = "CASE/ with a CT series and an RTSTRUCT or SEG"
MASKS = (RTStructureSetStorage, SegmentationStorage, LABEL_MAP_SEGMENTATION)
TAGS = ["SOPClassUID", "Modality", "PatientID"]
# Clinics call the gross tumour volume GTV; GTVn or GTV-N are lymph nodes (AAPM TG-263).
TUMOUR_NAME = re.compile(r"^(gtv(?![ _-]?n)|tumou?r|neoplasm|lesion|nodule|mass)", re.IGNORECASE)
MOST_FILES_ASKED = 20


@dataclass
class _Found:
    patient: str = ""
    images: int = 0
    masks: list[Path] = field(default_factory=list)


def fits(folder: Path) -> bool:
    """A DICOM file among the first files of the folder or of the folders in it."""
    for case in [folder, *(p for p in listed(folder) if p.is_dir())]:
        for asked, path in enumerate(_files(case)):
            if _is_dicom(path):
                return True
            if asked >= MOST_FILES_ASKED:
                break
    return False


@quiet_dicom()
def read(folder: Path) -> Dataset:
    """Each folder in `folder` is a case, or `folder` itself where it holds DICOM. Only headers are read.

    The patient is the PatientID. Of several structures or segments the one named as a tumour is taken, where there is
    exactly one.
    """
    inner = [path for path in listed(folder) if path.is_dir()]
    direct = any(_is_dicom(path) for path in listed(folder) if path.is_file())
    cases, problems = [], []
    for place in [folder] if direct else inner:
        found = _look(place)
        if not found.images:
            if found.masks:
                problems.append(missing_image(place.name))
            continue
        patient = found.patient or place.name
        if len(found.masks) != 1:
            problems.append(_how_many(place.name, len(found.masks)))
            cases.append(Case(place.name, patient, (place,)))
            continue
        label, series, problem = _target(place.name, found.masks[0])
        problems += [problem] if problem else []
        cases.append(Case(place.name, patient, (place,), found.masks[0], series=series, label=label))
    return Dataset(LAYOUT, tuple(cases), problems=tuple(problems))


def _how_many(case: str, masks: int) -> Problem:
    if masks:
        return Problem(case, STOPS, "mask", f"{masks} RTSTRUCT or SEG files", "leave the one to learn from")
    return Problem(case, WARNING, "missing-mask", "No RTSTRUCT or SEG: left out of training", "add one to train on it")


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _look(place: Path) -> _Found:
    found = _Found()
    for path in _files(place):
        if not _is_dicom(path):
            continue
        try:
            header = dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
        except (InvalidDicomError, OSError, ValueError, EOFError):
            found.images += 1  # the reader of the series says better what is wrong with it
            continue
        found.patient = found.patient or str(header.get("PatientID") or "").strip()
        if header.get("SOPClassUID") in MASKS:
            found.masks.append(path)
        elif header.get("Modality") == "CT":
            found.images += 1
    return found


def _target(case: str, mask: Path) -> tuple[int | None, str | None, Problem | None]:
    """The number of the tumour's structure, the UID of the series it was drawn on, and a problem with the choice."""
    try:
        header = dcmread(mask, stop_before_pixels=True)
        named = {int(roi.ROINumber): str(roi.get("ROIName") or "") for roi in header.get("StructureSetROISequence", [])}
        named |= {int(s.SegmentNumber): str(s.get("SegmentLabel") or "") for s in header.get("SegmentSequence", [])}
        series = _series(header)
    except (InvalidDicomError, OSError, ValueError, EOFError, AttributeError, TypeError):
        return None, None, None  # refused with a line of its own when it is read
    if len(named) < 2:
        return next(iter(named), None), series, None
    tumours = [number for number, name in named.items() if TUMOUR_NAME.match(name.strip())]
    if len(tumours) == 1:
        return tumours[0], series, None
    what = f"{len(named)} structures, of which {len(tumours)} are named as tumours"
    return None, series, Problem(case, STOPS, "labels", what, "export the tumour alone, or name only it GTV or tumour")


def _series(header: Header) -> str | None:
    """The series that a SEG (PS3.3 C.12.1.1.1) or an RTSTRUCT (C.8.8.5) names; None where it names none or several."""
    named = {str(series.SeriesInstanceUID) for series in header.get("ReferencedSeriesSequence", [])}
    for frame in header.get("ReferencedFrameOfReferenceSequence", []):
        for study in frame.get("RTReferencedStudySequence", []):
            named |= {str(series.SeriesInstanceUID) for series in study.get("RTReferencedSeriesSequence", [])}
    return named.pop() if len(named) == 1 else None
