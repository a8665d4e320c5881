"""How much of two masks is shared: Dice and its relatives, from four counts of voxels.

Sources: Taha & Hanbury, BMC Medical Imaging 15 (2015) 29 (all but MCC); Chicco & Jurman, BMC Genomics 21 (2020) 6
(MCC); Maier-Hein et al., Metrics reloaded, Nature Methods 21 (2024) 195-212 (which to trust: Dice and surfaces, never
accuracy, which a scan's many empty voxels bring near 1 whatever was found).

What 0 / 0 would be is not a number (NaN), never 1: both masks empty leave Dice, IoU, precision, recall, F2 and MCC
undefined, an empty prediction its precision, an empty reference the recall. Means are taken over the cases where a
metric is defined, and that number is printed beside them; findings in scans without tumour are counted as false
positives (`lesions.py`), which is where they belong. Where one mask alone is empty, Dice, IoU and F2 are 0, and so is
MCC, as in scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

from LungTumorSegLib.measurement.components import bounding_box


@dataclass(frozen=True)
class Counts:
    """Voxels (or sums of probability) that are tumour in both, in the prediction only, the reference only, neither.

    Counts of several scans may be added: metrics of the sum are pooled, a large tumour weighs more than a small one.
    """

    both: float
    false: float
    missed: float
    neither: float

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.both + other.both, self.false + other.false, self.missed + other.missed, self.neither + other.neither
        )

    @property
    def dice(self) -> float:
        """2 |P and G| / (|P| + |G|); the same as F1."""
        return share(2 * self.both, 2 * self.both + self.false + self.missed)

    @property
    def iou(self) -> float:
        """|P and G| / |P or G| (Jaccard)."""
        return share(self.both, self.both + self.false + self.missed)

    @property
    def precision(self) -> float:
        """|P and G| / |P|."""
        return share(self.both, self.both + self.false)

    @property
    def recall(self) -> float:
        """|P and G| / |G| (sensitivity, voxel by voxel)."""
        return share(self.both, self.both + self.missed)

    @property
    def f2(self) -> float:
        """5 P R / (4 P + R): recall counts twice as much as precision (van Rijsbergen's F with beta 2)."""
        return share(5 * self.both, 5 * self.both + 4 * self.missed + self.false)

    @property
    def accuracy(self) -> float:
        """Of all voxels of the scan, those that agree: grows with the air around the patient."""
        return share(self.both + self.neither, self.both + self.false + self.missed + self.neither)

    @property
    def mcc(self) -> float:
        """Matthews' correlation coefficient, -1 to 1, of the whole scan's voxels."""
        predicted, true = self.both + self.false, self.both + self.missed
        rest, empty = self.missed + self.neither, self.false + self.neither
        if predicted == 0 and true == 0:
            return nan
        if 0 in (predicted, true, rest, empty):
            return 0.0
        # Roots one by one: the product of four counts of a large scan does not fit a 64-bit integer.
        return (self.both * self.neither - self.false * self.missed) / (
            sqrt(predicted) * sqrt(true) * sqrt(rest) * sqrt(empty)
        )


METRICS = ("dice", "iou", "precision", "recall", "f2", "accuracy", "mcc")


def share(part: float, whole: float) -> float:
    return float(part / whole) if whole else nan


def hard_counts(prediction: np.ndarray, reference: np.ndarray) -> Counts:
    """Two masks of the same shape, tumour where not 0.

    Only the box around each is looked at; outside of both nothing can be shared or wrong, so this is exact.
    """
    both = 0
    if (box := shared_box(prediction, reference)) is not None:
        both = int(np.count_nonzero((prediction[box] != 0) & (reference[box] != 0)))
    found, true = (int(np.count_nonzero(mask)) for mask in (prediction, reference))
    return Counts(both, found - both, true - both, prediction.size - found - true + both)


def soft_counts(probability: np.ndarray, reference: np.ndarray) -> Counts:
    """ "Pure probabilities": each voxel counts with its probability p, with no threshold: sum of p g, p (1 - g),
    (1 - p) g and (1 - p) (1 - g), g being 0 or 1. The first row of the threshold tables of "Energy efficient lung
    tumour segmentation". Probabilities that a mask states as 0 and 1 give the counts of `hard_counts`.

    A probability that was set to 0 below some value (the product's below 0.01) is a little lower in sum.
    """
    total = float(probability.sum(dtype=np.float64))
    true = int(np.count_nonzero(reference))
    box = bounding_box(reference)
    inside = 0.0
    if box is not None:
        inside = float(probability[box][reference[box] != 0].sum(dtype=np.float64))
    return Counts(inside, total - inside, true - inside, probability.size - total - true + inside)


def shared_box(a: np.ndarray, b: np.ndarray) -> tuple[slice, ...] | None:
    """Where the boxes around two masks overlap."""
    boxes = bounding_box(a), bounding_box(b)
    if None in boxes:
        return None
    box = tuple(slice(max(s.start, t.start), min(s.stop, t.stop)) for s, t in zip(*boxes, strict=True))
    return box if all(side.start < side.stop for side in box) else None
