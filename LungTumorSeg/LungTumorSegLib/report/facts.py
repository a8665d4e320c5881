"""What a report says of the study and of how its lesions were found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from LungTumorSegLib.volume.geometry import Volume

TITLE = "Lung tumours on CT: measurements"
INTERVALS = "In brackets: the value where the probability is cut at 0.3 and at 0.7 instead."
TARGET = "Target by size: long axis from 10 mm, of a node short axis from 15 mm, and two slices or more (RECIST 1.1)."
BLANKS = ("Patient", "Read by", "Date and signature")  # to be filled in by hand: the program writes no patient's name


@dataclass(frozen=True)
class Facts:
    """study_date : YYYY-MM-DD, None where unknown. outlined_by : in words. threshold : None for a mask.
    version : of the program. written : when the lesions were found. image : SHA-256 (hex) of the scan."""

    study_date: str | None
    outlined_by: str
    threshold: float | None
    version: str
    written: datetime
    image: str

    def lines(self, scan: Volume) -> list[tuple[str, str]]:
        """Name and value of each fact, in order."""
        columns, rows, slices = scan.geometry.shape[::-1]
        spacing = " × ".join(f"{s:.2f}" for s in scan.geometry.spacing)
        cut = "" if self.threshold is None else f", probability from {self.threshold:.2g}"
        return [
            ("Study date", self.study_date or "not stated"),
            ("Outlined by", f"{self.outlined_by}{cut}"),
            ("Scan", f"{columns} × {rows} × {slices} voxels of {spacing} mm"),
            ("Program", f"LungTumorSeg {self.version}, {self.written:%Y-%m-%d %H:%M} UTC"),
            ("Scan's SHA-256", f"{self.image[:16]}…"),
        ]
