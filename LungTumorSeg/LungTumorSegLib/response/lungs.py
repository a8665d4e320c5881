"""The lungs of a scan, as the registration wants them."""

from __future__ import annotations

import numpy as np

from LungTumorSegLib.measurement.lung_fields import find_lung_fields
from LungTumorSegLib.volume.geometry import Volume


def lungs_of(ct: Volume) -> Volume:
    """Where a scan (HU) shows lung: uint8 on a coarse grid of its own. Empty where it shows none."""
    fields = find_lung_fields(ct.voxels, ct.geometry)
    if fields is None:
        return Volume(np.zeros(ct.geometry.shape, np.uint8), ct.geometry)
    return Volume((fields.sides > 0).astype(np.uint8), fields.geometry)
