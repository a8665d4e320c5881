"""How one scan lies over another."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Alignment:
    """A rigid movement from one scan's patient coordinates to the baseline's, and how well it fits.

    matrix : 4 x 4, LPS mm of the follow-up to LPS mm of the baseline.
    overlap : Dice of the lung masks within what both scans show, 0..1.
    surface_mm : mean distance of the follow-up's lung surface to the baseline's, where both scans show it.
    correlation : of the grey values in and around the lungs, -1..1.
    """

    matrix: np.ndarray = field(default_factory=lambda: np.eye(4))
    overlap: float = 1.0
    surface_mm: float = 0.0
    correlation: float = 1.0

    def to_baseline(self, points_lps: np.ndarray) -> np.ndarray:
        """(..., 3) LPS mm of the follow-up, in the baseline."""
        return np.asarray(points_lps, float) @ self.matrix[:3, :3].T + self.matrix[:3, 3]

    def from_baseline(self, points_lps: np.ndarray) -> np.ndarray:
        """(..., 3) LPS mm of the baseline, in the follow-up."""
        return (np.asarray(points_lps, float) - self.matrix[:3, 3]) @ self.matrix[:3, :3]

    @property
    def turn_degrees(self) -> float:
        """The angle of its rotation."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.matrix[:3, :3]) - 1) / 2, -1, 1))))

    def as_dict(self) -> dict:
        """JSON-ready."""
        return {
            "matrix_lps_followup_to_baseline": self.matrix.tolist(),
            "lung_overlap_dice": self.overlap,
            "lung_surface_mm": self.surface_mm,
            "correlation": self.correlation,
            "turn_degrees": self.turn_degrees,
        }

    def in_words(self) -> str:
        return f"lungs overlap {self.overlap:.2f} (Dice), their surfaces lie {self.surface_mm:.1f} mm apart"
