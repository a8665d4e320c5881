"""What a model finds in whole scans, run exactly as the product runs it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.networks.model import Model
from LungTumorSegLib.training.scans import TestScan
from LungTumorSegLib.volume.geometry import Geometry, Volume

SMALLEST_MM = 3.0
CROP_MARGIN_MM = 12.0


@dataclass(frozen=True)
class ScanOutcome:
    """found : of `lesions`, those that a component touches; false_positives : components that touch no lesion;
    dice : of the whole scan's mask; lesion_dice : of each lesion, against the components that touch it."""

    name: str
    lesions: int
    found: int
    false_positives: int
    dice: float
    lesion_dice: tuple[float, ...]


def search_scan(session: Session, model: str | Model, scan: TestScan) -> ScanOutcome:
    """The automatic model on one scan, at the model's threshold."""
    prediction = session.segment(scan.ct, model)
    probability = prediction.probability.full(scan.ct.voxels.shape)
    return score(scan.name, probability, scan.lesions, scan.ct.geometry, prediction.threshold)


def score(name: str, probability: np.ndarray, lesions: np.ndarray, geometry: Geometry, threshold: float) -> ScanOutcome:
    """probability : (k, j, i); lesions : their numbers from 1, 0 elsewhere. Components under `SMALLEST_MM` do not
    count; one that touches several lesions belongs to each."""
    labels = lesion_labels(probability, geometry, threshold, SMALLEST_MM)
    sizes = np.bincount(labels.ravel())
    touching = np.unique(labels[lesions > 0])
    dice = []
    for lesion in range(1, int(lesions.max()) + 1):
        inside = labels[lesions == lesion]
        parts = np.unique(inside[inside > 0])
        dice.append(round(float(2 * (inside > 0).sum() / (sizes[parts].sum() + len(inside))), 3))
    found, true = labels > 0, lesions > 0
    return ScanOutcome(
        name=name,
        lesions=len(dice),
        found=sum(d > 0 for d in dice),
        false_positives=int(len(sizes) - 1 - (touching > 0).sum()),
        dice=round(float(2 * (found & true).sum() / max(1, found.sum() + true.sum())), 3),
        lesion_dice=tuple(dice),
    )


def click_lesions(
    session: Session, model: str | Model, scan: TestScan, clicks: int, seed: int = 0, alone: bool = False
) -> dict[str, list[float]]:
    """The prompted model on each lesion of a scan: Dice after each of some single clicks at random inside it.

    alone : each lesion in a scan that ends around it, see `cut_out`, at the same places: whether a network lives on
    where a crop ends.
    """
    outcome = {}
    for lesion in range(1, int(scan.lesions.max()) + 1):
        ct, true = scan.ct, scan.lesions == lesion
        voxels = np.argwhere(true)
        chosen = np.random.default_rng([seed, lesion]).choice(voxels, clicks)
        points = ct.geometry.ijk_to_lps(chosen[:, ::-1])
        if alone:
            ct, true = cut_out(ct, true)
        dice = []
        for point in points:
            prediction = session.prompt(ct, model, [tuple(point)])
            box = prediction.probability
            found = box.values > prediction.threshold
            dice.append(round(float(2 * (found & true[box.slices]).sum() / max(1, found.sum() + true.sum())), 3))
        outcome[f"{scan.name} lesion {lesion}"] = dice
    return outcome


def cut_out(ct: Volume, lesion: np.ndarray) -> tuple[Volume, np.ndarray]:
    """The scan and the lesion's mask [k, j, i] as far as one slice beyond the lesion and `CROP_MARGIN_MM` in plane: how
    the crops end that the model was taught with."""
    margin = [1, *(round(CROP_MARGIN_MM / mm) for mm in ct.geometry.spacing[1::-1])]
    voxels = np.argwhere(lesion)
    start = np.maximum(voxels.min(0) - margin, 0)
    stop = np.minimum(voxels.max(0) + 1 + margin, lesion.shape)
    part = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    geometry = ct.geometry.box(tuple(int(a) for a in start), tuple(int(b) for b in stop))
    return Volume(np.ascontiguousarray(ct.voxels[part]), geometry), lesion[part]
