"""The lesions as a table on a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from LungTumorSegLib.measurement.measure import Lesion


def lesion_table(lesions: list[Lesion]) -> Table:
    """One row a lesion; millimetres to 0.1, as radiologists write them."""
    table = Table("lesion", header_style="bold", box=SIMPLE_HEAD)
    for heading in ("long axis", "short axis", "largest 3D", "volume", "slice", "mean p"):
        table.add_column(heading, justify="right")
    for lesion in lesions:
        probability = "" if lesion.mean_probability is None else f"{lesion.mean_probability:.2f}"
        table.add_row(
            str(lesion.id),
            f"{lesion.long_axis_mm:.1f} mm",
            f"{lesion.short_axis_mm:.1f} mm",
            f"{lesion.max_3d_diameter_mm:.1f} mm",
            f"{lesion.volume_ml:.2f} mL",
            str(lesion.slice),
            probability,
        )
    return table
