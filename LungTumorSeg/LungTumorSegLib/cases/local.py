"""The user's own dataset: what was added to it by `cases.adding`, a folder a scan.

    DATASET/patients.csv                 case, patient (a hash: nobody is named); what a person mended there stays
    DATASET/case-001/image.nii.gz        the CT, without anything that names the patient
                     mask.nii.gz         uint8, 1 = lesion
                     thumbnail.png       its largest lesion
                     case.json           what stands in `LocalCase`

Reading the list loads no voxels and none of the libraries that would.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from LungTumorSegLib.cases.patient_table import COLUMNS, read_patients, write_patient
from LungTumorSegLib.cases.patient_table import TABLE as PATIENTS
from LungTumorSegLib.cases.table import write_rows
from LungTumorSegLib.errors import InputRefused

ABOUT, THUMBNAIL = "case.json", "thumbnail.png"
NAME = re.compile(r"case-\d{3,6}")
VERSION = 1


@dataclass(frozen=True)
class LocalCase:
    """
    Attributes
    ----------
    name : of the case's folder.
    patient : as patients.csv has it: a hash of the patient's number, the case's own name where nobody said who it is,
        or what a person wrote there.
    added : when, ISO 8601 in UTC.
    image_sha256 : of voxels and grid, by which the same scan is known again.
    lesions, volume_ml : what the mask holds.
    notes : what the check had to say, one line each.
    """

    name: str
    patient: str
    added: str
    image_sha256: str
    lesions: int
    volume_ml: float
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict:
        return {"version": VERSION, **asdict(self), "notes": list(self.notes)}


def list_cases(dataset: Path) -> list[LocalCase]:
    """By name; none where there is no dataset yet. `InputRefused` names a case whose case.json is damaged, and says
    what is wrong with patients.csv."""
    folders = sorted(each for each in dataset.glob("case-*") if NAME.fullmatch(each.name) and (each / ABOUT).is_file())
    patients = read_patients(dataset / PATIENTS) if (dataset / PATIENTS).is_file() else {}
    cases = [read_case(folder) for folder in folders]
    return [replace(case, patient=patients.get(case.name, case.patient)) for case in cases]


def read_case(folder: Path) -> LocalCase:
    try:
        told = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return LocalCase(
            folder.name,
            str(told["patient"]),
            str(told["added"]),
            str(told["image_sha256"]),
            int(told["lesions"]),
            float(told["volume_ml"]),
            tuple(map(str, told["notes"])),
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise InputRefused(f"{folder.name}: its {ABOUT} cannot be read: remove the case and add it again") from None


def remove_case(dataset: Path, name: str) -> None:
    """The case and its line in patients.csv. `InputRefused` where there is no such case."""
    folder = dataset / name
    if not NAME.fullmatch(name) or not folder.is_dir():
        raise InputRefused(f"there is no case {name[:60]!r} in this dataset")
    try:
        if (dataset / PATIENTS).is_file():
            read_patients(dataset / PATIENTS)  # a damaged table is refused while the case is still there
        gone = Path(tempfile.mkdtemp(prefix=".removed-", dir=dataset))
        folder.rename(gone / name)  # in one step: no half of a case is ever found
        shutil.rmtree(gone, ignore_errors=True)
        note_patient(dataset, name, None)
    except OSError as error:
        raise InputRefused(f"the case could not be removed: {error.strerror}") from None


def note_patient(dataset: Path, name: str, patient: str | None) -> None:
    """The case's row of patients.csv, None takes it out; where there is no table, one of all cases."""
    if (dataset / PATIENTS).is_file():
        write_patient(dataset / PATIENTS, name, patient)
    else:
        write_patients(dataset)


def write_patients(dataset: Path) -> None:
    """patients.csv anew, from the cases that are there."""
    write_rows(dataset / PATIENTS, [COLUMNS, *((case.name, case.patient) for case in list_cases(dataset))])
