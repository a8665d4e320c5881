"""Scans whose axes are stated with few digits: every file that we write or read for them lies on one grid."""

import numpy as np
import pytest
import SimpleITK as sitk
from made_masks import FRAME, write_segments, write_structures
from scipy.spatial.transform import Rotation
from small_scans import image_of, write_series

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.probability_map import read_grid, read_probability
from LungTumorSegLib.volume.reading import read_ct, read_image, read_map, read_mask
from LungTumorSegLib.volume.writing import write_volume

TURNED = Rotation.from_euler("xyz", (17, 0, 11), degrees=True).as_matrix()  # double oblique
SPACING, ORIGIN = (0.75, 0.75, 2.5), np.array([-31.5, 12.25, -120.0])


def noise(shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(-1000, 60, shape).astype(np.int16)


def some_voxels(shape: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[1:4, 10:20, 5:25] = mask[4, -9:-2, -20:-2] = 1
    return mask


def stated(shape: tuple[int, int, int], digits: int) -> Geometry:
    """The grid that a series states whose cosines have so many digits, taken at its word."""
    row, column = np.round(TURNED[:, :2], digits).T
    normal = np.cross(row, column)
    return Geometry(shape, SPACING, tuple(ORIGIN), np.column_stack([row, column, normal / np.linalg.norm(normal)]))


def dicom(folder, digits: int, shape: tuple[int, int, int] = (6, 60, 64)):
    """A series whose positions are right and whose cosines are rounded."""
    cosines = [float(x) for x in np.round(TURNED[:, :2], digits).T.ravel()]
    positions = [ORIGIN + 2.5 * k * TURNED[:, 2] for k in range(shape[0])]
    changes = {"ImageOrientationPatient": cosines, "FrameOfReferenceUID": FRAME}
    write_series(folder, noise(shape), [np.round(p, 9) for p in positions], **changes)
    return folder


def nrrd(path, shear: float):
    """An NRRD whose second axis is off its right angle to the first by `shear`."""
    axes = TURNED.copy()
    axes[:, 1] += shear * axes[:, 0]
    axes[:, 1] /= np.linalg.norm(axes[:, 1])
    sitk.WriteImage(image_of(noise((6, 300, 300)), SPACING, tuple(ORIGIN), axes), str(path))
    return path


INPUTS = {
    "DICOM, 4 digits": lambda folder: dicom(folder / "ct", 4, (6, 512, 512)),
    "DICOM, 3 digits": lambda folder: dicom(folder / "ct", 3),
    "NRRD, shear": lambda folder: nrrd(folder / "ct.nrrd", 1e-4),
}


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("scan", INPUTS)
def test_what_is_written_for_a_scan_lies_on_its_grid(tmp_path, scan, ending):
    ct = read_ct(INPUTS[scan](tmp_path))
    mask = some_voxels(ct.geometry.shape)
    write_volume(tmp_path / f"mask{ending}", Volume(mask, ct.geometry))
    assert np.array_equal(read_mask(tmp_path / f"mask{ending}", ct).voxels, mask)


@pytest.mark.parametrize("scan", INPUTS)
def test_axes_that_were_straightened_are_the_nearest_ones_and_that_is_said(tmp_path, scan):
    ct = read_ct(INPUTS[scan](tmp_path))
    assert np.abs(ct.geometry.axes.T @ ct.geometry.axes - np.eye(3)).max() < 1e-14
    assert np.abs(ct.geometry.axes - TURNED).max() < 1e-3
    assert ct.geometry.origin == pytest.approx(tuple(ORIGIN), abs=1e-9)
    (said,) = ct.warnings
    assert "straightened, which moves voxels by up to 0.0" in said


@pytest.mark.parametrize("read", [read_mask, read_image, read_map, read_probability], ids=lambda read: read.__name__)
def test_every_file_that_states_the_same_crooked_axes_is_read_onto_the_scans_grid(tmp_path, read):
    ct = read_ct(nrrd(tmp_path / "ct.nrrd", 5e-4))
    other = sitk.GetImageFromArray(some_voxels(ct.geometry.shape))
    other.CopyInformation(sitk.ReadImage(str(tmp_path / "ct.nrrd")))
    sitk.WriteImage(other, str(tmp_path / "other.nrrd"))
    for geometry in (read(tmp_path / "other.nrrd").geometry, read_grid(tmp_path / "other.nrrd")[0]):
        assert geometry.same_grid(ct.geometry, 1e-9)


@pytest.mark.parametrize("digits", [6, 8, 12])
def test_axes_that_are_straight_to_rounding_are_kept_to_the_last_bit(tmp_path, digits):
    ct = read_ct(dicom(tmp_path, digits))
    assert ct.geometry.direction == stated(ct.geometry.shape, digits).direction
    assert ct.warnings == ()
    assert ct.series.off_grid_mm < 1e-3


@pytest.mark.parametrize("digits", [3, 4])
def test_a_segmentation_that_repeats_the_files_positions_belongs_to_the_scan(tmp_path, digits):
    ct = read_ct(dicom(tmp_path / "ct", digits, (6, 512, 512) if digits == 4 else (6, 60, 64)))
    mask, grid = some_voxels(ct.geometry.shape), stated(ct.geometry.shape, digits)
    row, column = grid.axes[:, 0] * SPACING[0], grid.axes[:, 1] * SPACING[1]
    frames = [(1, mask[k], ORIGIN + 2.5 * k * TURNED[:, 2], row, column) for k in range(6)]
    assert np.array_equal(read_mask(write_segments(tmp_path / "seg.dcm", frames), ct).voxels, mask)

    moved = [(1, mask[k], ORIGIN + 2.5 * k * TURNED[:, 2] + 0.2 * row, row, column) for k in range(6)]
    with pytest.raises(InputRefused, match="another grid"):
        read_mask(write_segments(tmp_path / "moved.dcm", moved), ct)


def test_a_segmentation_with_the_axes_of_a_crooked_nrrd_belongs_to_it(tmp_path):
    ct = read_ct(nrrd(tmp_path / "ct.nrrd", 5e-4))
    itk, mask = sitk.ReadImage(str(tmp_path / "ct.nrrd")), some_voxels(ct.geometry.shape)
    grid = Geometry(mask.shape, itk.GetSpacing(), itk.GetOrigin(), itk.GetDirection())
    row, column = grid.axes[:, 0] * SPACING[0], grid.axes[:, 1] * SPACING[1]
    frames = [(1, mask[k], grid.ijk_to_lps((0, 0, k)), row, column) for k in range(6)]
    assert np.array_equal(read_mask(write_segments(tmp_path / "seg.dcm", frames), ct).voxels, mask)


def test_an_outline_drawn_on_the_files_positions_falls_on_the_same_voxels(tmp_path):
    ct, square = read_ct(dicom(tmp_path / "ct", 3)), np.array([(35, 40), (60, 40), (60, 55), (35, 55)]) + 0.5
    points = stated(ct.geometry.shape, 3).ijk_to_lps(np.column_stack([square, np.full(4, 3)]))
    mask = read_mask(write_structures(tmp_path / "rs.dcm", {"GTV": [points]}), ct).voxels
    assert mask[3, 41:56, 36:61].all()
    assert mask.sum() == 15 * 25


def test_slices_whose_positions_are_rounded_take_a_segmentation_back(tmp_path):
    positions = [(-10.0, -20.0, round(30 + 1.25 * k, 1)) for k in range(24)]
    write_series(tmp_path / "ct", noise((24, 28, 32)), positions, FrameOfReferenceUID=FRAME)
    ct, mask = read_ct(tmp_path / "ct"), some_voxels((24, 28, 32))
    assert 0.01 < ct.series.off_grid_mm < 0.1
    frames = [(1, mask[k], positions[k], (0.75, 0, 0), (0, 0.75, 0)) for k in range(24)]
    assert np.array_equal(read_mask(write_segments(tmp_path / "seg.dcm", frames), ct).voxels, mask)


@pytest.mark.parametrize("read", [read_ct, read_mask, read_map, read_grid], ids=lambda read: read.__name__)
def test_real_shear_is_refused_as_before(tmp_path, read):
    path = nrrd(tmp_path / "ct.nrrd", 2e-3)
    with pytest.raises(InputRefused, match="right angles"):
        read(path)
