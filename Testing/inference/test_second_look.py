"""What a search suspects, looked at again on a finer grid."""

import numpy as np
import pytest
import torch
from made_chest import ball, made_chest

from LungTumorSegLib.inference.candidates import MOST, candidates
from LungTumorSegLib.inference.lungs import find_lungs
from LungTumorSegLib.inference.second_look import near_lungs, of_one_lesion, outlined
from LungTumorSegLib.volume.box import EMPTY, Box
from LungTumorSegLib.volume.geometry import Geometry

GRID = Geometry((40, 50, 60), (2.0, 2.0, 2.0), (20.0, -50.0, -40.0))


def searched(*balls) -> np.ndarray:
    """A search's probability on `GRID`: 0.9 in balls (x, y, z, radius; LPS mm), 0.2 within 2 mm around them."""
    probability = np.zeros(GRID.shape, np.float32)
    for *centre, radius in balls:
        probability[ball(GRID, centre, radius + 2)] = 0.2
    for *centre, radius in balls:
        probability[ball(GRID, centre, radius)] = 0.9
    return probability


def test_each_component_is_a_candidate_with_a_voxel_deep_inside_the_surest_first():
    small, large = (40.0, -20.0, 0.0, 4.0), (90.0, 20.0, 10.0, 12.0)
    found = candidates(searched(small, large), GRID.spacing[::-1], 0.1)
    assert len(found) == 2
    for candidate, (*centre, radius) in zip(found, (large, small), strict=True):
        assert np.linalg.norm(GRID.ijk_to_lps(candidate.voxel[::-1]) - centre) <= 2.0
        assert candidate.highest == pytest.approx(0.9)
        assert 2 * radius <= max(candidate.inside.shape) * GRID.spacing[0] <= 2 * radius + 8


def test_what_does_not_reach_the_threshold_or_is_a_speck_is_none():
    probability = searched((40.0, -20.0, 0.0, 4.0))
    assert candidates(probability, GRID.spacing[::-1], 0.95) == []
    speck = np.zeros(GRID.shape, np.float32)
    speck[5, 5, 5:7] = 1.0
    assert candidates(speck, GRID.spacing[::-1], 0.5) == []


def test_the_surest_are_kept_where_there_are_too_many():
    probability = np.zeros((40, 80, 80), np.float32)
    for n, (k, j, i) in enumerate(np.ndindex(4, 5, 5)):
        probability[k * 10 : k * 10 + 2, j * 10 : j * 10 + 2, i * 10 : i * 10 + 2] = 0.5 + n / 300
    found = candidates(probability, (2.0, 2.0, 2.0), 0.3)
    assert len(found) == MOST
    assert min(candidate.highest for candidate in found) == pytest.approx(0.5 + (100 - MOST) / 300)


def look_again(volume, box_model, probability, predict=None):
    found = candidates(probability, GRID.spacing[::-1], 0.1)
    box, windows = outlined(
        volume.voxels,
        volume.geometry,
        box_model.card,
        predict or box_model.network,
        found,
        torch.from_numpy(probability),
        GRID,
        0.5,
    )
    return box.start, box.values, windows


def test_the_second_look_outlines_on_the_scans_own_voxels(box_model):
    volume = made_chest((60, 50, 90), (2.0, 2.0, 2.0), [(70, 0, 0, 6), (85, 0, 0, 6)])
    start, values, windows = look_again(volume, box_model, searched((71.0, 1.0, 0.0, 2.0)))
    mask = Box(start, values >= 0.5).full(volume.voxels.shape)
    true = ball(volume.geometry, (70, 0, 0), 6)
    assert 2 * (mask & true).sum() / (mask.sum() + true.sum()) > 0.9
    assert not (mask & ball(volume.geometry, (85, 0, 0), 6)).any()
    assert windows == 2


def test_a_suspicion_that_the_second_look_does_not_share_keeps_the_searchs_own_answer(box_model):
    volume = made_chest((60, 50, 90), (2.0, 2.0, 2.0), [])
    start, values, _ = look_again(volume, box_model, searched((70.0, 0.0, 0.0, 6.0)))
    middle = tuple(volume.geometry.lps_to_ijk(np.array([70.0, 0.0, 0.0]))[::-1].round().astype(int) - start)
    assert values[middle] == pytest.approx(0.9, abs=0.05)


def test_an_outline_that_finds_no_end_gives_way_to_the_searchs_own_answer(box_model):
    volume = made_chest((60, 50, 90), (2.0, 2.0, 2.0), [(70, 0, 0, 6)])
    nothing, everything = (
        look_again(volume, box_model, searched((70.0, 0.0, 0.0, 6.0)), lambda x, y=logit: torch.full_like(x[:, :1], y))
        for logit in (-5.0, 5.0)
    )
    assert nothing[0] == everything[0]
    assert np.array_equal(nothing[1], everything[1])
    assert (everything[1] >= 0.5).any()


def test_of_a_large_mass_too_only_what_the_second_look_outlines_is_shown(box_model):
    volume = made_chest((60, 70, 90), (2.0, 2.0, 2.0), [(70, 0, 0, 6)])
    start, values, _ = look_again(volume, box_model, searched((75.0, 0.0, 0.0, 24.0)))
    mask = Box(start, values >= 0.5).full(volume.voxels.shape)
    true = ball(volume.geometry, (70, 0, 0), 6)
    assert 2 * (mask & true).sum() / (mask.sum() + true.sum()) > 0.9


@pytest.mark.parametrize(("start", "stays"), [((8, 8, 8), False), ((11, 10, 10), False), ((12, 12, 12), True)])
def test_of_outlines_that_mean_one_lesion_the_surer_suspicions_stays(box_model, monkeypatch, start, stays):
    answers = iter([((10, 10, 10), np.ones((4, 4, 4), np.float32), ()), (start, np.ones((8, 8, 8), np.float32), ())])
    monkeypatch.setattr("LungTumorSegLib.inference.second_look.find_lesion", lambda *given: next(answers))
    volume = made_chest((60, 50, 90), (2.0, 2.0, 2.0), [])
    first, values, _ = look_again(volume, box_model, searched((70.0, 0.0, 0.0, 8.0), (110.0, 0.0, 0.0, 4.0)))
    assert first == (10, 10, 10)
    assert ((values >= 0.5).sum() > 4**3) == stays


def test_outlines_mean_one_lesion_that_share_half_of_the_smaller():
    one = Box((0, 0, 0), np.ones((4, 4, 4), np.float32))
    assert of_one_lesion(one, Box((2, 0, 0), np.ones((6, 4, 4), np.float32)), 0.5)
    assert not of_one_lesion(one, Box((3, 0, 0), np.ones((6, 4, 4), np.float32)), 0.5)
    assert not of_one_lesion(one, Box((2, 0, 0), np.full((6, 4, 4), 0.4, np.float32)), 0.5)
    assert not of_one_lesion(one, Box((4, 0, 0), np.ones((6, 4, 4), np.float32)), 0.5)
    assert not of_one_lesion(one, EMPTY, 0.5)


def test_nothing_suspected_is_an_empty_box(box_model):
    volume = made_chest((60, 50, 90), (2.0, 2.0, 2.0), [])
    start, values, windows = look_again(volume, box_model, np.zeros(GRID.shape, np.float32))
    assert (start, values.shape, windows) == ((0, 0, 0), (0, 0, 0), 0)


def test_what_lies_far_from_the_lungs_is_left_out_and_that_is_said():
    volume = made_chest((60, 60, 90), (4.0, 4.0, 4.0), [(60, 0, 0, 14)])
    lungs = find_lungs(volume.voxels, volume.geometry.spacing[::-1])
    in_lung, in_tumours_core, in_arm = (40.0, 40, 0, 5), (60.0, 0, 0, 5), (172.0, 0, 0, 5)
    grid = Geometry((60, 60, 90), (4.0, 4.0, 4.0), volume.geometry.origin)
    probability = np.zeros(grid.shape, np.float32)
    for *centre, radius in (in_lung, in_tumours_core, in_arm):
        probability[ball(grid, centre, radius)] = 0.9
    near, said = near_lungs(candidates(probability, grid.spacing[::-1], 0.5), grid, lungs, volume.geometry)
    kept = [grid.ijk_to_lps(candidate.voxel[::-1]) for candidate in near]
    assert sorted(round(x / 20) * 20 for x, _, _ in kept) == [40, 60]
    assert said == "left out more than 20 mm from the lungs' air: 1 suspicion"


def test_nothing_is_left_out_where_no_lungs_were_found():
    tissue = np.zeros((40, 50, 60), np.int16)
    lungs = find_lungs(tissue, GRID.spacing[::-1])
    found = candidates(searched((70.0, 0.0, 0.0, 6.0)), GRID.spacing[::-1], 0.1)
    assert near_lungs(found, GRID, lungs, GRID) == (found, "")
