"""The synthetic chest is the same for the same seed, has the HU of a chest, and says truly where its tumours are."""

import numpy as np
import pytest
from scipy import ndimage

from LungTumorSegLib.volume.checking import check_ct, check_mask_against
from LungTumorSegLib.volume.orientation import canonical
from LungTumorSegLib.volume.phantom import make_phantom

COARSE = {"shape": (60, 128, 128), "spacing": (2.8, 2.8, 4.6)}


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(**COARSE)


def test_the_same_seed_gives_the_same_scan_and_another_seed_another(phantom):
    again, _, _ = make_phantom(**COARSE)
    other, _, _ = make_phantom(seed=1, **COARSE)
    assert again.content_hash == phantom[0].content_hash
    assert other.content_hash != phantom[0].content_hash


def test_it_is_an_ordinary_ct_with_its_mask(phantom):
    ct, mask, _ = phantom
    assert (ct.voxels.dtype, mask.voxels.dtype) == (np.int16, np.uint8)
    assert canonical(ct.geometry) == ((0, 1, 2), (False, False, False))
    assert check_ct(ct.voxels, ct.geometry).warnings == ()
    check_mask_against(ct, mask)


@pytest.mark.parametrize(
    ("tissue", "place", "low", "high"),
    [
        ("air outside", (0, -165, 120), -1024, -950),
        ("trachea", (-1, 6, 225), -1024, -900),
        ("right lung", (-95, 10, 110), -930, -750),
        ("left lung", (95, -40, 110), -930, -750),
        ("heart", (25, -30, 85), 20, 75),
        ("aorta", (24, 44, 120), 20, 65),
        ("liver", (-70, 0, 20), 35, 80),
        ("vertebra", (0, 66, 112), 100, 500),
    ],
)
def test_tissues_have_their_hounsfield_units(phantom, tissue, place, low, high):
    ct = phantom[0]
    i, j, k = np.rint(ct.geometry.lps_to_ijk(place)).astype(int)
    around = ct.voxels[k, j - 1 : j + 2, i - 1 : i + 2]
    assert low <= np.median(around) <= high, tissue


def test_each_tumour_is_one_piece_at_its_place_and_of_its_size(phantom):
    _, mask, tumours = phantom
    assert [t["label"] for t in tumours] == sorted(set(np.unique(mask.voxels)) - {0}) == [1, 2, 3]
    for tumour in tumours:
        body = mask.voxels == tumour["label"]
        assert ndimage.label(body, np.ones((3, 3, 3)))[1] == 1
        volume = body.sum() * mask.geometry.voxel_volume_mm3 / 1000
        assert volume == pytest.approx(tumour["volume_ml"])
        sphere = np.pi / 6 * tumour["diameter_mm"] ** 3 / 1000
        assert 0.6 * sphere < volume < 1.3 * sphere
        centre = mask.geometry.ijk_to_lps(np.argwhere(body).mean(0)[::-1])
        assert np.linalg.norm(centre - tumour["centre_lps"]) < 0.2 * tumour["diameter_mm"]


def test_the_tumour_on_the_wall_touches_what_is_no_lung_and_the_others_do_not(phantom):
    ct, mask, _ = phantom
    blurred = ndimage.gaussian_filter(ct.voxels.astype(np.float32), 1)
    for label, touches in ((1, False), (2, False), (3, True)):
        rim = ndimage.binary_dilation(mask.voxels == label, iterations=4) & (mask.voxels == 0)
        assert bool((blurred[rim] > 300).any()) is touches  # a rib is near
