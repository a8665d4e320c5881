"""DICOM SEG of other programs as masks on the CT's grid."""

import numpy as np
import pydicom
import pytest
from made_masks import FRAME, write_segments

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Geometry, Series, Volume
from LungTumorSegLib.volume.reading import read_mask

GRID = Geometry((6, 30, 34), (0.5, 0.75, 2.5), (-10, -20, 30))
CT = Volume(np.zeros(GRID.shape, np.int16), GRID, series=Series("1.2", FRAME))
ROW, COLUMN = np.array([0.5, 0, 0]), np.array([0, 0.75, 0])


def mask(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random(GRID.shape) < 0.1


def frame(labels: np.ndarray, k: int, segment: int = 1) -> tuple:
    return segment, labels[k], GRID.ijk_to_lps((0, 0, k)), ROW, COLUMN


def test_slices_come_in_any_order_and_empty_ones_not_at_all(tmp_path):
    truth = mask()
    truth[3] = False
    file = write_segments(tmp_path / "seg.dcm", [frame(truth, k) for k in (4, 0, 5, 2, 1)])
    assert np.array_equal(read_mask(file, CT).voxels, truth)


def test_slices_that_run_the_other_way_are_turned(tmp_path):
    truth = mask()
    flipped = [
        (1, truth[k, ::-1, ::-1], GRID.ijk_to_lps((33, 29, k)), -ROW, -COLUMN) for k in range(6)
    ]  # stored from the last row and column on
    assert np.array_equal(read_mask(write_segments(tmp_path / "seg.dcm", flipped), CT).voxels, truth)
    transposed = [(1, truth[k].T, GRID.ijk_to_lps((0, 0, k)), COLUMN, ROW) for k in range(6)]
    assert np.array_equal(read_mask(write_segments(tmp_path / "seg2.dcm", transposed), CT).voxels, truth)


def test_slices_across_those_of_the_scan_are_placed_too(tmp_path):
    truth = mask()
    coronal = [(1, truth[:, j], GRID.ijk_to_lps((0, j, 0)), ROW, (0, 0, 2.5)) for j in range(30)]
    assert np.array_equal(read_mask(write_segments(tmp_path / "seg.dcm", coronal), CT).voxels, truth)


def test_a_segmentation_of_a_part_of_the_scan_is_placed_in_it(tmp_path):
    truth = np.zeros(GRID.shape, bool)
    truth[2:4, 10:20, 5:25] = mask()[2:4, 10:20, 5:25]
    part = [(1, truth[k, 10:20, 5:25], GRID.ijk_to_lps((5, 10, k)), ROW, COLUMN) for k in (2, 3)]
    assert np.array_equal(read_mask(write_segments(tmp_path / "seg.dcm", part), CT).voxels, truth)


def test_segments_keep_their_numbers_and_one_can_be_chosen(tmp_path):
    one, two = mask(1), mask(2) & ~mask(1)
    frames = [frame(one, k, 1) for k in range(6)] + [frame(two, k, 7) for k in range(6)]
    file = write_segments(tmp_path / "seg.dcm", frames)
    assert np.array_equal(read_mask(file, CT, most_foreground=None).voxels, one + 7 * two)
    assert np.array_equal(read_mask(file, CT, "nodule 7").voxels, two)
    assert np.array_equal(read_mask(file, CT, 1).voxels, one)
    with pytest.raises(InputRefused, match='1 "nodule 1", 7 "nodule 7"'):
        read_mask(file, CT, 3)


def test_overlap_is_said_aloud(tmp_path):
    frames = [frame(mask(1), 0, 1), frame(mask(1), 0, 2)]
    read = read_mask(write_segments(tmp_path / "seg.dcm", frames), CT)
    assert any("overlap" in warning for warning in read.warnings)
    assert set(np.unique(read.voxels)) == {0, 2}


def test_a_fractional_segmentation_counts_from_one_half(tmp_path):
    values = np.zeros(GRID.shape[1:], np.uint8)
    values[0, :4] = (99, 100, 101, 200)
    file = write_segments(
        tmp_path / "seg.dcm", [(1, values, GRID.ijk_to_lps((0, 0, 1)), ROW, COLUMN)], SegmentationType="FRACTIONAL"
    )
    read = read_mask(file, CT)
    assert read.voxels[1, 0, :5].tolist() == [0, 1, 1, 1, 0]
    assert any("fractional" in warning for warning in read.warnings)


@pytest.mark.parametrize(
    ("moved", "says"),
    [((0.1, 0, 0), "another grid"), ((0, 0, 2.5 * 6), "reaches beyond"), ((0, 0, 1.0), "another grid")],
)
def test_another_grid_and_missing_slices_are_refused(tmp_path, moved, says):
    truth = mask()
    frames = [(1, truth[k], GRID.ijk_to_lps((0, 0, k)) + moved, ROW, COLUMN) for k in range(6)]
    with pytest.raises(InputRefused, match=says):
        read_mask(write_segments(tmp_path / "seg.dcm", frames), CT)


def test_another_frame_of_reference_is_refused(tmp_path):
    file = write_segments(tmp_path / "seg.dcm", [frame(mask(), 1)], FrameOfReferenceUID="9.9")
    with pytest.raises(InputRefused, match="another frame of reference"):
        read_mask(file, CT)


def test_a_segmentation_whose_pixels_are_cut_off_is_refused_in_one_line(tmp_path):
    file = write_segments(tmp_path / "seg.dcm", [frame(mask(), k) for k in range(6)])
    d = pydicom.dcmread(file)
    d.PixelData = d.PixelData[:40]
    d.save_as(file)
    with pytest.raises(InputRefused, match="damaged"):
        read_mask(file, CT)
