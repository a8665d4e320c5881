from math import inf, isnan

import numpy as np
import pytest

from LungTumorSegLib.evaluation.bootstrap import draws, interval, mean, median, ratio


def test_about_95_of_100_intervals_hold_the_true_mean():
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        sample = rng.normal(0.7, 0.1, 40)
        estimate = mean(sample, draws([str(n) for n in range(40)], 300, seed=int(rng.integers(1 << 31))))
        held += estimate.low <= 0.7 <= estimate.high
    assert 0.90 <= held / 200 <= 0.98


def test_two_scans_a_patient_do_not_make_the_interval_narrower_but_counting_them_as_patients_does():
    rng = np.random.default_rng(1)
    values = rng.normal(0.7, 0.1, 30)
    once = mean(values, draws([str(n) for n in range(30)]))
    doubled, owners = np.repeat(values, 2), [str(n // 2) for n in range(60)]
    by_patient, by_scan = mean(doubled, draws(owners)), mean(doubled, draws([str(n) for n in range(60)]))
    assert by_patient.value == pytest.approx(once.value)
    assert by_patient.high - by_patient.low == pytest.approx(once.high - once.low, rel=0.1)
    assert by_scan.high - by_scan.low < 0.85 * (by_patient.high - by_patient.low)


def test_every_draw_takes_as_many_patients_as_there_are_each_with_all_scans():
    times = draws(["a", "a", "b", "c"], 50)
    assert (times[:, 0] == times[:, 1]).all()
    assert (times[:, 1:].sum(axis=1) == 3).all()


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    values = np.linspace(0.1, 0.9, 20) ** 2
    names = [str(n) for n in range(20)]
    assert mean(values, draws(names, seed=3)) == mean(values, draws(names, seed=3))
    assert mean(values, draws(names, seed=3)) != mean(values, draws(names, seed=4))


def test_cases_without_a_value_are_left_out_and_counted_out():
    values = np.array([0.5, np.nan, 0.7])
    estimate = mean(values, draws(["a", "b", "c"]))
    assert (estimate.value, estimate.n) == (pytest.approx(0.6), 2)
    assert (estimate.low, estimate.high) == (0.5, 0.7)
    nothing = mean(np.array([np.nan]), draws(["a"]))
    assert nothing.n == 0
    assert isnan(nothing.value)


def test_an_infinite_case_makes_the_mean_infinite_and_leaves_the_median():
    values = np.array([1.0, 2.0, 3.0, 4.0, inf])
    times = draws(list("abcde"))
    assert mean(values, times).value == inf
    assert mean(values, times).high == inf
    assert (median(values, times).value, median(values, times).low) == (3.0, 1.0)


def test_medians_of_draws_equal_numpys_where_the_number_is_odd():
    values = np.random.default_rng(2).random(7)
    times = draws([str(n) for n in range(7)], 200)
    slow = np.array([np.median(np.repeat(values, row)) for row in times])
    estimate = median(values, times)
    assert (estimate.low, estimate.high) == pytest.approx(interval(slow))


def test_a_ratio_is_of_sums():
    estimate = ratio(np.array([1.0, 3.0]), np.array([2.0, 4.0]), draws(["a", "b"]))
    assert estimate.value == pytest.approx(4 / 6)
    assert (estimate.low, estimate.high) == (0.5, 0.75)


def test_a_single_patient_has_figures_and_no_interval():
    estimate = mean(np.array([0.5, 0.7]), draws(["a", "a"]))
    assert estimate.value == pytest.approx(0.6)
    assert isnan(estimate.low)
    assert isnan(estimate.high)
