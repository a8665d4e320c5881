"""Lesions over several dates, and the user's word on them."""

import pytest
from made_lesions import lesion, study

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.response.tracks import Change, Marks, follow, parse_change

A, B, C = (0, 0, 0), (80, 0, 0), (0, 90, 0)


def states(tracks):
    return {track.number: [finding.state for finding in track.findings] for track in tracks}


def numbers(tracks, n):
    return {track.number: track.findings[n].lesions for track in tracks}


def test_numbers_are_those_of_the_baseline_whatever_the_follow_up_calls_them():
    tracks = follow([study(lesion(1, A), lesion(2, B)), study(lesion(1, B), lesion(2, A), shift=(30, -20, 55))])
    assert numbers(tracks, 1) == {1: (2,), 2: (1,)}


def test_a_new_lesion_counts_on_and_is_followed_from_then():
    tracks = follow([study(lesion(1, A)), study(lesion(1, B), lesion(2, A)), study(lesion(1, B), lesion(2, A))])
    assert states(tracks)[2] == ["not yet", "measured", "measured"]
    assert numbers(tracks, 2) == {1: (2,), 2: (1,)}


def test_a_vanished_lesion_that_returns_keeps_its_number():
    tracks = follow([study(lesion(1, A)), study(), study(lesion(1, A))])
    assert states(tracks) == {1: ["measured", "gone", "measured"]}


def test_what_a_cropped_follow_up_does_not_show_is_missing_not_gone():
    cropped = study(lesion(1, A), size_mm=(100, 400, 400))
    tracks = follow([study(lesion(1, A), lesion(2, B)), cropped])
    assert states(tracks) == {1: ["measured", "measured"], 2: ["measured", "missing"]}
    assert tracks[1].findings[1].doubt == "its place lies outside this scan"


def test_a_lesion_outside_the_baselines_scan_is_new_and_said_to_be_so():
    tracks = follow([study(lesion(1, A), size_mm=(100, 400, 400)), study(lesion(1, A), lesion(2, B))])
    assert tracks[1].new
    assert tracks[1].findings[1].doubt == "outside the baseline's scan: new all the same"


def test_fragments_add_up():
    pieces = study(lesion(1, (-8, 0, 0), 14), lesion(2, (9, 0, 0), 11.5))
    studies = [study(lesion(1, A, 40)), pieces]
    [track] = follow(studies)
    assert track.findings[1].lesions == (1, 2)
    assert track.size_mm(studies, 1) == 25.5


def test_of_fragments_of_a_node_the_short_axes_add_up():
    studies = [
        study(lesion(1, A, 40, node=True)),
        study(lesion(1, (-9, 0, 0), 14, 9, node=True), lesion(2, (9, 0, 0), 11, 7, node=True)),
    ]
    [track] = follow(studies)
    assert track.size_mm(studies, 1) == 16


def test_the_users_pair_replaces_the_proposal():
    studies = [study(lesion(1, A), lesion(2, (12, 0, 0))), study(lesion(1, A), lesion(2, (12, 0, 0)))]
    tracks = follow(studies, Marks((Change(1, (1,), (2,)), Change(1, (2,), (1,)))))
    assert numbers(tracks, 1) == {1: (2,), 2: (1,)}
    assert all(track.findings[1].confirmed for track in tracks)


@pytest.mark.parametrize(
    ("said", "state", "size"),
    [("1=gone", "gone", 0.0), ("1=small", "too small", 5.0), ("1=missing", "missing", None)],
)
def test_the_user_may_say_what_became_of_a_lesion(said, state, size):
    studies = [study(lesion(1, A)), study()]
    [track] = follow(studies, Marks((parse_change(said, 1),)))
    assert track.findings[1].state == state
    assert track.size_mm(studies, 1) == size


def test_the_user_may_say_that_a_pair_is_none():
    tracks = follow([study(lesion(1, A)), study(lesion(4, A))], Marks((parse_change("4=new", 1),)))
    assert states(tracks) == {1: ["measured", "gone"], 2: ["not yet", "measured"]}
    assert tracks[1].findings[1].confirmed


def test_the_user_may_join_and_part():
    studies = [study(lesion(1, A), lesion(2, B)), study(lesion(1, A, 60))]
    tracks = follow(studies, Marks((parse_change("1+2=1", 1),)))
    assert states(tracks) == {1: ["measured", "measured"], 2: ["measured", "merged"]}
    studies = [study(lesion(1, A)), study(lesion(1, A), lesion(2, B))]
    [track] = follow(studies, Marks((parse_change("1=1+2", 1),)))
    assert track.findings[1].lesions == (1, 2)


def test_what_the_user_says_is_no_tumour_is_not_followed():
    studies = [study(lesion(1, A), lesion(2, B)), study(lesion(1, A), lesion(2, C))]
    tracks = follow(studies, Marks(ignored=frozenset({(0, 2), (1, 2)})))
    assert states(tracks) == {1: ["measured", "measured"]}


def test_a_word_on_the_second_follow_up_leaves_the_first_alone():
    tracks = follow([study(lesion(1, A)), study(lesion(1, A)), study()], Marks((parse_change("2:1=small", 2),)))
    assert states(tracks) == {1: ["measured", "measured", "too small"]}


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("1=2", Change(1, (1,), (2,))),
        ("1=2+3", Change(1, (1,), (2, 3))),
        ("1+4=2", Change(1, (1, 4), (2,))),
        ("3=new", Change(1, (), (3,))),
        ("new=3", Change(1, (), (3,))),
        ("1:7=gone", Change(1, (7,), (), "gone")),
    ],
)
def test_matches_are_written_as_equations(text, change):
    assert parse_change(text, 1) == change


@pytest.mark.parametrize("text", ["1", "1=", "a=b", "1+2=3+4", "=2", "x:1=2"])
def test_other_words_are_refused_with_an_example(text):
    with pytest.raises(InputRefused, match="1=2"):
        parse_change(text, 1)


def test_with_several_follow_ups_the_user_must_say_which():
    with pytest.raises(InputRefused, match="2:1=2"):
        parse_change("1=2", 2)


@pytest.mark.parametrize(
    ("marks", "line"),
    [
        (Marks((Change(1, (9,), (1,)),)), "no lesion 9"),
        (Marks((Change(1, (1,), (9,)),)), "study 1 has no lesion 9"),
        (Marks((Change(1, (1,), (1,)), Change(1, (2,), (1,)))), "given away twice"),
        (Marks((Change(1, (1,), (1,)), Change(1, (1,), (2,)))), "matched twice"),
        (Marks((Change(2, (1,), (1,)),)), "no follow-up 2"),
        (Marks(ignored=frozenset({(1, 9)})), "no such lesion"),
        (Marks(nodes=frozenset({9})), "no lesion 9"),
    ],
)
def test_words_about_what_is_not_there_are_refused_in_one_line(marks, line):
    studies = [study(lesion(1, A), lesion(2, B)), study(lesion(1, A), lesion(2, B))]
    with pytest.raises(InputRefused, match=line):
        follow(studies, marks)
