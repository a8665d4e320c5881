"""A table of patients (columns case, patient), a dataset's own `patients.csv` or another: whose each scan is."""

from __future__ import annotations

import csv
from pathlib import Path

from LungTumorSegLib.cases.table import UTF_8, delimiter_of, read_filled, write_rows
from LungTumorSegLib.cases.words import counted
from LungTumorSegLib.errors import InputRefused

TABLE = "patients.csv"
COLUMNS = ("case", "patient")
BYTE_ORDER_MARK = "\ufeff"  # by which Excel knows UTF-8: it stays where it is


def read_patients(file: Path) -> dict[str, str]:
    """Case -> patient."""
    patients: dict[str, str] = {}
    for row in read_filled(file, *COLUMNS):
        case, patient = (row[column] for column in COLUMNS)
        if patients.setdefault(case, patient) != patient:
            raise InputRefused(f"{file.name} names two patients of {case}: leave one.")
    return patients


def patients_of(file: Path, cases: list[str]) -> list[str]:
    """The patient of each of these cases; `InputRefused` where the table lacks one."""
    patients = read_patients(file)
    without = [case for case in cases if case not in patients]
    if without:
        lacking = f"{len(without)} of {counted(len(cases), 'case')}"
        raise InputRefused(f"{file.name} lacks {lacking}, the first is {without[0]}: add them.")
    return [patients[case] for case in cases]


def write_patient(file: Path, case: str, patient: str | None) -> None:
    """The row of one case: whose it is now, or None to take it out. All other rows and columns stay as they are: a
    person may have mended them. InputRefused for a table that cannot be read."""
    if read_patients(file).get(case) == patient:
        return
    with file.open(newline="", encoding="utf-8") as lines:
        first, *rest = lines
    mark = first.startswith(BYTE_ORDER_MARK)
    delimiter = delimiter_of(first)
    heading, *rows = csv.reader([first.removeprefix(BYTE_ORDER_MARK), *rest], delimiter=delimiter)
    at, of = (heading.index(column) for column in COLUMNS)
    own = [row for row in rows if len(row) > at and row[at].strip() == case]
    if patient is None:
        rows = [row for row in rows if row not in own]
    elif own:
        for row in own:
            row[of] = patient
    else:
        rows.append([{"case": case, "patient": patient}.get(column, "") for column in heading])
    write_rows(file, [heading, *rows], delimiter, UTF_8 if mark else "utf-8")
