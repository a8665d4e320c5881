"""A lesion keeps its number while thresholds move, edits are painted, and others come and go."""

import numpy as np
import pytest

from LungTumorSegLib.measurement.identity import Identities
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry

GRID = Geometry((6, 20, 60), (1.0, 1.0, 2.0))


def hills(*hills_) -> np.ndarray:
    """A probability along i: (from, to, height) each."""
    probability = np.zeros(GRID.shape, np.float32)
    for start, stop, height in hills_:
        probability[2:4, 5:10, start:stop] = np.maximum(probability[2:4, 5:10, start:stop], height)
    return probability


class Hand:
    """Moves the threshold as the scene does."""

    def __init__(self):
        self.identities = Identities()

    def rest(self, probability, threshold, start=(0, 0, 0)):
        labels, names = self.drag(probability, threshold, start)
        self.identities.remember(labels)
        return names

    def drag(self, probability, threshold, start=(0, 0, 0)):
        labels = Box(start, lesion_labels(probability, Geometry(probability.shape, GRID.spacing), threshold, 0))
        names = self.identities.keep(labels)
        assert set(np.unique(labels.values)) - {0} == set(names.ids)
        self.labels = labels
        return labels, names

    def number_at(self, i):
        return int(self.labels.values[2, 7, i])


@pytest.fixture
def hand():
    return Hand()


def test_the_first_lesions_are_numbered_by_volume(hand):
    assert hand.rest(hills((5, 10, 0.9), (20, 40, 0.9)), 0.5).ids == (1, 2)
    assert hand.number_at(30) == 1


def test_a_lesion_that_becomes_the_larger_keeps_its_number(hand):
    probability = hills((5, 15, 0.9), (20, 26, 0.9), (26, 45, 0.4))
    hand.rest(probability, 0.5)
    assert (hand.number_at(10), hand.number_at(22)) == (1, 2)
    hand.rest(probability, 0.3)
    assert (hand.number_at(10), hand.number_at(22)) == (1, 2)


def test_a_lesion_that_the_threshold_takes_away_comes_back_with_its_number(hand):
    probability = hills((5, 15, 0.9), (20, 26, 0.6), (30, 34, 0.8))
    hand.rest(probability, 0.5)
    numbers = [hand.number_at(i) for i in (10, 22, 32)]
    assert hand.rest(probability, 0.7).ids == tuple(sorted((numbers[0], numbers[2])))
    hand.rest(probability, 0.5)
    assert [hand.number_at(i) for i in (10, 22, 32)] == numbers


def test_of_a_lesion_that_falls_apart_the_largest_part_keeps_the_number(hand):
    probability = hills((5, 20, 0.9), (20, 24, 0.4), (24, 30, 0.9), (40, 44, 0.9))
    hand.rest(probability, 0.3)
    other = hand.number_at(42)
    names = hand.rest(probability, 0.5)
    assert (hand.number_at(10), hand.number_at(42)) == (1, other)
    assert hand.number_at(26) == 3  # never used before
    assert names.merged_from == {}


def test_lesions_that_grow_together_have_the_number_of_the_largest_and_part_again(hand):
    probability = hills((5, 20, 0.9), (20, 24, 0.4), (24, 30, 0.9))
    hand.rest(probability, 0.5)
    names = hand.rest(probability, 0.3)
    assert names.ids == (1,)
    assert names.merged_from == {1: (2,)}
    assert hand.rest(probability, 0.3).merged_from == {1: (2,)}
    hand.rest(probability, 0.5)
    assert (hand.number_at(10), hand.number_at(26)) == (1, 2)


def test_a_merge_is_named_by_the_largest_though_it_has_the_higher_number(hand):
    hand.rest(hills((5, 15, 0.9)), 0.5)
    hand.rest(hills((5, 15, 0.9), (20, 50, 0.9)), 0.5)
    names = hand.rest(hills((5, 50, 0.9)), 0.5)
    assert names.ids == (2,)
    assert names.merged_from == {2: (1,)}


def test_an_added_lesion_gets_a_new_number_and_a_removed_ones_is_never_given_again(hand):
    hand.rest(hills((5, 15, 0.9), (20, 26, 0.9)), 0.5)
    hand.identities.forget([2])
    hand.rest(hills((5, 15, 0.9)), 0.5)
    hand.rest(hills((5, 15, 0.9), (40, 59, 0.9)), 0.5)
    assert (hand.number_at(10), hand.number_at(50)) == (1, 3)


def test_dragging_remembers_nothing(hand):
    probability = hills((5, 20, 0.9), (20, 24, 0.4), (24, 30, 0.9))
    hand.rest(probability, 0.3)
    for _ in range(3):
        _, names = hand.drag(probability, 0.5)
        assert names.ids == (1, 2)
    assert hand.drag(probability, 0.3)[1].ids == (1,)
    assert hand.identities.highest == 1


def test_a_result_in_another_box_finds_its_lesions(hand):
    probability = hills((5, 15, 0.9), (20, 26, 0.9))
    hand.rest(probability, 0.5)
    hand.rest(probability[1:, 4:, 18:], 0.5, start=(1, 4, 18))
    assert hand.labels.values[1, 3, 4] == 2
    hand.rest(probability, 0.5)
    assert (hand.number_at(10), hand.number_at(22)) == (1, 2)


def test_painted_voxels_belong_to_the_lesion_that_they_were_painted_into(hand):
    labels, _ = hand.drag(hills((5, 15, 0.9), (20, 26, 0.9)), 0.5)
    labels.values[2:4, 5:10, 20:26] = 0
    labels.values[2:4, 5:10, 40:50] = 2  # the user rubs lesion 2 out and paints it elsewhere
    hand.identities.remember(labels)
    hand.rest(hills((5, 15, 0.9), (38, 50, 0.9)), 0.5)
    assert hand.number_at(45) == 2


def test_no_lesion_is_fine(hand):
    assert hand.rest(hills(), 0.5).ids == ()
    assert hand.rest(hills((5, 15, 0.9)), 0.5).ids == (1,)
    assert hand.rest(np.zeros((0, 0, 0), np.float32), 0.5).ids == ()
    assert hand.rest(hills((5, 15, 0.9)), 0.5).ids == (1,)


def test_numbers_are_those_of_a_plain_search_for_the_largest_overlap(hand):
    """Random blobs at random thresholds, against every pair counted one by one."""
    random = np.random.default_rng(4)
    from scipy.ndimage import gaussian_filter

    for _ in range(40):
        probability = gaussian_filter(random.random((8, 30, 30)), 2)
        probability = ((probability - probability.min()) / np.ptp(probability)).astype(np.float32)
        hand = Hand()
        hand.rest(probability, 0.6)
        before = hand.labels.values.copy()
        names = hand.rest(probability, random.uniform(0.4, 0.8))
        after = hand.labels.values
        pairs = sorted(
            (-np.count_nonzero((before == old) & (after == new)), old, new)
            for old in set(before.flat) - {0}
            for new in names.ids
        )
        # Each number lies on the known lesion it names, unless a larger part of that or a larger claim came first.
        for new in names.ids:
            shared = {old: -n for n, old, other in pairs if other == new and n}
            if new in shared:
                mine = shared[new]
                better = [old for old, n in shared.items() if n > mine]
                for old in better:  # its number went to a part that holds more of it
                    assert max(-n for n, o, other in pairs if o == old and other != new) >= shared[old]
