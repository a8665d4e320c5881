"""How well one click, or a search, finds a large tumour: held-out nodules, enlarged and set into held-out lungs.

Whole scans with large tumours are few. What is enlarged is as smooth as its crop was coarse, and no tumour of that
size is so round: the figures tell whether the window grows with the lesion, not how well the largest are outlined.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from LungTumorSegLib.evaluation.overlap import hard_counts
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.networks.model import Model
from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.clicks import click_inside
from LungTumorSegLib.training.composition import background_scene, fitting_place, set_nodule
from LungTumorSegLib.training.crops import Nodule
from LungTumorSegLib.training.sampling import window_positions
from LungTumorSegLib.training.scan_evaluation import search_scan
from LungTumorSegLib.training.scans import TestScan
from LungTumorSegLib.volume.geometry import Geometry, Volume

FROM_MM, TO_MM = 30.0, 95.0
SMALLEST_MM = 8.0  # of a nodule that is enlarged
MOST_TIMES = 8.0
SPACING_MM, SIDE = 1.2, 150  # of the scan made for it: 180 mm wide
CLICKS = 2


@dataclass(frozen=True)
class Enlarged:
    """diameter_mm of the enlarged nodule, Dice of the answer to one click, or of what a search found of it."""

    name: str
    diameter_mm: float
    dice: float


def evaluate_enlarged(model: str | Model, nodules: list[Nodule], backgrounds: list[Background]) -> list[Enlarged]:
    """`CLICKS` outcomes for each nodule from `SMALLEST_MM`, each click anew."""
    session, outcomes = Session(), []
    for name, diameter_mm, volume, lesion, rng in large_tumours(nodules, backgrounds):
        depth = ndimage.distance_transform_edt(lesion, sampling=volume.geometry.spacing[::-1])
        for _ in range(CLICKS):
            click = volume.geometry.ijk_to_lps(click_inside(lesion, depth, rng)[::-1])
            prediction = session.prompt(volume, model, [tuple(click)])
            found = prediction.probability.full(lesion.shape) >= prediction.threshold
            outcomes.append(Enlarged(name, diameter_mm, hard_counts(found, lesion).dice))
    return outcomes


def search_enlarged(model: str | Model, nodules: list[Nodule], backgrounds: list[Background]) -> list[Enlarged]:
    """One outcome of an automatic model for each nodule from `SMALLEST_MM`, as `search_scan` scores its lesion. What
    else it finds there is not counted: the scans may hold lesions of their own."""
    session, outcomes = Session(), []
    for name, diameter_mm, volume, lesion, _ in large_tumours(nodules, backgrounds):
        (dice,) = search_scan(session, model, TestScan(name, volume, lesion.astype(np.uint16))).lesion_dice
        outcomes.append(Enlarged(name, diameter_mm, dice))
    return outcomes


def large_tumours(
    nodules: list[Nodule], backgrounds: list[Background]
) -> Iterator[tuple[str, float, Volume, np.ndarray, np.random.Generator]]:
    """For each nodule from `SMALLEST_MM` its name, its diameter once enlarged, the scan and the lesion's voxels there,
    and the generator that goes on from its making."""
    for number, nodule in enumerate(each for each in nodules if each.diameter_mm >= SMALLEST_MM):
        rng = np.random.default_rng([5, number])
        wide_mm = float(np.exp(rng.uniform(*np.log([FROM_MM, TO_MM]))))
        times = float(np.clip(wide_mm / nodule.diameter_mm, 1.0, MOST_TIMES))
        volume, lesion = enlarged(nodule, backgrounds[number % len(backgrounds)], times, rng)
        yield nodule.name, nodule.diameter_mm * times, volume, lesion, rng


def enlarged(
    nodule: Nodule, background: Background, times: float, rng: np.random.Generator
) -> tuple[Volume, np.ndarray]:
    """A scan with the nodule, so many times as large, in its middle; and its voxels (k, j, i), bool."""
    anchor, middle = np.add(*nodule.extent_mm) / 2, np.full(3, (SIDE - 1) / 2)
    place, mirror, _ = fitting_place(nodule, anchor, background, background.places, times, rng, turns=False)
    linear = np.eye(3) * SPACING_MM
    scene = background_scene(background, window_positions((SIDE,) * 3, place, mirror @ linear), linear)
    set_nodule(scene, nodule, anchor, middle, linear / times, rng)
    labels, count = ndimage.label((scene.target > 0.5).numpy())
    sizes = ndimage.sum_labels(labels > 0, labels, range(1, count + 1))
    voxels = torch.round(scene.image).to(torch.int16).numpy()
    return Volume(voxels, Geometry((SIDE,) * 3, (SPACING_MM,) * 3)), labels == 1 + int(np.argmax(sizes))


def summary(outcomes: list[Enlarged], counted: str = "clicks") -> dict:
    """Mean Dice and misses (Dice < 0.3), over all and by size; counted : what there was one outcome of each."""
    by_size = {}
    for low, high in ((0.0, 40.0), (40.0, 60.0), (60.0, np.inf)):
        dice = [each.dice for each in outcomes if low <= each.diameter_mm < high]
        if dice:
            words = f"from {low:.0f} mm" if low else f"below {high:.0f} mm"
            by_size[words] = {counted: len(dice), "dice": round(float(np.mean(dice)), 4)}
    dice = np.array([each.dice for each in outcomes])
    return {
        counted: len(dice),
        "dice": round(float(dice.mean()), 4) if len(dice) else None,
        "misses": int((dice < 0.3).sum()),
        **by_size,
    }
