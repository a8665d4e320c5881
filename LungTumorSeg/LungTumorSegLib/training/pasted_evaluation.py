"""Whether the searching network finds held-out nodules set into lungs that nothing was trained on."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.functional import max_pool3d

from LungTumorSegLib.training.augmentation import scaled
from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.composition import background_scene, fitting_place, set_nodule
from LungTumorSegLib.training.crops import Nodule
from LungTumorSegLib.training.sampling import window_positions
from LungTumorSegLib.training.searching_samples import EDGE, HU_RANGE, LARGEST_MISFIT_HU, SPACING_MM


@torch.no_grad()
def evaluate_pasted(
    network: nn.Module, nodules: list[Nodule], backgrounds: list[Background], suspicion: float, seed: int = 0
) -> dict:
    """How many are found: a voxel of the nodule, or beside it, reaches the suspicion. One block around each nodule."""
    surest, wide = [], []
    for number, nodule in enumerate(nodules):
        rng = np.random.default_rng([seed, number])
        scan = backgrounds[rng.integers(len(backgrounds))]
        anchor = np.add(*nodule.extent_mm) / 2
        place, mirror, misfit = fitting_place(nodule, anchor, scan, scan.places, 1.0, rng, turns=False)
        if misfit > LARGEST_MISFIT_HU:
            continue
        linear = np.eye(3) * SPACING_MM
        scene = background_scene(scan, window_positions((EDGE,) * 3, place, linear), linear)
        set_nodule(scene, nodule, anchor, np.full(3, (EDGE - 1) / 2), mirror.T @ linear, rng)
        probability = torch.sigmoid(network(scaled(scene.image, HU_RANGE)[None, None]))[0, 0]
        near = max_pool3d((scene.target > 0.5).float()[None], 3, stride=1, padding=1)[0] > 0
        surest.append(float(probability[near].max()) if near.any() else 0.0)
        wide.append(nodule.diameter_mm)
    surest, wide = np.array(surest), np.array(wide)
    return {
        name: {"nodules": int(chosen.sum()), "found": round(float((surest[chosen] >= suspicion).mean()), 3)}
        for name, chosen in (("all", wide > 0), ("from 6 mm", wide >= 6), ("from 10 mm", wide >= 10))
        if chosen.any()
    }
