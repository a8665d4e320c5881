"""DICOM SEG: segments, stored slice by slice, painted onto the CT's grid (PS3.3 A.51, C.8.20)."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.checking import straighten
from LungTumorSegLib.volume.geometry import Geometry


def paint_segments(
    dataset: Dataset, geometry: Geometry, label: int | str | None, *, tolerance_mm: float
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Segment numbers as labels, uint16 (k, j, i), and warnings.

    Slices without a segment are not stored, and slices come in any order: each is placed by its stated position. A
    slice may cover part of the grid or run the other way; its pixels must be the CT's voxels to `tolerance_mm`, beside
    what rounded cosines of its own move them by. `label`: the number or the label of the one segment to read, painted
    as 1.
    """
    names = {int(s.SegmentNumber): str(s.get("SegmentLabel") or "") for s in dataset.SegmentSequence}
    chosen = None if label is None else _choose(names, label)
    frames = dataset.pixel_array
    if frames.ndim == 2:
        frames = frames[None]
    kind = dataset.SegmentationType
    warnings = []
    if kind == "FRACTIONAL":
        frames = frames.astype(np.uint32) * 2 >= int(dataset.MaximumFractionalValue)
        warnings.append("The segmentation is fractional: a voxel counts from one half.")
    labels = np.zeros(geometry.shape, np.uint16)
    shared, overlap = dataset.SharedFunctionalGroupsSequence[0], False
    for frame, own in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        row, column = np.nonzero(frame)
        if kind == "LABELMAP":
            values = frame[row, column].astype(np.uint16)
        else:
            number = _group("SegmentIdentificationSequence", own, shared).ReferencedSegmentNumber
            values = np.full(len(row), number, np.uint16)
        if chosen is not None:
            row, column = row[values == chosen], column[values == chosen]
            values = np.ones(len(row), np.uint16)
        if not len(row):
            continue
        first, along_row, along_column = _place(own, shared, frame.shape, geometry, tolerance_mm)
        i, j, k = (first + column[:, None] * along_row + row[:, None] * along_column).T
        if min(i.min(), j.min(), k.min()) < 0 or (np.array([k.max(), j.max(), i.max()]) >= geometry.shape).any():
            raise InputRefused("The segmentation reaches beyond this CT: choose the whole series that it was made on.")
        overlap |= bool(((labels[k, j, i] != 0) & (labels[k, j, i] != values)).any())
        labels[k, j, i] = np.maximum(labels[k, j, i], values)
    if overlap:
        warnings.append("Segments overlap: the higher number stands; choose one with --label.")
    return labels, tuple(warnings)


def _choose(names: dict[int, str], label: int | str) -> int:
    wanted = str(label).strip().lower()
    found = [n for n, name in names.items() if wanted in (str(n), name.strip().lower())]
    if len(found) != 1:
        there = ", ".join(f'{n} "{name}"' for n, name in list(names.items())[:12]) + (
            ", ..." if len(names) > 12 else ""
        )
        raise InputRefused(f"The segmentation has no one segment {label}: choose with --label; there are {there}.")
    return found[0]


def _group(name: str, own: Dataset, shared: Dataset) -> Dataset:
    return (own.get(name) or shared.get(name))[0]


def _place(
    own: Dataset, shared: Dataset, size: tuple[int, int], geometry: Geometry, tolerance_mm: float
) -> tuple[np.ndarray, ...]:
    """Whole (i, j, k): of the frame's first pixel, and the steps to the next column and the next row."""
    position = np.array(_group("PlanePositionSequence", own, shared).ImagePositionPatient, float)
    cosines = _group("PlaneOrientationSequence", own, shared).ImageOrientationPatient
    spacing = np.array(_group("PixelMeasuresSequence", own, shared).PixelSpacing, float)  # of rows, of columns
    row, column = np.reshape(np.array(cosines, float), (2, 3))
    along_row, along_column = row * spacing[1], column * spacing[0]
    corners = np.array([(0, 0), (size[1] - 1, 0), (0, size[0] - 1), (size[1] - 1, size[0] - 1)])
    first = np.rint(geometry.lps_to_ijk(position))
    steps = [
        np.rint(geometry.lps_to_ijk(position + step) - geometry.lps_to_ijk(position))
        for step in (along_row, along_column)
    ]
    stated = position + corners @ np.array([along_row, along_column])
    taken = geometry.ijk_to_lps(first + corners @ np.array(steps))
    tolerance_mm += _rounded_by_mm(row, column, spacing, size)
    if np.linalg.norm(stated - taken, axis=1).max() > tolerance_mm:
        raise InputRefused("The segmentation lies on another grid than this CT: resample it onto the CT first.")
    return first.astype(int), *(step.astype(int) for step in steps)


def _rounded_by_mm(row: np.ndarray, column: np.ndarray, spacing: np.ndarray, size: tuple[int, int]) -> float:
    """How far a frame's own pixels lie from a straight grid because its cosines have few digits: the CT's grid was
    straightened when it was read."""
    normal = np.cross(row, column)
    axes = np.column_stack([row, column, normal / np.linalg.norm(normal)])
    frame = Geometry((1, *size), (*spacing[::-1], 1.0), direction=axes)
    return frame.apart_mm(straighten(frame)[0])
