"""What a CT remembers of the DICOM series it was read from."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from small_scans import image_of, write_series

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.reading import read_ct


def test_a_ct_from_dicom_knows_its_series_and_a_file_a_slice(tmp_path, chest):
    files = write_series(tmp_path, chest, StudyDate="20240229")
    ct = read_ct(tmp_path)
    first = pydicom.dcmread(files[0])
    assert ct.series.uid == first.SeriesInstanceUID
    assert ct.series.frame_of_reference == first.FrameOfReferenceUID
    assert ct.series.study_date == "2024-02-29"
    for k, file in enumerate(ct.series.files):
        assert np.array_equal(pydicom.dcmread(file).pixel_array.astype(int) - 1024, ct.voxels[k])


def test_a_series_without_a_date_has_none(tmp_path, chest):
    write_series(tmp_path, chest, StudyDate="")
    assert read_ct(tmp_path).series.study_date is None


def test_interpolated_slices_belong_to_no_file(tmp_path, chest):
    positions = [(-10.0, -20.0, 2.5 * k + (1.0 if k > 9 else 0.0)) for k in range(len(chest))]
    write_series(tmp_path, chest, positions)
    assert read_ct(tmp_path, resample=True).series.files == ()


def test_a_ct_from_nifti_has_no_series(tmp_path, chest):
    sitk.WriteImage(image_of(chest), str(tmp_path / "ct.nii.gz"))
    assert read_ct(tmp_path / "ct.nii.gz").series is None


@pytest.mark.parametrize("spacing", [None, [0, 0], [0.75, -0.75]], ids=["none", "zero", "negative"])
def test_pixels_without_a_stated_distance_are_refused(tmp_path, chest, spacing):
    """The distance at the detector, which some scanners state as well, is not that in the patient."""
    write_series(tmp_path, chest, PixelSpacing=spacing, ImagerPixelSpacing=[0.7, 0.7])
    with pytest.raises(InputRefused, match="do not state how far apart their pixels lie"):
        read_ct(tmp_path)


def test_the_distances_of_rows_and_of_columns_are_not_mixed_up(tmp_path, chest):
    write_series(tmp_path, chest, PixelSpacing=[0.75, 0.9])
    assert read_ct(tmp_path).geometry.spacing == (0.9, 0.75, 2.5)


def test_slices_that_share_an_instance_uid_are_several_slices(tmp_path, chest):
    """As some anonymisers leave them."""
    write_series(tmp_path, chest, SOPInstanceUID="1.2.3")
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.voxels, chest)
    assert ct.warnings == ()


def test_slices_whose_rounded_cosines_scatter_are_one_series(tmp_path, chest):
    for k, file in enumerate(write_series(tmp_path, chest)):
        d = pydicom.dcmread(file)
        turn = 0.00049 if k % 2 else 0.00051
        d.ImageOrientationPatient = [1, turn, 0, -turn, 1, 0]
        d.save_as(file)
    ct = read_ct(tmp_path)
    assert np.array_equal(ct.voxels, chest)
    assert ct.warnings == ()


def rewrite(file, stored: np.ndarray | None = None, **changes) -> None:
    d = pydicom.dcmread(file)
    if stored is not None:
        d.PixelData = stored.tobytes()
    for name, value in changes.items():
        if value is None:
            delattr(d, name)
        else:
            setattr(d, name, value)
    d.save_as(file)


@pytest.mark.parametrize("which", [0, 7, -1])
def test_a_slice_that_does_not_state_its_rescale_among_others_that_do_is_refused(tmp_path, chest, which):
    rewrite(write_series(tmp_path, chest)[which], RescaleIntercept=None, RescaleSlope=None)
    with pytest.raises(InputRefused, match="Some slices state how their values become HU"):
        read_ct(tmp_path, hu_offset=0)


def test_a_first_slice_without_negative_values_does_not_wrap_those_of_others(tmp_path, chest):
    bright = np.maximum(chest, 0)
    voxels = np.concatenate([bright[:1], chest[1:]])
    rewrite(write_series(tmp_path, voxels)[0], bright[0].astype(np.uint16), RescaleIntercept=0)
    ct = read_ct(tmp_path)
    assert ct.voxels.dtype == np.int16
    assert np.array_equal(ct.voxels, voxels)


def test_slices_with_fractions_of_hu_among_whole_ones_keep_them(tmp_path, chest):
    rewrite(write_series(tmp_path, chest)[5], RescaleSlope=0.5)
    np.testing.assert_array_equal(read_ct(tmp_path).voxels[5], (chest[5] + 1024) * 0.5 - 1024)


def test_more_hu_than_a_ct_can_have_are_refused(tmp_path, chest):
    write_series(tmp_path, chest, PhotometricInterpretation="MONOCHROME1")
    with pytest.raises(InputRefused, match="HU, which no CT does"):
        read_ct(tmp_path, hu_offset=0)


def test_one_value_that_no_ct_has_is_padding(tmp_path, chest):
    files = write_series(tmp_path, chest)
    for k, file in enumerate(files):
        stored = (chest[k] + 1024).astype(np.uint16)
        stored[:5, :5] = 63536  # -2000 as a signed number, but the file says that it is none
        rewrite(file, stored)
    ct = read_ct(tmp_path)
    assert [w for w in ct.warnings if "padding: set to -1024 HU" in w]
    assert (ct.voxels[:, :5, :5] == -1024).all()
    assert np.array_equal(ct.voxels[:, 5:], chest[:, 5:])
    assert ct.voxels.dtype == np.int16
