"""A result's folder read back: with which scan, and what is said where it is another one."""

import shutil

import pydicom
import pytest
from made_result import write_result
from made_series import MadeSeries, lesion_voxels
from pydicom.uid import generate_uid

from LungTumorSegLib.command.case import add
from LungTumorSegLib.command.unpack import unpack
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.export.formats import choose
from LungTumorSegLib.export.result import read_mask_findings, read_result
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.reading import read_ct, read_image
from LungTumorSegLib.volume.writing import write_volume

OTHER = "2.25.77"  # after the made series' UID: of two series as large the reader takes this one


@pytest.fixture
def scan(tmp_path):
    return MadeSeries().write(tmp_path / "ct")


@pytest.fixture
def result(tmp_path, scan):
    return write_result(tmp_path / "result", read_ct(scan), scan)


def add_series(folder, scan, brighter: int):
    """Another series on the same grid, as of another kernel; with the same voxels, as of a copy that lost its names."""
    folder.mkdir(exist_ok=True)
    for file in scan.iterdir():
        slice_ = pydicom.dcmread(file)
        slice_.SeriesInstanceUID, slice_.SOPInstanceUID = OTHER, generate_uid()
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID
        slice_.PixelData = (slice_.pixel_array + brighter).astype("uint16").tobytes()
        slice_.save_as(folder / f"other-{file.name}")
    return folder


def test_of_a_folder_named_anew_the_series_that_was_segmented_is_read(tmp_path, scan, result):
    uid = read_ct(scan).series.uid
    moved = add_series(shutil.copytree(scan, tmp_path / "moved"), scan, brighter=10)
    assert read_ct(moved).series.uid == OTHER
    findings = read_result(result, moved)
    assert findings.ct.series.uid == uid
    assert findings.ct.warnings == read_ct(scan).warnings
    assert choose(["seg", "sr"], findings) == (["seg", "sr"], [])


def test_another_series_is_warned_of_and_seg_and_sr_would_refer_to_slices_that_nobody_segmented(tmp_path, scan, result):
    findings = read_result(result, add_series(tmp_path / "other", scan, brighter=10))
    assert any("not the very one that was segmented" in warning for warning in findings.ct.warnings)
    with pytest.raises(InputRefused, match="another series than the one that was segmented: give that one"):
        choose(["seg"], findings)
    wanted, notes = choose([], findings)
    assert {"seg", "sr"}.isdisjoint(wanted)
    assert notes == ["No DICOM SEG and SR: the CT is another series than the one that was segmented."]


def test_a_copy_of_the_series_by_other_uids_is_the_same_scan(tmp_path, scan, result):
    findings = read_result(result, add_series(tmp_path / "copy", scan, brighter=0))
    assert findings.ct.warnings == read_ct(scan).warnings
    assert choose(["sr"], findings) == (["seg", "sr"], [])


def test_who_teaches_or_follows_another_scan_is_told_so_too(tmp_path, scan, result, capsys):
    other = add_series(tmp_path / "other", scan, brighter=10)
    add(result, to=tmp_path / "dataset", ct=other)
    assert capsys.readouterr().err.count("note: This CT is not the very one that was segmented") == 1
    unpack(result, tmp_path / "raw", ct=other)
    assert capsys.readouterr().err.count("note: This CT is not the very one that was segmented") == 1


def test_the_identity_that_a_result_was_given_comes_with_it_and_older_results_have_none(tmp_path, scan, result):
    assert read_result(result).identity is None
    assert read_result(write_result(tmp_path / "new", read_ct(scan), scan, identity="ab12")).identity == "ab12"


def test_a_mask_is_the_same_however_it_is_stored_and_another_one_has_other_lesions(tmp_path, scan):
    ct, labels = read_ct(scan), lesion_voxels()
    found = []
    for name, mask in (("one", labels), ("two", labels.astype("uint8")), ("three", labels * (labels < 4))):
        write_volume(tmp_path / f"{name}.nii.gz", Volume(mask, ct.geometry))
        found.append(read_mask_findings(tmp_path / f"{name}.nii.gz", ct, "0.2.0").identity)
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("facts", [{"in_hu": False}, {"channels": ["t1", "flair"]}])
def test_a_result_of_mr_is_read_as_it_was_segmented_and_refused_where_a_ct_is_needed(tmp_path, scan, facts):
    """Without a value below 0 the reader of CTs would ask what to add; results from before say their channels alone."""
    ct, place = read_ct(scan), tmp_path / "t1.nii.gz"
    write_volume(place, Volume((ct.voxels - ct.voxels.min()).astype("int16"), ct.geometry))
    image = read_image(place)
    folder = write_result(tmp_path / "result", image, place, density=False, **facts)
    findings = read_result(folder, any_image=True)
    assert findings.ct.content_hash == image.content_hash
    assert choose([], findings)[0] == ["nifti", "nrrd", "rle", "csv", "json"]
    with pytest.raises(InputRefused, match="this image is no CT"):
        choose(["pdf"], findings)
    with pytest.raises(InputRefused, match="no CT: choose the result of a CT"):
        read_result(folder)
