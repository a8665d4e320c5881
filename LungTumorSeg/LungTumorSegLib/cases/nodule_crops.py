"""Nodules cut out of their scans: nodules.csv (id, patient, readers, ...), images, masks and reader_votes by id."""

from __future__ import annotations

from pathlib import Path

from LungTumorSegLib.cases.case import Case, Dataset
from LungTumorSegLib.cases.naming import volumes
from LungTumorSegLib.cases.pairing import by_stem, missing_image, missing_mask
from LungTumorSegLib.cases.patient_table import TABLE as PATIENTS
from LungTumorSegLib.cases.problem import WARNING, Problem
from LungTumorSegLib.cases.table import read_filled
from LungTumorSegLib.errors import InputRefused

LAYOUT = "nodule crops"
LOOKS = "nodules.csv, images, masks, reader_votes"
MOST_FOREGROUND = 0.95  # a nodule may fill its crop, but not to the corners


def fits(folder: Path) -> bool:
    return (folder / "nodules.csv").is_file()


def read(folder: Path) -> Dataset:
    rows = read_nodules(folder / "nodules.csv")
    if not rows:
        raise InputRefused("nodules.csv lists no nodule: add a line for each.")
    images, same_images = by_stem(volumes(folder / "images"), "images")
    masks, same_masks = by_stem(volumes(folder / "masks"), "masks")
    votes, same_votes = by_stem(volumes(folder / "reader_votes"), "votes")
    cases, problems = [], [*same_images, *same_masks, *same_votes]
    for row in rows:
        name = row["id"]
        if name not in images:
            problems.append(missing_image(name))
            continue
        if name not in masks:
            problems.append(missing_mask(name))
        readers = int(row.get("readers") or 0)
        known = votes.get(name) if readers else None
        cases.append(Case(name, row["patient"], (images[name],), masks.get(name), votes=known, readers=readers))
    if (folder / PATIENTS).is_file():
        problems.append(
            Problem(PATIENTS, WARNING, "note", "Not read: nodules.csv names the patients", "mend them there")
        )
    for name in sorted(images.keys() - {row["id"] for row in rows}):
        problems.append(Problem(name, WARNING, "note", "Not listed in nodules.csv: not used", "add its line"))
    return Dataset(LAYOUT, tuple(cases), {1: "nodule"}, problems=tuple(problems), most_foreground=MOST_FOREGROUND)


def read_nodules(table: Path, *columns: str) -> list[dict[str, str]]:
    """The rows of nodules.csv, with at least these columns beside id and patient. A nodule of nobody is refused: all of
    those would count as one patient's."""
    return read_filled(table, "id", "patient", *columns)
