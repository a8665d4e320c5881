"""The diameters of one lesion: RECIST's long and short axis and the largest diameter in space.

All three follow one convention: the greatest distance between voxel **centres**, plus **half a voxel's extent along
the axis**. Centres alone call a lesion 0.15 to 0.40 mm too small, voxel corners 0.5 to 0.75 mm too large (10 mm
lesion, 0.7 mm pixels); half a voxel lies between and is right to about 0.2 mm. The extent of a voxel along a unit
vector d is ``|spacing * d|``, the width of the ellipsoid inscribed in it: the pixel spacing where pixels are square.

The values are exact: those of trying every pair of voxels. Distances are taken in millimetres along the array's own
axes; these stand at right angles to each other, so how the image lies in the patient does not matter.

Symmetric lesions have several longest pairs. Which one is taken follows from where they lie in the patient, never
from the order of voxels in the array: the same lesion stored flipped or transposed gets the same axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import binary_erosion

from LungTumorSegLib.measurement.farthest_pairs import (
    TIE_MM,
    directions_in_plane,
    directions_in_space,
    farthest_pairs,
    outermost,
    projected,
)
from LungTumorSegLib.volume.geometry import Geometry


@dataclass(frozen=True)
class Diameter:
    """A straight line through a lesion.

    length_mm : with half a voxel added, as printed.
    ends_lps : (2, 3) LPS mm, `length_mm` apart: the centres of the end voxels, moved outwards along the line. The
        first end has the smaller x (where these are equal, the smaller y, then z).
    slice : index, along the slice axis of the array that was measured, of the line's slice; of one of its ends,
        where it is a diameter in space.
    """

    length_mm: float
    ends_lps: np.ndarray
    slice: int


@dataclass(frozen=True)
class LesionVoxels:
    """The voxels of one lesion and the grid they lie on. Points in here are (slice, row, column).

    mask : bool [k, j, i], not empty. geometry : the grid of that array (not of the scan it was cut from).
    """

    mask: np.ndarray
    geometry: Geometry

    @cached_property
    def axes(self) -> tuple[int, int, int]:
        """Which array axes slice, row and column are; the last two span the acquisition plane."""
        across = self.geometry.slice_axis
        return (across, *(axis for axis in range(3) if axis != across))

    @cached_property
    def slices(self) -> np.ndarray:
        """The mask as [slice, row, column]."""
        return np.ascontiguousarray(self.mask.transpose(self.axes))

    @cached_property
    def spacing(self) -> np.ndarray:
        """Millimetres along slice, row, column."""
        return np.array(self.geometry.spacing[::-1])[list(self.axes)]

    @cached_property
    def corners(self) -> np.ndarray:
        """(n, 3) voxels, by slice; the corners of every slice's convex hull are among them."""
        rows = self.slices.any(axis=2)
        slice_, row = np.repeat(np.nonzero(rows), 2, axis=1)
        first = self.slices.argmax(axis=2)[rows]
        last = self.slices.shape[2] - 1 - self.slices[:, :, ::-1].argmax(axis=2)[rows]
        points = np.stack([slice_, row, np.stack([first, last], axis=1).ravel()], axis=1)
        for line in [(0, 1, 0), (0, 1, 1), (0, 1, -1)]:
            points = outermost(points, line)
        return points

    @cached_property
    def middle(self) -> np.ndarray:
        """The middle of the smallest box around the voxels, LPS mm."""
        return self.lps((self.corners.min(axis=0) + self.corners.max(axis=0)) / 2)

    def lps(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) points, continuous indices, to LPS mm."""
        return self.geometry.ijk_to_lps(np.asarray(points)[..., np.argsort(self.axes)[::-1]])

    def half_voxel(self, direction: np.ndarray) -> np.ndarray:
        """Half the extent in mm of a voxel along unit vectors (..., 3)."""
        return np.linalg.norm(self.spacing * direction, axis=-1) / 2


def long_axis(lesion: LesionVoxels) -> Diameter:
    """The longest diameter within one slice of the acquisition plane; every slice is searched.

    Of several equally long ones: in the slice where the lesion is largest, nearest to the middle of the lesion's box.
    """
    points = lesion.corners
    position = points[:, 1:] * lesion.spacing[1:]
    starts = np.flatnonzero(np.diff(points[:, 0], prepend=-1))
    stops = np.append(starts[1:], len(points))

    directions, cosines = directions_in_plane()
    along = projected(position, directions)
    widths = np.maximum.reduceat(along, starts, axis=1) - np.minimum.reduceat(along, starts, axis=1)
    upper = (widths / cosines[:, None]).max(axis=0)  # no pair of the slice is longer than this,
    longest = widths.max()  # and some pair is at least this long
    pairs, lengths = [], []
    for n in np.argsort(-upper, kind="stable"):
        if upper[n] < longest - TIE_MM:
            break
        found, longest = farthest_pairs(position[starts[n] : stops[n]], directions, cosines, longest)
        pairs.extend(points[found + starts[n]])
        lengths.extend([longest] * len(found))
    pairs = np.array(pairs)[np.array(lengths) >= longest - TIE_MM]
    area = np.count_nonzero(lesion.slices, axis=(1, 2))
    return chosen(lesion, pairs, -area[pairs[:, 0, 0]])


def largest_diameter(lesion: LesionVoxels) -> Diameter:
    """The longest diameter in space. Of several equally long ones: nearest to the middle of the lesion's box."""
    points = lesion.corners
    for line in [(1, 0, 0), (1, 1, 0), (1, -1, 0), (1, 0, 1), (1, 0, -1)]:
        points = outermost(points, line)
    pairs, _ = farthest_pairs(points * lesion.spacing, *directions_in_space())
    return chosen(lesion, points[pairs])


def short_axis(lesion: LesionVoxels, long: Diameter) -> Diameter:
    """The longest segment at right angles to the long axis, in the same slice and within the lesion.

    Its ends are edge pixels (a neighbour, corners counted, lies outside the lesion) at most half a pixel apart along
    the long axis. It is drawn half-way between them, at exactly 90 degrees; its length is their distance across the
    long axis plus half a pixel. Every point of it must lie on a pixel of the lesion (looked at four times a pixel),
    but it need not cross the long axis. Of several equally long ones: nearest to the middle of the long axis.
    """
    plane, pixel = lesion.slices[long.slice], lesion.spacing[1:]
    normal_first = lesion.geometry.axes[:, [2 - axis for axis in lesion.axes]]
    along = ((long.ends_lps[1] - long.ends_lps[0]) @ normal_first)[1:] / long.length_mm
    across = np.array([-along[1], along[0]])
    half_along, half_across = np.linalg.norm(pixel * [along, across], axis=1) / 2

    edge = np.argwhere(plane & ~binary_erosion(plane, np.ones((3, 3))))
    u, v = (edge * pixel) @ along, (edge * pixel) @ across
    order = np.argsort(u, kind="stable")
    edge, u, v = edge[order], u[order], v[order]
    partners = np.searchsorted(u, u + half_along + TIE_MM, "right") - np.arange(len(u))  # itself is the first
    one = np.repeat(np.arange(len(u)), partners)
    other = one + np.arange(len(one)) - np.repeat(np.cumsum(partners) - partners, partners)
    length = np.abs(v[one] - v[other])
    longest_first = np.argsort(-length, kind="stable")
    length = length[longest_first]
    middle = (edge[one] + edge[other])[longest_first] / 2

    quarter = pixel.min() / 4
    begin, many, inside = 0, 16, []
    while not inside or (begin < len(length) and length[begin] >= length[inside[0]] - TIE_MM):
        some = np.arange(begin, min(begin + many, len(length)))
        inside.extend(some[within(plane, middle[some], across * quarter / pixel, length[some] / quarter)])
        begin, many = begin + many, many * 2
    middle = middle[[n for n in inside if length[n] >= length[inside[0]] - TIE_MM]]

    # No longer than the long axis, where pixels are not square and half a pixel is more this way than that.
    length_mm = min(float(length[inside[0]] + half_across), long.length_mm)
    reach = across * length_mm / 2 / pixel
    ends = np.insert(np.stack([middle - reach, middle + reach], axis=1), 0, long.slice, axis=2)
    ends = in_patient_order(lesion.lps(ends))
    off_middle = np.linalg.norm(ends.mean(axis=1) - long.ends_lps.mean(axis=0), axis=1)
    return Diameter(length_mm, ends[first_by(off_middle, *ends.mean(axis=1).T)], long.slice)


def within(plane: np.ndarray, middle: np.ndarray, step: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Which of n segments lie on pixels of the plane from end to end; a pixel's border belongs to it.

    middle : (n, 2) row, column. step : (2,) along all segments. steps : (n,) how many steps each is long.
    """
    inside = np.ones(len(middle), bool)
    for every in (16, 1):  # most of those that leave the lesion are seen to leave it at a coarse look
        reach = np.arange(0, steps.max() / 2, every)
        offsets = np.concatenate([-reach[:0:-1], reach])
        left = np.flatnonzero(inside)
        offsets = np.where(np.abs(offsets) <= steps[left, None] / 2, offsets, 0.0)
        at = middle[left, None] + offsets[..., None] * step
        on_lesion = np.zeros(offsets.shape, bool)
        for nudge in np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)]) * TIE_MM:
            row, column = np.moveaxis(np.rint(at + nudge).astype(int), -1, 0)
            on_lesion |= plane[row, column]
        inside[left] = on_lesion.all(axis=1)
    return inside


def chosen(lesion: LesionVoxels, pairs: np.ndarray, *keys: np.ndarray) -> Diameter:
    """The diameter through one of several equally distant pairs of voxels (n, 2, 3).

    keys : (n,) what decides, the smaller the better; then nearness to the middle of the lesion's box, then LPS order.
    """
    apart = (pairs[:, 1] - pairs[:, 0]) * lesion.spacing
    distance = np.linalg.norm(apart, axis=1, keepdims=True)
    direction = apart / distance if distance.any() else np.tile(along_single_voxel(lesion), (len(pairs), 1))
    half = lesion.half_voxel(direction)
    outwards = direction * half[:, None] / 2 / lesion.spacing
    ends = in_patient_order(lesion.lps(np.stack([pairs[:, 0] - outwards, pairs[:, 1] + outwards], axis=1)))
    middle = ends.mean(axis=1)
    off_middle = np.linalg.norm(middle - lesion.middle, axis=1)
    best = first_by(*keys, -half, off_middle, *middle.T, *ends[:, 0].T)
    return Diameter(float(distance[best, 0] + half[best]), ends[best], int(pairs[best, 0, 0]))


def along_single_voxel(lesion: LesionVoxels) -> np.ndarray:
    """Where the long axis of a single voxel points: along the longer side of its pixel, or to the patient's left."""
    sides = lesion.spacing[1:]
    to_left = np.abs(lesion.geometry.axes[0, [2 - axis for axis in lesion.axes[1:]]])
    return np.eye(3)[1 + first_by(-sides, -to_left)]


def in_patient_order(ends: np.ndarray) -> np.ndarray:
    """Lines (n, 2, 3) in LPS with the end of smaller x (then y, then z) first."""
    apart = ends[:, 1] - ends[:, 0]
    deciding = np.argmax(np.abs(apart) > TIE_MM, axis=1)
    swapped = np.take_along_axis(apart, deciding[:, None], axis=1)[:, 0] < 0
    return np.where(swapped[:, None, None], ends[:, ::-1], ends)


def first_by(*keys: np.ndarray) -> int:
    """Index of the entry with the smallest first key, of these the smallest second, ...; `TIE_MM` is no difference."""
    left = np.arange(len(keys[0]))
    for key in keys:
        left = left[key[left] <= key[left].min() + TIE_MM]
    return int(left[0])
