"""Clicks and boxes as a radiologist makes them."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from LungTumorSegLib.inference.clicks import BOX, INSIDE, OUTSIDE, TOUCHING, bumps

BOX_ERROR = 0.1  # of the lesion's extent, standard deviation of each face; plus half a voxel
BOX_ROOM = 0.05  # boxes are drawn rather too large than too small
CORRECTED = 0.5  # share of the samples with more marks than the first, in every batch: its norms see both kinds
ASIDE = 0.2  # share of the further clicks that are no answer to an error
MARKED = 0.5  # of a bump: this near to a point inside
BESIDE_VOXELS = (3, 9)  # how far from the lesion such a click outside may lie


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


def error_click(
    found: np.ndarray,
    lesion: np.ndarray,
    rng: np.random.Generator | None,
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0),
) -> tuple[int, np.ndarray] | None:
    """Where somebody clicks next who sees `found` over the true `lesion` (both bool, d, h, w): in the largest error.

    Returns the channel (`INSIDE` what was missed, `OUTSIDE` what spilt over) and the voxel (k, j, i); None where
    nothing is wrong. rng : draws a voxel of the error, the deeper the likelier. Without it the click lies where the
    error is deepest, as in most of the literature (Xu et al., CVPR 2016; Sofiiuk et al., ICIP 2022); of several such
    voxels at the one nearest to the error's centroid. spacing : of the voxels, (k, j, i).
    """
    worst, most = None, 0
    for which, wrong in ((INSIDE, lesion & ~found), (OUTSIDE, found & ~lesion)):
        labels, _ = ndimage.label(wrong)
        sizes = np.bincount(labels.ravel())[1:]
        if sizes.max(initial=0) > most:
            most, label = sizes.max(), int(sizes.argmax()) + 1
            box = ndimage.find_objects(labels, label)[label - 1]
            worst = which, labels[box] == label, [part.start for part in box]
    if worst is None:
        return None
    channel, part, start = worst
    voxels = np.argwhere(part)
    depth = ndimage.distance_transform_edt(np.pad(part, 1), sampling=spacing)[1:-1, 1:-1, 1:-1][part]
    if rng is None:
        apart = np.linalg.norm((voxels - voxels.mean(0)) * spacing, axis=1)
        return channel, voxels[np.lexsort((apart, -depth))[0]] + start
    return channel, voxels[rng.choice(len(voxels), p=depth**2 / (depth**2).sum())] + start


def click_aside(lesion: np.ndarray, rng: np.random.Generator) -> tuple[int, np.ndarray] | None:
    """A click that answers no error: channel and voxel (k, j, i), anywhere in the lesion (bool, d, h, w) or beside it;
    None where there is no lesion."""
    if not lesion.any():
        return None
    if rng.random() < 0.5:
        return INSIDE, rng.choice(np.argwhere(lesion))
    near = ndimage.binary_dilation(lesion, TOUCHING, int(rng.integers(*BESIDE_VOXELS)))
    voxels = np.argwhere(near & ~ndimage.binary_dilation(lesion, TOUCHING))
    return (OUTSIDE, rng.choice(voxels)) if len(voxels) else None


def shown(found: np.ndarray, sample: torch.Tensor) -> np.ndarray:
    """Of what was found (bool, d, h, w) the components that hold a mark of the sample (c, d, h, w); all where none
    does."""
    labels, _ = ndimage.label(found, TOUCHING)
    marks = [sample[INSIDE] > MARKED, *(sample[BOX:] > 0)]  # not every network reads a box
    marked = np.unique(labels[torch.stack(marks).any(0).cpu().numpy()])
    return np.isin(labels, marked[marked > 0]) if marked.any() else found


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
    """The batch's inputs (n, c, d, h, w), about `CORRECTED` of them with one to `most` clicks more, each where the
    network is wrong then, a few elsewhere.

    target, known (n, 1, d, h, w) : where nobody knows, beyond the end of a scan too, nobody clicks.
    """
    chosen = np.flatnonzero(rng.random(len(inputs)) < CORRECTED)
    if not len(chosen):
        return inputs
    # Clicks are thought of in the processor's memory, whatever device the batch lies on.
    again, truths, sure = inputs[chosen], target[chosen, 0].cpu().numpy() > 0.5, known[chosen, 0].cpu().numpy() > 0
    for _ in range(rng.integers(1, most + 1)):
        found = (torch.sigmoid(network(again).float())[:, 0] > threshold).cpu().numpy()
        for sample, mask, truth, there in zip(again, found, truths, sure, strict=True):
            if rng.random() < ASIDE:
                click = click_aside(truth, rng)
            else:
                click = error_click(shown(mask, sample) & there, truth, rng)
            if click:
                channel, voxel = click
                sample[channel] = torch.maximum(sample[channel], bumps(mask.shape, voxel).to(sample))
    inputs = inputs.clone()
    inputs[chosen] = again
    return inputs
