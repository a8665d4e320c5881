"""How large a window shows a lesion whole: the finest that is sure of it, or that no coarser one contradicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from LungTumorSegLib.inference.clicks import touches_border
from LungTumorSegLib.volume.geometry import Geometry

ZOOMS = (1, 2, 4, 6)  # of the model's own spacing
GROWS_VOXELS = 1.5  # of the coarser look: that much farther out two outlines of one lesion may lie
FINE, SMALL_MM = 0.65, 5.0  # a lesion of at most this radius is seen best so much finer: a click moves its edge by less
SURE = 0.85  # mean probability of an outline that needs no coarser look (Resources/experiments.md)
RUNS_ON = 1.5  # times the radius that was shown until then: in the widest window that is no lesion any more
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
    def whole(self) -> bool:
        """A lesion is seen, and not cut off by the window's border."""
        return bool(self.lesion.any()) and not touches_border(self.lesion)

    @property
    def sure(self) -> bool:
        return self.probability.numpy()[self.lesion].mean() > SURE

    @property
    def radius_mm(self) -> float:
        """Of the ball of the lesion's volume."""
        return float(np.cbrt(self.lesion.sum() * 3 / (4 * np.pi))) * self.voxel_mm

    @property
    def side_mm(self) -> float:
        """Of the window, the narrowest."""
        return float(np.multiply(self.window.shape[::-1], self.window.spacing).min())

    def contradicts(self, finer: Look) -> bool:
        """Whether what the finer look shows is but a part: cut off by its border, or much smaller than what this one
        shows and that one could not have held."""
        if not finer.whole:
            return bool(self.lesion.any())
        alike = self.radius_mm <= finer.radius_mm + GROWS_VOXELS * self.voxel_mm
        return not alike and 2 * self.radius_mm >= FITS * finer.side_mm


def whole_lesion(look: Callable[[float], Look | None], *, sized: bool = False) -> tuple[Look | None, bool]:
    """The look to be shown, None where no look finds a lesion; and whether it shows the lesion whole.

    look : makes the one of that zoom; None where the marks do not fit in.
    sized : the user drew how large the lesion is: the first look that holds it is the right one.

    From fine to coarse. A small lesion is seen best in the finest windows: where one of these is sure of a whole
    lesion, no coarser one is asked, which may still run on into a vessel, the heart or the wall. In the midst of a
    large tumour a small window shows nothing but texture, of which a network outlines something, too, but seldom
    surely. So the others are asked until the next coarser one does not contradict a look that is sure. A larger lesion
    that would have fitted a finer look is the coarse look's mistake; what only the widest window shows so large
    (`RUNS_ON`) is one, too.
    """
    finest = look(FINE)
    if finest is not None and finest.whole and finest.radius_mm <= SMALL_MM and (sized or finest.sure):
        return finest, True
    shown = None
    for zoom in ZOOMS:
        seen = look(zoom)
        if seen is None:
            continue
        if shown is not None and not seen.contradicts(shown):
            if shown.whole and shown.sure:
                break
            continue
        if zoom == ZOOMS[-1] and shown is not None and seen.radius_mm > RUNS_ON * shown.radius_mm:
            break
        if seen.lesion.any():
            shown = seen
            if shown.whole and (sized or (zoom == ZOOMS[0] and shown.sure)):
                break
    return shown, shown is not None and shown.whole
