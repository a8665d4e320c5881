"""The diameters' definitions written down a second time, in the plainest way: every pair is tried, one by one."""

import itertools

import numpy as np

NEAR = 1e-6


def half_voxel(spacing, direction):
    return 0.5 * np.sqrt(sum((s * d) ** 2 for s, d in zip(spacing, direction, strict=True)))


def farthest(points, spacing):
    """Greatest distance of voxel centres (n, d), and of the pairs that reach it the largest half voxel."""
    points = np.asarray(points, float) * spacing
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    greatest = distances.max()
    if greatest == 0:
        return 0.0, max(spacing[-2:]) / 2  # one voxel: along the longer side of its pixel
    ones, others = np.nonzero(distances >= greatest - NEAR)
    halves = [half_voxel(spacing, (points[b] - points[a]) / greatest) for a, b in zip(ones, others, strict=True)]
    return greatest, max(halves)


def long_axis_mm(mask, spacing):
    """mask [slice, row, column], spacing the same way."""
    found = [farthest(np.argwhere(plane), spacing[1:]) for plane in mask if plane.any()]
    greatest = max(length for length, _ in found)
    return greatest + max(half for length, half in found if length >= greatest - NEAR)


def largest_diameter_mm(mask, spacing):
    return sum(farthest(np.argwhere(mask), spacing))


def on_lesion(plane, row, column):
    """Whether a point lies on the closed square of a lesion's pixel."""
    rows = {int(np.rint(row - NEAR)), int(np.rint(row + NEAR))}
    columns = {int(np.rint(column - NEAR)), int(np.rint(column + NEAR))}
    return any(plane[r, c] for r in rows for c in columns)


def short_axis_mm(plane, pixel, along):
    """plane [row, column]; pixel the same way; along: unit vector (row, column) of the long axis."""
    along, pixel = np.asarray(along), np.asarray(pixel, float)
    across = np.array([-along[1], along[0]])
    framed = np.pad(plane, 1)
    edge = [(r, c) for r, c in np.argwhere(plane) if not framed[r : r + 3, c : c + 3].all()]
    longest = 0.0
    for one, other in itertools.combinations_with_replacement(np.array(edge), 2):
        apart = (other - one) * pixel
        if abs(apart @ along) > half_voxel(pixel, along) + NEAR:
            continue
        length = abs(apart @ across)
        if length <= longest:
            continue
        middle, step = (one + other) / 2, pixel.min() / 4
        count = int(np.floor(length / 2 / step + 1e-9))
        if all(on_lesion(plane, *(middle + n * step * across / pixel)) for n in range(-count, count + 1)):
            longest = length
    return longest + half_voxel(pixel, across)
