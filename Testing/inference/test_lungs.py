"""Where to search: never too little."""

import numpy as np
import pytest
from made_chest import ball, made_chest

from LungTumorSegLib.inference.lungs import WHOLE_CROPPED, WHOLE_NONE, find_lungs
from LungTumorSegLib.inference.second_look import FARTHEST_MM
from LungTumorSegLib.volume.lung_air import PAIR_ML, side_air
from LungTumorSegLib.volume.phantom import make_phantom


def searched(volume):
    """The voxels in the box, and those in windows of one voxel that touch the outline."""
    lungs = find_lungs(volume.voxels, volume.geometry.spacing[::-1])
    box = np.zeros(volume.geometry.shape, bool)
    box[tuple(slice(a, b) for a, b in zip(lungs.start, lungs.stop, strict=True))] = True
    index = np.argwhere(box)
    touched = np.zeros_like(box)
    touched[tuple(index.T)] = lungs.touched(index, index)
    return lungs, box, touched


@pytest.mark.parametrize(
    "tumour",
    [
        (130, 0, 0, 40),  # on the side wall, most of the lung's width
        (80, 80, -30, 35),  # on the back wall
        (120, 60, 20, 35),  # in the corner between
        (30, 0, 0, 45),  # on the mediastinum
        (80, 0, 95, 35),  # in the apex
        (80, 0, -10, 130),  # one lung is all tumour
    ],
)
def test_a_large_tumour_wherever_it_sits_is_searched(tumour):
    volume = made_chest(tumours=(tumour,))
    _, box, touched = searched(volume)
    lungs = made_chest(tumours=()).voxels == -850
    inside = ball(volume.geometry, tumour[:3], tumour[3]) & lungs  # what the tumour took from the lungs
    assert inside.sum() > 100
    assert box[inside].all()
    assert touched[inside].all()


def test_the_box_holds_the_lungs_and_leaves_air_out():
    volume = made_chest()
    lungs, box, touched = searched(volume)
    assert lungs.note is None
    assert box[volume.voxels == -850].all()
    assert touched[volume.voxels == -850].all()
    assert touched.sum() <= box.sum() < 0.6 * box.size


def test_lungs_that_reach_the_border_mean_the_whole_scan():
    chest = made_chest()
    lungs = find_lungs(chest.voxels[10:30, 20:44, 50:70], (5, 5, 5))
    assert lungs.note == WHOLE_CROPPED
    assert (lungs.start, lungs.stop) == ((0, 0, 0), (20, 24, 20))
    assert lungs.touched(np.zeros((1, 3)), np.ones((1, 3))).all()


@pytest.fixture(scope="module")
def phantom():
    ct, truth, _ = make_phantom(seed=0)
    return ct, truth


@pytest.mark.parametrize("cut_mm", [132, 130, 128, 110, 90])
def test_where_the_side_cuts_open_a_lung_its_tumours_are_searched_and_lie_in_it(phantom, cut_mm):
    ct, truth = phantom
    left = ct.geometry.ijk_to_lps(np.arange(ct.geometry.shape[2])[:, None] * [1, 0, 0])[:, 0] <= cut_mm
    spacing = ct.geometry.spacing[::-1]
    lungs = find_lungs(ct.voxels[:, :, left], spacing)
    tumours = np.argwhere(truth.voxels[:, :, left])
    assert set(truth.voxels[:, :, left][tuple(tumours.T)]) >= {1, 2}
    assert lungs.note is None
    assert ((tumours >= lungs.start) & (tumours < lungs.stop)).all()
    assert lungs.touched(tumours, tumours).all()
    assert lungs.away_mm(tumours, spacing).max() <= FARTHEST_MM


def test_air_outside_that_is_as_dense_as_lung_changes_nothing():
    chest = made_chest()
    bare = find_lungs(chest.voxels, (5, 5, 5))
    blankets = chest.voxels.copy()
    blankets[14:18][blankets[14:18] == -1000] = -900
    wrapped = find_lungs(blankets, (5, 5, 5))
    assert (wrapped.start, wrapped.stop, wrapped.note) == (bare.start, bare.stop, None)
    assert np.array_equal(wrapped.air, bare.air)
    assert np.array_equal(wrapped.mask, bare.mask)


def test_a_pair_of_lungs_in_the_body_is_whole_however_much_outside_looks_like_lung():
    chest = made_chest()
    bare = find_lungs(chest.voxels, (5, 5, 5))
    chest.voxels[chest.voxels == -1000] = -900
    wrapped = find_lungs(chest.voxels, (5, 5, 5))
    assert (wrapped.start, wrapped.stop, wrapped.note) == (bare.start, bare.stop, None)
    assert np.array_equal(wrapped.air, bare.air)


def test_lungs_that_the_side_cuts_open_in_their_middle_are_not_whole_though_their_ends_hold_more_than_a_pair_may():
    part = made_chest().voxels[:, :, 12:-13]
    cut_open = side_air(part).touching
    in_the_ends, in_the_middle = (0.125 * ((part == -850) & which).sum() for which in (~cut_open, cut_open))
    assert PAIR_ML < in_the_ends < in_the_middle
    lungs = find_lungs(part, (5, 5, 5))
    assert lungs.note == WHOLE_CROPPED
    assert np.array_equal(lungs.air, part == -850)


def test_a_mattress_all_along_the_scan_is_no_lung_that_the_side_cuts_open():
    chest = made_chest()
    bare = find_lungs(chest.voxels, (5, 5, 5))
    lain = chest.voxels.copy()
    mattress = lain[:, -7:]
    mattress[mattress == -1000] = -600
    assert lain[lain < -850].mean() < -990, "outside air itself is as empty as before"
    on_it = find_lungs(lain, (5, 5, 5))
    assert (on_it.start, on_it.stop, on_it.note) == (bare.start, bare.stop, None)
    assert np.array_equal(on_it.air, bare.air)


def test_of_a_cropped_scan_too_it_is_known_what_lies_away_from_the_lungs():
    """The side cuts open one lung in every slice; behind the back lies a mattress in outside air."""
    chest = made_chest()
    chest.voxels[:, -2:][chest.voxels[:, -2:] == -1000] = -600
    part = chest.voxels[10:30, 20:, 50:70]
    lungs = find_lungs(part, (5, 5, 5))
    assert lungs.note == WHOLE_CROPPED
    assert np.array_equal(lungs.air, part == -850)
    back = np.argwhere(part == 40)
    back = back[back[:, 1] > 33]
    assert len(back) > 100
    assert lungs.away_mm(back, (5, 5, 5)).min() > FARTHEST_MM
    assert not lungs.away_mm(np.argwhere(part == -850), (5, 5, 5)).any()


def test_gas_in_the_bowel_is_no_lung_and_severe_emphysema_is():
    chest = made_chest((60, 64, 80))
    lungs = find_lungs(chest.voxels, (5, 5, 5))
    full = chest.voxels.copy()
    bowel = ball(chest.geometry, (0.0, -20.0, -110.0), 36.0)
    full[bowel] = -990
    assert bowel.sum() * 0.125 > 150, "mL"
    filled = find_lungs(full, (5, 5, 5))
    assert (filled.start, filled.stop) == (lungs.start, lungs.stop)
    assert np.array_equal(filled.air, lungs.air)
    ill = chest.voxels.copy()
    ill[ill == -850] = -970
    assert np.array_equal(find_lungs(ill, (5, 5, 5)).air, lungs.air)


@pytest.mark.parametrize("hu", [40, -1000])
def test_without_lungs_the_whole_scan_is_searched(hu):
    lungs = find_lungs(np.full((10, 50, 50), hu, np.int16), (5, 3, 3))
    assert lungs.note == WHOLE_NONE
    assert lungs.stop == (10, 50, 50)


@pytest.mark.parametrize("shape", [(1, 64, 80), (40, 1, 80), (3, 3, 3)])
def test_thin_scans_do_no_harm(shape):
    volume = made_chest(shape)
    assert find_lungs(volume.voxels, (5, 5, 5)).stop == shape


def test_no_window_that_touches_the_outline_is_left_out():
    volume = made_chest((60, 96, 120), (3.0, 3.0, 3.4))
    lungs = find_lungs(volume.voxels, (3.4, 3.0, 3.0))
    fine = lungs.mask.repeat(lungs.steps[0], 0).repeat(lungs.steps[1], 1).repeat(lungs.steps[2], 2)
    rng = np.random.default_rng(0)
    first = rng.integers(0, np.array(volume.geometry.shape) - 9, (400, 3))
    size = rng.integers(1, 9, (400, 3))
    touched = lungs.touched(first, first + size - 1)
    for a, n, said in zip(first, size, touched, strict=True):
        if fine[tuple(slice(x, x + y) for x, y in zip(a, n, strict=True))].any():
            assert said
    assert not touched.all()


@pytest.mark.shared
@pytest.mark.parametrize("name", ["LUNG1-001", "LIDC-IDRI-0001", "LIDC-IDRI-0003"])
def test_on_real_scans_every_tumour_voxel_is_in_the_box(shared_data, name):
    import SimpleITK as sitk

    image, mask = (sitk.ReadImage(str(shared_data / "scans" / name / f"{kind}.nii.gz")) for kind in ("image", "mask"))
    lungs = find_lungs(sitk.GetArrayViewFromImage(image), image.GetSpacing()[::-1])
    voxels = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0)
    assert lungs.note is None
    assert ((voxels >= lungs.start) & (voxels < lungs.stop)).all()
    assert lungs.touched(voxels, voxels).all()


@pytest.mark.shared
def test_a_chest_in_smooth_outside_air_is_not_taken_for_a_cropped_one(shared_data):
    import SimpleITK as sitk

    folder = shared_data / "scans" / "cip-ct-64"
    image, mask = (sitk.ReadImage(str(folder / f"{kind}.nii.gz")) for kind in ("image", "lung"))
    lungs = find_lungs(sitk.GetArrayViewFromImage(image), image.GetSpacing()[::-1])
    marked = sitk.GetArrayViewFromImage(mask)[tuple(slice(None, None, step) for step in lungs.steps)] > 0
    assert lungs.note is None
    assert 2 * (lungs.air & marked).sum() / (lungs.air.sum() + marked.sum()) > 0.95
