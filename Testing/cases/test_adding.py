"""Scans added to the user's own dataset, and whose they are."""

import made_datasets as made
import numpy as np
import pytest
from small_scans import write_series

from LungTumorSegLib.cases.adding import add_case
from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.cases.local import list_cases
from LungTumorSegLib.volume.geometry import Volume
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
