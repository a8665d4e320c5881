"""Lesions and studies written down, without a scan."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.response.alignment import Alignment
from LungTumorSegLib.response.study import Study
from LungTumorSegLib.volume.geometry import Geometry

START = date(2026, 1, 5)


def lesion(number: int, centre=(0.0, 0.0, 0.0), long_mm: float = 20.0, short_mm: float | None = None, **more) -> Lesion:
    """A ball of the long axis' diameter, or one with the short axis across."""
    short_mm = long_mm if short_mm is None else short_mm
    x, y, z = (float(c) for c in centre)
    along = ((x - long_mm / 2, y, z), (x + long_mm / 2, y, z))
    across = ((x, y - short_mm / 2, z), (x, y + short_mm / 2, z))
    volume = np.pi / 6 * long_mm * short_mm**2 / 1000
    return Lesion(
        number, volume, long_mm, short_mm, along, across, 0, long_mm, along, None, (x, y, z), 1, long_mm >= 10, **more
    )


def study(
    *lesions: Lesion, week: int | None = 0, shift=(0.0, 0.0, 0.0), size_mm=(400, 400, 400), slice_mm=1.0
) -> Study:
    """A scan around the origin whose patient lies `shift` mm away from where he lay at baseline."""
    shape = (int(size_mm[2] / slice_mm), size_mm[1] // 2, size_mm[0] // 2)
    origin = np.subtract(shift, np.divide(size_mm, 2))
    matrix = np.eye(4)
    matrix[:3, 3] = np.negative(shift)
    day = None if week is None else START + timedelta(weeks=week)
    moved = [lesion(x.id, np.add(x.centre_lps, shift), x.long_axis_mm, x.short_axis_mm, node=x.node) for x in lesions]
    return Study(tuple(moved), Geometry(shape, (2.0, 2.0, slice_mm), tuple(origin)), day, Alignment(matrix))
