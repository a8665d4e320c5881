"""Which scans `segment` sees in a folder."""

import sys
from pathlib import Path

import made_datasets as made
import numpy as np
import pytest
import SimpleITK as sitk

from LungTumorSegLib.cases.cohort import find_cohort
from LungTumorSegLib.errors import InputRefused

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "volume"))

from small_scans import write_series

VOXELS = np.arange(2 * 4 * 4, dtype=np.int16).reshape(2, 4, 4) - 500


def write_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS), str(path))


def seen(folder: Path, **options) -> dict[str, str]:
    return {scan.name: scan.path.relative_to(folder).as_posix() for scan in find_cohort(folder, **options).scans}


def test_image_files_are_a_scan_each_in_the_order_of_their_names(tmp_path):
    for name in ("b.nii.gz", "a.mha", "c.nrrd"):
        write_image(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not an image")
    assert list(seen(tmp_path).items()) == [("a", "a.mha"), ("b", "b.nii.gz"), ("c", "c.nrrd")]


def test_two_files_of_one_name_get_names_of_their_own(tmp_path):
    write_image(tmp_path / "a.mha")
    write_image(tmp_path / "a.nrrd")
    assert seen(tmp_path) == {"a": "a.mha", "a-2": "a.nrrd"}


def test_a_name_that_cannot_be_a_folder_everywhere_is_changed(tmp_path):
    write_image(tmp_path / "no: 1?.mha")
    assert seen(tmp_path) == {"no_1_": "no: 1?.mha"}


def test_slices_in_the_folder_itself_are_one_scan(tmp_path):
    write_series(tmp_path, VOXELS)
    assert seen(tmp_path) == {}
    assert find_cohort(tmp_path).looks == ""


def test_series_of_one_study_are_one_scan_and_it_is_said(tmp_path):
    write_series(tmp_path / "lung", VOXELS, StudyInstanceUID="1.2.3")
    write_series(tmp_path / "soft", VOXELS, StudyInstanceUID="1.2.3")
    assert seen(tmp_path) == {}
    assert "one study" in find_cohort(tmp_path).looks
    assert "2 folders" in find_cohort(tmp_path).looks


def test_folders_of_different_studies_are_a_scan_each(tmp_path):
    write_series(tmp_path / "first", VOXELS)
    write_series(tmp_path / "second" / "deep inside", VOXELS)
    assert seen(tmp_path) == {"first": "first", "second": "second"}


def test_a_patient_with_two_studies_counts_twice(tmp_path):
    write_series(tmp_path / "one" / "january", VOXELS)
    write_series(tmp_path / "one" / "june", VOXELS)
    write_series(tmp_path / "two" / "may", VOXELS)
    assert seen(tmp_path) == {"one_january": "one/january", "one_june": "one/june", "two": "two"}


def test_a_dicom_folder_beside_an_image_file_is_one_of_two_scans(tmp_path):
    write_series(tmp_path / "a", VOXELS)
    write_image(tmp_path / "b.nii.gz")
    assert seen(tmp_path) == {"a": "a", "b": "b.nii.gz"}


def test_a_folder_with_one_image_and_its_mask_is_that_image(tmp_path):
    write_image(tmp_path / "x" / "x_ct.nii.gz")
    write_image(tmp_path / "x" / "x_seg.nii.gz")
    write_image(tmp_path / "y" / "whatever.nii.gz")
    assert seen(tmp_path) == {"x": "x/x_ct.nii.gz", "y": "y/whatever.nii.gz"}


def test_masks_beside_image_files_are_left_aside_and_it_is_said(tmp_path):
    write_image(tmp_path / "image.nii.gz")
    write_image(tmp_path / "mask.nii.gz")
    assert seen(tmp_path) == {"image": "image.nii.gz"}
    assert "masks left aside" in find_cohort(tmp_path).looks


def test_one_study_beside_a_folder_with_an_image_is_one_of_two_scans(tmp_path):
    write_series(tmp_path / "a", VOXELS)
    write_image(tmp_path / "b" / "scan.nii.gz")
    assert seen(tmp_path) == {"a": "a", "b": "b/scan.nii.gz"}


def test_a_folder_with_several_images_is_a_scan_that_cannot_be_used(tmp_path):
    write_image(tmp_path / "x" / "first.nii.gz")
    write_image(tmp_path / "x" / "second.nii.gz")
    (scan,) = find_cohort(tmp_path).scans
    assert "2 images" in scan.problem


def test_the_folder_of_results_is_not_looked_into(tmp_path):
    write_image(tmp_path / "a.nii.gz")
    write_image(tmp_path / "results" / "probability.nii.gz")
    assert seen(tmp_path, leave_out=tmp_path / "results") == {"a": "a.nii.gz"}


@pytest.mark.parametrize("mask", [True, False])
def test_a_known_dataset_is_read_as_such_with_masks_or_without(tmp_path, mask):
    write_image(tmp_path / "one" / "image.nii.gz")
    write_image(tmp_path / "two" / "image.nii.gz")
    if mask:
        write_image(tmp_path / "two" / "mask.nii.gz")
    assert seen(tmp_path) == {"one": "one/image.nii.gz", "two": "two/image.nii.gz"}
    assert "dataset" in find_cohort(tmp_path).looks


def test_an_empty_folder_holds_no_scan(tmp_path):
    (tmp_path / "empty").mkdir()
    assert find_cohort(tmp_path).scans == ()


@pytest.mark.parametrize(
    ("make", "table", "text"),
    [
        (made.nnunet, "dataset.json", '{"channel_names": ["CT"]}'),
        (made.nodule_crops, "nodules.csv", "id,patient,readers\nLIDC-IDRI-0001_R_1,A,three\n"),
    ],
)
def test_a_dataset_s_damaged_table_is_refused_as_check_refuses_it(make, table, text, tmp_path):
    folder = make(tmp_path / "data")
    (folder / table).write_text(text)
    with pytest.raises(InputRefused, match="not of its layout's form"):
        find_cohort(folder)


def test_a_table_that_is_a_link_to_nowhere_is_no_table(tmp_path):
    write_image(tmp_path / "a.nii.gz")
    (tmp_path / "notes.csv").symlink_to(tmp_path / "gone")
    assert seen(tmp_path) == {"a": "a.nii.gz"}
