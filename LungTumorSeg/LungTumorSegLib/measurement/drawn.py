"""A lesion with what the user says of it: lines drawn by hand, and that it is a lymph node."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from LungTumorSegLib.measurement.diameters import Diameter, LesionVoxels, short_axis
from LungTumorSegLib.measurement.measure import Lesion, is_measurable, points, slice_distance
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry


def as_node(lesion: Lesion, node: bool, scan: Geometry) -> Lesion:
    """The lesion taken for a lymph node, or not."""
    measurable = is_measurable(lesion.long_axis_mm, lesion.short_axis_mm, node, slice_distance(scan))
    return replace(lesion, node=node, measurable=measurable)


def with_lines(
    lesion: Lesion,
    scan: Geometry,
    labels: Box,
    long: np.ndarray | None = None,
    short: np.ndarray | None = None,
) -> Lesion:
    """The lesion with axes drawn by the user.

    Parameters
    ----------
    lesion : as `measure` found it.
    scan : the whole scan's grid.
    labels : the lesions' voxels on it.
    long, short : (2, 3) LPS mm, the ends of a line; None where the user drew none.

    The value is the line's length: the user says where the lesion ends, so no half voxel is added. Where the user
    drew the long axis alone, the short one is measured anew at right angles to it in its slice, where a short axis
    lies by definition; a long axis that leaves its slice, or lies where the lesion has no voxel, leaves it as it was.
    Where the user drew the short axis alone, the long one stays. The largest diameter in space stays in either case.
    """
    if long is None and short is None:
        return lesion
    lesion = replace(lesion, edited=True)
    if long is not None:
        middle = slice_position(scan, long.mean(axis=0))
        lesion = replace(
            lesion,
            long_axis_mm=float(np.linalg.norm(long[1] - long[0])),
            long_axis_points_lps=points(long),
            long_axis_interval_mm=None,
            slice=int(np.clip(np.rint(middle), 0, scan.shape[scan.slice_axis] - 1)),
        )
        if short is None:
            across = across_line(lesion, scan, labels, long)
            if across is not None:
                lesion = replace(
                    lesion,
                    short_axis_mm=across.length_mm,
                    short_axis_points_lps=points(across.ends_lps),
                    short_axis_interval_mm=None,
                )
    if short is not None:
        lesion = replace(
            lesion,
            short_axis_mm=float(np.linalg.norm(short[1] - short[0])),
            short_axis_points_lps=points(short),
            short_axis_interval_mm=None,
        )
    return as_node(lesion, lesion.node, scan)


def across_line(lesion: Lesion, scan: Geometry, labels: Box, long: np.ndarray) -> Diameter | None:
    """The short axis of a long axis drawn by hand; None where there is none, see `with_lines`."""
    positions = [slice_position(scan, end) for end in long]
    if max(abs(position - lesion.slice) for position in positions) > 0.5 + 1e-6:
        return None
    across = scan.slice_axis
    at = lesion.slice - labels.start[across]
    if not 0 <= at < labels.values.shape[across]:
        return None
    one = tuple(slice(at, at + 1) if axis == across else slice(None) for axis in range(3))
    mask = labels.values[one] == lesion.id
    if not mask.any():
        return None
    start = tuple(first + (at if axis == across else 0) for axis, first in enumerate(labels.start))
    stop = tuple(a + n for a, n in zip(start, mask.shape, strict=True))
    normal = scan.axes[:, 2 - across]
    middle = scan.ijk_to_lps(np.zeros(3)) @ normal + lesion.slice * slice_distance(scan)
    flat = long - np.outer(long @ normal - middle, normal)  # into the slice's plane
    length = float(np.linalg.norm(flat[1] - flat[0]))
    if length == 0:
        return None
    return short_axis(LesionVoxels(mask, scan.box(start, stop)), Diameter(length, flat, 0))


def slice_position(scan: Geometry, lps: np.ndarray) -> float:
    """Where a point lies along the slice axis, in slices, fractions allowed."""
    return float(scan.lps_to_ijk(lps)[2 - scan.slice_axis])
