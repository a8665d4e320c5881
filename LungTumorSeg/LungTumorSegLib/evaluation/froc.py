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
    lesions: int

    def sensitivity_at(self, false_positives: float | Sequence[float]) -> np.ndarray:
        """NaN where there is no lesion to find."""
        if not self.lesions:
            return np.full(np.shape(false_positives), nan)
        across = np.concatenate([[0.0], self.false_positives])
        return np.interp(false_positives, across, np.concatenate([[0.0], self.sensitivity]))

    @property
    def cpm(self) -> float:
        return float(self.sensitivity_at(POINTS).mean())


@dataclass(frozen=True, eq=False)
class Events:
    """What happens as the probability falls: a false positive more, or a lesion found, each in its scan.

    probability : (n,) falling. scan : (n,) its index. false : (n,) true for a false positive, else a lesion's find.
    lesions : (scans,) how many there are to find.
    """

    probability: np.ndarray
    scan: np.ndarray
    false: np.ndarray
    lesions: np.ndarray

    def curve(self, times: np.ndarray | None = None) -> Curve:
        """times : (scans,) how often each scan counts (a bootstrap's draw); once where not given."""
        times = np.ones(len(self.lesions), int) if times is None else times
        weight, scans, lesions = times[self.scan], int(times.sum()), int((times * self.lesions).sum())
        if not len(weight):
            return Curve(np.empty(0), np.empty(0), np.empty(0), lesions)
        last = np.append(self.probability[1:] != self.probability[:-1], True)  # equally sure ones come together
        return Curve(
            self.probability[last],
            np.cumsum(weight * self.false)[last] / max(scans, 1),
            np.cumsum(weight * ~self.false)[last] / max(lesions, 1),
            lesions,
        )


def events(detections: Sequence[Detection]) -> Events:
    """Of one detection a scan."""
    found: list[tuple[float, int, bool]] = []
    for scan, detection in enumerate(detections):
        found += [(c.probability, scan, True) for c in detection.candidates if not c.hits]
        sure = {c.number: c.probability for c in detection.candidates}
        # A lesion is found from where the surest of the candidates that hit it stands.
        found += [(max(sure[c] for c in g.found_by), scan, False) for g in detection.lesions if g.found]
    found.sort(key=lambda event: -event[0])
    probability, scan, false = zip(*found, strict=True) if found else ((), (), ())
    return Events(
        np.array(probability, float),
        np.array(scan, int),
        np.array(false, bool),
        np.array([len(detection.lesions) for detection in detections], int),
    )
