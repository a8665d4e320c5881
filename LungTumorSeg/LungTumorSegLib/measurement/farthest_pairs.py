"""Which points of a set lie farthest apart: exact, without trying every pair and without a convex hull.

Any line lies within a known angle of one of a fixed set of directions. So a pair as long as the best one so far
reaches nearly from one side of the points to the other along that direction, and only points near these two sides
need to be tried. Points on one line or in one plane, which convex-hull codes refuse, are nothing special here.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.spatial.distance import cdist

TIE_MM = 1e-6  # lengths and positions nearer than this are the same, whatever the rounding of the arithmetic


def farthest_pairs(
    points: np.ndarray, directions: np.ndarray, cosines: np.ndarray, at_least: float = 0.0
) -> tuple[np.ndarray, float]:
    """Every pair of points whose distance is the greatest, and that distance.

    points : (n, d) mm. directions, cosines : `directions_in_plane()` or `directions_in_space()`.
    at_least : a distance known to be reached elsewhere; shorter pairs are left out, so that there may be none.

    Returns (pairs, 2) indices of points, and the greatest distance (or `at_least`).
    """
    along = projected(points, directions)
    low, high = along.min(axis=1), along.max(axis=1)
    longest = max(at_least, (high - low).max())
    pairs, lengths = [np.empty((0, 2), int)], [np.empty(0)]
    for n in np.argsort((low - high) / cosines, kind="stable"):
        least = longest * cosines[n] - TIE_MM
        if high[n] - low[n] < least:
            break
        top = np.flatnonzero(along[n] >= low[n] + least)
        bottom = np.flatnonzero(along[n] <= high[n] - least)
        distances = cdist(points[top], points[bottom])
        longest = max(longest, distances.max())
        one, other = np.nonzero(distances >= longest - TIE_MM)
        pairs.append(np.stack([top[one], bottom[other]], axis=1))
        lengths.append(distances[one, other])
    pairs, lengths = np.concatenate(pairs), np.concatenate(lengths)
    return np.unique(np.sort(pairs[lengths >= longest - TIE_MM], axis=1), axis=0), float(longest)


def projected(points: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(directions, n) mm: how far each point lies along each direction. No BLAS, whose threads cost more than this."""
    return sum(directions[:, axis, None] * points[:, axis] for axis in range(points.shape[1]))


def outermost(points: np.ndarray, line: tuple[int, int, int]) -> np.ndarray:
    """Those of the grid points (n, 3) that are first or last on their line in a direction of -1, 0, 1.

    The ends of the longest diameter are corners of the convex hull, and a corner is outermost on every line through
    it: leaving out the others changes no diameter.
    """
    pivot = int(np.flatnonzero(line)[0])
    position = points[:, pivot]
    others = np.delete(points - position[:, None] * np.array(line) * line[pivot], pivot, axis=1)
    others -= others.min(axis=0)
    name = others[:, 0] * (others[:, 1].max() + 1) + others[:, 1]
    first = np.full(name.max() + 1, position.max())
    last = np.full(name.max() + 1, position.min())
    np.minimum.at(first, name, position)
    np.maximum.at(last, name, position)
    return points[(position == first[name]) | (position == last[name])]


@cache
def directions_in_plane() -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) unit vectors, and (n,) cosines: each line of the plane lies within that angle of one of them."""
    count = 16
    angles = np.arange(count) * np.pi / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1), np.full(count, np.cos(np.pi / count / 2))


@cache
def directions_in_space() -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) unit vectors, and (n,) cosines: each line in space lies within that angle of one of them.

    Three faces of a cube (lines through the other three pass through these too), cut into cells of equal angles.
    A cell's corners are its points farthest from the direction in its middle.
    """
    count = 6
    edges = np.tan(np.linspace(-np.pi / 4, np.pi / 4, count + 1))
    middles = np.tan((np.arange(count) + 0.5) * np.pi / 2 / count - np.pi / 4)

    def unit_vectors(values):
        vectors = np.stack(np.broadcast_arrays(values[:, None], values, 1.0), axis=-1)
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)

    centres, corners = unit_vectors(middles), unit_vectors(edges)
    to_corners = [(centres * corners[a : a + count, b : b + count]).sum(axis=-1) for a in (0, 1) for b in (0, 1)]
    directions = [np.roll(centres.reshape(-1, 3), turn, axis=1) for turn in range(3)]
    return np.concatenate(directions), np.tile(np.min(to_corners, axis=0).ravel(), 3)
