"""RTSTRUCT: contours of a radiotherapy structure, filled on the CT's grid (PS3.3 C.8.8.6)."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Geometry

CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
# A contour belongs to the slice it lies on. Positions are rounded when they are written, so a quarter of the way to
# the next slice is allowed; half-way between two slices it would be a guess.
OFF_SLICE = 0.25


def paint_structure(
    dataset: Dataset, geometry: Geometry, label: int | str | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """One structure as a mask, uint8 (k, j, i), 1 = inside, and warnings.

    A voxel is inside where its centre is: with all contours of a slice taken together by the even-odd rule, so that
    holes, islands in holes and keyhole contours come out right. `label`: the structure's number or name, needed where
    there are several.
    """
    number = _choose(dataset, label)
    contours, open_ones = _contours(dataset, number)
    if not contours:
        raise InputRefused("The structure has no closed contours: choose another one with --label.")
    inside = np.zeros(geometry.shape, bool)
    outside = set()
    for points in contours:
        ijk = geometry.lps_to_ijk(points)
        k = round(float(ijk[:, 2].mean()))
        if np.abs(ijk[:, 2] - k).max() > OFF_SLICE:
            raise InputRefused("The contours do not lie on the CT's slices: choose the CT series they were drawn on.")
        if not 0 <= k < geometry.shape[0]:
            outside.add(k)
            continue
        inside[k] ^= fill(ijk[:, :2], geometry.shape[1:])
    if outside:
        raise InputRefused(f"{len(outside)} of the contoured slices are missing in this CT: choose the whole series.")
    warnings = []
    if open_ones:
        warnings.append(f"{open_ones} contours of the structure are points or open lines: left aside.")
    used = np.flatnonzero(inside.any(axis=(1, 2)))
    gaps = int(used[-1] - used[0] + 1 - len(used)) if len(used) else 0
    if gaps:
        warnings.append(f"{gaps} slices between contours have none: left empty, nothing was interpolated.")
    return inside.view(np.uint8), tuple(warnings)


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


def _choose(dataset: Dataset, label: int | str | None) -> int:
    names = {int(roi.ROINumber): str(roi.get("ROIName") or "") for roi in dataset.get("StructureSetROISequence") or ()}
    if not names:
        raise InputRefused("The structure set holds no structure: export it again.")
    if label is None and len(names) == 1:
        return next(iter(names))
    wanted = str(label).strip().lower()
    found = [n for n, name in names.items() if label is not None and wanted in (str(n), name.strip().lower())]
    if len(found) != 1:
        there = ", ".join(f'{n} "{name}"' for n, name in list(names.items())[:12]) + (
            ", ..." if len(names) > 12 else ""
        )
        what = "several structures" if label is None else f"{'no' if not found else 'more than one'} structure {label}"
        raise InputRefused(f"The structure set has {what}: choose one with --label; there are {there}.")
    return found[0]


def _contours(dataset: Dataset, number: int) -> tuple[list[np.ndarray], int]:
    """Closed contours of a structure, each (n, 3) LPS mm, and how many others it has."""
    closed, others = [], 0
    for roi in dataset.get("ROIContourSequence") or ():
        if roi.ReferencedROINumber != number:
            continue
        for contour in roi.get("ContourSequence") or ():
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            if not np.isfinite(points).all():
                raise InputRefused("A contour's points are not numbers: export the structure set again.")
            if contour.ContourGeometricType in CLOSED and len(points) >= 3:
                closed.append(points)
            else:
                others += 1
    return closed, others
