"""RTSTRUCT contours as masks on the CT's grid."""

import numpy as np
import pytest
from made_masks import FRAME, write_structures
from small_scans import write_series

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume import contours
from LungTumorSegLib.volume.contours import fill
from LungTumorSegLib.volume.geometry import Geometry, Series, Volume
from LungTumorSegLib.volume.reading import read_ct, read_mask

SHAPE = (6, 30, 34)
AXIAL = Geometry(SHAPE, (0.75, 0.75, 2.5), (-10, -20, 30))
TURN = np.deg2rad(20)
OBLIQUE = Geometry(
    SHAPE,
    (0.75, 0.75, 2.5),
    (-10, -20, 30),
    [[np.cos(TURN), 0, np.sin(TURN)], [0, 1, 0], [-np.sin(TURN), 0, np.cos(TURN)]],
)
SAGITTAL = Geometry(SHAPE, (0.75, 0.75, 2.5), (-10, -20, 30), [[0, 0, -1], [1, 0, 0], [0, -1, 0]])
SQUARE = np.array([(5, 5), (15, 5), (15, 15), (5, 15)], float) + 0.5


def on(grid: Geometry, k: float, points: np.ndarray) -> np.ndarray:
    """(column, row) points of slice k as LPS."""
    return grid.ijk_to_lps(np.column_stack([points, np.full(len(points), k)]))


def ct_on(grid: Geometry, frame: str = FRAME) -> Volume:
    return Volume(np.zeros(grid.shape, np.int16), grid, series=Series("1.2", frame))


def inside(polygon: np.ndarray, x: float, y: float) -> bool:
    """Even-odd rule for one point, edge by edge."""
    odd = False
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if (y0 > y) != (y1 > y) and x > (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            odd = not odd
    return odd


def test_pixels_are_filled_at_their_centres_as_one_by_one():
    random = np.random.default_rng(11)
    for _ in range(60):
        polygon = random.uniform(-4, 20, (random.integers(3, 12), 2))  # crossing itself and the border
        expected = [[inside(polygon, x, y) for x in range(17)] for y in range(14)]
        assert np.array_equal(fill(polygon, (14, 17)), expected)


def test_polygons_that_share_an_edge_share_no_pixel_and_leave_none_out():
    left = fill(np.array([(2, 2), (7, 2), (7, 9), (2, 9)], float), (12, 12))
    right = fill(np.array([(7, 2), (10, 2), (10, 9), (7, 9)], float), (12, 12))
    both = fill(np.array([(2, 2), (10, 2), (10, 9), (2, 9)], float), (12, 12))
    assert not (left & right).any()
    assert np.array_equal(left | right, both)


@pytest.mark.parametrize("grid", [AXIAL, OBLIQUE, SAGITTAL], ids=["axial", "oblique", "sagittal"])
def test_contours_come_onto_their_own_slices_whatever_way_the_scan_lies(tmp_path, grid):
    file = write_structures(tmp_path / "rs.dcm", {"GTV": [on(grid, 4, SQUARE), on(grid, 2, SQUARE + np.array([3, 0]))]})
    mask = read_mask(file, ct_on(grid))
    expected = np.zeros(SHAPE, np.uint8)
    expected[4, 6:16, 6:16] = 1
    expected[2, 6:16, 9:19] = 1
    assert np.array_equal(mask.voxels, expected)
    assert mask.warnings == ("1 slices between contours have none: left empty, nothing was interpolated.",)


def test_a_hole_an_island_in_it_and_a_second_piece_come_out_right(tmp_path):
    middle = SQUARE.mean(axis=0)
    pieces = [SQUARE, (SQUARE - middle) * 0.72 + middle, (SQUARE - middle) * 0.36 + middle, SQUARE / 3 + 20]
    file = write_structures(tmp_path / "rs.dcm", {"GTV": [on(AXIAL, 1, piece) for piece in pieces]})
    mask = read_mask(file, ct_on(AXIAL)).voxels[1]
    assert mask[10, 10] == 1
    assert mask[10, 8] == 0
    assert mask[10, 6] == 1
    assert mask[23, 23] == 1
    assert mask.sum() == 10 * 10 - 8 * 8 + 4 * 4 + 4 * 4


def test_a_keyhole_contour_leaves_its_hole_open(tmp_path):
    outer, inner = SQUARE, (SQUARE - 10.5) * 0.5 + 10.5
    keyhole = np.concatenate([outer, outer[:1], inner[:1], inner[:0:-1], inner[:1]])
    file = write_structures(tmp_path / "rs.dcm", {"GTV": [on(AXIAL, 1, keyhole)]})
    mask = read_mask(file, ct_on(AXIAL)).voxels[1]
    expected = fill(outer, mask.shape) ^ fill(inner, mask.shape)
    assert np.array_equal(mask > 0, expected)


def mask_of(folder, *drawn: np.ndarray, **how) -> np.ndarray:
    return read_mask(write_structures(folder / "rs.dcm", {"GTV": list(drawn)}, **how), ct_on(AXIAL)).voxels


@pytest.mark.parametrize("kind", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_a_contour_that_is_there_twice_counts_once(tmp_path, kind):
    other_start = np.roll(SQUARE[::-1], 1, axis=0)
    drawn = on(AXIAL, 1, SQUARE), on(AXIAL, 1, SQUARE), on(AXIAL, 1, other_start)
    assert mask_of(tmp_path, *drawn, kind=kind)[1].sum() == 100


def test_contours_that_cross_are_united(tmp_path):
    assert mask_of(tmp_path, on(AXIAL, 1, SQUARE), on(AXIAL, 1, SQUARE + np.array([5, 0])))[1].sum() == 150


def test_holes_that_cross_are_united_and_a_hole_in_crossing_contours_stays_one(tmp_path):
    hole = (SQUARE - 10.5) * 0.2 + 11.5  # 2 x 2 pixels
    pair = on(AXIAL, 1, SQUARE), on(AXIAL, 1, SQUARE + np.array([5, 0]))
    assert mask_of(tmp_path, pair[0], on(AXIAL, 1, hole), on(AXIAL, 1, hole + 1))[1].sum() == 100 - 7
    assert mask_of(tmp_path, *pair, on(AXIAL, 1, hole + np.array([1, 0])))[1].sum() == 150 - 4


def test_contours_that_state_that_they_are_taken_by_exclusive_or_are(tmp_path):
    crossing = on(AXIAL, 1, SQUARE), on(AXIAL, 1, SQUARE + np.array([5, 0]))
    assert mask_of(tmp_path, *crossing, kind="CLOSEDPLANAR_XOR")[1].sum() == 100


def test_contours_of_two_planes_that_fall_onto_one_slice_are_united(tmp_path):
    small = (SQUARE - 10.5) * 0.6 + 10.5
    assert mask_of(tmp_path, on(AXIAL, 2, SQUARE), on(AXIAL, 2.2, SQUARE))[2].sum() == 100
    assert mask_of(tmp_path, on(AXIAL, 2, SQUARE), on(AXIAL, 2.2, small))[2].sum() == 100
    assert mask_of(tmp_path, on(AXIAL, 2, SQUARE), on(AXIAL, 2.02, small))[2].sum() == 100 - 36  # 0.05 mm: rounding


def test_contours_that_hold_no_voxel_are_refused(tmp_path):
    with pytest.raises(InputRefused, match="hold no voxel's centre"):
        mask_of(tmp_path, on(AXIAL, 1, (SQUARE - 10.5) * 0.01 + 10.5))


def test_contours_that_do_not_cross_are_filled_by_the_even_odd_rule():
    """As of nested and separate squares of any depth, given in any order."""
    random = np.random.default_rng(3)
    rings = [np.array([(-n, -n), (n, -n), (n, n), (-n, n)]) + c + 0.3 for c in (14, 40) for n in (12, 9, 7, 4, 2)]
    expected = np.logical_xor.reduce([fill(ring, (55, 55)) for ring in rings])
    for _ in range(5):
        some = [rings[n] for n in random.permutation(len(rings))]
        assert np.array_equal(contours.inside(some, (55, 55)), expected)


def test_rounded_positions_are_taken_and_positions_between_slices_are_not(tmp_path):
    file = write_structures(tmp_path / "near.dcm", {"GTV": [on(AXIAL, 2.04, SQUARE)]})
    assert read_mask(file, ct_on(AXIAL)).voxels[2].sum() == 100
    file = write_structures(tmp_path / "between.dcm", {"GTV": [on(AXIAL, 2.5, SQUARE)]})
    with pytest.raises(InputRefused, match="do not lie on the CT's slices"):
        read_mask(file, ct_on(AXIAL))


def test_missing_slices_are_refused(tmp_path):
    file = write_structures(tmp_path / "rs.dcm", {"GTV": [on(AXIAL, k, SQUARE) for k in (4, 5, 6, 7)]})
    with pytest.raises(InputRefused, match="2 of the contoured slices are missing"):
        read_mask(file, ct_on(AXIAL))


def test_another_frame_of_reference_is_refused(tmp_path):
    file = write_structures(tmp_path / "rs.dcm", {"GTV": [on(AXIAL, 1, SQUARE)]})
    with pytest.raises(InputRefused, match="another frame of reference"):
        read_mask(file, ct_on(AXIAL, frame="9.9"))


def test_where_frames_of_reference_cannot_be_compared_it_is_said(tmp_path):
    file = write_structures(tmp_path / "rs.dcm", {"GTV": [on(AXIAL, 1, SQUARE)]})
    assert "matched by position alone" in read_mask(file, AXIAL).warnings[0]


def test_of_several_structures_one_is_chosen_by_number_or_name(tmp_path):
    file = write_structures(
        tmp_path / "rs.dcm", {"GTV-1": [on(AXIAL, 1, SQUARE)], "Lung": [on(AXIAL, 3, SQUARE), on(AXIAL, 4, SQUARE)]}
    )
    assert read_mask(file, ct_on(AXIAL), "gtv-1").voxels.sum() == 100
    assert read_mask(file, ct_on(AXIAL), 2).voxels.sum() == 200
    with pytest.raises(InputRefused, match=r'several structures: .* 1 "GTV-1", 2 "Lung"'):
        read_mask(file, ct_on(AXIAL))
    with pytest.raises(InputRefused, match="no structure heart"):
        read_mask(file, ct_on(AXIAL), "heart")


def test_points_and_open_lines_are_not_filled(tmp_path):
    file = write_structures(tmp_path / "rs.dcm", {"mark": [on(AXIAL, 1, SQUARE)]}, kind="OPEN_PLANAR")
    with pytest.raises(InputRefused, match="no closed contours"):
        read_mask(file, ct_on(AXIAL))


def test_a_structure_set_needs_its_ct(tmp_path):
    file = write_structures(tmp_path / "rs.dcm", {"GTV": [on(AXIAL, 1, SQUARE)]})
    with pytest.raises(InputRefused, match="name the CT"):
        read_mask(file)


def test_a_damaged_structure_set_is_refused_without_a_word_of_the_patient(tmp_path, capfd):
    file = write_structures(tmp_path / "rs.dcm", {"GTV": [on(AXIAL, 1, SQUARE)[:, :2]]})
    with pytest.raises(InputRefused) as refusal:
        read_mask(file, ct_on(AXIAL))
    assert "\n" not in str(refusal.value)
    assert "Canary" not in str(refusal.value) + "".join(capfd.readouterr())


def test_a_ct_slice_is_no_mask(tmp_path, chest):
    files = write_series(tmp_path, chest)
    with pytest.raises(InputRefused, match="A mask must be one of"):
        read_mask(files[0], read_ct(tmp_path))


@pytest.mark.shared
def test_the_outline_of_a_real_scan_is_its_published_mask_to_the_voxel(shared_data):
    ct = read_ct(shared_data / "dicom" / "radphantom-pat2")
    mask = read_mask(shared_data / "dicom" / "radphantom-pat2" / "DCM_RS_00041.dcm", ct)
    published = read_mask(shared_data / "scans" / "radphantom-pat2" / "mask.nii.gz", ct.geometry)
    assert mask.voxels.sum() == 2256
    assert np.array_equal(mask.voxels, published.voxels)
