"""The pixels inside closed contours of one plane."""

from __future__ import annotations

import numpy as np


def inside(polygons: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """The pixels of a picture (rows, columns) that closed polygons, each (n, 2) of (column, row), hold together.

    DICOM does not say what several CLOSED_PLANAR contours of a plane mean together. As drawn: one that lies in another
    is a hole in it, one in a hole an island, and so on; those that cross, or lie apart, are united. Hence from large to
    small, each paints itself as the opposite of the smallest that holds it. Where none cross that is the even-odd rule.
    """
    masks = sorted(_filled(polygons, shape), key=np.count_nonzero, reverse=True)
    painted, solid = np.zeros(shape, bool), []
    for n, mask in enumerate(masks):
        pixels = np.nonzero(mask)
        holder = next((m for m in reversed(range(n)) if masks[m][pixels].all()), None)
        solid.append(holder is None or not solid[holder])
        painted[pixels] = solid[n]
    return painted


def inside_by_xor(polygons: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """The pixels that an odd number of the polygons hold."""
    return np.logical_xor.reduce(_filled(polygons, shape))


def _filled(polygons: list[np.ndarray], shape: tuple[int, int]) -> list[np.ndarray]:
    """Each filled by itself; those that hold the same pixels (a contour that is there twice) once."""
    return list({mask.tobytes(): mask for mask in (fill(polygon, shape) for polygon in polygons)}.values())


def fill(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The pixels of a picture (rows, columns) whose centres lie in a closed polygon (n, 2) of (column, row) points.

    Pixel centres have whole coordinates. Even-odd rule: a pixel is inside where a ray to its left crosses the outline
    an odd number of times. An edge owns its upper end and not its lower one, so a corner is counted once; of two
    polygons that share an edge, exactly one holds a centre that lies on it.
    """
    start, stop = polygon, np.roll(polygon, -1, axis=0)
    up = start[:, 1] < stop[:, 1]
    low, high = np.where(up[:, None], start, stop), np.where(up[:, None], stop, start)
    first = np.maximum(np.ceil(low[:, 1]), 0).astype(int)
    last = np.minimum(np.ceil(high[:, 1]), shape[0]).astype(int)  # one after the last row
    rows = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(polygon)), rows)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(rows) - rows, rows) + np.repeat(first, rows)
    along = (row - low[edge, 1]) / (high[edge, 1] - low[edge, 1])
    crossing = low[edge, 0] + along * (high[edge, 0] - low[edge, 0])
    toggles = np.zeros((shape[0], shape[1] + 1), np.int64)
    np.add.at(toggles, (row, np.clip(np.ceil(crossing), 0, shape[1]).astype(int)), 1)
    return np.cumsum(toggles, axis=1)[:, :-1] % 2 == 1
