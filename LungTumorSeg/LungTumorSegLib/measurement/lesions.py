"""From a probability to numbered lesions."""

from __future__ import annotations

import numpy as np

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.components import Components, bounding_box, find_components
from LungTumorSegLib.measurement.diameters import LesionVoxels, long_axis
from LungTumorSegLib.volume.geometry import Geometry

MOST_LESIONS = np.iinfo(np.uint16).max


def lesion_labels(
    values: np.ndarray,
    geometry: Geometry,
    threshold: float = 0.5,
    smallest_mm: float = 3.0,
    largest_only: bool = False,
) -> np.ndarray:
    """Number the lesions of a probability or of a mask.

    Parameters
    ----------
    values : array [k, j, i]
        Floating point: a probability, lesion where it is at least the threshold. Bool or integer: a mask, lesion
        where it is not 0. May be a box of the scan, and may be empty.
    geometry : Geometry
        The grid of `values`.
    threshold : float
        Above 0, at most 1. Not looked at for a mask.
    smallest_mm : float
        Lesions whose long axis, as `measure` prints it, is shorter are left out. 0 keeps all.
    largest_only : bool
        Keep the lesion of the greatest volume alone.

    Returns
    -------
    uint16 [k, j, i]
        0 = background, then 1, 2, ... by falling volume (of equal volumes, the first in the array first). Voxels
        that share a face, an edge or a corner belong to one lesion.

    Raises
    ------
    InputRefused
        The threshold is no probability, or more than 65535 lesions are left.
    """
    if not 0 < threshold <= 1:
        raise InputRefused(f"the threshold must be above 0 and at most 1, not {threshold}: choose e.g. 0.5")
    mask = values >= threshold if np.issubdtype(values.dtype, np.floating) else values != 0
    labels = np.zeros(values.shape, np.uint16)
    box = bounding_box(mask)
    if box is None:
        return labels
    components = find_components(mask[box])
    counts = components.voxel_counts
    by_volume = np.argsort(-counts, kind="stable")
    kept = by_volume[long_enough(components, geometry, smallest_mm)[by_volume]]
    if largest_only:
        kept = kept[:1]
    if len(kept) > MOST_LESIONS:
        raise InputRefused(f"{len(kept)} separate lesions: raise the threshold or the smallest size")
    label_of_component = np.zeros(len(counts), np.uint16)
    label_of_component[kept] = np.arange(1, len(kept) + 1)
    labels[box] = components.painted(label_of_component)
    return labels


def long_enough(components: Components, geometry: Geometry, smallest_mm: float) -> np.ndarray:
    """Which components have a long axis of at least `smallest_mm`: (components,) bool.

    The axis itself is only searched for where box and volume leave it open.
    """
    extent = (components.boxes[:, :, 1] - components.boxes[:, :, 0] - 1) * geometry.spacing[::-1]
    pixel = np.delete(geometry.spacing[::-1], geometry.slice_axis)
    at_most = np.linalg.norm(np.delete(extent, geometry.slice_axis, axis=1), axis=1) + pixel.max() / 2
    # Of all figures of an area the disc has the shortest diameter; from pixel corner to pixel centre is at most
    # half a pixel's diagonal at each end.
    area = components.voxel_counts / np.diff(components.boxes[:, geometry.slice_axis])[:, 0] * pixel.prod()
    at_least = np.sqrt(4 * area / np.pi) - np.linalg.norm(pixel) + pixel.min() / 2
    enough = at_least >= smallest_mm
    unclear = np.flatnonzero(~enough & (at_most >= smallest_mm))
    if len(unclear):
        numbers = components.painted(np.arange(len(enough), dtype=np.int32) + 1)
        for n in unclear:
            mask = numbers[tuple(slice(*ends) for ends in components.boxes[n])] == n + 1
            enough[n] = long_axis(LesionVoxels(mask, geometry)).length_mm >= smallest_mm
    return enough
