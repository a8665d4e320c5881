from math import isnan

import numpy as np
import pytest
from scored_masks import SPACING, ball, grid

from LungTumorSegLib.evaluation.froc import POINTS, events
from LungTumorSegLib.evaluation.lesions import Candidate, Detection, ReferenceLesion, detect, numbered
from LungTumorSegLib.evaluation.sizes import size_errors
from LungTumorSegLib.measurement.measure import measure


def blocks(*places, shape=(4, 20, 20)) -> np.ndarray:
    """Numbers 1, 2, ... on 2 x 4 x 4 voxels from each place on."""
    labels = np.zeros(shape, np.uint16)
    for number, (k, j, i) in enumerate(places, start=1):
        labels[k : k + 2, j : j + 4, i : i + 4] = number
    return labels


def lesion(number, *found_by):
    return ReferenceLesion(number, 8, 10.0, found_by, 0.5 if found_by else 0.0, 9.0 if found_by else 0.0)


def test_found_missed_and_false_ones_by_hand():
    reference = blocks((0, 0, 0), (0, 10, 10))
    found = blocks((0, 0, 2), (0, 0, 14))
    outcome = detect(found, reference, grid(found))
    assert [x.found_by for x in outcome.lesions] == [(1,), ()]
    assert [x.hits for x in outcome.candidates] == [(1,), ()]
    assert (outcome.found, outcome.false_positives) == (1, 1)
    assert outcome.lesions[0].dice == pytest.approx(0.5)
    assert outcome.lesions[1].found_axial_mm == 0


def test_two_candidates_on_one_lesion_are_one_find_and_no_false_one():
    reference = blocks((0, 4, 4))
    found = np.zeros_like(reference)
    found[0, 4:6, 4:8], found[1, 7, 4:8] = 1, 2  # halves of a lesion that do not touch
    outcome = detect(found, reference, grid(found))
    assert (outcome.found, outcome.false_positives, outcome.lesions[0].found_by) == (1, 0, (1, 2))
    assert outcome.lesions[0].dice == pytest.approx(2 * 12 / (12 + 32))


def test_one_candidate_across_two_lesions_finds_both():
    reference = blocks((0, 0, 0), (0, 0, 8))
    found = (blocks((0, 0, 0), (0, 0, 4), (0, 0, 8)) > 0).astype(np.uint16)
    outcome = detect(found, reference, grid(found))
    assert (outcome.found, outcome.candidates[0].hits) == (2, (1, 2))


def test_the_overlap_that_is_asked_for_decides():
    reference, found = blocks((0, 0, 0)), blocks((0, 0, 2))  # IoU 16 / 48
    assert detect(found, reference, grid(found), overlap=0.33).found == 1
    stricter = detect(found, reference, grid(found), overlap=0.34)
    assert (stricter.found, stricter.false_positives) == (0, 1)


def test_a_candidates_probability_is_its_mean():
    found = blocks((0, 0, 0))
    probability = np.where(found > 0, 0.25, 0.9).astype(np.float32)
    probability[0, 0:4, 0:4] = 0.75
    assert detect(found, found, grid(found), probability).candidates[0].probability == pytest.approx(0.5)


def test_diameters_are_those_that_measure_prints():
    shape = (30, 60, 60)
    reference, found = (ball(shape, (15, 30, 30), radius).astype(np.uint16) for radius in (9.0, 7.5))
    x = detect(found, reference, grid(found)).lesions[0]
    assert x.axial_mm == measure(reference, grid(reference))[0].long_axis_mm
    assert x.found_axial_mm == measure(found, grid(found))[0].long_axis_mm
    assert x.axial_error == pytest.approx(1 - x.found_axial_mm / x.axial_mm)


def test_nothing_at_all():
    nothing = np.zeros((3, 4, 5), np.uint16)
    assert detect(nothing, nothing, grid(nothing)) == Detection((), ())


def test_several_labels_are_lesions_and_one_label_is_taken_apart():
    mask = (blocks((0, 0, 0), (0, 10, 10)) > 0).astype(np.uint8)
    assert set(np.unique(numbered(mask, grid(mask)))) == {0, 1, 2}
    touching = blocks((0, 0, 0), (0, 0, 4))
    touching[touching == 2] = 5
    assert set(np.unique(numbered(touching, grid(touching)))) == {0, 1, 5}


def test_small_findings_are_left_out_where_asked():
    labels = blocks((0, 0, 0), (0, 10, 10))
    labels[labels == 2] = 0
    labels[0, 15, 15] = 2
    assert set(np.unique(numbered(labels, grid(labels), smallest_mm=2.0))) == {0, 1}


def test_froc_of_three_scans_by_hand():
    scans = [
        Detection((lesion(1, 1), lesion(2)), (Candidate(1, 8, 0.9, (1,)), Candidate(2, 8, 0.8, ()))),
        Detection((lesion(1, 1),), (Candidate(1, 8, 0.6, (1,)), Candidate(2, 8, 0.7, ()))),
        Detection((), ()),
    ]
    curve = events(scans).curve()
    assert curve.probability.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert curve.false_positives == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3])
    assert curve.sensitivity == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3])
    at = curve.sensitivity_at(POINTS)
    assert at == pytest.approx([1 / 3] * 3 + [2 / 3] * 4)
    assert curve.cpm == pytest.approx((3 / 3 + 4 * 2 / 3) / 7)


def test_equally_sure_candidates_stand_together():
    tied = [Detection((lesion(1, 1),), (Candidate(1, 8, 0.5, (1,)), Candidate(2, 8, 0.5, ())))]
    curve = events(tied).curve()
    assert (curve.false_positives.tolist(), curve.sensitivity.tolist()) == ([1.0], [1.0])
    assert curve.sensitivity_at(0.5) == pytest.approx(0.5)


def test_the_surest_candidate_finds_the_lesion():
    twice = [Detection((lesion(1, 1, 2),), (Candidate(1, 8, 0.4, (1,)), Candidate(2, 8, 0.8, (1,))))]
    assert events(twice).curve().probability.tolist() == [0.8]


def test_a_draw_of_scans_equals_the_curve_of_these_scans():
    scans = [
        Detection((lesion(1, 1),), (Candidate(1, 8, 0.9, (1,)), Candidate(2, 8, 0.2, ()))),
        Detection((lesion(1),), (Candidate(1, 8, 0.5, ()),)),
    ]
    drawn, written_out = events(scans).curve(np.array([2, 1])), events([scans[0], *scans]).curve()
    assert drawn.sensitivity_at(POINTS) == pytest.approx(written_out.sensitivity_at(POINTS))


def test_without_lesions_there_is_no_sensitivity():
    only_false = [Detection((), (Candidate(1, 8, 0.5, ()),))]
    assert isnan(events(only_false).curve().cpm)


def test_size_errors_by_hand():
    reference, found = np.zeros((2, 4, 30, 30), bool)
    reference[1:3, 10, 0:20] = True
    found[1:3, 10, 0:15] = True
    errors = size_errors(found, reference, grid(found))
    assert errors.volume_error == pytest.approx(0.25)
    assert errors.axial_mm == pytest.approx((14 * 0.7 + 0.35, 19 * 0.7 + 0.35))
    assert errors.recist_error_axial == pytest.approx(5 * 0.7 / (19 * 0.7 + 0.35))
    assert errors.spatial_mm[1] > errors.axial_mm[1]


def test_the_recist_error_is_one_at_most_and_the_volume_error_is_not():
    reference, found = np.zeros((2, 3, 40, 40), bool)
    reference[1, 1:3, 1:3] = True
    found[1, 1:3, 1:40] = True
    errors = size_errors(found, reference, grid(found))
    assert (errors.recist_error_axial, errors.recist_error_3d) == (1, 1)
    assert errors.volume_error == pytest.approx(18.5)


def test_sizes_of_empty_masks():
    empty, full = np.zeros((3, 8, 8), bool), ball((3, 8, 8), (1, 4, 4), 2.0, SPACING)
    missed = size_errors(empty, full, grid(full))
    assert (missed.volume_error, missed.recist_error_axial, missed.recist_error_3d) == (1, 1, 1)
    false = size_errors(full, empty, grid(full))
    assert all(isnan(x) for x in (false.volume_error, false.recist_error_axial, false.recist_error_3d))
