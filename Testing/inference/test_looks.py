"""Which of several windows shows a lesion whole."""

import numpy as np
import pytest
import torch

from LungTumorSegLib.inference.looks import Look, whole_lesion
from LungTumorSegLib.volume.geometry import Geometry

SIDE = 24


def look(zoom: int, radius_mm: float) -> Look:
    """A ball of that radius in the middle of a window of `zoom` mm a voxel; nothing for a radius of 0."""
    away = (np.indices((SIDE,) * 3) - (SIDE - 1) / 2) * zoom
    lesion = (away**2).sum(0) < radius_mm**2
    return Look(Geometry((SIDE,) * 3, (zoom,) * 3), torch.zeros(lesion.shape), lesion)


def zoom_of(*looks: Look, sized: bool = False) -> tuple[float | None, bool, int]:
    """The chosen look's spacing, whether it shows the lesion whole, and how many looks were asked for."""
    asked = []
    shown, whole = whole_lesion((asked.append(each) or each for each in looks), sized=sized)
    return shown and round(shown.voxel_mm), whole, len(asked)


def test_the_finest_look_is_taken_when_the_next_one_sees_the_same_lesion():
    assert zoom_of(look(1, 6), look(2, 7), look(4, 30)) == (1, True, 2)


def test_a_fragment_gives_way_to_the_large_lesion_around_it():
    assert zoom_of(look(1, 4), look(2, 5), look(4, 40)) == (1, True, 2)
    assert zoom_of(look(1, 4), look(2, 18), look(4, 40), look(6, 41)) == (4, True, 4)


def test_a_coarse_look_that_runs_on_does_not_overrule_one_that_would_have_held_as_much():
    assert zoom_of(look(1, 2), look(2, 5.5), look(4, 40)) == (1, True, 2)
    assert zoom_of(look(1, 2), look(2, 6.5), look(4, 7), look(6, 7)) == (2, True, 3)


def test_a_small_lesion_that_a_coarser_look_does_not_see_stays():
    assert zoom_of(look(1, 3), look(2, 0), look(4, 40)) == (1, True, 2)


def test_a_lesion_seen_by_coarse_looks_alone_is_found():
    assert zoom_of(look(1, 0), look(2, 0), look(4, 40), look(6, 40)) == (4, True, 4)


def test_a_lesion_that_touches_every_border_is_shown_as_coarsely_as_can_be_and_is_not_whole():
    assert zoom_of(look(1, 90), look(2, 90), look(4, 90)) == (4, False, 3)


@pytest.mark.parametrize("looks", [(), (look(1, 0), look(2, 0))])
def test_no_lesion_is_no_look(looks):
    assert zoom_of(*looks) == (None, False, len(looks))


def test_a_size_drawn_by_hand_ends_the_search_with_the_first_look_that_holds_the_lesion():
    assert zoom_of(look(1, 4), look(2, 18), sized=True) == (1, True, 1)
