"""Which of several windows shows a lesion whole."""

import numpy as np
import pytest
import torch

from LungTumorSegLib.inference.looks import FINE, SMALL_MM, SURE, ZOOMS, Look, whole_lesion
from LungTumorSegLib.volume.geometry import Geometry

SIDE = 24


def look(zoom: float, radius_mm: float, probability: float = 0.6) -> Look:
    """A ball of that radius in the middle of a window of `zoom` mm a voxel; nothing for a radius of 0."""
    away = (np.indices((SIDE,) * 3) - (SIDE - 1) / 2) * zoom
    lesion = (away**2).sum(0) < radius_mm**2
    return Look(Geometry((SIDE,) * 3, (zoom,) * 3), torch.from_numpy(probability * lesion), lesion)


def zoom_of(
    *radii_mm: float | None, sized: bool = False, finer: float | None = 0.0, sure: tuple[float, ...] = ()
) -> tuple[float | None, bool, list]:
    """The chosen look's zoom, whether it shows the lesion whole, and the zooms that were asked for after the finest.

    radii_mm : of the ball that each look sees, from fine to coarse; None where the marks do not fit in. finer : of the
    look on the finest grid. sure : the zooms whose look is sure of its ball.
    """
    radii, asked = dict(zip(ZOOMS, radii_mm, strict=False)) | {FINE: finer}, []

    def look_at(zoom: float) -> Look | None:
        asked.append(zoom)
        return None if radii.get(zoom) is None else look(zoom, radii[zoom], 0.95 if zoom in sure else 0.6)

    shown, whole = whole_lesion(look_at, sized=sized)
    assert asked.pop(0) == FINE
    return shown and round(shown.voxel_mm, 2), whole, asked


def test_the_finest_look_is_taken_when_the_coarser_ones_see_the_same_lesion():
    assert zoom_of(8, 9, 9, 9) == (1, True, [1, 2, 4, 6])


def test_a_fragment_gives_way_to_the_large_lesion_around_it():
    assert zoom_of(7, 18, 40, 41) == (4, True, [1, 2, 4, 6])


def test_that_two_looks_see_the_same_fragment_does_not_hide_the_large_lesion_around_it():
    assert zoom_of(7, 8, 40, 41) == (4, True, [1, 2, 4, 6])


def test_a_coarse_look_that_runs_on_does_not_overrule_one_that_would_have_held_as_much():
    assert zoom_of(6, 9, 0, 0) == (1, True, [1, 2, 4, 6])
    assert zoom_of(6, 10, 11, 11) == (2, True, [1, 2, 4, 6])


def test_what_only_the_widest_window_shows_so_large_is_not_believed():
    assert zoom_of(7, 18, 40, 61) == (4, True, [1, 2, 4, 6])
    assert zoom_of(90, 90, 46, 71) == (4, True, [1, 2, 4, 6])
    assert zoom_of(7, 90, 54, 66) == (6, True, [1, 2, 4, 6]), "larger than the window before, but not so much"


def test_a_fine_look_that_is_sure_of_a_whole_lesion_asks_no_coarser_one():
    """A nodule at the wall is seen whole and surely, and the coarser look would run on into the wall."""
    assert zoom_of(6, 18, 40, 41, sure=(1,)) == (1, True, [1])
    assert zoom_of(90, 30, 40, 41, sure=(1,)) == (4, True, [1, 2, 4, 6]), "sure, but cut off by the border"


def test_a_coarse_look_may_be_sure_of_a_part_of_a_large_tumour_so_one_coarser_look_is_asked():
    assert zoom_of(7, 18, 40, 41, sure=(2,)) == (4, True, [1, 2, 4, 6])
    assert zoom_of(7, 18, 19, 41, sure=(2,)) == (2, True, [1, 2, 4])


def test_how_sure_a_look_is_is_the_mean_probability_of_its_lesion():
    assert look(1, 5, SURE + 0.01).sure
    assert not look(1, 5, SURE - 0.01).sure


def test_a_small_lesion_that_coarser_looks_do_not_see_stays():
    assert zoom_of(7, 0, 0, 0) == (1, True, [1, 2, 4, 6])


def test_a_small_lesion_is_seen_on_the_finest_grid():
    assert zoom_of(3, 3, finer=3.2, sure=(FINE, 1)) == (FINE, True, [])
    assert zoom_of(6, 6, finer=SMALL_MM + 0.5, sure=(FINE, 1)) == (1, True, [1]), "too large for it"


@pytest.mark.parametrize(("finer", "sure"), [(3.2, ()), (0, ()), (9, (FINE,)), (None, (FINE,))])
def test_what_the_finest_grid_is_not_sure_of_or_does_not_hold_is_seen_in_the_next(finer, sure):
    assert zoom_of(3, 3, 3, 3, finer=finer, sure=sure) == (1, True, [1, 2, 4, 6])


def test_marks_that_do_not_fit_into_the_finest_window_are_seen_in_the_next():
    assert zoom_of(None, 14, 14, 14) == (2, True, [1, 2, 4, 6])


def test_a_lesion_seen_by_coarse_looks_alone_is_found():
    assert zoom_of(0, 0, 40, 40) == (4, True, [1, 2, 4, 6])


def test_a_lesion_that_touches_every_border_is_shown_as_coarsely_as_can_be_and_is_not_whole():
    assert zoom_of(90, 90, 90, 90) == (6, False, [1, 2, 4, 6])


@pytest.mark.parametrize("radii", [(), (0, 0)])
def test_no_lesion_is_no_look(radii):
    assert zoom_of(*radii) == (None, False, list(ZOOMS))


def test_a_size_drawn_by_hand_ends_the_search_with_the_first_look_that_holds_the_lesion():
    assert zoom_of(7, 18, sized=True) == (1, True, [1])
    assert zoom_of(3, 18, finer=3.2, sized=True) == (FINE, True, [])
