"""Which lesion is which: one to one, near its place relative to its size, doubts said."""

import numpy as np
import pytest

from LungTumorSegLib.response.matching import NEVER, Place, assigned, match, total


def place(number, x, radius=6.0, y=0.0):
    return Place(number, (float(x), float(y), 0.0), radius, radius)


def test_lesions_in_another_order_find_their_own():
    found = match([place(1, 0), place(2, 80), place(3, 160)], [place(1, 163), place(2, 2), place(3, 78)])
    assert found.pairs == {1: 2, 2: 3, 3: 1}
    assert not found.doubts
    assert (found.gone, found.new) == ((), ())


def test_what_lies_beyond_reach_is_gone_and_new():
    found = match([place(1, 0)], [place(1, 60)])
    assert (found.pairs, found.gone, found.new) == ({}, (1,), (1,))


def test_a_large_lesion_may_move_farther_than_a_small_one():
    assert match([place(1, 0, 30)], [place(1, 40, 30)]).pairs == {1: 1}
    assert match([place(1, 0, 3)], [place(1, 40, 3)]).pairs == {}


def test_the_best_whole_is_taken_not_the_nearest_pair_first():
    """Taking 2-1 first, the nearest, would leave lesion 1 without any."""
    found = match([place(1, 0), place(2, 12)], [place(1, 10), place(2, 24)])
    assert found.pairs == {1: 1, 2: 2}


def test_neighbours_that_could_be_exchanged_are_doubtful():
    found = match([place(1, 0), place(2, 10)], [place(1, 4, y=1), place(2, 6, y=-1)])
    assert set(found.doubts) == {1, 2}
    assert found.doubts[1] == "another lesion is as near"


def test_a_lone_pair_near_its_reach_is_doubtful_and_says_how_far():
    assert match([place(1, 0)], [place(1, 18)]).doubts == {1: "18 mm apart"}


def test_a_new_lesion_beside_an_old_one_is_pointed_out():
    found = match([place(1, 0)], [place(1, 1), place(2, 14)])
    assert found.new == (2,)
    assert found.doubts[-2] == "new, but near lesion 1"


def test_fragments_within_the_old_outline_are_a_split():
    found = match([place(1, 0, 15)], [place(1, -8, 7), place(2, 8, 6)])
    assert found.pairs == {1: 1}
    assert found.splits == {1: (2,)}
    assert found.doubts[1] == "it seems to have split"
    assert found.new == ()


def test_a_second_lesion_that_holds_more_than_the_old_one_is_no_fragment():
    found = match([place(1, 0, 10)], [place(1, 0, 10), place(2, 9, 9.5)])
    assert found.splits == {}
    assert found.new == (2,)


def test_two_that_became_one_are_merged():
    before = [place(1, -8, 7), place(2, 8, 7)]
    found = match(before, [place(1, 0, 14)])
    assert found.pairs.keys() | found.merged.keys() == {1, 2}
    assert list(found.merged.values()) == [1]
    assert found.gone == ()


def test_a_vanished_neighbour_is_not_merged_into_a_lesion_that_did_not_grow():
    found = match([place(1, 0, 12), place(2, 10, 12)], [place(1, 0, 7)])
    assert found.merged == {}
    assert found.gone == (2,)


@pytest.mark.parametrize("seed", range(20))
def test_the_assignment_is_the_cheapest_of_all(seed):
    """Against trying every one-to-one assignment."""
    from itertools import permutations

    random = np.random.default_rng(seed)
    cost = random.uniform(0, 1.6, (3, 4))
    cost[cost > 1] = NEVER
    best = min(
        total(cost, np.array(rows), np.array(chosen)[list(rows)])
        for chosen in permutations(range(4), 3)
        for rows in [tuple(n for n in range(3) if kept & 1 << n) for kept in range(8)]
        if rows
    )
    best = min(best, 0.5 * 7)
    assert total(cost, *assigned(cost)) == pytest.approx(best)


@pytest.mark.parametrize(("before", "after"), [([], []), ([place(1, 0)], []), ([], [place(1, 0)])])
def test_no_lesions_are_no_problem(before, after):
    found = match(before, after)
    assert found.pairs == {}
    assert (len(found.gone), len(found.new)) == (len(before), len(after))
