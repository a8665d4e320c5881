"""From a scan to the grid on which a network sees it, and back: linear between voxel centres, edges clamped.

Both grids have parallel axes, so each axis is resampled on its own, and slices pass through a few at a time: a
scan is never held as float on its own grid.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.model_grid import model_grid

SLICES_AT_ONCE = 8
FAINTEST = 0.01  # a probability below this is stored as 0

Index = tuple[int, int, int]


def network_grid(
    box: Geometry,
    spacing_mm: tuple[float | None, float | None, float | None],
    multiples: Index,
) -> Geometry:
    """`model_grid`, enlarged about its middle until each side is a multiple of those (k, j, i)."""
    grid = model_grid(box, spacing_mm)
    shape = tuple(-(-n // m) * m for n, m in zip(grid.shape, multiples, strict=True))
    middle = (np.subtract(grid.shape, 1) / 2 - np.subtract(shape, 1) / 2)[::-1]
    return Geometry(shape, grid.spacing, tuple(grid.ijk_to_lps(middle)), grid.direction)


def positions(of: Geometry, on: Geometry) -> list[np.ndarray]:
    """Where the voxel centres of one grid lie on another with parallel axes: voxels of `on`, per axis k, j, i."""
    first = on.lps_to_ijk(np.array(of.origin))[::-1]
    # Rounded where two grids coincide up to the last bits of a matrix product: then no voxel is mixed with another.
    return [
        np.round(start + np.arange(n) * step / unit, 9)
        for start, n, step, unit in zip(first, of.shape, of.spacing[::-1], on.spacing[::-1], strict=True)
    ]


def to_network(
    voxels: np.ndarray,
    geometry: Geometry,
    grid: Geometry,
    hu_range: tuple[float, float] | None,
    step: Callable[[float], None] = lambda fraction: None,
) -> torch.Tensor:
    """The scan on the network's grid, clipped to the range and scaled to 0..1: float32 (d, h, w).

    Parameters
    ----------
    voxels, geometry : the scan in canonical order, any strides; int16 or float.
    grid : has the same axes; where it leaves the scan, the scan's edge continues.
    hu_range : None takes the scan's `own_range`.
    step : called with the fraction done, after each few slices; may raise to stop.
    """
    low, high = own_range(voxels) if hu_range is None else hu_range

    def source(first: int, last: int, part: tuple[slice, slice]) -> torch.Tensor:
        return torch.from_numpy(voxels[(slice(first, last), *part)].astype(np.float32, order="C"))

    out = torch.empty(grid.shape, dtype=torch.float32)
    for place, block in resampled(source, voxels.shape, positions(grid, geometry)):
        out[place] = block.clamp_(low, high).sub_(low).div_(high - low)
        step(place.stop / grid.shape[0])
    return out


def own_range(voxels: np.ndarray) -> tuple[float, float]:
    """What an image whose values have no unit (MR) is clipped to: its 0.5th and 99.5th percentile where it is not 0.

    0 is what lies outside the patient, or outside the brain in BraTS's images. Large images are thinned.
    """
    thin = tuple(slice(None, None, max(1, n // 128)) for n in voxels.shape)
    values = voxels[thin][voxels[thin] != 0]
    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(edge) for edge in np.percentile(values, (0.5, 99.5)))
    return (low, high) if high > low else (low, low + 1.0)


def to_scan(
    probability: torch.Tensor, grid: Geometry, geometry: Geometry, step: Callable[[float], None] = lambda fraction: None
) -> tuple[Index, np.ndarray]:
    """A probability (d, h, w) on the network's grid, on the scan's voxels: the box's first voxel and its values.

    The box is the smallest that holds all voxels from `FAINTEST` up, and may be empty, shape (0, 0, 0). Voxels whose
    centre lies outside the grid are 0.
    """
    bounds = bounding_box(probability >= FAINTEST)
    if bounds is None:
        return (0, 0, 0), np.zeros((0, 0, 0), np.float32)
    # A voxel of the scan is above the limit only next to one of the grid that is.
    index = positions(geometry, grid)
    starts, inside = [], []
    for places, (first, last), n in zip(index, bounds, grid.shape, strict=True):
        near = np.flatnonzero((places > first - 1) & (places < last + 1) & (places >= -0.5) & (places <= n - 0.5))
        if len(near) == 0:
            return (0, 0, 0), np.zeros((0, 0, 0), np.float32)
        starts.append(int(near[0]))
        inside.append(places[near])

    def source(first: int, last: int, part: tuple[slice, slice]) -> torch.Tensor:
        return probability[(slice(first, last), *part)].float()

    out = torch.empty([len(places) for places in inside], dtype=torch.float32)
    for place, block in resampled(source, tuple(probability.shape), inside):
        out[place] = block.masked_fill_(block < FAINTEST, 0.0)
        step(place.stop / len(out))
    tight = bounding_box(out > 0)
    if tight is None:
        return (0, 0, 0), np.zeros((0, 0, 0), np.float32)
    part = tuple(slice(first, last + 1) for first, last in tight)
    start = tuple(start + first for start, (first, _) in zip(starts, tight, strict=True))
    return start, np.ascontiguousarray(out[part].numpy())


def resampled(source: Callable, shape: Index, index: list[np.ndarray]):
    """Slabs of an array of that shape read linearly at `index` (per axis): pairs (slice along k, float32 block).

    source : (first, last, (rows, columns)) -> float32 block [first:last, rows, columns].
    """
    before, weight, parts = [], [], []
    for places, n in zip(index, shape, strict=True):
        places = np.clip(places, 0, n - 1)
        low = np.minimum(np.floor(places).astype(np.int64), max(n - 2, 0))
        part = slice(int(low.min()), min(int(low.max()) + 2, n))
        parts.append(part)
        before.append(torch.from_numpy(low))
        weight.append(torch.from_numpy((places - low).astype(np.float32)))
    before[1] -= parts[1].start
    before[2] -= parts[2].start
    for begin in range(0, len(before[0]), SLICES_AT_ONCE):
        place = slice(begin, min(begin + SLICES_AT_ONCE, len(before[0])))
        low, share = before[0][place], weight[0][place]
        first = int(low.min())
        block = source(first, min(int(low.max()) + 2, shape[0]), (parts[1], parts[2]))
        block = lerp(block, 0, low - first, share)
        block = lerp(block, 1, before[1], weight[1])
        yield place, lerp(block, 2, before[2], weight[2])


def lerp(block: torch.Tensor, axis: int, before: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """One axis read linearly between voxels `before` and the next ones."""
    n = block.shape[axis]
    if len(before) == n and not weight.any() and torch.equal(before, torch.arange(n)):
        return block
    a = block.index_select(axis, before)
    if not weight.any():
        return a
    b = block.index_select(axis, (before + 1).clamp_(max=n - 1))
    return a.lerp_(b, weight.view([-1 if other == axis else 1 for other in range(3)]))


def bounding_box(held: torch.Tensor) -> list[tuple[int, int]] | None:
    """First and last index per axis of what is True; None where nothing is."""
    bounds = []
    for axis in range(3):
        line = held.amax([other for other in range(3) if other != axis]).nonzero()
        if len(line) == 0:
            return None
        bounds.append((int(line[0]), int(line[-1])))
    return bounds
