"""Every rule of response at its boundary, as rules.md states it with its source."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from made_lesions import lesion, study
from rule_tables import dates, ids, non_target, rows, size

from LungTumorSegLib.measurement.measure import measure
from LungTumorSegLib.response.course import course
from LungTumorSegLib.response.irecist import Novelties, assess_immune
from LungTumorSegLib.response.nodes import SMALL_RISE
from LungTumorSegLib.response.recist import TimePoint, assess
from LungTumorSegLib.response.who import who_response
from LungTumorSegLib.volume.geometry import Geometry

RECIST, IRECIST, WHO = rows("RECIST 1.1"), rows("iRECIST"), rows("WHO")
NORMAL_NODES = rows("Nodes that are normal at baseline")


def time_points(row: dict[str, str], new: list[bool]) -> tuple[list[TimePoint], list[bool]]:
    """Non-target words belong to the last follow-ups; earlier ones have the first word."""
    targets = dates(row["targets"])
    words = [word.strip() for word in row["non-target"].split(";")]
    words = [words[0]] * (len(targets) - len(words)) + words
    points = [
        TimePoint(tuple(size(word) for word in found), non_target(word), seen, word == "non")
        for found, word, seen in zip(targets, words, new, strict=True)
    ]
    return points, [word.endswith("n") for word in targets[0]]


@pytest.mark.parametrize("row", RECIST, ids=ids(RECIST))
def test_recist_follows_its_text(row):
    count = len(dates(row["targets"]))
    points, nodes = time_points(row, [False] * (count - 1) + [row["new"] == "yes"])
    points[-1] = replace(points[-1], new_not_evaluated=row["new"] == "-")
    last = assess(points, nodes)[-1]
    assert (last.target, last.overall) == (row["target"] or None, non_target(row["overall"])), last.why


@pytest.mark.parametrize("row", NORMAL_NODES, ids=ids(NORMAL_NODES))
def test_nodes_that_are_normal_at_baseline_follow_their_text(row):
    target = lesion(1, (0, 0, 0), 20)
    nodes = [
        [] if word == "." else [lesion(2, (80, 0, 0), 40, float(word), node=True)] for [word] in dates(row["node"])
    ]
    found = course([study(target, *node, week=8 * n) for n, node in enumerate(nodes)], immune=True)
    node = found.track(2)
    doubtful = [str(n) for n, finding in enumerate(node.findings) if SMALL_RISE in finding.doubt]
    said = [x.overall for x in found.responses[1:]], [x.overall for x in found.immune[1:]]
    assert said == (row["responses"].split("; "), row["iRECIST"].split("; "))
    assert (found.role(node), "; ".join(doubtful)) == (row["role"], row["small rise"])
    assert any(x.new_lesions for x in found.responses) == (row["role"] == "new")


def novelty(words: list[str], larger: bool) -> Novelties:
    """The first word is the first new lesion's at every date."""
    lesions = dict(enumerate(words))
    sizes = {n: float(word.strip("()")) for n, word in lesions.items() if word not in "x-"}
    return Novelties(
        sizes,
        frozenset(n for n in sizes if not lesions[n].startswith("(")),
        frozenset(n for n, word in lesions.items() if word not in "0-"),
        frozenset(n for n, word in lesions.items() if word == "-"),
        larger,
    )


@pytest.mark.parametrize("row", IRECIST, ids=ids(IRECIST))
def test_irecist_follows_its_text(row):
    days = [int(day) for [day] in dates(row["days"])]
    new = dates(row["new"]) if row["new"] else [[]] * (len(days) - 1)
    novelties = [Novelties()] + [novelty(words, row["larger"] == str(n)) for n, words in enumerate(new, 1)]
    points, nodes = time_points(row, [bool(x.seen) for x in novelties])
    points = [replace(point, new_not_evaluated=bool(x.missing)) for point, x in zip(points, novelties, strict=True)]
    calendar = [date(2026, 1, 5) + timedelta(day) for day in days]
    found = assess_immune(calendar, assess(points, nodes), novelties)
    assert [x.overall for x in found[1:]] == row["responses"].split("; "), [x.why for x in found[1:]]


@pytest.mark.parametrize("row", WHO, ids=ids(WHO))
def test_who_follows_its_text(row):
    products = [[size(word) for word in words] for words in dates(row["products"])]
    smallest = [min(seen) for seen in zip(*products[:-1], strict=True)]
    assert who_response(products[0], smallest, products[-1], row["new"] == "yes") == row["response"]


def test_there_are_at_least_sixty_cases_and_each_names_its_source():
    assert len(RECIST) + len(NORMAL_NODES) + len(IRECIST) + len(WHO) >= 120
    assert len(RECIST) >= 60
    assert all(row["rule"][0] in "EWSM" for row in RECIST + NORMAL_NODES + IRECIST + WHO)
    assert len({tuple(row.values()) for row in RECIST}) == len(RECIST)


def test_every_whole_sum_that_is_exactly_a_fifth_larger_is_progression():
    """Binary fractions get some of these wrong; ours none."""
    pairs = [(n, n * 6 // 5) for n in range(25, 501, 5)]
    assert any(larger / smaller - 1 < 0.2 for smaller, larger in pairs)
    for smaller, larger in pairs:
        points = [TimePoint((float(smaller),)), TimePoint((float(larger),))]
        assert assess(points, [False])[-1].overall == "PD", (smaller, larger)


def test_tenths_of_a_millimetre_are_compared_as_they_are_written():
    for tenths in range(100, 2000):
        baseline, smaller = tenths / 10, tenths * 7 / 100
        points = [TimePoint((baseline,)), TimePoint((float(f"{smaller:.2f}"),))]
        assert assess(points, [False])[-1].overall == "PR", (baseline, smaller)


@pytest.mark.parametrize("spacing", [0.6, 0.7, 0.78, 0.82])
def test_lengths_as_they_are_measured_are_compared_as_the_grid_has_them(spacing):
    def length(voxels: int) -> float:
        mask = np.ones((1, 1, voxels + 1), np.uint8)
        return measure(mask, Geometry(mask.shape, (spacing, spacing, 1.0)))[0].long_axis_mm

    lengths, step = {n: length(n) for n in range(14, 60)}, Fraction(str(spacing))
    reached = 0
    for a, c in product(range(14, 35), range(14, 60)):
        wanted = (2 * step * a + step) * Fraction(6, 5) - (step * c + step / 2)
        d = (wanted - step / 2) / step
        if d.denominator == 1 and int(d) in lengths and (2 * step * a + step) >= 25:
            points = [TimePoint((lengths[a], lengths[a])), TimePoint((lengths[c], lengths[int(d)]))]
            assert assess(points, [False, False])[1].overall == "PD", (a, c)
            reached += 1
    assert reached > 20


def test_the_sum_of_tenths_is_exact():
    found = assess([TimePoint((0.1, 0.2)), TimePoint((0.3, 0.0))], [False, False])[-1]
    assert found.sum_mm == found.baseline_mm
    assert found.from_baseline_percent == 0


def test_the_reason_says_the_figures_that_decided():
    small = assess([TimePoint((20.0,)), TimePoint((24.0,))], [False])[-1]
    assert small.why == "the sum is +20.0 % = +4.0 mm above the smallest (20.0 mm): less than 5 mm"


def test_a_target_without_a_baseline_value_is_a_fault_of_the_caller():
    with pytest.raises(ValueError, match="measured at baseline"):
        assess([TimePoint((None,)), TimePoint((3.0,))], [False])
