"""One affine resample: any window of a scan, at any spacing, turned, flipped and stretched, in a single step."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import grid_sample

Sample = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # input (c, ...), target (classes, ...), known (1, ...)


def window_positions(shape: tuple[int, int, int], centre: np.ndarray, linear: np.ndarray) -> torch.Tensor:
    """Positions (d, h, w, 3) in mm of a window's voxels: `centre` (k, j, i) plus `linear` (3 x 3, mm a voxel) times
    the voxel's offset from the window's middle, ``(shape - 1) / 2``."""
    k, j, i = (torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in shape)
    columns = torch.from_numpy(np.asarray(linear, np.float32))
    start = torch.from_numpy(np.asarray(centre, np.float32))
    return (
        start
        + k[:, None, None, None] * columns[:, 0]
        + j[None, :, None, None] * columns[:, 1]
        + i[None, None, :, None] * columns[:, 2]
    )


def sample(arrays: list[np.ndarray], spacing: tuple[float, float, float], positions: torch.Tensor) -> torch.Tensor:
    """Arrays [k, j, i] of one grid, read linearly at positions (d, h, w, 3) mm -> float32 (len(arrays), d, h, w).

    Outside the grid the nearest voxel counts.
    """
    shape = torch.tensor(arrays[0].shape)
    index = positions / torch.tensor(np.asarray(spacing), dtype=torch.float32)
    flat = index.reshape(-1, 3)
    first = torch.minimum(flat.amin(0).floor().long().clamp(min=0), shape - 1)
    last = torch.maximum(torch.minimum(flat.amax(0).floor().long() + 2, shape), first + 1)
    part = tuple(slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True))
    block = torch.stack([torch.from_numpy(np.ascontiguousarray(array[part])).float() for array in arrays])
    # grid_sample wants (x, y, z) in -1..1 between the first and the last voxel centre.
    grid = (index - first) * (2 / (last - first - 1).clamp(min=1)) - 1
    return grid_sample(block[None], grid.flip(-1)[None], align_corners=True, padding_mode="border")[0]


def turn(
    rng: np.random.Generator,
    tilt_degrees: float,
    turn_degrees: float = 180.0,
    mirrored: tuple[float, float, float] = (0.5, 0.5, 0.5),
) -> np.ndarray:
    """3 x 3 (k, j, i): a random turn about the body's axis, a small tilt of it, each axis mirrored with its chance."""
    about = np.deg2rad([rng.uniform(-turn_degrees, turn_degrees), *rng.uniform(-tilt_degrees, tilt_degrees, 2)])
    matrix = np.eye(3)
    for (first, second), angle in zip(((1, 2), (0, 1), (0, 2)), about, strict=True):
        step = np.eye(3)
        step[first, first] = step[second, second] = np.cos(angle)
        step[first, second] = -np.sin(angle)
        step[second, first] = np.sin(angle)
        matrix = matrix @ step
    return matrix * np.where(rng.random(3) < mirrored, -1.0, 1.0)
