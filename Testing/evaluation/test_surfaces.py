from math import inf, isnan

import numpy as np
import pytest
import SimpleITK as sitk
import surface_distance
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from scored_masks import SPACING, ball, two_outlines

from LungTumorSegLib.evaluation.surfaces import surface_distances, surface_points

ALONG_ARRAY = SPACING[::-1]


def as_monai(mask):
    return torch.from_numpy(mask.astype(np.float32))[None, None]


@pytest.mark.parametrize("seed", range(3))
def test_hd95_and_nsd_equal_monais(seed):
    prediction, reference = two_outlines(seed)
    ours = surface_distances(prediction, reference, SPACING)
    pair = as_monai(prediction), as_monai(reference)
    for percent in (95, 100):
        theirs = compute_hausdorff_distance(*pair, include_background=True, percentile=percent, spacing=ALONG_ARRAY)
        assert ours.hausdorff(percent) == pytest.approx(float(theirs), rel=1e-5)
    for tolerance in (0.5, 1.0, 2.0, 3.1):
        theirs = compute_surface_dice(*pair, [tolerance], include_background=True, spacing=ALONG_ARRAY)
        assert ours.within(tolerance) == pytest.approx(float(theirs), rel=1e-5)


def test_of_a_picture_the_outline_is_the_surface_as_monai_has_it():
    rows, columns = np.mgrid[:64, :64]
    far = np.hypot(rows - 32, (columns - 31) * 0.9)
    large, small = far < 25, far < 20
    ours = surface_distances(large[None], small[None], SPACING)
    pair = as_monai(large), as_monai(small)
    theirs = compute_hausdorff_distance(*pair, include_background=True, percentile=95, spacing=ALONG_ARRAY[1:])
    assert ours.hausdorff(95) == pytest.approx(float(theirs), rel=1e-5)
    for tolerance in (1.0, 3.0, 3.8):
        theirs = compute_surface_dice(*pair, [tolerance], include_background=True, spacing=ALONG_ARRAY[1:])
        assert ours.within(tolerance) == pytest.approx(float(theirs), rel=1e-5)
    assert len(surface_points(np.ones((1, 1, 1), bool), SPACING)) == 1


def test_the_hausdorff_distance_equals_itks_where_both_masks_are_hulls_of_the_other():
    # ITK takes all voxels instead of surfaces: equal where neither mask's far voxels lie within the other.
    a, b = np.zeros((2, 9, 30, 30), bool)
    a[2:5, 4:12, 4:12] = True
    b[3:7, 15:25, 9:20] = True
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (a, b)]
    for image in images:
        image.SetSpacing(SPACING)
    itk = sitk.HausdorffDistanceImageFilter()
    itk.Execute(*images)
    assert surface_distances(a, b, SPACING).hausdorff(100) == pytest.approx(itk.GetHausdorffDistance(), rel=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("diameter", [10, 20, 40])
def test_marching_cubes_give_a_higher_nsd_by_no_more_than_said_and_the_same_hd95(diameter):
    shape = (40, 90, 90)
    a, b = ball(shape, (20, 45, 45), diameter / 2), ball(shape, (20.4, 46, 44), diameter / 2 * 1.1)
    ours = surface_distances(a, b, SPACING)
    theirs = surface_distance.compute_surface_distances(b, a, ALONG_ARRAY)
    assert abs(ours.hausdorff(95) - surface_distance.compute_robust_hausdorff(theirs, 95)) < 0.1
    for tolerance in (1.0, 2.0):
        by_area = surface_distance.compute_surface_dice_at_tolerance(theirs, tolerance)
        assert 0.05 < by_area - ours.within(tolerance) < 0.15


@pytest.mark.parametrize(("mm", "voxels"), [(0.4, 5), (0.6, 5), (0.7, 3), (0.8, 5)])
def test_what_lies_just_at_the_tolerance_is_within_it_wherever_in_the_scan(mm, voxels):
    for start in range(40):
        a, b = np.zeros((2, 3, 3, 60), bool)
        a[..., start] = b[..., start + voxels] = True
        assert surface_distances(a, b, (mm, mm, mm)).within(round(mm * voxels, 6)) == 1


def test_two_single_voxels_by_hand():
    a, b = np.zeros((2, 4, 5, 6), bool)
    a[1, 1, 1] = b[3, 2, 4] = True
    apart = np.linalg.norm([2 * 2.5, 1 * 0.8, 3 * 0.7])
    distances = surface_distances(a, b, SPACING)
    assert distances.hausdorff() == pytest.approx(apart)
    assert distances.within(apart - 0.01) == 0
    assert distances.within(apart + 0.01) == 1


def test_a_solid_cube_has_its_inside_left_out():
    cube = np.zeros((7, 7, 7), bool)
    cube[1:6, 1:6, 1:6] = True
    assert len(surface_points(cube, (1, 1, 1))) == 5**3 - 3**3


def test_voxels_at_the_images_border_are_surface():
    assert len(surface_points(np.ones((3, 3, 3), bool), (1, 1, 1))) == 26


def test_a_shift_of_one_slice_is_as_far_as_slices_lie_apart():
    a = np.zeros((8, 20, 20), bool)
    a[2, 5:15, 5:15] = True  # a single slice: all of it is surface
    distances = surface_distances(a, np.roll(a, 1, axis=0), SPACING)
    assert distances.hausdorff() == pytest.approx(2.5)
    assert (distances.within(2.4), distances.within(2.6)) == (0, 1)


def test_exchanging_and_flipping_change_nothing():
    prediction, reference = two_outlines(4)
    expected = surface_distances(prediction, reference, SPACING)
    swapped = surface_distances(reference, prediction, SPACING)
    flipped = surface_distances(prediction[::-1, :, ::-1], reference[::-1, :, ::-1], SPACING)
    for other in (swapped, flipped):
        assert other.hausdorff() == pytest.approx(expected.hausdorff())
        assert other.within(1.5) == pytest.approx(expected.within(1.5))


def test_transposing_with_the_spacing_changes_nothing_and_without_it_does():
    prediction, reference = two_outlines(6)
    expected = surface_distances(prediction, reference, SPACING).hausdorff()
    turned = [np.ascontiguousarray(mask.transpose(2, 1, 0)) for mask in (prediction, reference)]
    assert surface_distances(*turned, SPACING[::-1]).hausdorff() == pytest.approx(expected)
    assert surface_distances(*turned, SPACING).hausdorff() != pytest.approx(expected)


def test_empty_masks():
    empty, full = np.zeros((3, 4, 5), bool), np.ones((3, 4, 5), bool)
    both = surface_distances(empty, empty, SPACING)
    assert isnan(both.hausdorff())
    assert isnan(both.within(1))
    for pair in ((empty, full), (full, empty)):
        assert surface_distances(*pair, SPACING).hausdorff() == inf
        assert surface_distances(*pair, SPACING).within(1) == 0
