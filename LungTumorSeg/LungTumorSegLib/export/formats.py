"""The formats that there are, by the names that people type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.export.findings import Findings
from LungTumorSegLib.measurement.terminology import not_tumours

PART = "LungTumorSegLib.export"


@dataclass(frozen=True)
class Format:
    """One format. files : what it writes. writer : module and function, imported when asked for (highdicom: 1 s)."""

    files: tuple[str, ...]
    writer: tuple[str, str]
    dicom: bool = False  # refers to DICOM images
    empty: bool = True  # can say that there is no lesion
    report: bool = False  # speaks of a CT

    def write(self, folder: Path, findings: Findings) -> None:
        module, function = self.writer
        write: Callable[[Path, Findings], None] = getattr(import_module(f"{PART}.{module}"), function)
        write(folder, findings)


FORMATS = {
    "nifti": Format(("segmentation.nii.gz", "lesions.nii.gz"), ("nifti", "write_nifti")),
    "nrrd": Format(("segmentation.seg.nrrd",), ("nrrd", "write_nrrd")),
    "rle": Format(("rle.csv",), ("run_length", "write_run_length")),
    "csv": Format(("lesions.csv",), ("csv_table", "write_csv")),
    "json": Format(("lesions.json",), ("json_table", "write_json")),
    "html": Format(("report.html",), ("report", "write_html"), report=True),
    "pdf": Format(("report.pdf",), ("report", "write_pdf"), report=True),
    "seg": Format(("segmentation.dcm",), ("dicom_seg", "write_dicom_seg"), dicom=True, empty=False),
    "sr": Format(("measurements.dcm",), ("dicom_sr", "write_dicom_sr"), dicom=True, empty=False),
}


def choose(asked: list[str], findings: Findings) -> tuple[list[str], list[str]]:
    """The formats to write, and notes, one line each, on what is left out.

    Nothing asked for: all that the findings allow. SR brings SEG with it, which it refers to. Raises InputRefused for
    unknown names, and where DICOM or a report is asked for of what they cannot say.
    """
    unknown = [name for name in asked if name not in FORMATS]
    if unknown:
        raise InputRefused(f"There is no format {unknown[0]}: choose from {', '.join(FORMATS)}.")
    wanted = list(dict.fromkeys(asked or FORMATS))
    if "sr" in wanted and "seg" not in wanted:
        wanted.insert(wanted.index("sr"), "seg")
    notes = []
    if lacking := lacking_for_dicom(findings):
        why, remedy = lacking
        if any(FORMATS[name].dicom for name in asked):
            raise InputRefused(f"No DICOM SEG and SR: {why}: {remedy}leave out seg and sr.")
        wanted = [name for name in wanted if not FORMATS[name].dicom]
        if not asked:
            notes.append(f"No DICOM SEG and SR: {why}.")
    if why := lacking_for_report(findings):
        if any(FORMATS[name].report for name in asked):
            raise InputRefused(f"The report is of tumours on CT, and {why}: leave out html and pdf.")
        wanted = [name for name in wanted if not FORMATS[name].report]
        if not asked:
            notes.append(f"No report: {why}.")
    if not findings.lesions and any(not FORMATS[name].empty for name in wanted):
        wanted = [name for name in wanted if FORMATS[name].empty]
        notes.append("No DICOM SEG and SR: there is no lesion, and they cannot be empty.")
    return wanted, notes


def lacking_for_dicom(findings: Findings) -> tuple[str, str] | None:
    """Why these findings cannot be a SEG and SR, and what helps; None where they can."""
    if not findings.of_tumours:
        return not_tumours(findings.classes), ""
    if findings.ct.series is None:
        return "the CT was not read from DICOM", "give the DICOM folder with --ct, or "
    if findings.other_series:
        return "the CT is another series than the one that was segmented", "give that one with --ct and --series, or "
    if len(findings.ct.series.files) != len(findings.labels):
        return "the CT was interpolated, or is one file with many slices", ""
    return None


def lacking_for_report(findings: Findings) -> str | None:
    """Why there can be no report of these findings; None where there can."""
    if findings.flat:
        return "this is a flat picture"
    if not findings.in_hu:
        return "this image is no CT"
    return None if findings.of_tumours else not_tumours(findings.classes)
