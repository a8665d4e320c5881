"""A CT and its corrected mask into the user's own dataset: copied, checked, with a picture; whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk

from LungTumorSegLib.cases import scan_folders
from LungTumorSegLib.cases.case import Case, Dataset
from LungTumorSegLib.cases.case_check import check_case
from LungTumorSegLib.cases.local import ABOUT, THUMBNAIL, LocalCase, list_cases, note_patient
from LungTumorSegLib.cases.problem import STOPS
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.itk_name import itk_name
from LungTumorSegLib.volume.orientation import canonical
from LungTumorSegLib.volume.writing import write_volume

IMAGE, MASK = "image.nii.gz", "mask.nii.gz"
THUMBNAIL_MM, THUMBNAIL_PIXELS = 90.0, 160
WINDOW_HU = (-1350.0, 150.0)  # width 1500, level -600: the usual lung window
OUTLINE = (90, 214, 125)


def add_case(
    dataset: Path,
    ct: Volume,
    mask: np.ndarray,
    patient: str | None = None,
    replacing: bool = False,
    progress: Callable[[str, float], None] = lambda stage, fraction: None,
) -> LocalCase:
    """Adds one scan; `dataset` is made where it is not there.

    mask : [k, j, i] on the CT's grid, lesion where it is not 0; an empty one says that there is none.
    patient : who it is, in any words, kept as a hash; None asks the DICOM files, and where they do not say, the scan
        counts as a patient of its own.
    replacing : a scan that is in already gets this mask, and stays whose it was, by patients.csv as somebody may have
        mended it, unless `patient` says otherwise. Without it that is refused.

    Raises `InputRefused`, one line, for what `lungtumorseg check` would not train on.
    """
    known = next((case for case in list_cases(dataset) if case.image_sha256 == ct.content_hash), None)
    if known and not replacing:
        raise InputRefused(f"this scan is in the dataset already, as {known.name}: remove it first, or say --replace")
    try:
        dataset.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".adding-", dir=dataset))
    except OSError as error:
        raise InputRefused(f"cannot write to the folder of the dataset: {error.strerror}") from None
    try:
        progress("copying the scan", 0.1)
        write_volume(unfinished / IMAGE, Volume(ct.voxels, ct.geometry))
        progress("copying the mask", 0.6)
        outlined = (mask > 0).astype(np.uint8)
        write_volume(unfinished / MASK, Volume(outlined, ct.geometry))
        progress("checking", 0.7)
        name = known.name if known else next_name(dataset)
        notes = checked(unfinished, name)
        progress("drawing", 0.95)
        write_thumbnail(unfinished / THUMBNAIL, ct, outlined)
        case = LocalCase(
            name,
            whose(ct, patient, known) or name,
            datetime.now(UTC).isoformat(timespec="seconds"),
            ct.content_hash,
            lesions_in(outlined),
            round(float(outlined.sum()) * ct.geometry.voxel_volume_mm3 / 1000, 3),
            notes,
        )
        (unfinished / ABOUT).write_text(json.dumps(case.as_dict(), indent=2) + "\n", encoding="utf-8")
        unfinished.chmod(0o755)
        put_in_place(unfinished, dataset / name)
        note_patient(dataset, name, case.patient)
    except OSError as error:
        raise InputRefused(f"the case could not be written: {error.strerror}") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return case


def checked(folder: Path, name: str) -> tuple[str, ...]:
    """What the dataset's check says of the case; `InputRefused` where it would not be trained on."""
    case = Case(name, name, (folder / IMAGE,), folder / MASK)
    problems, _ = check_case(case, Dataset(scan_folders.LAYOUT, (case,)))
    for problem in problems:
        if problem.severity == STOPS:
            raise InputRefused(f"this case cannot be taught: {problem.what}: {problem.advice or 'mend it'}")
    return tuple(problem.what for problem in problems)


def put_in_place(unfinished: Path, folder: Path) -> None:
    """The old case of that name, if any, goes only once the new one is there."""
    if not folder.exists():
        os.rename(unfinished, folder)
        return
    before = folder.with_name(f".{folder.name}-before")
    shutil.rmtree(before, ignore_errors=True)
    os.rename(folder, before)
    try:
        os.rename(unfinished, folder)
    except OSError:
        os.rename(before, folder)
        raise
    shutil.rmtree(before, ignore_errors=True)


def next_name(dataset: Path) -> str:
    numbers = [int(each.name.removeprefix("case-")) for each in dataset.glob("case-*") if each.name[5:].isdecimal()]
    return f"case-{max([0, *numbers]) + 1:03}"


def whose(ct: Volume, patient: str | None, known: LocalCase | None) -> str | None:
    """The patient's key: as said now, as it was said when the scan was added, or as DICOM has it; None if none says."""
    before = known.patient if known and known.patient != known.name else None
    return patient_key(patient or "") or before or patient_key(dicom_patient(ct))


def patient_key(patient: str) -> str | None:
    """A hash that is the same for the same patient; None for a blank."""
    if not patient.strip():
        return None
    return (
        "patient-" + hashlib.sha256(f"lungtumorseg:{patient.strip()}".encode(errors="surrogateescape")).hexdigest()[:16]
    )


def dicom_patient(ct: Volume) -> str:
    """The scan's PatientID; "" where it has none."""
    if not (ct.series and ct.series.files):
        return ""
    try:
        return str(pydicom.dcmread(ct.series.files[0], stop_before_pixels=True).get("PatientID", ""))
    except (OSError, pydicom.errors.InvalidDicomError):
        return ""


def lesions_in(mask: np.ndarray) -> int:
    components = sitk.ConnectedComponent(sitk.GetImageFromArray(mask), True)
    return int(sitk.GetArrayViewFromImage(components).max(initial=0))


def write_thumbnail(path: Path, ct: Volume, mask: np.ndarray) -> None:
    """The slice where most is outlined, close up, with the outline; the middle slice where nothing is."""
    orientation = canonical(ct.geometry)
    spacing = orientation.geometry(ct.geometry).spacing
    labels, voxels = orientation.apply(mask), orientation.apply(ct.voxels)
    areas = labels.sum((1, 2))
    k = int(areas.argmax()) if areas.any() else len(voxels) // 2
    rows, columns = np.nonzero(labels[k]) if areas.any() else (np.array([n // 2]) for n in voxels.shape[1:])
    at = []
    for middle, mm, n in zip((rows.mean(), columns.mean()), spacing[1::-1], voxels.shape[1:], strict=True):
        wide = min(THUMBNAIL_MM, n * mm)
        offsets = (np.arange(THUMBNAIL_PIXELS) + 0.5) / THUMBNAIL_PIXELS - 0.5
        centre = np.clip(middle, wide / mm / 2 - 0.5, n - wide / mm / 2 - 0.5)
        at.append(np.rint(centre + offsets * wide / mm).astype(int).clip(0, n - 1))
    low, high = WINDOW_HU
    grey = ((voxels[k][np.ix_(*at)].astype(float).clip(low, high) - low) / (high - low) * 255).astype(np.uint8)
    inside = labels[k][np.ix_(*at)] > 0
    rim = inside & ~eroded(inside)
    picture = np.where(rim[..., None], np.array(OUTLINE, np.uint8), np.repeat(grey[..., None], 3, 2))
    sitk.WriteImage(sitk.GetImageFromArray(picture, isVector=True), itk_name(path))


def eroded(mask: np.ndarray) -> np.ndarray:
    around = np.pad(mask, 1)
    return mask & around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
