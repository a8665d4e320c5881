"""How large a window shows a lesion whole: the finest with which a coarser one agrees; a small lesion is seen finer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from LungTumorSegLib.inference.clicks import touches_border
from LungTumorSegLib.volume.geometry import Geometry

ZOOMS = (1, 2, 4, 6)  # of the model's own spacing
GROWS_VOXELS = 1.5  # of the coarser look: that much farther out two outlines of one lesion may lie
FINE, SMALL_MM = 0.65, 4.5  # a lesion of at most this radius is looked at once more, so much finer
FITS = 0.5  # of a window's narrowest side: a lesion so wide would have been seen whole


@dataclass(frozen=True)
class Look:
    """What one window shows: the probability and the meant lesion's voxels (d, h, w), bool, without what lies beyond
    the scan. voxel_mm : the cube root of a voxel's volume."""

    window: Geometry
    probability: torch.Tensor
    lesion: np.ndarray

    @property
    def voxel_mm(self) -> float:
        return float(np.cbrt(np.prod(self.window.spacing)))

    @property
    def radius_mm(self) -> float:
        """Of the ball of the lesion's volume."""
        return float(np.cbrt(self.lesion.sum() * 3 / (4 * np.pi))) * self.voxel_mm

    @property
    def side_mm(self) -> float:
        """Of the window, the narrowest."""
        return float(np.multiply(self.window.shape[::-1], self.window.spacing).min())


def whole_lesion(look: Callable[[float], Look | None], *, sized: bool = False) -> tuple[Look | None, bool]:
    """The look to be shown, None where no look finds a lesion; and whether it shows the lesion whole.

    look : makes the one of that zoom; None where the marks do not fit in.
    sized : the user drew how large the lesion is: the first look that holds it is the right one.

    From fine to coarse. A lesion that touches its window's border is not whole. One that does not touch it may still be
    no more than a fragment: in the midst of a large tumour a small window shows nothing but texture, of which a network
    outlines something. So the next coarser look must not show a much larger one (`GROWS_VOXELS`), too large for a finer
    one; where it does, it is that look's turn. A larger one that would have fitted is the coarse look's mistake: it has
    run on into a vessel or the wall.

    A small lesion is in the end looked at on a finer grid, where a click can move its edge by less.
    """
    shown = whole = None
    for zoom in ZOOMS:
        seen = look(zoom)
        if seen is None:
            continue
        found = seen.lesion.any()
        if whole is not None:
            alike = seen.radius_mm <= whole.radius_mm + GROWS_VOXELS * seen.voxel_mm
            if not found or alike or 2 * seen.radius_mm < FITS * whole.side_mm:
                break
            whole = None
        if found:
            shown = seen
            whole = None if touches_border(seen.lesion) else seen
            if sized and whole:
                break
    if whole is not None and whole.radius_mm <= SMALL_MM:
        finer = look(FINE)
        if finer is not None and finer.lesion.any() and not touches_border(finer.lesion):
            shown = whole = finer
    return shown, whole is not None
