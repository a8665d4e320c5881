"""Where the lungs are: which part of a scan is worth a network's time.

The lungs choose windows, slices and the box. They never clip a lesion; one that a search suspects far from any air of
the lungs is left out as a whole (`second_look.near_lungs`), and that is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from LungTumorSegLib.volume.lung_air import AIR_HU, body_middle, lungs_air, side_air

COARSE_MM = 4.0  # fine enough for an outline, and some hundred times fewer voxels than a usual chest CT
MARGIN_MM = 15.0  # walls, pleura and what grows into them
HEAD_FOOT_MARGIN_MM = 20.0  # the apex lies under a dome that a tumour may fill
DIRECTIONS = 16  # sides of the outline around a slice's lungs

WHOLE_CROPPED = "the lungs reach the scan's border: the whole scan is searched"
WHOLE_NONE = "no lungs were found: the whole scan is searched"


@dataclass(frozen=True)
class Lungs:
    """The part of a scan to be searched, in canonical axial order (head, back, left).

    start, stop : the box, voxels of the scan.
    mask : bool on a grid `steps` times coarser, whose voxel n is the scan's voxel ``n * steps``; True inside an
        outline around both lungs and what lies between them, with a margin. None where the whole scan is searched.
    note : one line for the user where the whole scan is searched, otherwise None.
    air : bool on the same coarse grid; the lungs' air, up to the scan's side where that cuts through them. None where
        no lungs were found.
    """

    start: tuple[int, int, int]
    stop: tuple[int, int, int]
    mask: np.ndarray | None
    steps: tuple[int, int, int]
    note: str | None = None
    air: np.ndarray | None = None

    def away_mm(self, positions: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
        """How far positions (n, 3), in the scan's voxels, lie from the lungs' air: mm, to about one coarse voxel.

        0 everywhere where no lungs were found. spacing : of the scan, mm.
        """
        if self.air is None:
            return np.zeros(len(positions))
        away = ndimage.distance_transform_edt(~self.air, sampling=np.multiply(spacing, self.steps))
        index = np.rint(np.asarray(positions) / self.steps).astype(int).clip(0, np.array(self.air.shape) - 1)
        return away[tuple(index.T)]

    def touched(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Which boxes hold a voxel of the mask.

        first, last : (n, 3) positions of the boxes' first and last voxels in the scan's voxels, fractions allowed.
        """
        if self.mask is None:
            return np.ones(len(first), bool)
        table = np.zeros([n + 1 for n in self.mask.shape], np.int64)
        table[1:, 1:, 1:] = self.mask.cumsum(0).cumsum(1).cumsum(2)
        shape = np.array(self.mask.shape)
        # A coarse voxel stands for everything up to its neighbours.
        a = np.clip(np.floor(np.asarray(first) / self.steps).astype(int), 0, shape - 1)
        b = np.clip(np.ceil(np.asarray(last) / self.steps).astype(int), 0, shape - 1) + 1
        inside = 0
        for corner in np.ndindex(2, 2, 2):
            index = np.where(corner, b, a)
            inside = inside + (-1) ** (3 - sum(corner)) * table[tuple(index.T)]
        return inside > 0


def find_lungs(voxels: np.ndarray, spacing: tuple[float, float, float]) -> Lungs:
    """The box around both lungs, in some tens of milliseconds.

    A large tumour on the chest wall or the mediastinum is no air (`lung_air`), so each slice gets an outline (a polygon
    around its lungs) and the box is mirrored about the body's middle: a lung that is all tumour or fluid lies opposite
    to one that is not. Where the scan's side cuts open the most of the lungs, all of the scan is to be searched.

    Parameters
    ----------
    voxels : CT in HU, canonical axial order (head, back, left).
    spacing : mm in the same order.
    """
    steps = tuple(min(max(1, round(COARSE_MM / mm)), n) for mm, n in zip(spacing, voxels.shape, strict=True))
    coarse = voxels[tuple(slice(None, None, step) for step in steps)]
    coarse_mm = np.multiply(spacing, steps)

    lungs, cropped = lungs_air(coarse, side_air(coarse), coarse_mm)
    if not lungs.any():
        return Lungs((0, 0, 0), voxels.shape, None, steps, WHOLE_NONE)
    if cropped:
        return Lungs((0, 0, 0), voxels.shape, None, steps, WHOLE_CROPPED, air=lungs)
    mask = outlined(lungs, coarse_mm, middle=body_middle(coarse >= AIR_HU))
    start, stop = box_of(mask, steps, voxels.shape)
    return Lungs(start, stop, mask, steps, air=lungs)


def outlined(lungs: np.ndarray, coarse_mm: np.ndarray, middle: float) -> np.ndarray:
    """A convex polygon around both lungs in every slice, mirrored about `middle`, with the margins.

    The polygon has `DIRECTIONS` sides that touch the lungs' hull from outside, so it always holds the hull.
    """
    _, rows, columns = lungs.shape
    angles = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
    toward_back, toward_left = np.sin(angles) * coarse_mm[1], np.cos(angles) * coarse_mm[2]

    # How far the lungs reach in each direction: only the ends of their rows can be the farthest.
    held = lungs.any(2)
    ends = np.stack([lungs.argmax(2), columns - 1 - lungs[:, :, ::-1].argmax(2)])
    ends = np.concatenate([ends, 2 * middle - ends])
    reach = ends[..., None] * toward_left + np.arange(rows)[:, None] * toward_back
    reach = np.where(held[None, ..., None], reach, -np.inf).max((0, 2)) + MARGIN_MM  # (slices, directions)
    spread = 2 * int(np.ceil(HEAD_FOOT_MARGIN_MM / coarse_mm[0])) + 1
    reach = ndimage.maximum_filter1d(reach, spread, axis=0, mode="nearest")

    mask = np.ones(lungs.shape, bool)
    for direction in range(DIRECTIONS):
        plane = np.arange(rows)[:, None] * toward_back[direction] + np.arange(columns) * toward_left[direction]
        mask &= plane.astype(np.float32) <= reach[:, direction, None, None].astype(np.float32)
    return mask


def box_of(
    mask: np.ndarray, steps: tuple[int, int, int], shape: tuple[int, int, int]
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """First voxel and the one after the last, on the fine grid, of what the coarse mask holds."""
    bounds = []
    for axis in range(3):
        held = np.flatnonzero(mask.any(tuple(other for other in range(3) if other != axis)))
        bounds.append((held[0] * steps[axis], min((held[-1] + 1) * steps[axis], shape[axis])))
    return tuple(int(a) for a, _ in bounds), tuple(int(b) for _, b in bounds)
