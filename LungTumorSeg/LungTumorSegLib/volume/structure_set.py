"""RTSTRUCT: contours of a radiotherapy structure, filled on the CT's grid (PS3.3 C.8.8.6)."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from pydicom.dataset import Dataset

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.contours import inside, inside_by_xor
from LungTumorSegLib.volume.dicom import POSITION_TOLERANCE_MM
from LungTumorSegLib.volume.geometry import Geometry

XOR = "CLOSEDPLANAR_XOR"  # contours that state that they are taken together by exclusive or (PS3.3 C.8.8.6.3)
CLOSED = ("CLOSED_PLANAR", XOR)
# A contour belongs to the slice it lies on. Positions are rounded when they are written, so a quarter of the way to
# the next slice is allowed; half-way between two slices it would be a guess.
OFF_SLICE = 0.25


def paint_structure(
    dataset: Dataset, geometry: Geometry, label: int | str | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """One structure as a mask, uint8 (k, j, i), 1 = inside, and warnings.

    A voxel is inside where its centre is. Contours of one plane are taken together (`inside`), so that holes, islands
    in holes and keyhole contours come out right; several planes that fall onto one slice are united. `label`: the
    structure's number or name, needed where there are several.
    """
    number = _choose(dataset, label)
    contours, by_xor, open_ones = _contours(dataset, number)
    if not contours:
        raise InputRefused("The structure has no closed contours: choose another one with --label.")
    drawn: dict[int, list[tuple[float, np.ndarray]]] = defaultdict(list)
    outside = set()
    for points in contours:
        ijk = geometry.lps_to_ijk(points)
        k = round(float(ijk[:, 2].mean()))
        if np.abs(ijk[:, 2] - k).max() > OFF_SLICE:
            raise InputRefused("The contours do not lie on the CT's slices: choose the CT series they were drawn on.")
        if not 0 <= k < geometry.shape[0]:
            outside.add(k)
        drawn[k].append((float(ijk[:, 2].mean()), ijk[:, :2]))
    if outside:
        raise InputRefused(f"{len(outside)} of the contoured slices are missing in this CT: choose the whole series.")
    mask = np.zeros(geometry.shape, bool)
    together = inside_by_xor if by_xor else inside
    for k, placed in drawn.items():
        for plane in _planes(placed, POSITION_TOLERANCE_MM / geometry.spacing[2]):
            mask[k] |= together(plane, geometry.shape[1:])
    if not mask.any():
        raise InputRefused("The structure's contours hold no voxel's centre: choose another structure with --label.")
    warnings = []
    if open_ones:
        warnings.append(f"{open_ones} contours of the structure are points or open lines: left aside.")
    used = np.flatnonzero(mask.any(axis=(1, 2)))
    gaps = int(used[-1] - used[0] + 1 - len(used))
    if gaps:
        warnings.append(f"{gaps} slices between contours have none: left empty, nothing was interpolated.")
    return mask.view(np.uint8), tuple(warnings)


def _planes(placed: list[tuple[float, np.ndarray]], tolerance: float) -> list[list[np.ndarray]]:
    """Contours of a slice by the plane that they were drawn in. `placed`: each with its place along k; the tolerance is
    in slices too."""
    placed = sorted(placed, key=lambda contour: contour[0])
    places = np.array([place for place, _ in placed])
    starts = np.flatnonzero(np.diff(places, prepend=-np.inf) > tolerance)
    return [[points for _, points in placed[a:b]] for a, b in zip(starts, [*starts[1:], len(placed)], strict=True)]


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


def _contours(dataset: Dataset, number: int) -> tuple[list[np.ndarray], bool, int]:
    """Closed contours of a structure, each (n, 3) LPS mm, whether they are of the kind XOR, and how many others it
    has."""
    closed, by_xor, others = [], False, 0
    for roi in dataset.get("ROIContourSequence") or ():
        if roi.ReferencedROINumber != number:
            continue
        for contour in roi.get("ContourSequence") or ():
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            if not np.isfinite(points).all():
                raise InputRefused("A contour's points are not numbers: export the structure set again.")
            if contour.ContourGeometricType in CLOSED and len(points) >= 3:
                closed.append(points)
                by_xor |= contour.ContourGeometricType == XOR
            else:
                others += 1
    return closed, by_xor, others
