"""Density, place, uncertainty, marks, fragments, challenge metrics: what stands beside a diameter."""

import json
from dataclasses import replace

import numpy as np
import pytest

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.challenge_metrics import challenge_metrics, recist_error
from LungTumorSegLib.measurement.drawn import as_node, with_lines
from LungTumorSegLib.measurement.intervals import CUTS
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.measurement.lung_fields import find_lung_fields
from LungTumorSegLib.measurement.measure import SOLID_HU, Lesion, is_measurable, measure
from LungTumorSegLib.measurement.wording import density, diameter
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.orientation import canonical

GRID = Geometry((24, 48, 64), (0.8, 0.8, 1.5), (-100.0, -90.0, -500.0))


def cone(centre, radius_mm, height=1.0, grid=GRID):
    """1 in the centre, 0 at the radius: the diameter at threshold t is 2 r (1 - t)."""
    points = np.indices(grid.shape).T[..., ::-1] - np.array(centre[::-1])
    distance = np.linalg.norm(points * grid.spacing, axis=-1).T
    return np.clip(height * (1 - distance / radius_mm), 0, 1).astype(np.float32)


# Uncertainty


def test_the_interval_is_the_range_over_thresholds():
    probability = cone((12, 24, 20), 14)
    [lesion] = measure(lesion_labels(probability, GRID, 0.5), GRID, probability)
    at_cut = [measure(lesion_labels(probability, GRID, cut), GRID)[0] for cut in CUTS]
    assert lesion.long_axis_interval_mm == (at_cut[-1].long_axis_mm, at_cut[0].long_axis_mm)
    assert lesion.short_axis_interval_mm == (at_cut[-1].short_axis_mm, at_cut[0].short_axis_mm)
    assert lesion.long_axis_interval_mm[0] < lesion.long_axis_mm < lesion.long_axis_interval_mm[1]


def test_a_sharp_edge_has_no_interval_to_speak_of():
    probability = (cone((12, 24, 20), 14) > 0.4).astype(np.float32)
    [lesion] = measure(probability > 0, GRID, probability)
    assert lesion.long_axis_interval_mm == (lesion.long_axis_mm, lesion.long_axis_mm)


def test_a_lesion_of_which_the_highest_threshold_leaves_nothing_begins_at_zero():
    probability = cone((12, 24, 20), 14, height=0.6)
    [lesion] = measure(lesion_labels(probability, GRID, 0.5), GRID, probability)
    assert lesion.long_axis_interval_mm[0] == 0


def test_a_lesion_painted_where_nothing_was_found_has_no_interval():
    labels = np.zeros(GRID.shape, np.uint8)
    labels[5:8, 5:9, 5:9] = 1
    [lesion] = measure(labels, GRID, cone((12, 24, 40), 14))
    assert lesion.long_axis_interval_mm is None


def test_lesions_that_grow_together_at_a_lower_threshold_are_kept_apart():
    probability = np.maximum(cone((12, 24, 20), 14), cone((12, 24, 38), 14))
    labels = lesion_labels(probability, GRID, 0.55)
    together = measure(lesion_labels(probability, GRID, 0.3), GRID)
    lesions = measure(labels, GRID, probability)
    assert (len(lesions), len(together)) == (2, 1)
    for lesion in lesions:
        assert lesion.long_axis_mm < lesion.long_axis_interval_mm[1] < 0.75 * together[0].long_axis_mm


def test_faint_voxels_count_for_the_lesion_that_is_nearest_in_mm():
    grid = Geometry((4, 60, 60), (0.7, 0.7, 5.0))
    probability = np.zeros(grid.shape, np.float32)
    probability[1, 20:26, 5:20], probability[1, 20:26, 20:26], probability[2, 20:26, 21:36] = 0.9, 0.4, 0.9
    near, _above = measure(lesion_labels(probability, grid, 0.5), grid, probability)
    alone = probability.copy()
    alone[2] = 0
    [expected] = measure(lesion_labels(alone, grid, 0.5), grid, alone)
    assert near.long_axis_interval_mm == expected.long_axis_interval_mm
    assert near.long_axis_interval_mm[1] > near.long_axis_mm + 3


def test_intervals_can_be_left_out_and_change_nothing_else():
    probability = np.maximum(cone((12, 24, 20), 14), cone((12, 24, 48), 9))
    labels = lesion_labels(probability, GRID, 0.5)
    plain = {"long_axis_interval_mm": None, "short_axis_interval_mm": None}
    full = [replace(lesion, **plain) for lesion in measure(labels, GRID, probability)]
    assert measure(labels, GRID, probability, intervals=False) == full


def test_the_interval_stands_beside_the_value():
    assert diameter(12.34, (11.76, 13.04)) == "12.3 (11.8-13.0)"
    assert diameter(12.34) == "12.3"


# Density


def test_density_is_of_the_lesions_voxels():
    labels = np.zeros(GRID.shape, np.uint8)
    labels[5:9, 10:20, 10:20] = 1
    labels[5:9, 30:40, 30:40] = 2
    ct = np.full(GRID.shape, -850, np.int16)
    ct[labels == 1] = -600
    ct[5:9, 10:15, 10:15] = SOLID_HU
    ct[labels == 2] = 40
    first, second = measure(labels, GRID, ct=ct)
    assert first.mean_hu == pytest.approx(0.25 * SOLID_HU - 0.75 * 600)
    assert first.solid_share == 0.25
    assert (second.mean_hu, second.solid_share) == (40, 1)
    assert measure(labels, GRID)[0].mean_hu is None


# Place


def chest(joined=True, spacing=(2.5, 2.5, 3.0)):
    """Two lungs of air in a body: ellipsoids 60 mm beside the middle, 45 x 65 x 90 mm half axes; and a trachea."""
    grid = Geometry((74, 84, 132), spacing, (-165.0, -105.0, -110.0))
    k, j, i = np.ogrid[:74, :84, :132]
    x, y, z = (i * spacing[0] - 165.0, j * spacing[1] - 105.0, k * spacing[2] - 110.0)
    ct = np.full(grid.shape, -1000, np.int16)
    ct[np.broadcast_to((x / 150) ** 2 + (y / 95) ** 2 <= 1, grid.shape)] = 40
    for side in (-60, 60):
        ct[((x - side) / 45) ** 2 + (y / 65) ** 2 + (z / 90) ** 2 <= 1] = -850
    if joined:
        ct[(np.abs(x) < 30) & (y**2 + z**2 < 8**2)] = -950
    return ct, grid


def ball(ct, grid, centre_lps, radius):
    points = grid.ijk_to_lps(np.indices(grid.shape).T[..., ::-1])
    inside = (np.linalg.norm(points - centre_lps, axis=-1) <= radius).T
    ct[inside] = 30
    return inside


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize(
    ("centre", "radius", "side", "pleura"),
    [
        ((60, 0, 0), 10, "left", 35),  # 45 mm to the wall, less the radius
        ((-60, 0, 0), 5, "right", 40),
        ((-92, 0, 0), 6, "right", 7),
        ((60, 0, 0), 25, "left", 20),  # a mass
        ((-60, 60, 0), 8, "right", 0),  # grown into the wall behind
        ((100, 0, 0), 10, "left", 0),
    ],
)
def test_side_and_distance_to_the_pleura(centre, radius, side, pleura, joined):
    ct, grid = chest(joined=joined)
    inside = ball(ct, grid, centre, radius)
    [lesion] = measure(inside, grid, lungs=find_lung_fields(ct, grid))
    assert lesion.side == side
    assert lesion.pleura_mm == pytest.approx(pleura, abs=5)  # the grid is 3 mm


def test_a_lesion_outside_the_lungs_lies_in_neither():
    ct, grid = chest(joined=False)
    inside = ball(ct, grid, (0, -60, 60), 6)
    [lesion] = measure(inside, grid, lungs=find_lung_fields(ct, grid))
    assert (lesion.side, lesion.pleura_mm) == (None, None)


def test_the_side_is_the_patients_however_the_scan_is_stored():
    ct, grid = chest()
    inside = ball(ct, grid, (60, 0, 20), 9)
    for order in [(0, 1, 2), (2, 1, 0), (1, 2, 0)]:
        columns = [2 - axis for axis in order[::-1]]
        turned = Geometry(
            tuple(np.array(grid.shape)[list(order)]),
            tuple(np.array(grid.spacing)[columns]),
            grid.origin,
            grid.axes[:, columns],
        )
        [lesion] = measure(inside.transpose(order), turned, lungs=find_lung_fields(ct.transpose(order), turned))
        assert lesion.side == "left"
        mirrored = ct.transpose(order)[::-1]
        first = np.zeros(3)
        first[2] = turned.shape[0] - 1
        flip = np.array([1.0, 1.0, -1.0])
        back = Geometry(turned.shape, turned.spacing, tuple(turned.ijk_to_lps(first)), turned.axes * flip)
        [lesion] = measure(inside.transpose(order)[::-1], back, lungs=find_lung_fields(mirrored, back))
        assert lesion.side == "left"
        assert canonical(back) != canonical(turned)


def test_a_mattress_in_outside_air_is_no_lung():
    ct, grid = chest(joined=False)
    bare = find_lung_fields(ct, grid)
    below = ct[:, -10:]
    below[below == -1000] = -600
    assert np.array_equal(find_lung_fields(ct, grid).sides, bare.sides)


def test_a_scan_cut_off_at_the_lungs_names_no_side():
    ct, grid = chest(joined=False)
    half = ct[:, 18:66, 24:60]
    part = grid.box((0, 18, 24), (74, 66, 60))
    fields = find_lung_fields(half, part)
    side, pleura = fields.place(np.array([[-60.0, 0, 0]]))
    assert side is None
    assert pleura is not None


def test_a_scan_without_lungs_has_no_fields():
    assert find_lung_fields(np.full((20, 30, 30), 40, np.int16), Geometry((20, 30, 30), (1, 1, 1))) is None


@pytest.mark.shared
def test_the_lungs_of_a_real_scan_are_told_apart(shared_data):
    """LUNG1-001 with its semi-automatic lung masks; the tumour of 95 mm fills part of one."""
    import SimpleITK as sitk

    from LungTumorSegLib.volume.reading import read_ct

    folder = shared_data / "scans" / "LUNG1-001"
    ct = read_ct(folder / "image.nii.gz")
    fields = find_lung_fields(ct.voxels, ct.geometry)
    for label, name in ((1, "lung_right"), (2, "lung_left")):
        mask = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{name}.nii.gz"))) > 0
        points = ct.geometry.ijk_to_lps(np.argwhere(mask)[::50, ::-1])
        at = np.rint(fields.geometry.lps_to_ijk(points)).astype(int)[:, ::-1]
        found = fields.sides[tuple(at.T)]
        assert (found == label).mean() > 0.9
        assert (found == 3 - label).mean() < 0.001


# Targets


@pytest.mark.parametrize(
    ("long", "short", "node", "slice_mm", "measurable"),
    [
        (10.0, 4.0, False, 5.0, True),
        (9.999, 9.0, False, 1.0, False),
        (15.9, 9.0, False, 8.0, False),
        (16.0, 9.0, False, 8.0, True),
        (40.0, 14.999, True, 1.0, False),
        (40.0, 15.0, True, 5.0, True),
        (40.0, 15.0, True, 8.0, False),
        (40.0, 16.0, True, 8.0, True),
    ],
)
def test_measurable_by_the_axis_that_counts_and_by_the_slices(long, short, node, slice_mm, measurable):
    assert is_measurable(long, short, node, slice_mm) is measurable


def test_a_lesion_marked_as_a_node_is_judged_by_its_short_axis():
    mask = cone((12, 24, 30), 14) > 0.4
    [plain] = measure(mask, GRID)
    [node] = measure(mask, GRID, nodes=[1])
    assert plain.measurable
    assert (node.node, node.measurable) == (True, plain.short_axis_mm >= 15)
    assert as_node(plain, True, GRID) == node
    assert plain.who_product_mm2 == plain.long_axis_mm * plain.short_axis_mm


def test_lesions_of_older_files_are_still_read():
    [lesion] = measure(cone((12, 24, 30), 14) > 0.5, GRID)
    newer = "mean_hu solid_share long_axis_interval_mm short_axis_interval_mm side pleura_mm node edited merged_from"
    old = {key: value for key, value in lesion.as_dict().items() if key not in newer.split()}
    assert Lesion(**json.loads(json.dumps(old))).long_axis_mm == lesion.long_axis_mm


# Lines drawn by the user


@pytest.fixture
def disc():
    mask = cone((12, 24, 30), 14) > 0.3
    [lesion] = measure(mask, GRID)
    return lesion, Box((0, 0, 0), mask.astype(np.uint8))


def test_a_drawn_long_axis_is_as_long_as_it_is_and_the_short_one_stands_across(disc):
    lesion, labels = disc
    line = GRID.ijk_to_lps(np.array([[22.0, 24, 12], [38.0, 30, 12]]))
    drawn = with_lines(lesion, GRID, labels, long=line)
    assert drawn.long_axis_mm == np.linalg.norm(line[1] - line[0])
    across = np.subtract(*drawn.short_axis_points_lps)
    assert abs(across @ (line[1] - line[0])) < 1e-9
    assert drawn.edited
    assert drawn.max_3d_diameter_mm == lesion.max_3d_diameter_mm
    assert with_lines(lesion, GRID, labels) is lesion


def test_a_drawn_long_axis_in_another_slice_names_that_slice(disc):
    lesion, labels = disc
    line = GRID.ijk_to_lps(np.array([[22.0, 24, 14.4], [38.0, 24, 14.4]]))
    drawn = with_lines(lesion, GRID, labels, long=line)
    assert drawn.slice == 14
    assert all(GRID.lps_to_ijk(end)[2] == pytest.approx(14) for end in drawn.short_axis_points_lps)


@pytest.mark.parametrize("ends", [[[22, 24, 10], [38, 24, 14]], [[1, 1, 12], [5, 1, 12]], [[22, 24, 0], [38, 24, 0]]])
def test_a_drawn_long_axis_out_of_slice_or_lesion_leaves_or_finds_the_short_one(disc, ends):
    lesion, labels = disc
    drawn = with_lines(lesion, GRID, labels, long=GRID.ijk_to_lps(np.array(ends, float)))
    assert drawn.edited
    if ends[0][2] == 12:  # in the lesion's slice: there is something to stand across
        assert drawn.short_axis_mm <= drawn.long_axis_mm
    else:
        assert drawn.short_axis_mm == lesion.short_axis_mm


def test_a_line_that_makes_a_lesion_small_makes_it_no_target(disc):
    lesion, labels = disc
    line = GRID.ijk_to_lps(np.array([[26.0, 24, 12], [34.0, 24, 12]]))
    assert lesion.measurable
    assert not with_lines(lesion, GRID, labels, long=line).measurable


# The challenge


def test_challenge_metrics_of_shifted_cubes_by_hand():
    truth, found = np.zeros(GRID.shape, np.uint8), np.zeros(GRID.shape, np.uint8)
    truth[4:14, 10, 10:30] = 1
    found[4:9, 10, 10:25] = 1
    metrics = challenge_metrics(found, truth, GRID)
    assert metrics.relative_volume_error == pytest.approx(1 - 75 / 200)
    assert metrics.axial_diameter_mm == pytest.approx((14 * 0.8 + 0.4, 19 * 0.8 + 0.4))
    assert metrics.recist_error_axial == pytest.approx(4.0 / 15.6)
    assert metrics.recist_error_3d != metrics.recist_error_axial
    assert metrics.dice == pytest.approx(2 * 75 / 275)


def test_the_diameter_error_is_one_at_most_and_the_volume_error_is_not():
    assert recist_error(50.0, 10.0) == 1
    assert recist_error(0.0, 10.0) == 1
    assert recist_error(9.0, 10.0) == pytest.approx(0.1)
    small, large = np.zeros(GRID.shape, bool), np.ones(GRID.shape, bool)
    small[0, 0, :5] = True
    assert challenge_metrics(large, small, GRID).relative_volume_error > 1
    nothing = challenge_metrics(np.zeros(GRID.shape, bool), small, GRID)
    assert (nothing.relative_volume_error, nothing.recist_error_axial, nothing.dice) == (1, 1, 0)


def test_nothing_is_compared_with_an_empty_reference():
    with pytest.raises(InputRefused):
        challenge_metrics(np.ones(GRID.shape), np.zeros(GRID.shape), GRID)


def test_the_diameter_is_of_one_lesion_not_across_two():
    two = np.zeros(GRID.shape, bool)
    two[10, 20, 2:12] = two[10, 20, 50:60] = True
    assert challenge_metrics(two, two, GRID).axial_diameter_mm == pytest.approx((7.6, 7.6))


def test_a_density_is_whole_and_its_zero_has_no_sign():
    assert [density(hu) for hu in (-49.6, -0.4, 0.4, None)] == ["-50", "0", "0", ""]
    assert density(None, "–") == "–"
