"""Which voxels hang together, found on runs of voxels instead of voxels.

A threshold dragged with the mouse asks for the components of the same box again and again. Lesions are smooth, so
their rows are a few long runs, and joining runs is 2 to 20 times as fast as `scipy.ndimage.label`, which visits
every voxel; on pure noise it is half as fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def bounding_box(mask: np.ndarray) -> tuple[slice, slice, slice] | None:
    """The smallest box that holds every voxel that is not zero, as slices along k, j, i; None where all are zero."""
    k = ends(mask.max(axis=(1, 2), initial=0))
    if k is None:
        return None
    footprint = mask[k].max(axis=0)
    return k, ends(footprint.any(axis=1)), ends(footprint.any(axis=0))


def ends(occupied: np.ndarray) -> slice | None:
    """From the first to the last entry that is not zero."""
    where = np.flatnonzero(occupied)
    return slice(int(where[0]), int(where[-1]) + 1) if len(where) else None


@dataclass(frozen=True)
class Components:
    """The 26-neighbourhood components of a mask; component n has the number n, from 0.

    mask : bool [k, j, i], C order.
    run_component, run_length : (runs,) the component and the number of voxels of each run, in the mask's own order.
    boxes : (components, 3, 2) first index and last index + 1 along k, j, i.
    """

    mask: np.ndarray
    run_component: np.ndarray
    run_length: np.ndarray
    boxes: np.ndarray

    @property
    def voxel_counts(self) -> np.ndarray:
        return np.bincount(self.run_component, self.run_length, len(self.boxes)).astype(np.int64)

    def painted(self, label_of_component: np.ndarray) -> np.ndarray:
        """Labelmap of the mask's shape and the given array's type: each voxel carries its component's label."""
        labels = np.zeros(self.mask.shape, label_of_component.dtype)
        labels[self.mask] = np.repeat(label_of_component[self.run_component], self.run_length)
        return labels


def find_components(mask: np.ndarray) -> Components:
    """The components of a bool array [k, j, i]; voxels that share a face, an edge or a corner hang together."""
    mask = np.ascontiguousarray(mask)
    # A frame of empty voxels after each row and slice: the neighbours of a run then lie at fixed distances in the
    # flattened array, and no run goes on into the next row.
    framed = np.zeros([n + 1 for n in mask.shape], bool)
    framed[:-1, :-1, :-1] = mask
    flat = framed.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[:1].any():
        changes = np.concatenate([[0], changes])
    start, stop = changes[::2], changes[1::2]

    row, plane = framed.shape[2], framed.shape[1] * framed.shape[2]
    ones, others = [], []
    for shift in (row, plane - row, plane, plane + row):
        # Runs that touch this one moved by the shift, corners included: they end at or after its start, and start
        # at or before its stop.
        first = np.searchsorted(stop, start + shift, "left")
        touching = np.maximum(np.searchsorted(start, stop + shift, "right") - first, 0)
        before = np.cumsum(touching) - touching
        ones.append(np.repeat(np.arange(len(start)), touching))
        others.append(np.arange(touching.sum()) + np.repeat(first - before, touching))
    ones, others = np.concatenate(ones), np.concatenate(others)
    graph = coo_array((np.ones(len(ones), bool), (ones, others)), shape=(len(start), len(start)))
    count, component = connected_components(graph, directed=False)

    boxes = np.empty((count, 3, 2), np.int64)
    boxes[..., 0], boxes[..., 1] = np.iinfo(np.int64).max, 0
    k, j, i = np.unravel_index(start, framed.shape)
    for axis, (low, high) in enumerate([(k, k + 1), (j, j + 1), (i, i + stop - start)]):
        np.minimum.at(boxes[:, axis, 0], component, low)
        np.maximum.at(boxes[:, axis, 1], component, high)
    return Components(mask, component, stop - start, boxes)
