"""Clicks and boxes as a radiologist makes them."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from LungTumorSegLib.inference.clicks import bumps

BOX_ERROR = 0.1  # of the lesion's extent, standard deviation of each face; plus half a voxel
BOX_ROOM = 0.05  # boxes are drawn rather too large than too small
INSIDE, OUTSIDE, BOX = 1, 2, 3  # channels of the prompted network's input


def click_inside(nodule_mask: np.ndarray, depth_mm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A voxel (k, j, i) of the nodule: anywhere, near its core or near its edge, a third of the time each.

    depth_mm : distance of each voxel of the mask to the outside, as by `scipy.ndimage.distance_transform_edt`.
    """
    voxels = np.argwhere(nodule_mask)
    depth = depth_mm[tuple(voxels.T)]
    weight = (np.ones_like(depth), depth**2, 1 / depth**2)[rng.integers(3)]
    return voxels[rng.choice(len(voxels), p=weight / weight.sum())]


def drawn_around(lesion: torch.Tensor, rng: np.random.Generator) -> tuple[slice, slice, slice] | None:
    """A box (slices along k, j, i) drawn by hand around the lesion (d, h, w), a little off; None around nothing."""
    voxels = lesion.nonzero().numpy()
    if not len(voxels):
        return None
    first, stop = voxels.min(0), voxels.max(0) + 1
    extent = stop - first
    off = rng.normal(BOX_ROOM, BOX_ERROR, (2, 3)) * extent + rng.normal(0, 0.5, (2, 3))
    first = np.rint(first - off[0]).astype(int).clip(0, np.array(lesion.shape) - 1)
    stop = np.maximum(np.rint(stop + off[1]).astype(int), first + 1)
    return tuple(slice(int(a), int(b)) for a, b in zip(first, stop, strict=True))


def error_click(found: np.ndarray, lesion: np.ndarray, rng: np.random.Generator) -> tuple[int, np.ndarray] | None:
    """Where somebody clicks next who sees `found` over the true `lesion` (both bool, d, h, w): in the largest error.

    Returns the channel (`INSIDE` what was missed, `OUTSIDE` what spilt over) and the voxel (k, j, i), the deeper in
    the error the likelier; None where nothing is wrong.
    """
    largest, channel = None, INSIDE
    for which, wrong in ((INSIDE, lesion & ~found), (OUTSIDE, found & ~lesion)):
        labels, count = ndimage.label(wrong)
        if count:
            sizes = np.bincount(labels.ravel())
            sizes[0] = 0
            part = labels == sizes.argmax()
            if largest is None or part.sum() > largest.sum():
                largest, channel = part, which
    if largest is None:
        return None
    voxels = np.argwhere(largest)
    depth = ndimage.distance_transform_edt(np.pad(largest, 1))[1:-1, 1:-1, 1:-1][tuple(voxels.T)]
    return channel, voxels[rng.choice(len(voxels), p=depth**2 / (depth**2).sum())]


@torch.no_grad()
def corrected(
    network: torch.nn.Module,
    inputs: torch.Tensor,
    target: torch.Tensor,
    known: torch.Tensor,
    rng: np.random.Generator,
    threshold: float = 0.5,
    most: int = 3,
) -> torch.Tensor:
    """The batch's inputs (n, 4, d, h, w) with one to `most` clicks more, each where the network is wrong then.

    target, known (n, 1, d, h, w) : where nobody knows, beyond the end of a scan too, nobody clicks.
    """
    inputs = inputs.clone()
    for _ in range(rng.integers(1, most + 1)):
        found = ((torch.sigmoid(network(inputs).float()) > threshold) & (known > 0))[:, 0].numpy()
        for sample, mask, truth in zip(inputs, found, target[:, 0].numpy() > 0.5, strict=True):
            if click := error_click(mask, truth, rng):
                channel, voxel = click
                sample[channel] = torch.maximum(sample[channel], bumps(mask.shape, voxel))
    return inputs
