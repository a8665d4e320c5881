"""Whose the scans of a dataset are by its optional table `patients.csv`, where their names do not say it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from LungTumorSegLib.cases.case import Dataset
from LungTumorSegLib.cases.naming import IMAGE_WORD, MASK_WORD, stem
from LungTumorSegLib.cases.patient_table import TABLE, read_patients
from LungTumorSegLib.cases.problem import WARNING, Problem
from LungTumorSegLib.errors import InputRefused


def with_patients(dataset: Dataset, folder: Path) -> Dataset:
    """The dataset with the patients of its table, where it has one; a case that it lacks keeps its own, with a warning.

    `InputRefused` for a row that names no case: its patient's scans, parted by their names, would teach and validate.
    A case without a row is no such mistake: names may well say whose those are that nobody listed.
    """
    if not (folder / TABLE).is_file():
        return dataset
    patients = read_patients(folder / TABLE)
    names = sorted(case.name for case in dataset.cases)
    known = {*names, *(problem.case for problem in dataset.problems)}  # what is wrong with those is said there
    if strange := [name for name in patients if name not in known]:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        raise InputRefused(f"{TABLE} names {strange[0]}{more}, which the dataset lacks: {advice(strange[0], names)}.")
    problems = [
        Problem(name, WARNING, "patient", f"Not in {TABLE}: its own name or DICOM says whose it is", "add its row")
        for name in names
        if name not in patients
    ]
    cases = tuple(replace(case, patient=patients.get(case.name, case.patient)) for case in dataset.cases)
    return replace(dataset, cases=cases, problems=(*dataset.problems, *problems))


def advice(row: str, names: list[str]) -> str:
    """What to write instead of a row's name that is no case's."""
    meant = next((name for name in plainer(stem(Path(row))) if name in names), None)
    if meant:
        return f"write {meant}"
    return f"write the case's name, such as {names[0]}, or take the row out" if names else "take the row out"


def plainer(name: str) -> tuple[str, ...]:
    """A file's name, and without the words for an image or a mask at its end."""
    return name, IMAGE_WORD.sub("", name), MASK_WORD.sub("", name)
