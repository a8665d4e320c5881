"""Every download of the Export tab, of a CT that came as DICOM, read back by others than who wrote it."""

import csv
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from browsing import downloaded, open_ct, segment

sys.path.append(str(Path(__file__).resolve().parents[1] / "export"))
from made_series import MadeSeries

SHAPE = 24, 56, 60


@pytest.fixture(scope="module")
def work(long_page, tmp_path_factory):
    """A DICOM folder opened and segmented, at the Export tab."""
    open_ct(long_page, MadeSeries(shape=SHAPE).write(tmp_path_factory.mktemp("dicom") / "series"))
    segment(long_page)
    long_page.click(".v-tab:has-text('Export')")
    return long_page


def test_seg_and_sr_are_of_the_ct_and_hold_the_scenes_voxels(work, served, tmp_path):
    with zipfile.ZipFile(downloaded(work, "#export-dicom", tmp_path)) as packed:
        assert packed.namelist() == ["segmentation.dcm", "measurements.dcm"]
        packed.extractall(tmp_path)
    segmentation, report = (pydicom.dcmread(tmp_path / name) for name in packed.namelist())
    series = MadeSeries(shape=SHAPE).uid("series")
    assert segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID == series
    assert (segmentation.Modality, report.Modality) == ("SEG", "SR")
    assert segmentation.StudyInstanceUID == report.StudyInstanceUID == MadeSeries(shape=SHAPE).uid("study")
    assert np.count_nonzero(segmentation.pixel_array) == sum(x["count"] for x in served.ask("voxels").values())


def test_the_table_has_a_row_a_lesion(work, tmp_path):
    rows = list(csv.DictReader(downloaded(work, "#export-csv", tmp_path).open(encoding="utf-8-sig")))
    assert len(rows) == 2


def test_the_report_is_a_pdf_that_says_what_it_may_be_used_for(work, tmp_path):
    file = downloaded(work, "#export-report", tmp_path)
    assert file.name.endswith("-tumours.pdf")
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext on this machine (Debian: apt-get install poppler-utils)")
    text = subprocess.run(["pdftotext", file, "-"], capture_output=True, text=True, check=True).stdout
    assert "not a medical device" in text
    assert "Müller" not in text


def test_the_scene_for_slicer_holds_ct_mask_and_lines(work, tmp_path):
    with zipfile.ZipFile(downloaded(work, "#export-scene", tmp_path)) as packed:
        names = [Path(name).name for name in packed.namelist()]
    assert any(name.endswith(".mrml") for name in names)
    assert any(name.endswith(".seg.nrrd") for name in names)
    assert any(name.endswith(".mrk.json") for name in names)
