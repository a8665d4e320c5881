"""What is read is what was stored: values, places, types, and the right series."""

import numpy as np
import pytest
import SimpleITK as sitk
from small_scans import image_of, write_series

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.checking import check_ct, check_mask_against
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.orientation import canonical
from LungTumorSegLib.volume.reading import read_ct, read_mask


def test_a_dicom_series_gives_the_voxels_and_places_that_were_written(tmp_path, chest):
    write_series(tmp_path, chest)
    ct = read_ct(tmp_path)
    np.testing.assert_array_equal(ct.voxels, chest)
    assert ct.voxels.dtype == np.int16
    assert ct.geometry == Geometry(chest.shape, (0.75, 0.75, 2.5), (-10, -20, 30))
    assert ct.source == "DICOM series 2 (Thorax), 24 slices"


@pytest.mark.parametrize("series", ["7", "1.2.826.0.1.3680043.8.498.7"])
def test_a_series_is_chosen_by_number_or_uid(tmp_path, chest, series):
    write_series(tmp_path / "a", chest)
    write_series(tmp_path / "b", chest[:9], SeriesNumber=7, SeriesInstanceUID="1.2.826.0.1.3680043.8.498.7")
    ct = read_ct(tmp_path, series)
    np.testing.assert_array_equal(ct.voxels, chest[:9])
    assert ct.warnings == ()


def test_ct_is_preferred_to_a_longer_series_of_another_modality(tmp_path, chest):
    write_series(tmp_path / "a", chest, Modality="PT")
    write_series(tmp_path / "b", chest[:9])
    assert read_ct(tmp_path).geometry.shape == (9, 28, 32)


def test_a_file_stands_for_its_own_series(tmp_path, chest):
    write_series(tmp_path, chest, prefix="long")
    short = write_series(tmp_path, chest[:9], prefix="short", SeriesNumber=7)
    np.testing.assert_array_equal(read_ct(short[3]).voxels, chest[:9])


def test_slices_read_from_feet_to_head_lie_where_they_were_taken(tmp_path, chest):
    write_series(tmp_path, chest[::-1], [(-10, -20, 30 + 2.5 * k) for k in range(24)][::-1])
    np.testing.assert_array_equal(read_ct(tmp_path).voxels, chest)


def test_missing_slices_are_interpolated_on_demand(tmp_path):
    ramp = np.broadcast_to(np.arange(10, dtype=np.int16)[:, None, None] * 100 - 500, (10, 8, 8))
    write_series(tmp_path, ramp)[6].unlink()
    ct = read_ct(tmp_path, resample=True)
    np.testing.assert_array_equal(ct.voxels, ramp)
    assert ct.geometry.spacing == pytest.approx((0.75, 0.75, 2.5))


def test_a_dicom_scan_equals_the_same_scan_as_nifti(shared_data):
    dicom = read_ct(shared_data / "dicom" / "radphantom-pat2")
    nifti = read_ct(shared_data / "scans" / "radphantom-pat2" / "image.nii.gz")
    np.testing.assert_array_equal(dicom.voxels, nifti.voxels)
    assert dicom.geometry.same_grid(nifti.geometry)
    assert dicom.warnings == nifti.warnings == ()


@pytest.mark.parametrize("scan", ["LIDC-IDRI-0001", "LIDC-IDRI-0003", "LUNG1-001", "radphantom-pat2"])
def test_real_scans_and_their_tumour_masks_are_accepted(shared_data, scan):
    ct = read_ct(shared_data / "scans" / scan / "image.nii.gz")
    mask = read_mask(shared_data / "scans" / scan / "mask.nii.gz", ct)
    assert ct.voxels.dtype == np.int16
    assert ct.voxels.min() >= -1024
    assert all("padding" in line for line in ct.warnings)
    assert mask.warnings == ()
    assert mask.voxels.any()


def test_a_big_endian_nifti_is_read(tmp_path, chest):
    nibabel = pytest.importorskip("nibabel")
    header = nibabel.Nifti1Header(endianness=">")
    nibabel.save(nibabel.Nifti1Image(chest.T, np.diag([-0.75, -0.75, 2.5, 1.0]), header), tmp_path / "ct.nii.gz")
    ct = read_ct(tmp_path / "ct.nii.gz")
    np.testing.assert_array_equal(ct.voxels, chest)
    assert ct.geometry.spacing == (0.75, 0.75, 2.5)


@pytest.mark.parametrize(("add", "kind"), [(0, np.int16), (0.5, np.float32), (40000, np.float32)])
def test_hounsfield_units_are_int16_where_whole_and_small_enough(chest, add, kind):
    values = chest.astype(np.float64)
    values[12, 12, 12] += add
    ct = check_ct(values, Geometry(chest.shape, (1, 1, 1)))
    assert ct.voxels.dtype == kind
    np.testing.assert_array_equal(ct.voxels, values)


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_the_callers_array_is_left_alone_unless_given_away(chest, kind):
    values = chest.astype(kind)
    values[0] = -3000
    before = values.copy()
    ct = check_ct(values, Geometry(chest.shape, (1, 1, 1)))
    assert ct.voxels.min() == -1024
    np.testing.assert_array_equal(values, before)


def test_a_clean_scan_is_not_copied(chest):
    assert check_ct(chest, Geometry(chest.shape, (1, 1, 1))).voxels is chest


def test_voxels_outlive_the_file_and_can_be_written_to(tmp_path, chest):
    sitk.WriteImage(image_of(chest), str(tmp_path / "ct.nrrd"))
    voxels = read_ct(tmp_path / "ct.nrrd").voxels
    (tmp_path / "ct.nrrd").unlink()
    for _ in range(20):  # would reuse freed memory
        image_of(np.full_like(chest, 7))
    np.testing.assert_array_equal(voxels, chest)
    voxels[0, 0, 0] = 5


def test_the_same_pixels_have_the_same_hash_and_others_another(tmp_path, chest):
    for name in ("a.nrrd", "b.mha"):
        sitk.WriteImage(image_of(chest), str(tmp_path / name))
    a, b = (read_ct(tmp_path / name) for name in ("a.nrrd", "b.mha"))
    assert a.content_hash == b.content_hash
    b.voxels[3, 4, 5] += 1
    assert Volume(b.voxels, b.geometry).content_hash != a.content_hash


def test_a_mask_of_a_lung_is_accepted_when_asked_for(tumour):
    lung = Volume(np.ones_like(tumour), Geometry(tumour.shape, (1, 1, 1)))
    with pytest.raises(InputRefused, match="marks 100"):
        check_mask_against(lung.geometry, lung)
    check_mask_against(lung.geometry, lung, most_foreground=None)


def test_a_mask_is_compared_with_the_voxels_even_if_it_looks_like_labels(chest):
    ct = Volume(chest, Geometry(chest.shape, (1, 1, 1)))
    with pytest.raises(InputRefused, match="copy of the image"):
        check_mask_against(ct, Volume((chest.astype(int) + 1024).astype(np.uint16), ct.geometry))


@pytest.mark.filterwarnings("ignore:The string")
def test_one_dicom_file_with_all_slices_lies_where_its_single_slices_lay(tmp_path, chest):
    highdicom, pydicom = pytest.importorskip("highdicom"), pytest.importorskip("pydicom")
    files = write_series(tmp_path / "single", chest)
    together = highdicom.legacy.LegacyConvertedEnhancedCTImage(
        [pydicom.dcmread(file) for file in files],
        series_instance_uid=pydicom.uid.generate_uid(),
        series_number=5,
        sop_instance_uid=pydicom.uid.generate_uid(),
        instance_number=1,
    )
    together.save_as(tmp_path / "together.dcm")
    ct = read_ct(tmp_path / "together.dcm")
    seen = canonical(ct.geometry)
    np.testing.assert_array_equal(seen.apply(ct.voxels), chest)
    assert seen.geometry(ct.geometry).same_grid(Geometry(chest.shape, (0.75, 0.75, 2.5), (-10, -20, 30)))
    assert ct.warnings == ()
