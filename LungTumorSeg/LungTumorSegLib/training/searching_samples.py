"""A training sample of the searching network: a block of lung, with and without tumours, in 3D."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from LungTumorSegLib.training.augmentation import as_from_another_scanner, scaled
from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.composition import Scene, background_scene, fitting_place, set_nodule
from LungTumorSegLib.training.crops import Nodule
from LungTumorSegLib.training.masses import set_mass
from LungTumorSegLib.training.sampling import Sample, sample, turn, window_positions

HU_RANGE = (-1000.0, 400.0)
SPACING_MM = 2.0
THINNED_MM = (1.25, 1.0, 1.0)  # the backgrounds are kept at this, so that a block is read quickly
EDGE = 48
NODULES = (0.2, 0.45, 0.35)  # chance of none, one, two in a block
MASS = 0.12
ENLARGED = 0.25
LARGE_MM = (16.0, 70.0)
LARGEST_MAGNIFICATION = 5.0
LARGEST_MISFIT_HU = 260.0  # a nodule that fits nowhere near is left out
FEWEST_PLACES = 150


@dataclass(frozen=True)
class SearchingSamples:
    """Makes samples of a recipe: (random generator, step) -> sample. weights : how often each background is drawn."""

    nodules: list[Nodule]
    backgrounds: list[Background]
    weights: tuple[float, ...]
    edge: int = EDGE

    @cached_property
    def nodule_weights(self) -> np.ndarray:
        """Wider nodules matter more, by diameter from 6 to 15 mm; faint ones are few and hard."""
        weights = np.array([np.clip(nodule.diameter_mm, 6.0, 15.0) for nodule in self.nodules])
        faint = np.array([nodule.image[nodule.mask].mean() < -350 for nodule in self.nodules])
        weights = weights * np.where(faint, 3.0, 1.0)
        return weights / weights.sum()

    def __call__(self, rng: np.random.Generator, step: int) -> Sample:
        scene = self.scene(rng)
        image = scaled(as_from_another_scanner(scene.image, rng), HU_RANGE)
        return image[None], scene.target[None], scene.known[None]

    def scene(self, rng: np.random.Generator) -> Scene:
        background = self.backgrounds[rng.choice(len(self.backgrounds), p=self.weights)]
        scale = np.exp(rng.uniform(-0.15, 0.15)) * rng.uniform(0.93, 1.07, 3)
        linear = turn(rng, tilt_degrees=8, turn_degrees=25, mirrored=(0.3, 0.2, 0.5)) @ np.diag(SPACING_MM * scale)
        centre = background.places[rng.integers(len(background.places))]
        shape = (self.edge,) * 3
        positions = window_positions(shape, centre, linear)
        scene = background_scene(background, positions, linear)
        half = self.edge * SPACING_MM / 2 - 4
        reachable = background.places[(np.abs(background.places - centre) < half).all(1)]
        if len(reachable) < FEWEST_PLACES:
            return scene
        if rng.random() < MASS:
            lungs = sample([background.lungs], background.coarse_spacing, positions)[0]
            at = self._voxel(reachable[rng.integers(len(reachable))], centre, linear)
            set_mass(scene, (lungs * 2 - 0.5).clamp(0, 1), at, rng)
        for _ in range(rng.choice(len(NODULES), p=NODULES)):
            self._set_nodule(scene, background, centre, reachable, rng)
        return scene

    def _voxel(self, place: np.ndarray, centre: np.ndarray, linear: np.ndarray) -> np.ndarray:
        return np.linalg.solve(linear, place - centre) + (self.edge - 1) / 2

    def _set_nodule(
        self,
        scene: Scene,
        background: Background,
        centre: np.ndarray,
        reachable: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        nodule = self.nodules[rng.choice(len(self.nodules), p=self.nodule_weights)]
        magnification = float(np.exp(rng.uniform(-0.15, 0.35)))
        if nodule.diameter_mm >= 8 and rng.random() < ENLARGED:
            magnification = min(LARGEST_MAGNIFICATION, max(1.0, rng.uniform(*LARGE_MM) / nodule.diameter_mm))
        anchor = np.add(*nodule.extent_mm) / 2
        place, mirror, misfit = fitting_place(nodule, anchor, background, reachable, magnification, rng)
        if misfit > LARGEST_MISFIT_HU:
            return
        crop_linear = mirror.T @ turn(rng, 8, 15, (0, 0, 0)) @ scene.linear / magnification
        set_nodule(scene, nodule, anchor, self._voxel(place, centre, scene.linear), crop_linear, rng)


def by_slices(scans: list[Background]) -> tuple[float, ...]:
    """How often each scan is drawn: by the root of its slices, since thick ones hold less to learn from."""
    weights = np.sqrt([len(scan.image) for scan in scans])
    return tuple(weights / weights.sum())
