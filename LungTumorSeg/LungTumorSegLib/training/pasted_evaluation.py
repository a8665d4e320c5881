"""Whether the automatic model finds held-out nodules set into lungs that nothing was trained on."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from LungTumorSegLib.training.augmentation import scaled
from LungTumorSegLib.training.automatic_samples import ADJACENT, HU_RANGE, LARGEST_MISFIT_HU, SPACING_MM
from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.composition import background_scene, fitting_place, set_nodule
from LungTumorSegLib.training.crops import Nodule
from LungTumorSegLib.training.sampling import window_positions

SHAPE = (224, 256)
FOUND_DICE = 0.1


@torch.no_grad()
def evaluate_pasted(
    network: nn.Module, nodules: list[Nodule], backgrounds: list[Background], threshold: float, seed: int = 0
) -> dict:
    """The slice through each nodule's widest level: share found (Dice above 0.1 in that slice) and their mean Dice."""
    dice, wide = [], []
    for number, nodule in enumerate(nodules):
        rng = np.random.default_rng([seed, number])
        scan = backgrounds[rng.integers(len(backgrounds))]
        level = int(nodule.mask.sum((1, 2)).argmax())
        slices = np.argwhere(nodule.mask)
        anchor = slices[slices[:, 0] == level].mean(0) * nodule.spacing
        place, mirror, misfit = fitting_place(nodule, anchor, scan, scan.places, 1.0, rng, turns=False)
        if misfit > LARGEST_MISFIT_HU:
            continue
        linear = np.diag(SPACING_MM)
        low, high = scan.lungs_box
        centre = np.array([place[0], *(low + high)[1:] / 2])
        scene = background_scene(scan, window_positions((ADJACENT, *SHAPE), centre, linear), linear)
        at = np.array([ADJACENT // 2, *((place - centre) / SPACING_MM)[1:] + (np.array(SHAPE) - 1) / 2])
        set_nodule(scene, nodule, anchor, at, mirror.T @ linear, rng)
        found = torch.sigmoid(network(scaled(scene.image, HU_RANGE)[None]))[0, 0] > threshold
        lesion = scene.target[ADJACENT // 2] > 0.5
        near = torch.zeros_like(found)
        j, i = np.rint(at[1:]).astype(int)
        reach = int(nodule.diameter_mm / SPACING_MM[1]) + 4
        near[max(0, j - reach) : j + reach, max(0, i - reach) : i + reach] = True
        both = (found & lesion).sum()
        dice.append(float(2 * both / ((found & near).sum() + lesion.sum()).clamp(min=1)))
        wide.append(nodule.diameter_mm)
    dice, wide = np.array(dice), np.array(wide)
    return {
        name: {
            "nodules": int(chosen.sum()),
            "found": round(float((dice[chosen] > FOUND_DICE).mean()), 3),
            "dice": round(float(dice[chosen].mean()), 3),
        }
        for name, chosen in (("all", wide > 0), ("from 6 mm", wide >= 6), ("from 10 mm", wide >= 10))
        if chosen.any()
    }
