"""Grad-CAM of a lesion, from the network's grid to the scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from LungTumorSegLib.explanation.gradcam import grad_cam
from LungTumorSegLib.inference.channels import channels_on
from LungTumorSegLib.inference.foreground import Foreground
from LungTumorSegLib.inference.grid import Index, positions, resampled, to_network, to_scan
from LungTumorSegLib.inference.looks import ZOOMS
from LungTumorSegLib.inference.marks import Marks
from LungTumorSegLib.inference.prompt import inputs_of, window_around
from LungTumorSegLib.inference.scan import Scan
from LungTumorSegLib.inference.search import Search
from LungTumorSegLib.inference.windows import padded, read_slices, read_windows, window_starts
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.volume.geometry import Geometry, Volume

SLICES = 4  # that are differentiated together; a window of a 3D network fills the memory alone


def heat_in_windows(
    scan: Scan,
    search: Search,
    card: ModelCard,
    network: torch.nn.Module,
    lesion: tuple[Index, np.ndarray],
    layer: str,
    step: Callable[[float], None],
    others: Sequence[Volume] = (),
    shown_class: str | None = None,
) -> tuple[Index, np.ndarray]:
    """An automatic model's heat, 0..1, canonical box on the scan: the windows that hold the lesion are run again.

    lesion : canonical box, first voxel and mask. Where windows overlap the greater heat counts.
    others : further images of the case. shown_class : the class whose logit is explained; None = all of them.
    """
    device = next(network.parameters()).device
    foreground = Foreground(card, shown_class)
    image = channels_on(search.grid, scan, others, card)
    target = mask_on(search.grid, scan.geometry, *lesion)
    image, inner = padded(image, search.window)
    target, _ = padded(target, search.window)
    heat = torch.zeros_like(target)
    starts = window_starts(tuple(target.shape), search.window, card.overlap)
    parts = [tuple(slice(a, a + n) for a, n in zip(start, search.window, strict=True)) for start in starts.tolist()]
    held = np.array([bool(target[part].any()) for part in parts])
    starts = starts[held]
    many = 1 if search.adjacent is None else SLICES
    for done in range(0, len(starts), many):
        step(done / len(starts))
        batch = starts[done : done + many]
        if search.adjacent is None:
            inputs, masks = (read_windows(each, batch, search.window) for each in (image, target))
        else:
            inputs = read_slices(image, batch, search.window, search.adjacent)
            masks = read_slices(target, batch, search.window, 1)
        maps = grad_cam(network, inputs.to(device), masks.to(device), layer, foreground).cpu()
        for start, values in zip(batch.tolist(), maps, strict=True):
            part = tuple(slice(a, a + n) for a, n in zip(start, search.window, strict=True))
            heat[part] = torch.maximum(heat[part], values.view(search.window))
    return shown(heat[inner], search.grid, scan)


def heat_around_click(
    scan: Scan,
    card: ModelCard,
    network: torch.nn.Module,
    lesion: tuple[Index, np.ndarray],
    layer: str,
    step: Callable[[float], None],
) -> tuple[Index, np.ndarray]:
    """A prompted model's heat, 0..1, canonical box on the scan: asked with one click, on the lesion's voxel nearest to
    its centre, in the smallest window that holds the lesion."""
    device = next(network.parameters()).device
    start, mask = lesion
    voxels = np.argwhere(mask) + start
    nearest = voxels[np.linalg.norm((voxels - voxels.mean(0)) * scan.geometry.spacing[::-1], axis=1).argmin()]
    marks = Marks.of([scan.geometry.ijk_to_lps(nearest[::-1])])
    ends = scan.geometry.ijk_to_lps(np.stack([voxels.min(0), voxels.max(0)])[:, ::-1])
    for zoom in ZOOMS:
        window = window_around(marks, scan.geometry, card, zoom)
        corners = window.lps_to_ijk(ends)
        if (corners > 0).all() and (corners < np.array(window.shape[::-1]) - 1).all():
            break
    step(0.0)
    image = to_network(scan.voxels, scan.geometry, window, card.hu_range)
    inputs = inputs_of(image, window, card.arguments["input_channels"], marks)[None]
    target = mask_on(window, scan.geometry, start, mask)[None, None]
    return shown(grad_cam(network, inputs.to(device), target.to(device), layer).cpu()[0, 0], window, scan)


def mask_on(grid: Geometry, geometry: Geometry, start: Index, mask: np.ndarray) -> torch.Tensor:
    """1 where the mask lends anything to a voxel of the grid, so that small lesions do not fall between its voxels."""
    mask = torch.from_numpy(np.pad(mask, 1).astype(np.float32))  # a rim: outside the box there is nothing
    box = geometry.box(tuple(a - 1 for a in start), tuple(a - 1 + n for a, n in zip(start, mask.shape, strict=True)))

    def source(first: int, last: int, part: tuple[slice, slice]) -> torch.Tensor:
        return mask[(slice(first, last), *part)]

    out = torch.empty(grid.shape)
    for place, block in resampled(source, tuple(mask.shape), positions(grid, box)):
        out[place] = block > 0
    return out


def shown(heat: torch.Tensor, grid: Geometry, scan: Scan) -> tuple[Index, np.ndarray]:
    """The heat on the scan's voxels, the hottest of which is 1."""
    most = heat.max()
    start, values = to_scan(heat / most if most > 0 else heat, grid, scan.geometry)
    return start, values / values.max() if values.any() else values  # between the model's voxels the peak is lower
