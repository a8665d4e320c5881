"""How far a cohort's figures would move with other patients: percentile bootstrap intervals.

Patients are drawn with replacement, as many as there are, each with all of its scans (Efron & Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13; whole patients because scans of one are alike). The interval runs from
the 2.5th to the 97.5th percentile of the figure over the draws. It is a little too narrow for few patients (at 10
about 90 % instead of 95 % of such intervals hold the truth), and says nothing of patients unlike these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

RESAMPLES = 2000
SEED = 20150


@dataclass(frozen=True)
class Estimate:
    """value and 95 % interval; n : cases that it is taken over. NaN where it is not defined."""

    value: float
    low: float
    high: float
    n: int


def draws(patients: Sequence[str], resamples: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """(resamples, cases): how often each case stands in each draw. patients : of each case.

    No draws of a single patient: nothing is known of others, and no interval stands beside a figure.
    """
    names, number = np.unique(np.asarray(patients, str), return_inverse=True)
    if len(names) < 2:
        return np.empty((0, len(number)), int)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    return drawn[:, number]


def interval(values: np.ndarray, percent: float = 95.0) -> tuple[float, float]:
    """Of the figure over the draws; draws where it is not defined are left out. Always one of the values, so that an
    infinite one among them stays what it is."""
    values = values[~np.isnan(values)]
    if not len(values):
        return nan, nan
    ends = ((100 - percent) / 2, (100 + percent) / 2)
    low, high = np.percentile(values, ends, method="inverted_cdf")
    return float(low), float(high)


def mean(values: np.ndarray, times: np.ndarray) -> Estimate:
    """The mean over cases. values : (cases,), NaN where a metric is not defined for the case. times : see `draws`."""
    known = ~np.isnan(values)
    if not known.any():
        return Estimate(nan, nan, nan, 0)
    weights = times[:, known]
    count = weights.sum(axis=1)
    with np.errstate(invalid="ignore"):  # infinite times never drawn
        sums = np.where(weights > 0, weights * values[known], 0.0).sum(axis=1)
    means = np.divide(sums, count, out=np.full(len(count), nan), where=count > 0)
    return Estimate(float(values[known].mean()), *interval(means), int(known.sum()))


def median(values: np.ndarray, times: np.ndarray) -> Estimate:
    """The median over cases, as `mean`; of an even number the mean of the middle two, in draws the lower of them."""
    known = ~np.isnan(values)
    if not known.any():
        return Estimate(nan, nan, nan, 0)
    order = np.argsort(values[known])
    ordered, heaps = values[known][order], np.cumsum(times[:, known][:, order], axis=1)
    total = heaps[:, -1]
    at = (heaps * 2 >= total[:, None]).argmax(axis=1)
    medians = np.where(total > 0, ordered[at], nan)
    return Estimate(float(np.median(values[known])), *interval(medians), int(known.sum()))


def ratio(parts: np.ndarray, wholes: np.ndarray, times: np.ndarray) -> Estimate:
    """Sum over sum, as of lesions found over lesions; n : cases with a whole above 0."""
    above, below = times @ parts, times @ wholes
    ratios = np.divide(above, below, out=np.full(len(below), nan), where=below > 0)
    whole = wholes.sum()
    return Estimate(float(parts.sum() / whole) if whole else nan, *interval(ratios), int(np.count_nonzero(wholes)))
