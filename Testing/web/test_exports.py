"""Every download of the Export tab, of a CT that came as DICOM, read back by others than who wrote it."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from browsing import downloaded, hush, open_ct, refusal, segment
from downloads import laid_on, lies_on, on_grid, seg_voxels, table, unpacked

sys.path.append(str(Path(__file__).resolve().parents[1] / "export"))
from made_series import MadeSeries

from LungTumorSegLib.volume.reading import read_ct

SERIES = MadeSeries(plane="oblique", shape=(24, 56, 60))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return SERIES.write(tmp_path_factory.mktemp("dicom") / "series")


@pytest.fixture(scope="module")
def ct(folder):
    return read_ct(folder)


@pytest.fixture(scope="module")
def work(long_page, folder):
    """A DICOM folder opened and segmented, at the Export tab."""
    open_ct(long_page, folder)
    segment(long_page)
    long_page.click(".v-tab:has-text('Export')")
    return long_page


@pytest.fixture
def labels(work, served, tmp_path):
    """The lesions' numbers in the scene, on the CT's grid."""
    served.ask("save", str(tmp_path / "scene.npz"))
    with np.load(tmp_path / "scene.npz") as held:
        assert (held["labels"] > 0).any()
        return held["labels"]


def test_the_mask_lies_on_the_cts_own_grid(work, ct, labels, tmp_path):
    mask = on_grid(sitk.ReadImage(str(downloaded(work, "#export-nifti", tmp_path))), ct)
    assert np.array_equal(mask, labels > 0)


def test_seg_and_sr_are_of_the_ct_and_hold_the_scenes_voxels(work, ct, labels, tmp_path):
    made = unpacked(downloaded(work, "#export-dicom", tmp_path))
    assert sorted(path.name for path in made.iterdir()) == ["measurements.dcm", "segmentation.dcm"]
    segmentation, report = (pydicom.dcmread(made / f"{name}.dcm") for name in ("segmentation", "measurements"))
    assert segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID == SERIES.uid("series")
    assert (segmentation.Modality, report.Modality) == ("SEG", "SR")
    assert segmentation.StudyInstanceUID == report.StudyInstanceUID == SERIES.uid("study")
    assert np.array_equal(seg_voxels(made / "segmentation.dcm", ct), labels > 0)


def test_the_table_has_a_row_a_lesion(work, served, tmp_path):
    rows = table(downloaded(work, "#export-csv", tmp_path))
    counts = {number: lesion["count"] for number, lesion in served.ask("voxels").items()}
    assert {row["lesion"]: int(row["voxels"]) for row in rows} == counts


def test_the_report_is_a_pdf_that_says_what_it_may_be_used_for(work, tmp_path):
    file = downloaded(work, "#export-report", tmp_path)
    assert file.name.endswith("-tumours.pdf")
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext on this machine (Debian: apt-get install poppler-utils)")
    text = subprocess.run(["pdftotext", file, "-"], capture_output=True, text=True, check=True).stdout
    assert "not a medical device" in text
    assert "Müller" not in text


def test_the_scene_for_slicer_holds_ct_mask_and_lines_at_their_places(work, ct, labels, tmp_path):
    scene = unpacked(downloaded(work, "#export-scene", tmp_path))
    assert list(scene.rglob("*.mrml"))
    assert list(scene.rglob("*.mrk.json"))
    images = [sitk.ReadImage(str(path)) for path in scene.rglob("*.nrrd")]  # other tests' CTs among them
    assert any(lies_on(image, ct) and np.array_equal(laid_on(image, ct), labels) for image in images)
    assert any(lies_on(image, ct) and np.array_equal(laid_on(image, ct), ct.voxels) for image in images)


def test_seg_and_sr_of_files_that_are_gone_are_refused_in_one_line(work, served):
    for drop in Path(served.ask("received")).glob("drop-*"):
        shutil.rmtree(drop)
    hush(work, served)
    work.click("#export-dicom")
    line = refusal(work)
    assert "DICOM" in line
    assert "\n" not in line
