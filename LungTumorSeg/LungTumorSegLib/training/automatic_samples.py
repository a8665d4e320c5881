"""A training sample of the automatic model: adjacent slices of whole lungs, with and without tumours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from LungTumorSegLib.training.augmentation import as_from_another_scanner, scaled
from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.composition import Scene, background_scene, fitting_place, set_nodule
from LungTumorSegLib.training.crops import Nodule
from LungTumorSegLib.training.loop import Sample
from LungTumorSegLib.training.masses import set_mass, waves
from LungTumorSegLib.training.sampling import sample, turn, window_positions

HU_RANGE = (-1000.0, 400.0)
SPACING_MM = (2.5, 1.25, 1.25)
THINNED_MM = (2.5, 1.0, 1.0)  # the backgrounds are kept at this, so that a slice is read quickly
ADJACENT = 5
# In turn: half a chest, where a step is cheap and tumours fill more of it, and whole ones, whose boxes differ in size.
SHAPES = ((160, 160), (224, 256), (160, 176), (208, 272), (144, 192))
NODULES = (0.4, 0.35, 0.25)  # chance of none, one, two in a slice
MASS = 0.15
ENLARGED = 0.3
LARGE_MM = (22.0, 80.0)
LARGEST_MAGNIFICATION = 5.0
NEAR_MM = 4.0  # a nodule's place lies no farther above or below the slice
FEWEST_PLACES = 150  # of a slice with lung enough to hold one
LARGEST_MISFIT_HU = 260.0  # a nodule that fits nowhere in the slice is left out
WARP_MM = (3.0, 9.0, 9.0)


@dataclass(frozen=True)
class AutomaticSamples:
    """Makes samples for `loop.train`. weights : how often each background is drawn; one patient's series share."""

    nodules: list[Nodule]
    backgrounds: list[Background]
    weights: tuple[float, ...]

    @cached_property
    def nodule_weights(self) -> np.ndarray:
        """Wider nodules matter more: by diameter up to 20 mm."""
        weights = np.array([min(nodule.diameter_mm, 20.0) for nodule in self.nodules])
        return weights / weights.sum()

    def __call__(self, rng: np.random.Generator, step: int) -> Sample:
        scene = self.scene(rng, SHAPES[step % len(SHAPES)])
        image = scaled(as_from_another_scanner(scene.image, rng), HU_RANGE)
        middle = ADJACENT // 2
        return image, scene.target[middle][None], scene.known[middle][None]

    def scene(self, rng: np.random.Generator, shape: tuple[int, int]) -> Scene:
        background = self.backgrounds[rng.choice(len(self.backgrounds), p=self.weights)]
        low, high = background.lungs_box
        scale = np.exp(rng.uniform(-0.2, 0.2)) * rng.uniform(0.92, 1.08, 3)
        linear = turn(rng, tilt_degrees=2, turn_degrees=12, mirrored=(0.3, 0.1, 0.5)) @ np.diag(SPACING_MM * scale)
        half = np.array(shape) / 2 * SPACING_MM[1:]
        room = np.maximum((high - low)[1:] / 2 + 20 - half, 20)  # a small window goes about, a large one stays central
        centre = (low + high) / 2
        centre[0] = rng.uniform(low[0] - 15, high[0] + 15)
        centre[1:] += rng.uniform(-room, room)
        window = (ADJACENT, *shape)
        positions = window_positions(window, centre, linear)
        positions = positions + torch.stack(
            [mm * waves(window, (2, 5, 5), rng) * float(rng.uniform(0, 1)) for mm in WARP_MM], -1
        )
        scene = background_scene(background, positions, linear)
        middle = positions[ADJACENT // 2].numpy()
        apart = np.abs(background.places - centre)
        reachable = background.places[(apart[:, 0] < NEAR_MM) & (apart[:, 1:] < half - 10).all(1)]
        if len(reachable) < FEWEST_PLACES:
            return scene
        if rng.random() < MASS:
            self._set_mass(scene, background, positions, reachable, rng)
        for _ in range(rng.choice(len(NODULES), p=NODULES)):
            self._set_nodule(scene, background, middle, reachable, rng)
        return scene

    def _set_nodule(
        self,
        scene: Scene,
        background: Background,
        middle: np.ndarray,
        reachable: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        nodule = self.nodules[rng.choice(len(self.nodules), p=self.nodule_weights)]
        magnification = float(np.exp(rng.uniform(-0.15, 0.35)))
        if nodule.diameter_mm >= 8 and rng.random() < ENLARGED:
            magnification = min(LARGEST_MAGNIFICATION, max(1.0, rng.uniform(*LARGE_MM) / nodule.diameter_mm))
        slices = np.argwhere(nodule.mask)
        level = slices[rng.integers(len(slices)), 0]
        anchor = slices[slices[:, 0] == level].mean(0) * nodule.spacing
        place, mirror, misfit = fitting_place(nodule, anchor, background, reachable, magnification, rng)
        if misfit > LARGEST_MISFIT_HU:
            return
        crop_linear = mirror.T @ turn(rng, 5, 15, (0, 0, 0)) @ scene.linear / magnification
        set_nodule(scene, nodule, anchor, _nearest(middle, place), crop_linear, rng)

    def _set_mass(
        self,
        scene: Scene,
        background: Background,
        positions: torch.Tensor,
        reachable: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        lungs = sample([background.lungs], background.coarse_spacing, positions)[0]
        at = _nearest(positions[ADJACENT // 2].numpy(), reachable[rng.integers(len(reachable))])
        at[0] += rng.uniform(-6, 6)
        set_mass(scene, (lungs * 2 - 0.5).clamp(0, 1), at, rng)


def _nearest(middle: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The voxel (k, j, i) of the middle slice, positions (h, w, 3) mm, that lies nearest to the place, in plane."""
    apart = ((middle[..., 1:] - place[1:]) ** 2).sum(-1)
    j, i = np.unravel_index(np.argmin(apart), apart.shape)
    return np.array([ADJACENT // 2, j, i], float)
