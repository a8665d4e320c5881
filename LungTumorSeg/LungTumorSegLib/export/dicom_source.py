"""What a DICOM export takes from the series that it was made from, and how the new objects are named.

Only the attributes named here are taken: patient and study, so that the objects are filed with their images, the time
zone of what they date, and where the slices lie. Nothing else of the source, and no private attribute, can reach a new
file.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, generate_uid
from pydicom.valuerep import DA, TM

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.export.findings import Findings
from LungTumorSegLib.volume.quiet_dicom import quiet_dicom

PROGRAM, MANUFACTURER = "LungTumorSeg", "LungTumorSeg project"
UTF_8 = "ISO_IR 192"

PATIENT_AND_STUDY = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize",
    "PatientWeight", "PatientIdentityRemoved", "DeidentificationMethod", "LongitudinalTemporalInformationModified",
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber",
    "ReferringPhysicianName",
)  # fmt: skip
# Patient and General Study module, type 2: present, though they may be empty.
MAY_BE_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
SLICE = (
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "FrameOfReferenceUID", "Modality", "Rows",
    "Columns", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness",
    "PositionReferenceIndicator", "InstanceNumber",
)  # fmt: skip
NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
SEXES = ("M", "F", "O", "")
ZONE = re.compile(r"[+-](0\d|1[0-4])[0-5]\d")
DATES = {"StudyDate": DA, "PatientBirthDate": DA, "StudyTime": TM}

# Series of ours stand behind all series of the scanner: source series 3 becomes 301 (SEG) and 302 (SR).
NUMBERS_A_SERIES, MOST_NUMBER = 100, 9_999


@dataclass(frozen=True, eq=False)
class DicomSource:
    """The slices of a CT, one dataset a slice in the order of the array's first axis, with the attributes above."""

    slices: list[Dataset]
    findings: Findings

    @property
    def first(self) -> Dataset:
        return self.slices[0]

    @property
    def frame_of_reference(self) -> UID:
        return self.first.FrameOfReferenceUID

    def series_number(self, which: int) -> int:
        number = self.first.get("SeriesNumber")
        number = int(number) if number is not None else 0
        return (number if 0 < number <= MOST_NUMBER else 90) * NUMBERS_A_SERIES + which

    def uid(self, *words: str) -> UID:
        return uid_of(self.findings, self.written, *words)

    def tracking_uid(self, lesion: int) -> UID:
        """Of a lesion of this result: the same in every export, whatever its outline is by then."""
        of = [str(self.first.SeriesInstanceUID), self.findings.identity or "", str(lesion)]
        return generate_uid(entropy_srcs=[PROGRAM, "lesion", *of])

    @staticmethod
    def tracking_id(lesion: int) -> str:
        return f"Lesion {lesion}"

    @property
    def zone(self) -> str | None:
        """The offset from UTC, such as "+0100", in which the source states its dates and times; None: it does not say.

        It holds for a whole object (PS3.3 C.12.1), and StudyDate and StudyTime are copied into ours as they are.
        """
        return self.first.get("TimezoneOffsetFromUTC")

    @cached_property
    def written(self) -> datetime:
        """When the findings were made, by the source's clock."""
        return written_by_clock(self.findings, self.zone)

    @cached_property
    def stamp(self) -> dict[str, str]:
        """Content date and time."""
        return {"content_date": self.written.strftime("%Y%m%d"), "content_time": self.written.strftime("%H%M%S")}

    def settle(self, dataset: Dataset) -> Dataset:
        """Put the findings' own time and UIDs where the library put the present time and random ones."""
        dataset.SpecificCharacterSet = UTF_8  # an argument only since highdicom 0.28, and Slicer brings 0.27
        dataset.InstanceCreationDate = DA(self.stamp["content_date"])
        dataset.InstanceCreationTime = TM(self.stamp["content_time"])
        if self.zone:
            dataset.TimezoneOffsetFromUTC = self.zone
        drawn = self.uid("dimensions")
        for sequence in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
            for item in dataset.get(sequence, ()):
                item.DimensionOrganizationUID = drawn
        for equipment in dataset.get("ContributingEquipmentSequence", ()):
            equipment.ContributionDateTime = self.written.strftime("%Y%m%d%H%M%S%z")
        return dataset


def written_by_clock(findings: Findings, zone: str | None) -> datetime:
    """When the findings were made, in a zone such as "+0100". None: by this machine's clock, since a time without a
    zone is understood as local, and the study's is."""
    return findings.written.astimezone(zone and datetime.strptime(zone, "%z").tzinfo)


def uid_of(findings: Findings, written: datetime, *words: str) -> UID:
    """The same findings, clock (of `written`) and words always give the same UID; others another one."""
    return generate_uid(entropy_srcs=[PROGRAM, findings.fingerprint, written.isoformat(), *words])


def read_source(findings: Findings) -> DicomSource:
    """The findings' own series. InputRefused, one line, where there is none or it cannot be referred to."""
    series = findings.ct.series
    if series is None:
        raise InputRefused("DICOM SEG and SR need a CT that was read from DICOM: give the DICOM folder with --ct.")
    if len(series.files) != len(findings.labels):
        raise InputRefused(
            "DICOM SEG and SR need one file a slice: this CT was interpolated, or is one file with many slices."
        )
    with quiet_dicom():
        slices = [_slice(Path(file)) for file in series.files]
    if any(not slice_.get(name) for slice_ in slices for name in NEEDED):
        raise InputRefused("The CT's files lack UIDs that DICOM SEG and SR refer to: export the original series.")
    if len({slice_.SOPInstanceUID for slice_ in slices}) < len(slices):  # as some anonymisers leave them
        raise InputRefused("Slices of the CT share a UID, and DICOM SEG and SR could not name one: export it again.")
    for slice_ in slices:
        if not slice_.get("SliceThickness"):  # type 2 in a CT, but a SEG must state it: a mask fills the way between
            slice_.SliceThickness = exact(findings.ct.geometry.spacing[2])
    return DicomSource(slices, findings)


def _slice(file: Path) -> Dataset:
    try:
        found = dcmread(
            file, specific_tags=[*PATIENT_AND_STUDY, *SLICE, "TimezoneOffsetFromUTC", "SpecificCharacterSet"]
        )
    except (OSError, InvalidDicomError):
        raise InputRefused("The CT's files are not there any more: name the folder with --ct.") from None
    kept = Dataset()
    for name in (*PATIENT_AND_STUDY, *SLICE):
        if name in found:
            setattr(kept, name, found[name].value)
        elif name in MAY_BE_EMPTY:
            setattr(kept, name, None)
    zone = str(found.get("TimezoneOffsetFromUTC") or "").strip()
    if ZONE.fullmatch(zone) and zone != "-0000":
        kept.TimezoneOffsetFromUTC = zone
    if kept.PatientSex not in SEXES:
        kept.PatientSex = None
    for name, kind in DATES.items():
        if not _is(kind, kept[name].value):
            kept[name].value = None
    for name in ("PatientSize", "PatientWeight", "PatientAge", "StudyDescription", "IssuerOfPatientID"):
        if name in kept and kept[name].is_empty:
            del kept[name]
    return kept


def _is(kind: type, value: str | None) -> bool:
    try:
        kind(value or "")
    except ValueError:
        return False
    return True


def exact(value: float) -> float:
    """A decimal string holds 16 characters: the nearest number that fits (PS3.5 6.2), 10 digits at least."""
    for digits in range(16, 9, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return float(text)
    return float(f"{value:.9g}") if math.isfinite(value) else value
