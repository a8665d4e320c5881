"""The grid on which a network sees a box of a scan."""

from __future__ import annotations

import math

import numpy as np

from LungTumorSegLib.volume.geometry import Geometry


def model_grid(box: Geometry, spacing_mm: tuple[float | None, float | None, float | None]) -> Geometry:
    """The grid with exactly the asked spacing whose voxels cover the box and which is centred on it.

    Parameters
    ----------
    box : Geometry
        The part of the scan to cover. Its extent runs from voxel edge to voxel edge.
    spacing_mm : (k, j, i)
        In array order, mm, as in a model's card. None keeps the box's spacing on that axis.
    """
    wanted = [own if mm is None else float(mm) for mm, own in zip(spacing_mm[::-1], box.spacing, strict=True)]
    # An extent that the spacing divides must not gain a voxel by rounding: hence the tiny slack.
    size = [
        max(1, math.ceil(n * own / mm - 1e-6)) for n, own, mm in zip(box.shape[::-1], box.spacing, wanted, strict=True)
    ]
    centre = box.ijk_to_lps((np.array(box.shape[::-1]) - 1) / 2)
    origin = centre - box.axes @ ((np.array(size) - 1) / 2 * wanted)
    return Geometry(tuple(size[::-1]), tuple(wanted), tuple(origin), box.direction)
