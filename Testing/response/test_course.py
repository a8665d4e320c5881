"""From lesions to the response: sums, merged and split lesions, new ones, several dates."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from made_lesions import START, lesion, study

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.response.alignment import Alignment
from LungTumorSegLib.response.course import course
from LungTumorSegLib.response.growth import doubling_days
from LungTumorSegLib.response.nodes import SMALL_RISE
from LungTumorSegLib.response.table import COLUMNS, as_dict, long_rows, overview, tab_separated
from LungTumorSegLib.response.tracks import Marks, parse_change

A, B, C, D = (0, 0, 0), (80, 0, 0), (0, 90, 0), (0, -90, 0)


def judged(*studies, **more):
    found = course(list(studies), **more)
    return [x.overall for x in found.responses[1:]]


def test_the_response_follows_the_sum_of_the_targets():
    before = study(lesion(1, A, 30), lesion(2, B, 20))
    assert judged(before, study(lesion(1, A, 20), lesion(2, B, 15), week=8)) == ["PR"]
    assert judged(before, study(lesion(1, A, 40), lesion(2, B, 20), week=8)) == ["PD"]
    assert judged(before, study(lesion(1, A, 33), lesion(2, B, 20), week=8)) == ["SD"]
    assert judged(before, study(week=8)) == ["CR"]


def test_a_new_lesion_is_progression_though_the_sum_shrinks():
    before = study(lesion(1, A, 30))
    assert judged(before, study(lesion(1, A, 15), lesion(2, B, 6), week=8)) == ["PD"]


def test_a_find_that_is_no_tumour_is_not():
    later = study(lesion(1, A, 15), lesion(2, B, 6), week=8)
    assert judged(study(lesion(1, A, 30)), later, marks=Marks(ignored=frozenset({(1, 2)}))) == ["PR"]


def test_a_normal_new_node_is_no_new_lesion():
    later = study(lesion(1, A, 30), lesion(2, B, 12, 9, node=True), week=8)
    assert judged(study(lesion(1, A, 30)), later) == ["SD"]


def with_node(*sizes):
    """A target that stays as it is, and a node of these short axes, by date."""
    return [study(lesion(1, A, 30), lesion(2, B, 40, mm, node=True), week=8 * n) for n, mm in enumerate(sizes)]


def test_a_normal_node_that_grows_is_new_in_every_table():
    found = course(with_node(9, 30))
    assert found.responses[1].new_lesions
    assert overview(found)[1][1][:5] == ["2", "new (node, normal at baseline)", "#2  9.0 mm", "#2  30.0 mm", "+233.3 %"]
    said = as_dict(found)
    assert (said["lesions"][1]["role"], said["studies"][1]["new_lesions"]) == ("new", True)
    assert said["lesions"][1]["why_no_target"] == "a normal node at baseline: short axis below 10 mm"


def test_other_nodes_are_called_by_their_role():
    nodes = [lesion(1, A, 40, 16, node=True), lesion(2, B, 40, 12, node=True), lesion(3, C, 40, 9, node=True)]
    found = course([study(*nodes), study(*nodes, lesion(4, D, 40, 9, node=True), week=8)])
    assert [row[1] for row in overview(found)[1][:4]] == ["target (node)", "non-target (node)", *["normal node"] * 2]


def test_a_small_rise_of_a_normal_node_is_to_be_looked_at_until_the_user_confirms_it():
    found = course(with_node(9, 11))
    assert [(n, track.number, track.findings[n].doubt) for n, track in found.doubts()] == [(1, 2, SMALL_RISE)]
    confirmed = course(with_node(9, 11), Marks((parse_change("2=2", 1),)))
    assert (confirmed.doubts(), confirmed.responses[1].overall) == ([], "PD")


def test_the_user_may_say_that_a_small_rise_is_none():
    assert judged(*with_node(9, 11), marks=Marks(ignored=frozenset({(1, 2)}))) == ["SD"]


def test_a_target_node_that_the_user_chose_is_not_new_where_it_grows():
    found = course(with_node(9, 11), targets=[1, 2])
    assert (found.responses[1].new_lesions, found.doubts()) == (False, [])


def test_for_the_who_a_normal_node_that_grows_is_not_new():
    """It has measured it at baseline: 40 x 9.9 to 40 x 10 mm is no growth of 25 %."""
    found = course(with_node(9.9, 10))
    assert (found.responses[1].overall, found.who[1]) == ("PD", "NC")


def test_coalesced_targets_count_once_by_the_whole():
    """Eisenhauer 2009, 4.3.2: the maximal longest diameter of the coalesced lesion."""
    before = study(lesion(1, (-15, 0, 0), 26), lesion(2, (15, 0, 0), 24))
    found = course([before, study(lesion(1, (-1, 0, 0), 58), week=8)])
    assert float(found.responses[1].sum_mm) == 58
    assert "merged" in [track.findings[1].state for track in found.tracks]


def test_a_target_that_went_into_a_non_target_is_measured_there():
    before = study(lesion(1, (-15, 0, 0), 26), lesion(2, (15, 0, 0), 24))
    marks = Marks((parse_change("2+1=1", 1),))
    found = course([before, study(lesion(1, A, 58), week=8)], marks, targets=[1])
    assert float(found.responses[1].sum_mm) == 58


def test_a_lesion_outside_the_follow_ups_scan_leaves_the_response_open():
    before = study(lesion(1, A, 30), lesion(2, B, 20))
    assert judged(before, study(lesion(1, A, 30), week=8, size_mm=(100, 400, 400))) == ["NE"]


def test_growth_is_seen_from_the_nadir():
    dates = [study(lesion(1, A, mm), week=8 * n) for n, mm in enumerate([40, 20, 26])]
    assert judged(*dates) == ["PR", "PD"]


def test_a_node_marked_by_the_user_is_judged_by_its_short_axis():
    before, after = study(lesion(1, A, 30, 16)), study(lesion(1, A, 22, 9.9), week=8)
    assert judged(before, after) == ["SD"]  # 22 of 30 mm
    assert judged(before, after, marks=Marks(nodes=frozenset({1}))) == ["CR"]


def test_only_a_reader_says_that_non_targets_progress():
    before = study(lesion(1, A, 30), lesion(2, B, 8))
    after = study(lesion(1, A, 30), lesion(2, B, 16), week=8)
    assert judged(before, after) == ["SD"]
    assert judged(before, after, progressed=[1]) == ["PD"]


def test_targets_gone_and_others_left_is_a_partial_response():
    assert judged(study(lesion(1, A, 30), lesion(2, B, 8)), study(lesion(2, B, 8), week=8)) == ["PR"]


def with_others(*dates, immune=False):
    """A target of 30 mm that is gone from the first follow-up on, and at each date these others."""
    studies = [study(*(found if n else [lesion(1, A, 30), *found]), week=8 * n) for n, found in enumerate(dates)]
    return course(studies, immune=immune)


def test_a_non_target_lesion_that_is_back_after_a_complete_response_is_progression():
    small = lesion(2, B, 8)
    found = with_others([small], [], [small], [small], immune=True)
    assert [x.overall for x in found.responses[1:]] == ["CR", "PD", "PD"]
    assert found.responses[2].why == "all targets are gone; a non-target lesion is back after complete response"
    assert as_dict(found)["studies"][2]["non_target_response"] == "PD"
    assert [x.overall for x in found.immune[1:]] == ["iCR", "iUPD", "iUPD"]


def test_a_non_target_node_that_is_back_needs_a_readers_word():
    node = lesion(2, B, 40, 12, node=True)
    assert [x.overall for x in with_others([node], [], [node]).responses[1:]] == ["CR", "PR"]


def test_a_node_does_not_hide_that_a_lesion_is_back():
    small, node = lesion(2, B, 8), lesion(3, C, 40, 12, node=True)
    assert [x.overall for x in with_others([small, node], [], [small, node]).responses[1:]] == ["CR", "PD"]


def test_a_lesion_outside_the_scan_does_not_hide_that_another_is_back():
    small, far = lesion(2, A, 8), lesion(3, B, 8)
    narrow = study(small, week=16, size_mm=(100, 400, 400))
    found = course(
        [study(lesion(1, C, 30), small, far), study(week=8), narrow], Marks((parse_change("2:3=missing", 2),))
    )
    assert [(x.non_target, x.overall) for x in found.responses[1:]] == [("CR", "CR"), ("PD", "PD")]


def test_without_targets_what_is_back_after_a_complete_response_is_progression():
    dates = [study(lesion(1, A, 8)), study(week=8), study(lesion(1, A, 8), week=16)]
    assert judged(*dates) == ["CR", "PD"]


def test_irecist_waits_for_confirmation():
    dates = [study(lesion(1, A, mm), week=week) for week, mm in [(0, 40), (8, 50), (14, 56)]]
    found = course(dates, immune=True)
    assert [x.overall for x in found.immune[1:]] == ["iUPD", "iCPD"]
    assert [x.overall for x in found.responses[1:]] == ["PD", "PD"]


def test_irecist_knows_new_lesions_by_their_size():
    dates = [
        study(lesion(1, A, 40)),
        study(lesion(1, A, 40), lesion(2, B, 12), week=8),
        study(lesion(1, A, 40), lesion(2, B, 17), week=14),
    ]
    assert [x.overall for x in course(dates, immune=True).immune[1:]] == ["iUPD", "iCPD"]


def test_irecist_without_dates_is_refused():
    with pytest.raises(InputRefused, match="date of every study"):
        course([study(lesion(1, A), week=None), study(lesion(1, A), week=None)], immune=True)


def test_a_swapped_order_is_refused():
    with pytest.raises(InputRefused, match="older than study 0"):
        course([study(lesion(1, A), week=8), study(lesion(1, A))])


def test_the_same_day_twice_is_refused():
    with pytest.raises(InputRefused, match="of one day"):
        course([study(lesion(1, A)), study(lesion(1, A))])


def test_a_doubled_volume_doubles_in_the_time_between():
    before = study(lesion(1, A, 20))
    after = study(lesion(1, A, 20 * 2 ** (1 / 3)), week=10)
    found = course([before, after])
    assert found.doubling_days(found.tracks[0]) == pytest.approx(70)


@pytest.mark.parametrize(
    ("before", "after", "days", "expected"),
    [(1, 2, 100, 100), (1, 4, 100, 50), (2, 1, 100, -100), (1, 1, 100, None), (0, 1, 100, None), (1, 2, 0, None)],
)
def test_doubling_times(before, after, days, expected):
    found = doubling_days(before, after, days)
    assert found == (expected if expected is None else pytest.approx(expected))


BESIDE = (18, 0, 0)  # 20 mm balls here and at A touch
FAR = (0, 0, -190)


def whole(number: int, share: float = 1.0) -> Lesion:
    """What balls of 20 mm at A and BESIDE have become, scaled in volume."""
    scale = share ** (1 / 3)
    return replace(lesion(number, (9, 0, 0), 40 * scale, 20 * scale), max_3d_diameter_mm=40 * scale)


def of_one(*shares: float, targets=()):
    """Lesions 1 and 2 become one, which then has these shares of its volume; 3 stays."""
    before = study(lesion(1, A, 20), lesion(2, BESIDE, 19.9), lesion(3, B, 22))
    later = [study(whole(1, share), lesion(3, B, 22), week=8 * n) for n, share in enumerate(shares, 1)]
    return course([before, *later], targets=targets)


@pytest.mark.parametrize("share", [1.0, 0.98, 0.9, 0.8, 0.4])
def test_what_merged_stays_part_of_the_whole_at_later_dates(share):
    found = of_one(1.0, share, targets=[1, 3])
    states = sorted(tuple(f.state for f in found.track(n).findings[1:]) for n in (1, 2))
    assert states == [("measured", "measured"), ("merged", "merged")]
    assert float(found.responses[2].sum_mm) == pytest.approx(40 * share ** (1 / 3) + 22)


def test_a_whole_that_was_not_scanned_once_is_whole_afterwards():
    far = [study(whole(1), week=8), study(week=16, size_mm=(400, 400, 20), shift=(0, 0, 0)), study(whole(1), week=24)]
    far[1] = replace(far[1], alignment=Alignment(shifted(300)))
    found = course([study(lesion(1, A, 20), lesion(2, BESIDE, 19.9)), *far])
    assert sorted(tuple(f.state for f in t.findings) for t in found.tracks) == [
        ("measured", "measured", "missing", "measured"),
        ("measured", "merged", "missing", "merged"),
    ]


def test_a_whole_that_goes_takes_its_parts_along_and_one_that_parts_again_does_not():
    before = study(lesion(1, A, 20), lesion(2, BESIDE, 19.9))
    gone = course([before, study(whole(1), week=8), study(week=16)])
    assert [t.findings[2].state for t in gone.tracks] == ["gone", "gone"]
    assert gone.responses[2].overall == "CR"
    apart = course([before, study(whole(1), week=8), replace(before, day=START + timedelta(weeks=16))])
    assert [t.findings[2].state for t in apart.tracks] == ["measured", "measured"]
    assert apart.who[1:] == ["NC", "NC"]
    assert [x.overall for x in apart.responses[1:]] == ["SD", "SD"]


def test_by_who_a_whole_is_compared_with_the_sum_of_its_parts_and_with_its_own_smallest():
    assert of_one(1.0, 1.0).who[1:] == ["NC", "NC"]
    assert of_one(1.0, 0.5, 1.0).who[1:] == ["NC", "NC", "PD"]


def test_what_was_gone_is_not_known_to_be_where_nothing_was_scanned():
    below = replace(study(week=16), alignment=Alignment(shifted(300)))
    found = course([study(lesion(1, A, 20)), study(week=8), below])
    assert [f.state for f in found.track(1).findings] == ["measured", "gone", "missing"]
    assert [x.overall for x in found.responses[1:]] == ["CR", "NE"]


def test_there_is_no_complete_response_while_a_new_lesion_is_not_scanned():
    dates = [
        study(lesion(1, A, 20)),
        study(lesion(1, A, 20), lesion(2, FAR, 15), week=8),
        study(week=16, size_mm=(400, 400, 200)),
    ]
    found = course(dates, immune=True)
    assert found.track(2).findings[2].state == "missing"
    assert [x.overall for x in found.responses[1:]] == ["PD", "PR"]
    assert [x.overall for x in found.immune[1:]] == ["iUPD", "NE"]
    assert found.who[1:] == ["PD", "PR"]
    assert found.responses[2].why == "all targets are gone; the place of a new lesion was not scanned"


def shifted(z_mm: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[2, 3] = z_mm
    return matrix


def test_doubts_are_listed_until_the_user_speaks():
    studies = [study(lesion(1, A, 20)), study(lesion(1, (20, 0, 0), 20), week=8)]
    assert [(n, track.number) for n, track in course(studies).doubts()] == [(1, 1)]
    assert course(studies, Marks((parse_change("1=1", 1),))).doubts() == []


def test_the_table_shows_lesions_sums_and_responses():
    found = course([study(lesion(1, A, 30)), study(lesion(7, A, 20), week=8)])
    headings, rows = overview(found)
    assert headings[2:4] == [str(START), "2026-03-02"]
    assert rows[0][:5] == ["1", "target", "#1  30.0 mm", "#7  20.0 mm", "-33.3 %"]
    assert rows[1][:5] == ["sum", "targets", "30.0 mm", "20.0 mm", "-33.3 %"]
    assert rows[2][:4] == ["response", "RECIST 1.1", "", "PR"]
    lines = tab_separated(found).splitlines()
    assert len({line.count("\t") for line in lines}) == 1


def test_the_long_table_and_the_json_keep_full_precision():
    found = course([study(lesion(1, A, 30.123456789)), study(lesion(1, A, 20), week=8)])
    line = dict(zip(COLUMNS, long_rows(found)[0], strict=True))
    assert line["size_mm"] == 30.123456789
    said = as_dict(found)
    assert said["studies"][1]["response"] == "PR"
    assert said["lesions"][0]["findings"][0]["size_mm"] == 30.123456789


def test_no_lesion_at_all_cannot_be_judged():
    assert judged(study(), study(week=8)) == ["NE"]
    assert judged(study(), study(lesion(1, A, 12), week=8)) == ["PD"]
