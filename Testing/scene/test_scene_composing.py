"""One probability of all answers: what is taken over, taken away, added. Without a scene."""

import numpy as np
import pytest
from made_scene import FIRST, SECOND, START, ball, blobs, geometry, lps

from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.scene.blocks import Blocks
from LungTumorSegLib.scene.composing import compose
from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.scene.cutting import cut_lesions
from LungTumorSegLib.scene.prompts import Prompt, TakenAway
from LungTumorSegLib.volume.box import EMPTY, Box, hull

GRID = geometry()
AUTOMATIC = Box(START, blobs())
FAR = (3, 4, 4)


def composed(answers=(), away=(), automatic=AUTOMATIC) -> np.ndarray:
    return compose(automatic, answers, away, GRID).full(GRID.shape)


def prompt(*inside, box=None, threshold=0.5):
    return Prompt("1", tuple(tuple(lps(kji)) for kji in inside), box=box, threshold=threshold)


def away(kji, threshold=0.5):
    return TakenAway(tuple(lps(kji)), threshold)


def test_the_automatic_answer_alone_is_the_answer():
    np.testing.assert_array_equal(composed(), AUTOMATIC.full(GRID.shape))
    assert not composed(automatic=EMPTY).any()


def test_an_answer_beside_the_lesions_is_added():
    answer = ball(FAR)
    expected = np.maximum(AUTOMATIC.full(GRID.shape), answer.full(GRID.shape))
    np.testing.assert_array_equal(composed([(prompt(FAR), answer)]), expected)


@pytest.mark.parametrize("threshold", [0.05, 0.2, 0.5, 0.7, 0.9])
def test_an_answer_in_a_lesion_replaces_it_at_every_threshold(threshold):
    answer = ball(FIRST, 2.0)
    whole = composed([(prompt(FIRST), answer)])
    near = np.zeros(GRID.shape, bool)
    near[:, :22, :24] = True  # the other blob's side is beyond
    np.testing.assert_array_equal((whole >= threshold) & near, (answer.full(GRID.shape) >= threshold) & near)
    second = tuple(SECOND)
    assert whole[second] == AUTOMATIC.full(GRID.shape)[second]


def test_no_lesion_at_the_point_leaves_the_automatic_one():
    np.testing.assert_array_equal(composed([(prompt(FIRST), EMPTY)]), AUTOMATIC.full(GRID.shape))
    nothing = Box(FAR, np.zeros((3, 3, 3), np.float32))
    np.testing.assert_array_equal(composed([(prompt(FIRST), nothing)]), AUTOMATIC.full(GRID.shape))


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.79])
def test_a_lesion_taken_away_leaves_the_other_whole(threshold):
    """Their probabilities touch at 0.05, yet nothing is left of the one, and of the other all that is nearer to it."""
    whole, before = composed(away=[away(SECOND)]), AUTOMATIC.full(GRID.shape)
    distance = {
        name: np.linalg.norm((np.moveaxis(np.indices(GRID.shape), 0, -1) - middle) * GRID.spacing[::-1], axis=-1)
        for name, middle in (("first", FIRST), ("second", SECOND))
    }
    assert not (whole[distance["second"] < 3] >= threshold).any()
    own = distance["first"] < 4
    np.testing.assert_array_equal(whole[own], before[own])
    assert len(np.unique(lesion_labels(whole, GRID, threshold, 1.0))) == 2, "the background and one lesion: no shell"


def test_a_point_that_was_placed_in_no_lesion_takes_nothing():
    np.testing.assert_array_equal(composed(away=[away(FAR)]), AUTOMATIC.full(GRID.shape))
    edge = (11, 17, 25)  # 0.47 there
    assert 0.3 < AUTOMATIC.full(GRID.shape)[edge] < 0.5
    np.testing.assert_array_equal(composed(away=[away(edge)]), AUTOMATIC.full(GRID.shape))
    assert composed(away=[away(edge, threshold=0.3)])[FIRST] == 0


def test_a_fainter_lesion_near_one_that_is_taken_away_stays():
    faint = ball((11, 17, 34), 2.0, peak=0.45)
    automatic = hull([AUTOMATIC, faint])
    whole = composed(away=[away(SECOND)], automatic=automatic)
    assert whole[11, 17, 34] == pytest.approx(0.45)


def test_a_box_takes_over_the_lesions_that_lie_in_it_for_the_most_part():
    corners = np.sort([lps(np.add(SECOND, -5)), lps(np.add(SECOND, 5))], axis=0)
    answer = ball(SECOND, 1.5)
    whole = composed([(prompt(box=tuple(map(tuple, corners))), answer)])
    assert whole[SECOND] == answer.full(GRID.shape)[SECOND]
    assert np.count_nonzero(whole[:, 22:, 24:] >= 0.5) == np.count_nonzero(answer.values >= 0.5)
    assert whole[FIRST] == 1.0


def test_lesions_are_cut_as_from_the_whole_array():
    generator = np.random.default_rng(3)
    values = np.zeros((60, 70, 90), np.float32)
    grid = geometry(shape=values.shape)
    for k, j, i in generator.integers(4, 56, (25, 3)):
        values[k - 3 : k + 3, j - 2 : j + 4, i - 3 : i + 3] = generator.uniform(0.2, 1, (6, 6, 6))
    for threshold, smallest in ((0.3, 0), (0.5, 3.0), (0.8, 4.0), (0.95, 0)):
        parts = cut_lesions(Blocks(values), grid, Cut(threshold, smallest))
        found = np.zeros(values.shape, np.uint16)
        for part in parts:
            assert not found[part.slices].any()
            found[part.slices] = part.values
        expected = lesion_labels(values, grid, threshold, smallest)
        assert found.max() == expected.max()
        np.testing.assert_array_equal(found > 0, expected > 0)
        pairs = np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1)
        assert pairs.shape[1] == found.max() + 1, "one number of ours to one of theirs"
        np.testing.assert_array_equal(np.bincount(found.ravel())[1:], np.bincount(expected.ravel())[1:])


def test_a_lesion_that_was_asked_for_is_neither_too_small_nor_left_out():
    small = ball(FAR, 1.0)
    whole = Blocks(composed([(prompt(FAR), small)]))
    alone = cut_lesions(whole, GRID, Cut(0.5, 5.0, largest_only=True))
    assert [int(part.values.max()) for part in alone] == [1]
    assert alone[0].values.shape[2] > 5, "the automatic one"
    asked = cut_lesions(whole, GRID, Cut(0.5, 5.0, largest_only=True), [small])
    assert sorted({int(n) for part in asked for n in np.unique(part.values)}) == [0, 1, 2]


def test_blocks_follow_changes_in_a_part():
    values = np.zeros((40, 40, 40), np.float32)
    blocks = Blocks(values)
    assert blocks.above(0.5) == []
    values[33, 2, 17] = 0.7
    blocks.update((slice(33, 34), slice(2, 3), slice(17, 18)))
    assert blocks.above(0.5) == [(slice(32, 40), slice(0, 16), slice(16, 32))]
    values[33, 2, 17] = 0
    blocks.update((slice(30, 35), slice(0, 5), slice(10, 20)))
    assert blocks.above(0.5) == []
