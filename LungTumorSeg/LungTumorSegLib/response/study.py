"""One date of a patient: when it was scanned, what was found, and how its scan lies over the baseline's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.response.alignment import Alignment
from LungTumorSegLib.volume.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Study:
    """geometry : the whole scan's grid. alignment : to the baseline; of the baseline itself, no movement."""

    lesions: tuple[Lesion, ...]
    geometry: Geometry
    day: date | None = None
    alignment: Alignment = field(default_factory=Alignment)

    def lesion(self, number: int) -> Lesion:
        return next(lesion for lesion in self.lesions if lesion.id == number)

    def covers(self, baseline_lps: np.ndarray) -> bool:
        """True where a point of the baseline (LPS mm) lies in this scan."""
        ijk = self.geometry.lps_to_ijk(self.alignment.from_baseline(baseline_lps))
        return bool(np.all((ijk >= -0.5) & (ijk <= np.array(self.geometry.shape[::-1]) - 0.5)))


def check_order(days: Sequence[date | None]) -> None:
    """Refuse dates that do not rise: a swapped order would turn shrinking into growth."""
    for n in range(1, len(days)):
        if days[n - 1] is None or days[n] is None:
            continue
        if days[n] < days[n - 1]:
            raise InputRefused(
                f"Study {n} ({days[n]}) is older than study {n - 1} ({days[n - 1]}), where 0 is the baseline: give the "
                "studies by date, or correct the dates with --date."
            )
        if days[n] == days[n - 1]:
            raise InputRefused(f"Studies {n - 1} and {n} are of one day ({days[n]}): is it the same scan twice?")
