"""Which lesions are targets: size, slices, five in all, two an organ (Eisenhauer 2009, 3.1, 4.2, Appendix II)."""

import pytest
from made_lesions import lesion, study

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.response.targets import select
from LungTumorSegLib.response.tracks import Marks, follow


def chosen(lesions, marks=None, slice_mm=1.0, named=()):
    studies = [study(*lesions, slice_mm=slice_mm), study(slice_mm=slice_mm)]
    return select(follow(studies, marks), studies, named)


def row(*sizes, nodes=()):
    return [lesion(n, (40 * n - 120, 0, 0), mm, node=n in nodes) for n, mm in enumerate(sizes, 1)]


def test_exactly_ten_millimetres_is_a_target():
    assert chosen(row(10.0, 9.99)).targets == (1,)


def test_below_ten_is_a_non_target_and_says_why():
    found = chosen(row(10.0, 9.99))
    assert found.non_targets == (2,)
    assert found.why[2] == "long axis below 10 mm"


def test_a_node_needs_fifteen_of_short_axis():
    found = chosen(row(15.0, 14.99, 10.0, 9.99, nodes={1, 2, 3, 4}))
    assert found.targets == (1,)
    assert found.non_targets == (2, 3)  # 10 to below 15 mm; the last is a normal node, which is no disease
    assert found.normal_nodes == (4,)
    assert found.why[4] == "a normal node at baseline: short axis below 10 mm"


def test_a_normal_node_that_the_user_names_is_a_target_and_not_normal():
    found = chosen(row(15.0, 9.99, nodes={1, 2}), named=[1, 2])
    assert (found.targets, found.normal_nodes) == ((1, 2), ())


@pytest.mark.parametrize(("slice_mm", "size", "is_target"), [(5, 10, True), (6, 11.99, False), (6, 12, True)])
def test_slices_above_five_millimetres_ask_for_twice_their_thickness(slice_mm, size, is_target):
    assert bool(chosen(row(size), slice_mm=slice_mm).targets) == is_target


def test_both_lungs_are_one_organ_so_that_the_two_largest_are_taken():
    assert chosen(row(12, 30, 20, 25)).targets == (2, 4)


def test_all_nodes_are_one_organ():
    assert chosen(row(20, 30, 25, 40, 12, nodes={1, 2, 3})).targets == (2, 3, 4, 5)


def test_five_in_all_and_every_organ_first():
    """Three organs with two each: the smallest second one stays out, no organ does."""
    organs = {1: "liver", 2: "liver", 3: "adrenal", 4: "adrenal"}
    found = chosen(row(50, 48, 46, 44, 12, 11), Marks(organs=organs))
    assert found.targets == (1, 2, 3, 4, 5)
    assert found.why[6] == "larger ones are chosen: 5 in all, 2 an organ"


def test_the_user_may_choose_others():
    found = chosen(row(12, 30, 20), named=[1, 3])
    assert found.targets == (1, 3)
    assert found.why[2] == "chosen otherwise"


def test_a_choice_beyond_the_rules_is_taken_and_said():
    found = chosen(row(12, 30, 8), named=[1, 2, 3])
    assert found.targets == (1, 2, 3)
    assert "2 an organ" in found.why[3]


def test_a_target_that_is_not_there_is_refused():
    with pytest.raises(InputRefused, match="no such lesion"):
        chosen(row(12), named=[7])
