"""How far volume and longest diameter are off: the PSCC lung tumour challenge's metrics, whole scans.

The errors themselves are measurement's (`challenge_metrics.py`); here empty masks get a place: an empty prediction has
volume and diameters 0, so every error is 1; relative to an empty reference nothing is defined (NaN).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from LungTumorSegLib.measurement.challenge_metrics import longest, recist_error
from LungTumorSegLib.volume.geometry import Geometry


@dataclass(frozen=True)
class SizeErrors:
    """volume_error : |Vp - Vg| / Vg. recist_error_axial, recist_error_3d : min(|dp - dg| / dg, 1), the longest diameter
    of any lesion in a slice and in space. Values in mL and mm: of prediction and reference."""

    volume_ml: tuple[float, float]
    volume_error: float
    axial_mm: tuple[float, float]
    recist_error_axial: float
    spatial_mm: tuple[float, float]
    recist_error_3d: float


def size_errors(prediction: np.ndarray, reference: np.ndarray, geometry: Geometry) -> SizeErrors:
    """Two masks [k, j, i] on one grid, tumour where not 0."""
    volumes = [np.count_nonzero(mask) * geometry.voxel_volume_mm3 / 1000 for mask in (prediction, reference)]
    (flat, spatial), (true_flat, true_spatial) = (longest(mask != 0, geometry) for mask in (prediction, reference))
    empty = volumes[1] == 0
    return SizeErrors(
        volume_ml=tuple(volumes),
        volume_error=nan if empty else abs(volumes[0] - volumes[1]) / volumes[1],
        axial_mm=(flat, true_flat),
        recist_error_axial=nan if empty else recist_error(flat, true_flat),
        spatial_mm=(spatial, true_spatial),
        recist_error_3d=nan if empty else recist_error(spatial, true_spatial),
    )
