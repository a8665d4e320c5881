"""Left and right lung of a scan, to say roughly where in the chest a lesion lies.

The lungs' air is looked at on a grid of about 3 mm, so places are good to a few millimetres: enough for "left lung,
at the pleura", no basis for staging. Fissures are not seen: pleura means the surface towards chest wall, diaphragm
and mediastinum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from LungTumorSegLib.measurement.steps import Steps, at_once
from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.lung_air import AIR_HU, body_middle, lungs_air, side_air
from LungTumorSegLib.volume.orientation import canonical

COARSE_MM = 3.0
VESSEL_MM = 7.0  # gaps in the air up to twice as wide are vessels and airways, which belong to the lung
REACHES_MM = (25.0, 60.0)  # how far the surface is looked for: first nearby; no point of a lung lies deeper than 60 mm
NEAR_MM = 15.0  # a lesion that keeps farther from the lungs' air lies in neither
JOINED_MM = 20.0  # two lungs joined in front of the heart, or by the airways, come apart when this much is peeled off

RIGHT, LEFT, EITHER = 1, 2, 3  # the patient's, as labels; `EITHER` in a scan that shows a part of the chest only
NAMES = {RIGHT: "right", LEFT: "left", EITHER: None}


@dataclass(frozen=True)
class LungFields:
    """Both lungs on a coarse grid.

    sides : uint8 [head, back, left]; 0 = no air of a lung, `RIGHT`, `LEFT`, `EITHER`.
    geometry : the grid of `sides`.
    """

    sides: np.ndarray
    geometry: Geometry

    def place(self, lesion_lps: np.ndarray) -> tuple[str | None, float | None]:
        """In which lung a lesion lies, and how far its edge is from the lung's surface.

        lesion_lps : (n, 3) the lesion's voxels, LPS mm.

        Returns ("left" | "right" | None, mm). Both None where the lesion is more than 15 mm from the lungs' air; no
        side where the scan is cut off at the lungs, and no distance where it does not reach the lung's surface.
        """
        coarse_mm = np.array(self.geometry.spacing[::-1])
        voxels = np.rint(self.geometry.lps_to_ijk(lesion_lps)).astype(int)[:, ::-1]
        voxels = np.unique(np.clip(voxels, 0, np.array(self.sides.shape) - 1), axis=0)

        sides, at = self._around(voxels, NEAR_MM)
        if not sides.any():
            return None, None
        to_air, nearest = ndimage.distance_transform_edt(sides == 0, coarse_mm, return_indices=True)
        if to_air[at].min() > NEAR_MM:
            return None, None
        count = np.bincount(sides[tuple(nearest[(slice(None), *at)])], minlength=4)
        name = NAMES[int(np.argmax(count[1:])) + 1]

        for reach in REACHES_MM:
            sides, at = self._around(voxels, reach)
            lung = sides > 0
            lung[at] = True
            lung = closed(lung, coarse_mm)
            if not lung.all():
                distance = ndimage.distance_transform_edt(lung, coarse_mm)[at].min()
                return name, float(max(0.0, distance - coarse_mm.min()))
        return name, None

    def _around(self, voxels: np.ndarray, reach_mm: float) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """The part of `sides` around some of its voxels (n, 3), and where these lie in it."""
        reach = np.ceil(reach_mm / np.array(self.geometry.spacing[::-1])).astype(int)
        start = np.maximum(voxels.min(axis=0) - reach, 0)
        stop = np.minimum(voxels.max(axis=0) + reach + 1, self.sides.shape)
        return self.sides[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))], tuple((voxels - start).T)


def finding_lung_fields(voxels: np.ndarray, geometry: Geometry) -> Steps[LungFields | None]:
    """Both lungs of a whole scan, in steps, some tenths of a second; None where there are none.

    voxels : CT in HU [k, j, i], any orientation. geometry : its grid.
    """
    orientation = canonical(geometry)
    voxels, geometry = orientation.apply(voxels), orientation.geometry(geometry)
    spacing = geometry.spacing[::-1]
    steps = [min(max(1, round(COARSE_MM / mm)), n) for mm, n in zip(spacing, voxels.shape, strict=True)]
    coarse = voxels[tuple(slice(None, None, step) for step in steps)]
    coarse_mm = np.multiply(spacing, steps)

    side = side_air(coarse)
    yield
    lungs, cropped = lungs_air(coarse, side, coarse_mm)
    if not lungs.any():
        return None
    yield
    grid = Geometry(lungs.shape, tuple(coarse_mm[::-1]), geometry.origin, geometry.direction)
    if cropped:  # where the body's middle is cannot be told
        return LungFields(np.where(lungs, EITHER, 0).astype(np.uint8), grid)
    sides = yield from left_and_right(lungs, coarse_mm, body_middle(coarse >= AIR_HU))
    return LungFields(sides, grid)


find_lung_fields = at_once(finding_lung_fields)


def left_and_right(lungs: np.ndarray, coarse_mm: np.ndarray, middle: float) -> Steps[np.ndarray]:
    """The lungs' air as labels. Peeled until it falls into two large parts on either side of the body's middle; each
    voxel then goes to the part that is nearest. Where it never does, the body's middle divides.

    Done on every second voxel along each axis: where the lungs part is no matter of millimetres.
    """
    rough, rough_mm = lungs[::2, ::2, ::2], 2 * coarse_mm
    depth = ndimage.distance_transform_edt(rough, rough_mm)
    sides = np.where(np.arange(rough.shape[2]) > middle / 2, LEFT, RIGHT)
    for peel in np.arange(0.0, JOINED_MM, COARSE_MM):
        yield
        labels, _ = ndimage.label(depth > peel)
        sizes = np.bincount(labels.ravel())[1:]
        if len(sizes) < 2:
            continue
        first, second = np.argsort(-sizes, kind="stable")[:2]
        if sizes[second] < 0.2 * sizes[first]:
            continue
        one, other = (float(np.nonzero(labels == n + 1)[2].mean()) for n in (first, second))
        if (one < middle / 2) == (other < middle / 2):
            continue
        seeds = np.zeros(labels.max() + 1, np.uint8)
        seeds[[first + 1, second + 1]] = (LEFT, RIGHT) if one > other else (RIGHT, LEFT)
        seeds = seeds[labels]
        yield
        nearest = ndimage.distance_transform_edt(seeds == 0, rough_mm, return_distances=False, return_indices=True)
        sides = seeds[tuple(nearest)]
        break
    sides = np.broadcast_to(sides, rough.shape)
    for axis, n in enumerate(lungs.shape):
        sides = sides.repeat(2, axis=axis).take(range(n), axis=axis)
    return np.where(lungs, sides, 0).astype(np.uint8)


def closed(mask: np.ndarray, coarse_mm: np.ndarray) -> np.ndarray:
    """Gaps up to twice `VESSEL_MM` wide filled. Beyond the array's border the mask goes on as it is there."""
    wide = ndimage.distance_transform_edt(~mask, coarse_mm) <= VESSEL_MM
    return mask | (ndimage.distance_transform_edt(wide, coarse_mm) > VESSEL_MM) if not wide.all() else wide
