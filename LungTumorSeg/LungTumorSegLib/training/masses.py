"""Large tumours made by rule, since the nodules' collection ends at 40 mm.

A lump with a wavy outline fills lung up to wall and mediastinum, with the grey values, grain and soft edge of tissue.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import avg_pool3d, interpolate

from LungTumorSegLib.training.composition import Scene

RADIUS_MM = (10.0, 48.0)


def waves(shape: tuple[int, int, int], knots: tuple[int, int, int], rng: np.random.Generator) -> torch.Tensor:
    """Smooth random values (d, h, w), about standard normal at `knots` points an axis."""
    coarse = torch.from_numpy(rng.standard_normal((1, 1, *knots), dtype=np.float32))
    return interpolate(coarse, shape, mode="trilinear", align_corners=True)[0, 0]


def set_mass(scene: Scene, lungs: torch.Tensor, at: np.ndarray, rng: np.random.Generator) -> None:
    """Sets a mass into the scene, changing it in place.

    lungs : (d, h, w) 0..1, where lung is; the mass replaces lung only, so that its flat side follows the wall.
    at : voxel (k, j, i) of its middle.
    """
    shape = tuple(scene.image.shape)
    voxel_mm = np.linalg.norm(scene.linear, axis=0)
    radii = rng.uniform(*RADIUS_MM) * rng.uniform(0.75, 1.25, 3)
    axes = [
        torch.from_numpy(((np.arange(n) - c) * v / r).astype(np.float32))
        for n, c, v, r in zip(shape, at, voxel_mm, radii, strict=True)
    ]
    distance = torch.sqrt(axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 + axes[2][None, None, :] ** 2)
    knots = [max(2, round(n * v / radii.mean() * 1.6)) for n, v in zip(shape, voxel_mm, strict=True)]
    fine = [max(2, round(n * v / 6)) for n, v in zip(shape, voxel_mm, strict=True)]
    distance = (
        distance + rng.uniform(0.1, 0.3) * waves(shape, knots, rng) + rng.uniform(0, 0.12) * waves(shape, fine, rng)
    )
    edge = rng.uniform(0.03, 0.12)
    alpha = torch.sigmoid((1 - distance) / edge) * lungs
    tissue = rng.normal(25, 25) + rng.uniform(5, 25) * waves(shape, fine, rng)
    if rng.random() < 0.3:  # a core that died: darker
        tissue = tissue - rng.uniform(10, 50) * torch.sigmoid((0.5 - distance) / 0.1)
    if rng.random() < 0.15:  # partly aerated
        tissue = tissue - rng.uniform(50, 350) * waves(shape, fine, rng).clamp(0, 1)
    grain = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32)) * float(rng.uniform(5, 30))
    grain = 1.6 * avg_pool3d(grain[None], (1, 3, 3), stride=1, padding=(0, 1, 1), count_include_pad=False)[0]
    scene.image = torch.lerp(scene.image, tissue + grain, alpha)
    scene.target = torch.maximum(scene.target, (alpha > 0.5).float())
    scene.known = torch.maximum(scene.known, (alpha > 0.5).float())
