"""The lesions of the segments, measured where they changed."""

from __future__ import annotations

import hashlib

import numpy as np
import slicer

from LungTumorSegLib.measurement.intervals import CUTS
from LungTumorSegLib.measurement.lung_fields import LungFields, finding_lung_fields
from LungTumorSegLib.measurement.measure import Lesion, measuring
from LungTumorSegLib.measurement.steps import Steps
from LungTumorSegLib.scene import ownership
from LungTumorSegLib.scene.composed import ComposedMap
from LungTumorSegLib.scene.volumes import change_token, geometry_of
from LungTumorSegLib.scene.voxels import Voxels
from LungTumorSegLib.volume.box import Box

NO_CT = ownership.PREFIX + "NoCT"  # attribute of the node that the lesions belong to, where it is MR, say


def take_for_ct(node, is_ct: bool = True) -> None:
    """Whether the volume's values are HU, so that its lesions have a density and lie in lungs."""
    node.SetAttribute(NO_CT, None if is_ct else "1")


def is_ct(node) -> bool:
    """Whether the volume was taken for a CT."""
    return node.GetAttribute(NO_CT) is None


class MeasuredLesions:
    """Measures of one CT's lesions; what did not change since is known."""

    def __init__(self, ct, composed: ComposedMap):
        self._ct, self._map = ct, composed
        self._known: dict[tuple, list[Lesion]] = {}
        self._lungs: tuple[tuple, LungFields | None] | None = None

    def measuring(self, voxels: Voxels) -> Steps[list[tuple[Lesion, Box]]]:
        """By rising number, each lesion with the labels around it."""
        if self._map.node is not None:
            probability = slicer.util.arrayFromVolume(self._map.node)
            # As far as the probability reaches: at a lower threshold lesions are larger.
            places = self._map.blocks().above(CUTS[0], also=voxels.boxes())
        else:
            probability, bounds = None, voxels.bounds()
            places = [] if bounds is None else [tuple(slice(*ends) for ends in zip(*bounds, strict=True))]
        hu, grid, found, known = slicer.util.arrayFromVolume(self._ct), geometry_of(self._ct), [], {}
        in_hu = is_ct(self._ct)
        for place in places:
            yield
            labels = voxels.within(place)
            if not labels.values.any():
                continue
            values = None if probability is None else probability[place]
            what = change_token(self._ct), in_hu, _digest(labels.values, values), labels.start
            if what in self._known:
                known[what] = self._known[what]
            else:
                yield
                lungs = (yield from self._lung_fields()) if in_hu else None
                known[what] = yield from measuring(
                    labels.values,
                    grid.box(labels.start, labels.stop),
                    values,
                    labels.start,
                    ct=hu[place] if in_hu else None,
                    lungs=lungs,
                )
            found += [(lesion, labels) for lesion in known[what]]
        self._known = known
        return sorted(found, key=lambda one: one[0].id)

    def _lung_fields(self) -> Steps[LungFields | None]:
        token = change_token(self._ct)
        if self._lungs is None or self._lungs[0] != token:
            found = yield from finding_lung_fields(slicer.util.arrayFromVolume(self._ct), geometry_of(self._ct))
            self._lungs = token, found
        return self._lungs[1]


def _digest(labels: np.ndarray, probability: np.ndarray | None) -> bytes:
    digest = hashlib.blake2b(np.ascontiguousarray(labels), digest_size=16)
    if probability is not None:
        digest.update(np.ascontiguousarray(probability))
    return digest.digest()
