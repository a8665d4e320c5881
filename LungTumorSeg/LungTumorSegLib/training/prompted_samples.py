"""A training sample of the prompted model: a window around a first click or box, in real lung or where a scan ends near
it. Further clicks follow from what the network answers (`clicks.corrected`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from LungTumorSegLib.inference.clicks import bumps
from LungTumorSegLib.inference.looks import FINE, SMALL_MM
from LungTumorSegLib.training.augmentation import as_from_another_scanner, scaled
from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.clicks import click_inside, drawn_around
from LungTumorSegLib.training.composition import Scene, background_scene, crop_alone, fitting_place, set_nodule
from LungTumorSegLib.training.crops import Nodule
from LungTumorSegLib.training.sampling import Sample, turn, window_positions

HU_RANGE = (-1000.0, 400.0)
WINDOWS = (32, 32, 32, 48)  # edges in voxels, in turn, as the model is taught
SPACING_MM = 0.7  # the model's grid: at 1 mm small nodules and thin edges are lost (Resources/experiments.md)
SCALE = (0.85, 1.2)  # how much larger than that a voxel is to small and middling lesions
WIDEST_MM = 25.0  # a wider one is seen at the next zoom, as the product does when it touches the window's border
FINER = 0.5  # share of the small ones that are seen on the finer grid, where the product looks first
MAGNIFIED = 0.15  # share of samples whose nodule is enlarged into a mass, seen at the spacing of a larger zoom
MASS_VOXELS = (14.0, 38.0)  # how wide such a mass appears
LARGEST_MAGNIFICATION = 5.0
ALONE = 0.5  # share of samples that are the crop itself, nothing set in: a scan that ends near the lesion
TILT_DEGREES = 5  # slices are thick: at a steep angle nothing tells where they lie, and outlines follow them
OTHER_LESION = 0.25
ASTRAY = 0.15  # share of first clicks that miss their voxel by some millimetres, now and then the lesion
ASTRAY_MM = 1.5
BOXED = 0.25  # share of samples with a box drawn around the lesion instead of a click
FAINT_HU = -350.0


@dataclass(frozen=True)
class PromptedSamples:
    """Makes samples of a recipe: (random generator, step) -> sample.

    windows : edges in voxels of the cubic window, step by step in turn. Most nodules fit a small one, where a step is
    three times cheaper.
    """

    nodules: list[Nodule]
    backgrounds: list[Background]
    windows: tuple[int, ...] = (48,)

    @cached_property
    def weights(self) -> np.ndarray:
        """How often each nodule is drawn: wide and faint ones more often, since there are few and they are hard."""
        wide = np.clip([nodule.diameter_mm / 10 for nodule in self.nodules], 1, 2)
        faint = np.array([nodule.image[nodule.mask].mean() < FAINT_HU for nodule in self.nodules])
        weights = wide * np.where(faint, 2.0, 1.0)
        return weights / weights.sum()

    def __call__(self, rng: np.random.Generator, step: int) -> Sample:
        edge = self.windows[step % len(self.windows)]
        boxed = rng.random() < BOXED
        scene, at = self.scene(rng, (edge,) * 3, boxed)
        nothing = torch.zeros_like(scene.image)
        inside, box = nothing, nothing.clone()
        if boxed and (drawn := drawn_around(scene.target > 0.5, rng)):
            box[drawn] = 1.0
        else:
            inside = bumps(scene.image.shape, at)
        image = scaled(as_from_another_scanner(scene.image, rng), HU_RANGE)
        inputs = torch.stack([image, inside, nothing, box])
        return inputs, scene.target[None], scene.known[None]

    def scene(self, rng: np.random.Generator, shape: tuple[int, int, int], boxed: bool) -> tuple[Scene, np.ndarray]:
        """The composed window, and the voxel (3,) clicked first. The window is centred on the click or on the box."""
        nodule = self.nodules[rng.choice(len(self.nodules), p=self.weights)]
        if boxed:
            anchor = np.add(*nodule.extent_mm) / 2
        else:
            click = click_inside(nodule.mask, nodule.depth_mm, rng)
            anchor = (click + rng.uniform(-0.5, 0.5, 3)) * nodule.spacing
            if rng.random() < ASTRAY:
                anchor = anchor + rng.normal(0, ASTRAY_MM, 3)
        magnification, voxel_mm = self._scale(nodule, shape[0], rng)
        stretched = voxel_mm * rng.uniform([0.9, 0.95, 0.95], [1.1, 1.05, 1.05])
        linear = turn(rng, TILT_DEGREES) @ np.diag(stretched)
        if magnification == 1.0 and rng.random() < ALONE:
            return crop_alone(nodule, anchor, shape, linear, rng), (np.array(shape) - 1) / 2
        background = self.backgrounds[rng.integers(len(self.backgrounds))]
        place, mirror, _ = fitting_place(nodule, anchor, background, background.places, magnification, rng)
        scene = background_scene(background, window_positions(shape, place, linear), linear)
        middle = (np.array(shape) - 1) / 2
        if rng.random() < OTHER_LESION:
            self._set_other(scene, nodule, middle, rng)
        at = middle + rng.uniform(-0.75, 0.75, 3)
        crop_linear = mirror.T @ linear / magnification
        set_nodule(scene, nodule, anchor, at, crop_linear, rng)
        return scene, at

    def _scale(self, nodule: Nodule, edge: int, rng: np.random.Generator) -> tuple[float, float]:
        """How many times the nodule is enlarged against its surroundings, and mm of the surroundings a voxel."""
        if rng.random() < MAGNIFIED and nodule.diameter_mm >= 6:
            voxel_mm = SPACING_MM * rng.uniform(1.0, 4.0)
            wide = rng.uniform(MASS_VOXELS[0], min(MASS_VOXELS[1], 0.8 * edge))
            magnification = float(np.clip(wide * voxel_mm / nodule.diameter_mm, 1.0, LARGEST_MAGNIFICATION))
            return magnification, min(voxel_mm, nodule.diameter_mm * magnification / MASS_VOXELS[0])
        zoom = 2.0 if nodule.diameter_mm > WIDEST_MM else 1.0
        if nodule.diameter_mm < 2 * SMALL_MM and rng.random() < FINER:
            zoom = FINE
        return 1.0, zoom * SPACING_MM * float(np.exp(rng.uniform(*np.log(SCALE))))

    def _set_other(self, scene: Scene, nodule: Nodule, middle: np.ndarray, rng: np.random.Generator) -> None:
        """Another lesion nearby that nobody clicked: it belongs to the surroundings."""
        other = self.nodules[rng.integers(len(self.nodules))]
        voxel_mm = float(np.linalg.norm(scene.linear[:, 1]))
        direction = rng.standard_normal(3)
        apart = (nodule.diameter_mm + other.diameter_mm) / 2 + rng.uniform(4, 14)
        at = middle + direction / np.linalg.norm(direction) * apart / voxel_mm
        centre = np.add(*other.extent_mm) / 2
        set_nodule(scene, other, centre, at, scene.linear, rng, labelled=False)
