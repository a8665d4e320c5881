"""How far a mask is from a reference, as the lung tumour challenge of PSCC scores it.

Relative volume error |Vp - Vg| / Vg and relative error of the diameter. The challenge's text prints the second as
max(|dp - dg| / dg, 1), which is never below 1: the smaller of the two is meant, an error counts 1 at most. Its diameter
is the largest in space; RECIST's is the longest in a slice. Both are given, each under its name.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.components import bounding_box, find_components
from LungTumorSegLib.measurement.diameters import LesionVoxels, largest_diameter, long_axis
from LungTumorSegLib.volume.geometry import Geometry


@dataclass(frozen=True)
class ChallengeMetrics:
    """Errors are relative, 0 = equal; those of diameters at most 1. Values: of the mask, of the reference."""

    dice: float
    volume_ml: tuple[float, float]
    relative_volume_error: float
    axial_diameter_mm: tuple[float, float]
    recist_error_axial: float
    diameter_3d_mm: tuple[float, float]
    recist_error_3d: float

    def as_dict(self) -> dict:
        return asdict(self)


def challenge_metrics(mask: np.ndarray, reference: np.ndarray, geometry: Geometry) -> ChallengeMetrics:
    """Compare two masks of a whole scan: everything above 0 is tumour, as in the challenge.

    mask, reference : arrays [k, j, i] on the same grid. The longest diameter is the longest of any lesion; an empty
    mask has volume and diameters 0. Raises `InputRefused` where the reference is empty.
    """
    mask, reference = mask > 0, reference > 0
    if not reference.any():
        raise InputRefused("the reference is empty: nothing can be compared with it")
    volumes, axials, spatials = [], [], []
    for voxels in (mask, reference):
        axial, spatial = longest(voxels, geometry)
        volumes.append(np.count_nonzero(voxels) * geometry.voxel_volume_mm3 / 1000)
        axials.append(axial)
        spatials.append(spatial)
    both = np.count_nonzero(mask & reference)
    return ChallengeMetrics(
        dice=float(2 * both / (np.count_nonzero(mask) + np.count_nonzero(reference))),
        volume_ml=tuple(volumes),
        relative_volume_error=abs(volumes[0] - volumes[1]) / volumes[1],
        axial_diameter_mm=tuple(axials),
        recist_error_axial=recist_error(*axials),
        diameter_3d_mm=tuple(spatials),
        recist_error_3d=recist_error(*spatials),
    )


def recist_error(found_mm: float, true_mm: float) -> float:
    return min(abs(found_mm - true_mm) / true_mm, 1.0)


def longest(mask: np.ndarray, geometry: Geometry) -> tuple[float, float]:
    """Longest diameter in a slice and in space of any one lesion (26-neighbourhood), mm."""
    box = bounding_box(mask)
    if box is None:
        return 0.0, 0.0
    parts = find_components(mask[box])
    numbers = parts.painted(np.arange(len(parts.boxes), dtype=np.int32) + 1)
    axial = spatial = 0.0
    for n, ends in enumerate(parts.boxes):
        part = tuple(slice(*pair) for pair in ends)
        start = tuple(int(a.start + b.start) for a, b in zip(box, part, strict=True))
        stop = tuple(int(a.start + b.stop) for a, b in zip(box, part, strict=True))
        voxels = LesionVoxels(numbers[part] == n + 1, geometry.box(start, stop))
        flat = long_axis(voxels).length_mm
        axial = max(axial, flat)
        spatial = max(spatial, flat, largest_diameter(voxels).length_mm)
    return axial, spatial
