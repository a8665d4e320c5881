"""How well one click finds one held-out nodule, with the crop's border in sight and hidden.

Each nodule gets one random click inside. Three surroundings: ``crop`` (nothing but the crop, a scan that ends there:
its edge values continue outward, and what is found beyond is cut off, as for every scan), ``set`` (set into a held-out
lung, the border hidden; whatever spills out of the crop counts as wrong) and, in `scan_evaluation`, whole scans.
Prediction and outline are compared on the outline's own voxels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import grid_sample

from LungTumorSegLib.inference.clicks import BEFORE, BOX, INSIDE, bumps, clicked, obeyed, with_halo
from LungTumorSegLib.inference.looks import ZOOMS, Look, whole_lesion
from LungTumorSegLib.training.augmentation import scaled
from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.clicks import click_inside, drawn_around, error_click
from LungTumorSegLib.training.composition import background_scene, fitting_place, set_nodule
from LungTumorSegLib.training.crops import Nodule
from LungTumorSegLib.training.prompted_samples import HU_RANGE, SPACING_MM
from LungTumorSegLib.training.sampling import sample, window_positions
from LungTumorSegLib.volume.geometry import Geometry

WINDOW = 48
Network = Callable[[torch.Tensor], torch.Tensor]  # inputs (n, c, d, h, w) -> logits (n, 1, d, h, w)


@dataclass(frozen=True)
class Outcome:
    """name; diameter_mm and longest axial diameter found; dice against the majority's outline; zoom used."""

    name: str
    diameter_mm: float
    found_mm: float
    dice: float
    zoom: int


def evaluate_prompted(
    network: Network,
    nodules: list[Nodule],
    backgrounds: list[Background] | None,
    threshold: float = 0.5,
    seed: int = 0,
    clicks: int = 1,
    boxed: bool = False,
) -> list[Outcome]:
    """One outcome a nodule, in their order. Without backgrounds the crop stands alone.

    clicks : how many; each after the first lies in the largest error of the answer before (`clicks.error_click`).
    boxed : a box drawn by hand instead of the first click.
    """
    return [
        _evaluate(network, nodule, backgrounds, threshold, np.random.default_rng([seed, number]), clicks, boxed)
        for number, nodule in enumerate(nodules)
    ]


def _evaluate(
    network: Network,
    nodule: Nodule,
    backgrounds: list[Background] | None,
    threshold: float,
    rng: np.random.Generator,
    clicks: int,
    boxed: bool,
) -> Outcome:
    anchor = click_inside(nodule.mask, nodule.depth_mm, rng) * np.array(nodule.spacing)
    if boxed:
        anchor = np.add(*nodule.extent_mm) / 2
    shape, middle = (WINDOW,) * 3, np.full(3, (WINDOW - 1) / 2)
    if backgrounds:
        background = backgrounds[rng.integers(len(backgrounds))]
        place, mirror, _ = fitting_place(nodule, anchor, background, background.places, 1.0, rng, turns=False)
        edge = int(rng.integers(1 << 30))

    def looks() -> Iterator[Look]:
        for zoom in ZOOMS:
            linear = np.eye(3) * zoom * SPACING_MM
            if backgrounds:
                scene = background_scene(background, window_positions(shape, place, mirror @ linear), linear)
                set_nodule(scene, nodule, anchor, middle, linear, np.random.default_rng(edge))
                image, target = scene.image, scene.target
            else:
                image, target = sample(
                    [nodule.image, nodule.target], nodule.spacing, window_positions(shape, anchor, linear)
                )
            inputs = torch.stack([scaled(image, HU_RANGE), *[torch.zeros_like(image)] * BEFORE])
            inside, outside, box, window = [], [], np.zeros(shape, bool), Geometry(shape, (zoom * SPACING_MM,) * 3)
            if boxed and (drawn := drawn_around(target > 0.5, np.random.default_rng([zoom, len(nodule.name)]))):
                box[drawn] = True
                inputs[BOX] = torch.from_numpy(box).float()
            else:
                inside.append(middle)
                inputs[INSIDE] = bumps(shape, middle)
            first = len(inside)
            true = within((target > 0.5).numpy(), nodule, anchor, linear, backgrounds)
            for further in range(clicks):
                logits = predict(network, inputs)
                if further == 0:
                    inputs[BEFORE] = torch.sigmoid(logits)
                logits = obeyed(logits, np.reshape(inside[first:], (-1, 3)), np.reshape(outside, (-1, 3)), threshold)
                probability = torch.sigmoid(logits)
                found = probability.numpy() >= threshold
                lesion, others = clicked(found, np.reshape(inside, (-1, 3)), np.array(window.spacing[::-1]), box)
                shown = within(lesion, nodule, anchor, linear, backgrounds)
                click = error_click(shown, true, rng) if further < clicks - 1 else None
                if click is None:
                    break
                channel, voxel = click
                inputs[channel] = torch.maximum(inputs[channel], bumps(shape, voxel))
                (inside if channel == INSIDE else outside).append(voxel)
            yield Look(window, probability * torch.from_numpy(with_halo(lesion, others)), shown)

    shown, _ = whole_lesion(looks(), sized=boxed)
    if shown is None:
        return Outcome(nodule.name, longest_axial(nodule.mask, nodule.spacing), 0.0, 0.0, ZOOMS[-1])
    zoom = round(shown.voxel_mm / SPACING_MM)
    return _compare(nodule, shown.probability, anchor, middle, zoom, threshold, bool(backgrounds))


def within(lesion: np.ndarray, nodule: Nodule, anchor: np.ndarray, linear: np.ndarray, goes_on: object) -> np.ndarray:
    """The lesion's voxels (d, h, w) without what lies beyond the crop, where the scan ends with it."""
    if goes_on:
        return lesion
    index = window_positions(lesion.shape, anchor, linear).numpy() / nodule.spacing
    return lesion & ((index >= -0.5) & (index <= np.array(nodule.image.shape) - 0.5)).all(-1)


@torch.no_grad()
def predict(network: Network, inputs: torch.Tensor) -> torch.Tensor:
    """The window's channels (c, d, h, w) -> logits (d, h, w)."""
    return network(inputs[None])[0, 0].cpu()


def _compare(
    nodule: Nodule,
    probability: torch.Tensor,
    anchor: np.ndarray,
    middle: np.ndarray,
    zoom: int,
    threshold: float,
    goes_on: bool,
) -> Outcome:
    """goes_on : the scan does not end with the crop."""
    voxel_mm, size = zoom * SPACING_MM, np.array(probability.shape)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in nodule.image.shape], indexing="ij"), -1)
    there = middle + (index * nodule.spacing - anchor) / (
        zoom * SPACING_MM
    )  # window voxel of each of the crop's voxels
    grid = torch.from_numpy((there / (size - 1) * 2 - 1).astype(np.float32)).flip(-1)
    found = grid_sample(probability[None, None], grid[None], align_corners=True)[0, 0].numpy() > threshold
    crop = np.meshgrid(*[(np.arange(n) - m) * voxel_mm for n, m in zip(size, middle, strict=True)], indexing="ij")
    position = np.stack(crop, -1) + anchor
    far = (np.array(nodule.image.shape) - 0.5) * nodule.spacing
    outside = ((position < -0.5 * np.array(nodule.spacing)) | (position > far)).any(-1)
    spilt = goes_on * (probability.numpy()[outside] > threshold).sum() * voxel_mm**3 / np.prod(nodule.spacing)
    both = (found & nodule.mask).sum()
    dice = 2 * both / (found.sum() + spilt + nodule.mask.sum())
    return Outcome(
        nodule.name, longest_axial(nodule.mask, nodule.spacing), longest_axial(found, nodule.spacing), dice, zoom
    )


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


def summary(outcomes: list[Outcome]) -> dict[str, float]:
    """Mean Dice, all and from 10 mm, misses (Dice < 0.3) and median relative error of the longest axial diameter."""
    dice = np.array([o.dice for o in outcomes])
    size = np.array([o.diameter_mm for o in outcomes])
    error = np.array([abs(o.found_mm - o.diameter_mm) / max(o.diameter_mm, 1e-6) for o in outcomes])
    large = size >= 10
    return {
        "nodules": len(outcomes),
        "dice": round(float(dice.mean()), 4),
        "nodules_from_10_mm": int(large.sum()),
        "dice_from_10_mm": round(float(dice[large].mean()), 4) if large.any() else None,
        "dice_median": round(float(np.median(dice)), 4),
        "misses": int((dice < 0.3).sum()),
        "diameter_error_median": round(float(np.median(error)), 4),
        "diameter_error_median_from_10_mm": round(float(np.median(error[large])), 4) if large.any() else None,
    }
