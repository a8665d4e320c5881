"""How well one to three clicks, or a box, outline held-out nodules, asked as a user asks: by `Session.prompt`.

Each nodule stands in one of two scans: its crop alone (a scan that ends there: its edge values continue outward, and
nothing is found beyond), or set into a held-out lung, the crop's border hidden (whatever spills out of the crop counts
as wrong). Whole scans are `scan_evaluation`'s. The first click lies at random inside the nodule, each further one in
the largest error of the answer that was shown: somewhere in it, or in its middle as most of the literature sets it
(`clicks.error_click`). Answer and outline are compared on the outline's own voxels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from LungTumorSegLib.evaluation import bootstrap
from LungTumorSegLib.evaluation.overlap import hard_counts
from LungTumorSegLib.inference.clicks import INSIDE
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.networks.model import Model
from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.clicks import click_inside, drawn_around, error_click
from LungTumorSegLib.training.composition import background_scene, fitting_place, set_nodule
from LungTumorSegLib.training.crops import Nodule
from LungTumorSegLib.training.sampling import window_positions
from LungTumorSegLib.volume.geometry import Geometry, Volume

AROUND_MM = 70.0  # of lung on each side of a nodule that is set into one


@dataclass(frozen=True)
class Outcome:
    """name, patient; diameter_mm and longest axial diameter found; dice against the majority's outline."""

    name: str
    patient: str
    diameter_mm: float
    found_mm: float
    dice: float


def evaluate_prompted(
    session: Session,
    model: str | Model,
    nodules: list[Nodule],
    backgrounds: list[Background] | None,
    clicks: int = 1,
    boxed: bool = False,
    centred: bool = False,
    seed: int = 0,
) -> list[list[Outcome]]:
    """For each mark, the first and the further ones, an outcome a nodule in their order. Without backgrounds the crop
    stands alone.

    clicks : how many marks. boxed : the first is a box drawn by hand instead of a click. centred : further clicks lie
    in the error's middle, not anywhere in it.
    """
    by_nodule = []
    for number, nodule in enumerate(nodules):
        rng = np.random.default_rng([seed, number])
        by_nodule.append(_asked(session, model, nodule, backgrounds, clicks, boxed, centred, rng))
    return [list(outcomes) for outcomes in zip(*by_nodule, strict=True)]


def _asked(
    session: Session,
    model: str | Model,
    nodule: Nodule,
    backgrounds: list[Background] | None,
    clicks: int,
    boxed: bool,
    centred: bool,
    rng: np.random.Generator,
) -> list[Outcome]:
    """One outcome a mark; where nothing is wrong any more, the last answer stays."""
    voxel = click_inside(nodule.mask, nodule.depth_mm, rng)
    scan, lesion = set_in(nodule, voxel, backgrounds, rng) if backgrounds else alone(nodule)
    points: dict[bool, list[np.ndarray]] = {True: [], False: []}
    box = None
    if boxed:
        drawn = drawn_around(torch.from_numpy(lesion), rng)
        ends = np.array([[part.start - 0.5, part.stop - 0.5] for part in drawn])
        box = scan.geometry.ijk_to_lps(ends.T[:, ::-1])
    else:
        there = np.array(lesion.shape) // 2 if backgrounds else voxel
        points[True].append(scan.geometry.ijk_to_lps(there[::-1]))
    outcomes = []
    while len(outcomes) < clicks:
        answer = session.prompt(scan, model, points[True], points[False], box)
        found = answer.probability.full(lesion.shape) >= answer.threshold
        outcomes.append(compared(nodule, found, lesion))
        click = error_click(found, lesion, None if centred else rng, nodule.spacing)
        if click is None:
            outcomes += outcomes[-1:] * (clicks - len(outcomes))
        else:
            channel, voxel = click
            points[channel == INSIDE].append(scan.geometry.ijk_to_lps(voxel[::-1]))
    return outcomes


def alone(nodule: Nodule) -> tuple[Volume, np.ndarray]:
    """The crop as a scan, and the nodule's voxels in it."""
    return Volume(nodule.image, Geometry(nodule.image.shape, nodule.spacing[::-1])), nodule.mask


def set_in(
    nodule: Nodule, voxel: np.ndarray, backgrounds: list[Background], rng: np.random.Generator
) -> tuple[Volume, np.ndarray]:
    """A scan with the nodule's own voxels in the midst of lung, and the nodule's voxels in it. voxel : of the crop, it
    comes to lie in the scan's middle."""
    background, linear = backgrounds[rng.integers(len(backgrounds))], np.diag(nodule.spacing)
    anchor = voxel * np.array(nodule.spacing)
    place, mirror, _ = fitting_place(nodule, anchor, background, background.places, 1.0, rng, turns=False)
    middle = np.ceil(AROUND_MM / np.array(nodule.spacing)).astype(int)
    shape = tuple(int(n) for n in 2 * middle + 1)
    scene = background_scene(background, window_positions(shape, place, mirror @ linear), linear)
    set_nodule(scene, nodule, anchor, middle, linear, rng)
    lesion = np.zeros(shape, bool)
    lesion[tuple(slice(a, a + n) for a, n in zip(middle - voxel, nodule.mask.shape, strict=True))] = nodule.mask
    image = torch.round(scene.image).to(torch.int16).numpy()
    return Volume(image, Geometry(shape, nodule.spacing[::-1])), lesion


def compared(nodule: Nodule, found: np.ndarray, lesion: np.ndarray) -> Outcome:
    true_mm, found_mm = (longest_axial(mask, nodule.spacing) for mask in (nodule.mask, found))
    return Outcome(nodule.name, nodule.patient, true_mm, found_mm, hard_counts(found, lesion).dice)


def longest_axial(mask: np.ndarray, spacing: tuple[float, float, float]) -> float:
    """Longest diameter in an axial slice, between voxel centres, mm; 0 for an empty mask."""
    longest = 0.0
    for plane in mask:
        rows = np.flatnonzero(plane.any(1))
        ends = [(r, c) for r in rows for c in np.flatnonzero(plane[r])[[0, -1]]]
        if ends:
            points = np.array(ends) * spacing[1:]
            longest = max(longest, float(np.linalg.norm(points[:, None] - points[None], axis=-1).max()))
    return longest


def summary(outcomes: list[Outcome]) -> dict:
    """Mean Dice, all and from 10 mm, with 95 % intervals over patients; misses (Dice < 0.3) and median relative error
    of the longest axial diameter. None where there is none of the size, no interval of a single patient."""
    dice = np.array([o.dice for o in outcomes])
    size = np.array([o.diameter_mm for o in outcomes])
    error = np.array([abs(o.found_mm - o.diameter_mm) / max(o.diameter_mm, 1e-6) for o in outcomes])
    large = size >= 10
    times = bootstrap.draws([o.patient for o in outcomes])
    mean, mean_large = (bootstrap.mean(values, times) for values in (dice, np.where(large, dice, np.nan)))
    return {
        "nodules": len(outcomes),
        "dice": rounded(mean.value),
        "dice_interval_95": [rounded(mean.low), rounded(mean.high)],
        "nodules_from_10_mm": mean_large.n,
        "dice_from_10_mm": rounded(mean_large.value),
        "dice_from_10_mm_interval_95": [rounded(mean_large.low), rounded(mean_large.high)],
        "dice_median": rounded(np.median(dice)),
        "misses": int((dice < 0.3).sum()),
        "diameter_error_median": rounded(np.median(error)),
        "diameter_error_median_from_10_mm": rounded(np.median(error[large])) if large.any() else None,
    }


def rounded(figure: float) -> float | None:
    """To four digits after the point; None where the figure is not defined."""
    return None if np.isnan(figure) else round(float(figure), 4)
