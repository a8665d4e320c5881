"""What differs between scanners: noise, sharpness, contrast, level."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import avg_pool3d


def as_from_another_scanner(image: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """HU (d, h, w) -> HU: a little blurred or sharpened in plane, brighter or darker, with white or grainy noise."""
    if rng.random() < 0.4:
        smooth = avg_pool3d(image[None], (1, 3, 3), stride=1, padding=(0, 1, 1), count_include_pad=False)[0]
        image = torch.lerp(image, smooth, float(rng.uniform(-0.6, 0.9)))
    image = image * float(rng.uniform(0.94, 1.06)) + float(rng.normal(0, 15))
    if rng.random() < 0.7:
        noise = torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32))
        if rng.random() < 0.5:
            noise = 2.2 * avg_pool3d(noise[None], (1, 3, 3), stride=1, padding=(0, 1, 1), count_include_pad=False)[0]
        image = image + noise * float(rng.exponential(15.0))
    return image


def scaled(image: torch.Tensor, hu_range: tuple[float, float]) -> torch.Tensor:
    """HU clipped to the range and scaled to 0..1."""
    low, high = hu_range
    return (image.clamp(low, high) - low) / (high - low)
