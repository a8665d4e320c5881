"""The free-response curve: how many lesions are found at how many false positives a scan.

Candidates are taken from the surest to the least sure; at each probability, those at least as sure stand. As in LUNA16
(Setio et al., Medical Image Analysis 42 (2017) 1-13): sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives a
scan, linear between the curve's points and constant beyond its last, and their mean, the competition performance metric
(CPM). A curve that ends before 8 says that the prediction holds no more candidates, not that no more could be found:
lower the threshold that they were cut at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from LungTumorSegLib.evaluation.lesions import Detection

POINTS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, eq=False)
class Curve:
    """probability : falling, (n,); false_positives a scan and sensitivity when candidates from there on up stand."""

    probability: np.ndarray
    false_positives: np.ndarray
    sensitivity: np.ndarray
    scans: int
    lesions: int

    def sensitivity_at(self, false_positives: float) -> float:
        """NaN where there is no lesion to find."""
        if not self.lesions:
            return nan
        across = np.concatenate([[0.0], self.false_positives])
        return float(np.interp(false_positives, across, np.concatenate([[0.0], self.sensitivity])))

    @property
    def cpm(self) -> float:
        return float(np.mean([self.sensitivity_at(point) for point in POINTS]))


def froc(detections: Sequence[Detection], times: Sequence[int] | None = None) -> Curve:
    """The curve of some scans; `times`: how often each one counts (a bootstrap's draw)."""
    times = np.ones(len(detections), int) if times is None else np.asarray(times)
    scans, lesions = int(times.sum()), int(sum(t * len(d.lesions) for t, d in zip(times, detections, strict=True)))
    scores, false, found = [], [], []
    for t, detection in zip(times, detections, strict=True):
        for candidate in detection.candidates:
            if not candidate.hits:
                scores.append(candidate.probability)
                false.append(t)
                found.append(0)
        surest = {c.number: c.probability for c in detection.candidates}
        for lesion in detection.lesions:
            if lesion.found:  # from where its surest candidate stands
                scores.append(max(surest[c] for c in lesion.found_by))
                false.append(0)
                found.append(t)
    scores, false, found = np.array(scores, float), np.array(false, int), np.array(found, int)
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(scores) else np.empty(0, int)
    return Curve(
        scores[last],
        np.cumsum(false[order])[last] / max(scans, 1),
        np.cumsum(found[order])[last] / max(lesions, 1),
        scans,
        lesions,
    )
