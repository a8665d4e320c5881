"""A network slid over a volume in overlapping windows.

Window positions, padding and weights are those of MONAI's `sliding_window_inference`, so that the result is, too
(https://github.com/Project-MONAI/MONAI, monai/inferers/utils.py, `compute_importance_map` and `dense_patch_slices`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from LungTumorSegLib.inference.memory import OutOfMemory, is_out_of_memory

SIGMA_SCALE = 0.125  # the Gaussian's sigma as a share of the window
LEAST_WEIGHT = 1e-3

Index = tuple[int, int, int]


def padded(volume: torch.Tensor, window: Index) -> tuple[torch.Tensor, tuple[slice, slice, slice]]:
    """The volume (..., d, h, w) with zeros around it until it is as large as a window, and where it now lies."""
    missing = [max(side - n, 0) for side, n in zip(window, volume.shape[-3:], strict=True)]
    before = [each // 2 for each in missing]
    inner = tuple(slice(b, b + n) for b, n in zip(before, volume.shape[-3:], strict=True))
    if not any(missing):
        return volume, inner
    pads = [pad for b, m in zip(before[::-1], missing[::-1], strict=True) for pad in (b, m - b)]
    return torch.nn.functional.pad(volume, pads), inner


def window_starts(shape: Index, window: Index, overlap: float) -> np.ndarray:
    """First voxels (n, 3) of the windows, the last axis fastest. No side of the shape is shorter than the window's.

    Neighbours are ``int(side * (1 - overlap))`` apart, the last one ends with the volume.
    """
    axes = []
    for n, side in zip(shape, window, strict=True):
        interval = max(int(side * (1 - overlap)), 1)
        count = 1 if n == side else -(-(n - side) // interval) + 1
        axes.append(np.minimum(np.arange(count) * interval, n - side))
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def weights(window: Index, weighting: str) -> torch.Tensor:
    """How much each voxel of a window counts where windows overlap: "gaussian" or "constant"."""
    if weighting == "constant":
        return torch.ones(window)
    product = torch.ones(())
    for side in window:
        x = torch.arange(-(side - 1) / 2, (side - 1) / 2 + 1, dtype=torch.float32)
        product = product.unsqueeze(-1) * torch.exp(x**2 / (-2 * (side * SIGMA_SCALE) ** 2))
    return product.clamp_(min=max(product.min().item(), LEAST_WEIGHT))


def read_windows(volume: torch.Tensor, starts: np.ndarray, window: Index) -> torch.Tensor:
    """Inputs (n, c, d, h, w) of a 3D network, of a volume (c, d, h, w), or (d, h, w) for one channel."""
    parts = [tuple(slice(a, a + side) for a, side in zip(start, window, strict=True)) for start in starts.tolist()]
    windows = torch.stack([volume[(..., *part)] for part in parts])
    return windows if volume.dim() == 4 else windows[:, None]


def read_slices(volume: torch.Tensor, starts: np.ndarray, window: Index, adjacent: int) -> torch.Tensor:
    """Inputs (n, adjacent, h, w) of a slice network, for windows (1, h, w): each slice with its neighbours as channels.

    Beyond the ends the last slice is repeated.
    """
    around = torch.arange(adjacent) - adjacent // 2
    _, height, width = window
    return torch.stack(
        [volume[(k + around).clamp(0, len(volume) - 1), j : j + height, i : i + width] for k, j, i in starts.tolist()]
    )


class Slid(NamedTuple):
    """logits : (d, h, w) float32, blended where windows overlap, -inf where no window was.
    windows : how many were run. batch : how many at a time, in the end."""

    logits: torch.Tensor
    windows: int
    batch: int


def slide(
    volume: torch.Tensor,
    window: Index,
    predict: Callable[[torch.Tensor], torch.Tensor],
    *,
    join: Callable[[torch.Tensor], torch.Tensor] = lambda logits: logits.squeeze(0),
    overlap: float = 0.25,
    weighting: str = "gaussian",
    batch: int = 2,
    adjacent: int | None = None,
    wanted: Callable[[np.ndarray], np.ndarray] | None = None,
    step: Callable[[float], None] = lambda fraction: None,
) -> Slid:
    """A network's logits for a whole volume.

    Parameters
    ----------
    volume : (d, h, w) float32, or (c, d, h, w) for a 3D network that reads several images. Smaller than a window: zeros
        are put around it.
    window : (d, h, w); of a slice network (1, h, w).
    predict : inputs (n, c, ...) -> logits (n, m, ...), float32.
    join : blended logits (m, d, h, w) -> (d, h, w).
    batch : windows in one pass; halved when memory runs out.
    adjacent : None for a 3D network, of a slice network the slices that it sees.
    wanted : first voxels (n, 3) of windows -> which of them to run; None runs all. A result inside a wanted region is
        the same as without it when every window that touches the region is wanted.
    step : called with the fraction done before each batch and at the end; may raise to stop.

    Raises `OutOfMemory` where a single window is too much.
    """
    original = tuple(volume.shape[-3:])
    volume, inner = padded(volume, window)
    size = tuple(volume.shape[-3:])
    starts = window_starts(size, window, overlap)
    if wanted is not None:
        starts = starts[wanted(starts - [part.start for part in inner])]
    if len(starts) == 0:
        return Slid(torch.full(original, -torch.inf), 0, batch)
    out = None  # how many logits there are, the first windows tell
    count = torch.zeros(size, device=volume.device)
    weight = weights(window, weighting).to(volume.device)
    done = 0
    while done < len(starts):
        step(done / len(starts))
        part = starts[done : done + batch]
        try:
            if adjacent is None:
                inputs = read_windows(volume, part, window)
            else:
                inputs = read_slices(volume, part, window, adjacent)
            logits = predict(inputs)
            logits = logits.reshape(len(part), logits.shape[1], *window)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if len(part) == 1:
                raise OutOfMemory from error
            batch = len(part) // 2
            continue
        if out is None:
            out = torch.zeros(logits.shape[1], *size, device=volume.device)
        for start, values in zip(part.tolist(), logits, strict=True):
            place = tuple(slice(a, a + side) for a, side in zip(start, window, strict=True))
            out[(..., *place)].addcmul_(values, weight)
            count[place].add_(weight)
        done += len(part)
    step(1.0)
    blended = join(out.div_(count)).masked_fill_(count == 0, -torch.inf)[inner]
    return Slid(blended, len(starts), batch)
