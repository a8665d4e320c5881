"""Scans added to the user's own dataset, and whose they are."""

import os

import made_datasets as made
import numpy as np
import pytest
from small_scans import write_series

from LungTumorSegLib.cases.adding import add_case, next_name, patient_key
from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.cases.local import list_cases, remove_case
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.reading import read_ct


@pytest.fixture
def add(tmp_path):
    """Adds the same scan, whose files name its patient or not; the case's patient as training sees it."""
    write_series(tmp_path / "dicom", made.chest())
    named = read_ct(tmp_path / "dicom")
    nameless = Volume(named.voxels, named.geometry)

    def run(patient: str | None, dicom: bool = False, mask: np.ndarray | None = None) -> str:
        ct = named if dicom else nameless
        added = add_case(tmp_path / "cases", ct, made.tumour() if mask is None else mask, patient, replacing=True)
        (case,) = read_dataset(tmp_path / "cases").cases
        assert case.patient == added.patient
        return case.patient

    return run


def test_a_scan_whose_mask_is_replaced_stays_whose_it_was(add, tmp_path):
    first = add("P1")
    smaller = made.tumour()
    smaller[4] = 0
    assert add(None, mask=smaller) == first
    assert add("  ") == first
    assert add(None, dicom=True) == first, "what was said by hand counts more than the header"
    assert len(list_cases(tmp_path / "cases")) == 1


def test_who_it_is_can_be_said_later(add):
    assert add(None) == "case-001"
    by_header = add(None, dicom=True)
    assert by_header.startswith("patient-")
    assert add(None) == by_header
    assert add("P1") not in (by_header, "case-001")


@pytest.fixture
def dataset(tmp_path):
    """Two cases, with the table as somebody mended it: another patient, a column and a scan of their own."""
    for n in (1, 2):
        add_case(tmp_path / "cases", chest(n), made.tumour(), f"P{n}")
    (tmp_path / "cases" / "patients.csv").write_text(MENDED)
    return tmp_path / "cases"


MENDED = 'case,patient,note\ncase-001,X,"ask\nAnna"\nold-scan,Y,\ncase-002,X,the same\n'


def chest(n: int) -> Volume:
    return Volume(made.chest(n), Geometry(made.SHAPE, (0.75, 0.75, 2.5)))


def table_of(dataset) -> str:
    return (dataset / "patients.csv").read_text()


def test_a_mended_table_of_patients_stays_but_for_the_row_concerned(dataset):
    add_case(dataset, chest(3), made.tumour())
    assert table_of(dataset) == MENDED + "case-003,case-003,\n"
    remove_case(dataset, "case-003")
    assert table_of(dataset) == MENDED
    assert [case.patient for case in list_cases(dataset)] == ["X", "X"]


def test_a_replaced_mask_leaves_the_patient_whom_somebody_wrote_and_one_named_now_takes_its_row_alone(dataset):
    assert add_case(dataset, chest(1), made.tumour(), replacing=True).patient == "X"
    assert table_of(dataset) == MENDED
    named = add_case(dataset, chest(1), made.tumour(), "P9", replacing=True).patient
    assert table_of(dataset) == MENDED.replace("case-001,X", f"case-001,{named}")


def test_a_table_that_excel_wrote_keeps_its_semicolons_and_its_mark(dataset):
    (dataset / "patients.csv").write_text("case;patient\ncase-001;X\ncase-002;X\n", encoding="utf-8-sig")
    remove_case(dataset, "case-001")
    assert (dataset / "patients.csv").read_bytes() == b"\xef\xbb\xbfcase;patient\ncase-002;X\n"


def test_a_lost_table_is_made_anew_of_all_cases(dataset):
    (dataset / "patients.csv").unlink()
    add_case(dataset, chest(3), made.tumour())
    assert [line.split(",")[0] for line in table_of(dataset).splitlines()] == [
        "case",
        "case-001",
        "case-002",
        "case-003",
    ]


@pytest.mark.parametrize(
    "damaged", ["name\nA\n", "case,patient\ncase-001,\n", "case,patient\ncase-001,A\ncase-001,B\n"]
)
def test_beside_a_damaged_table_nothing_is_added_or_removed(damaged, dataset):
    (dataset / "patients.csv").write_text(damaged)
    with pytest.raises(InputRefused, match=r"patients\.csv"):
        add_case(dataset, chest(3), made.tumour())
    with pytest.raises(InputRefused, match=r"patients\.csv"):
        remove_case(dataset, "case-001")
    assert table_of(dataset) == damaged
    assert sorted(each.name for each in dataset.iterdir()) == ["case-001", "case-002", "patients.csv"]


def test_a_folder_that_only_looks_numbered_does_not_count(tmp_path):
    for name in ("case-002", "case-²", "case-old"):
        (tmp_path / name).mkdir()
    assert next_name(tmp_path) == "case-003"


def test_a_patient_s_name_may_be_in_any_encoding():
    assert patient_key(os.fsdecode(b"M\xfcller")) != patient_key("Müller")
