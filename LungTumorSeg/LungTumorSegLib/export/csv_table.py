"""The lesions as a table for a spreadsheet: one line a lesion, full precision, units in the headings."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from LungTumorSegLib.export.findings import Findings
from LungTumorSegLib.measurement.measure import CONVENTION, Lesion
from LungTumorSegLib.measurement.wording import DISCLAIMER


def pair(values: tuple | None) -> tuple:
    return (None, None) if values is None else tuple(values)


# Heading -> value. LPS: x to the patient's left, y to the back, z to the head.
BY_SIZE = "measurable (RECIST 1.1)"
COLUMNS: dict[str, Callable[[Lesion], object]] = {
    "lesion": lambda lesion: lesion.id,
    "long axis (mm)": lambda lesion: lesion.long_axis_mm,
    "long axis, low (mm)": lambda lesion: pair(lesion.long_axis_interval_mm)[0],
    "long axis, high (mm)": lambda lesion: pair(lesion.long_axis_interval_mm)[1],
    "short axis (mm)": lambda lesion: lesion.short_axis_mm,
    "short axis, low (mm)": lambda lesion: pair(lesion.short_axis_interval_mm)[0],
    "short axis, high (mm)": lambda lesion: pair(lesion.short_axis_interval_mm)[1],
    "WHO product (mm2)": lambda lesion: lesion.who_product_mm2,
    "largest 3D diameter (mm)": lambda lesion: lesion.max_3d_diameter_mm,
    "volume (mL)": lambda lesion: lesion.volume_ml,
    "mean (HU)": lambda lesion: lesion.mean_hu,
    "solid share (0-1)": lambda lesion: lesion.solid_share,
    "mean probability (0-1)": lambda lesion: lesion.mean_probability,
    BY_SIZE: lambda lesion: yes_no(lesion.measurable),
    "node": lambda lesion: yes_no(lesion.node),
    "edited": lambda lesion: yes_no(lesion.edited),
    "side": lambda lesion: lesion.side,
    "distance to pleura (mm)": lambda lesion: lesion.pleura_mm,
    "slice (from 0)": lambda lesion: lesion.slice,
    "centre x (LPS mm)": lambda lesion: lesion.centre_lps[0],
    "centre y (LPS mm)": lambda lesion: lesion.centre_lps[1],
    "centre z (LPS mm)": lambda lesion: lesion.centre_lps[2],
    "voxels": lambda lesion: lesion.voxel_count,
    "convention": lambda _: CONVENTION,
    "note": lambda _: DISCLAIMER,
}


def yes_no(value: bool) -> str:
    return "yes" if value else "no"


def write_csv(folder: Path, findings: Findings) -> None:
    """`lesions.csv`; the headings alone where no lesion was found. What was not measured is left empty, and of what is
    no tumour whether RECIST would measure it."""
    columns = COLUMNS if findings.of_tumours else COLUMNS | {BY_SIZE: lambda _: None}
    with (folder / "lesions.csv").open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(COLUMNS)
        lines.writerows([value(lesion) for value in columns.values()] for lesion in findings.lesions)
