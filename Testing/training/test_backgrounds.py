import numpy as np
import pytest

from LungTumorSegLib.training.backgrounds import Background

SPACING = (4.0, 4.0, 4.0)
LUNG, OUTSIDE, TISSUE = -850, -1000, 40


def background(image: np.ndarray) -> Background:
    return Background("chest", SPACING, image, np.ones_like(image, np.uint8))


@pytest.fixture
def half_a_chest() -> np.ndarray:
    """A lung of 0.9 L that the scan's right side cuts open, and behind the back a litre of outside air."""
    image = np.full((30, 60, 40), TISSUE, np.int16)
    image[3:27, 5:30, :25] = LUNG
    image[:, 45:] = OUTSIDE
    return image


def test_in_a_cropped_scan_nodules_are_set_in_the_lung_and_not_behind_the_back(half_a_chest):
    places = background(half_a_chest).places
    assert len(places)
    assert places[:, 1].max() < 40 * SPACING[1]


def test_in_a_whole_scan_outside_air_is_no_lung(half_a_chest):
    half_a_chest[:, :, :2] = TISSUE
    lungs = background(half_a_chest).lungs
    assert lungs[15, 15, 12]
    assert not lungs[:, 45:].any()
