"""The cohort's tables: means and medians over cases, lesions, thresholds and the FROC, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from LungTumorSegLib.evaluation.bootstrap import Estimate, draws, interval, mean, median, ratio
from LungTumorSegLib.evaluation.case_scores import CaseScores
from LungTumorSegLib.evaluation.froc import POINTS, Curve, Events, events
from LungTumorSegLib.evaluation.overlap import Counts

# Metric of a case -> how tables call it.
NAMES = {
    "dice": "Dice",
    "soft_dice": "Dice, pure probabilities",
    "iou": "IoU",
    "precision": "precision",
    "recall": "recall",
    "f2": "F2",
    "mcc": "MCC",
    "accuracy": "accuracy",
    "hd95_mm": "HD95 (mm)",
    "nsd": "NSD",
    "volume_error": "relative volume error",
    "recist_error_axial": "relative RECIST error, axial",
    "recist_error_3d": "relative RECIST error, 3D",
}
LARGE_MM = 10.0
POOLED = ("dice", "precision", "recall", "iou")  # the columns of system 1's tables


@dataclass(frozen=True)
class MetricRow:
    metric: str
    mean: Estimate
    median: Estimate


@dataclass(frozen=True)
class ThresholdRow:
    """pooled : metric -> of all cases' voxels together. mean_dice : over cases."""

    threshold: str
    pooled: dict[str, Estimate]
    mean_dice: Estimate


@dataclass(frozen=True, eq=False)
class Cohort:
    """cases : in order. patients : of each case. resamples, seed : of the bootstrap."""

    cases: Sequence[CaseScores]
    patients: Sequence[str]
    resamples: int
    seed: int

    @cached_property
    def times(self) -> np.ndarray:
        return draws(self.patients, self.resamples, self.seed)

    @cached_property
    def metrics(self) -> list[MetricRow]:
        rows = []
        for metric in NAMES:
            values = np.array([case.metrics.get(metric, np.nan) for case in self.cases], float)
            if metric in self.cases[0].metrics or not np.isnan(values).all():
                rows.append(MetricRow(metric, mean(values, self.times), median(values, self.times)))
        return rows

    @cached_property
    def thresholds(self) -> list[ThresholdRow]:
        """Those that every case has: none of the sweep where a case is a mask alone."""
        return [
            ThresholdRow(name, self._pooled(name), self._mean_dice(name))
            for name in self.cases[0].counts
            if all(name in case.counts for case in self.cases)
        ]

    def _pooled(self, name: str) -> dict[str, Estimate]:
        counts = np.array([[c.both, c.false, c.missed, c.neither] for c in (x.counts[name] for x in self.cases)], float)
        drawn = [Counts(*row) for row in (self.times @ counts).tolist()]
        whole = Counts(*counts.sum(axis=0).tolist())
        return {
            metric: Estimate(
                getattr(whole, metric), *interval(np.array([getattr(c, metric) for c in drawn])), len(self.cases)
            )
            for metric in POOLED
        }

    def _mean_dice(self, name: str) -> Estimate:
        return mean(np.array([case.counts[name].dice for case in self.cases]), self.times)

    @cached_property
    def lesions(self) -> dict[str, Estimate]:
        """What counts in a search. n : of the scans with such lesions, or of the lesions found."""
        scans = np.ones(len(self.cases))
        false = np.array([case.detection.false_positives for case in self.cases], float)
        rows = {}
        for label, least in (("", 0.0), (f", from {LARGE_MM:g} mm", LARGE_MM)):
            there = [[x for x in case.detection.lesions if x.axial_mm >= least] for case in self.cases]
            found = [[x for x in lesions if x.found] for lesions in there]
            hits, total = (np.array([len(x) for x in lesions], float) for lesions in (found, there))
            overlap = np.array([sum(x.dice for x in lesions) for lesions in found], float)
            case_of = [n for n, lesions in enumerate(found) for _ in lesions]
            errors = np.array([x.axial_error for lesions in found for x in lesions], float)
            rows[f"lesion sensitivity{label}"] = ratio(hits, total, self.times)
            rows[f"Dice of lesions found{label}"] = ratio(overlap, hits, self.times)
            rows[f"median error of the long axis of lesions found{label}"] = median(errors, self.times[:, case_of])
        rows["false positives a scan"] = ratio(false, scans, self.times)
        return rows

    @property
    def lesion_count(self) -> int:
        return sum(len(case.detection.lesions) for case in self.cases)

    @cached_property
    def events(self) -> Events:
        return events([case.detection for case in self.cases])

    @cached_property
    def curve(self) -> Curve:
        return self.events.curve()

    @cached_property
    def drawn_sensitivity(self) -> np.ndarray:
        """(resamples, points) at `POINTS`."""
        drawn = [self.events.curve(times).sensitivity_at(POINTS) for times in self.times]
        return np.reshape(drawn, (-1, len(POINTS)))

    @cached_property
    def froc(self) -> dict[str, Estimate]:
        """Sensitivity at each number of false positives a scan, and CPM."""
        n, drawn = len(self.cases), self.drawn_sensitivity
        values = self.curve.sensitivity_at(POINTS)
        rows = {
            f"{point:g}": Estimate(float(value), *interval(column), n)
            for point, value, column in zip(POINTS, values, drawn.T, strict=True)
        }
        return rows | {"CPM": Estimate(self.curve.cpm, *interval(drawn.mean(axis=1)), n)}
