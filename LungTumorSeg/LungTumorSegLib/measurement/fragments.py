"""Lesions that fall apart or grow together under treatment, as RECIST 1.1 counts them.

Eisenhauer et al., Eur J Cancer 45 (2009) 228-247, appendix II: of a lesion in fragments the longest diameters of the
fragments are added; of lesions that can no longer be told apart the longest diameter of the whole counts. Of nodes the
short axis counts.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from LungTumorSegLib.measurement.measure import Lesion, measure
from LungTumorSegLib.volume.geometry import Geometry


def recist_diameter_mm(lesion: Lesion) -> float:
    """What a lesion adds to a sum of diameters: its long axis; of a node its short axis."""
    return lesion.short_axis_mm if lesion.node else lesion.long_axis_mm


def fragments_mm(fragments: Iterable[Lesion]) -> float:
    """What a lesion in fragments adds to a sum of diameters; 0 where none is left."""
    return float(sum(recist_diameter_mm(fragment) for fragment in fragments))


def coalesced(labels: np.ndarray, geometry: Geometry, ids: Iterable[int], **measured_with) -> Lesion:
    """Lesions that grew together, measured as one.

    labels, geometry, measured_with : as for `measure`. ids : the labels that are one lesion now, the one whose
        number it keeps first.
    """
    ids = tuple(ids)
    one = np.where(np.isin(labels, ids), labels.dtype.type(ids[0]), labels.dtype.type(0))
    [lesion] = measure(one, geometry, **measured_with)
    return lesion
