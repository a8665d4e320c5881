"""What a user sets to mean one lesion: points inside it, points beside it, a box around it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Geometry

Point = tuple[float, float, float]
NONE = np.zeros((0, 3))


@dataclass(frozen=True)
class Marks:
    """Points (n, 3) inside and outside, and two opposite corners (2, 3) of a box or None; all LPS mm.

    The sides of the box are parallel to the patient's axes.
    """

    inside: np.ndarray = field(default_factory=lambda: NONE)
    outside: np.ndarray = field(default_factory=lambda: NONE)
    box: np.ndarray | None = None

    @classmethod
    def of(cls, inside=(), outside=(), box=None) -> Marks:
        """From any sequences of (x, y, z). `InputRefused` where there is neither point inside nor box."""
        if not len(inside) and box is None:
            raise InputRefused("no point inside the lesion: click at least one, or draw a box around it")
        corners = None
        if box is not None:
            corners = np.sort([numbers(corner) for corner in box], axis=0)
            if len(corners) != 2 or (corners[0] == corners[1]).any():
                raise InputRefused("the box has no extent: give two opposite corners (LPS mm)")
        return cls(*(np.array([numbers(p) for p in points]).reshape(-1, 3) for points in (inside, outside)), corners)

    @property
    def middle(self) -> np.ndarray:
        """Where to look first: the box's middle, else the first point inside."""
        return self.inside[0] if self.box is None else self.box.mean(0)

    @property
    def extent(self) -> np.ndarray:
        """(n, 3): everything that the window must hold."""
        return self.inside if self.box is None else np.concatenate([self.inside, self.box])

    def refuse_off(self, geometry: Geometry) -> None:
        """`InputRefused` where a point, or the box's middle, lies off the scan."""
        points = [*self.inside, *self.outside, *([] if self.box is None else [self.middle])]
        for point in points:
            index = geometry.lps_to_ijk(point)
            if (index < -0.5).any() or (index > np.array(geometry.shape[::-1]) - 0.5).any():
                place = ", ".join(f"{x:.1f}" for x in point)
                raise InputRefused(f"the point ({place}) lies outside the scan: click inside it (LPS mm)")

    def drawn(self, window: Geometry) -> np.ndarray:
        """The box on a window's grid: bool, its shape; no voxel where there is no box."""
        if self.box is None:
            return np.zeros(window.shape, bool)
        index = np.stack(np.meshgrid(*[np.arange(n) for n in window.shape[::-1]], indexing="ij"), -1)
        at = window.ijk_to_lps(index).transpose(2, 1, 0, 3)
        # A box thinner than a voxel still holds one.
        half = np.maximum(np.diff(self.box, axis=0)[0], max(window.spacing)) / 2
        return (np.abs(at - self.middle) <= half).all(-1)


def numbers(point) -> np.ndarray:
    values = np.asarray(point, float)
    if values.shape != (3,) or not np.isfinite(values).all():
        raise InputRefused(f"a point must be three numbers (LPS mm), not {point}")
    return values
