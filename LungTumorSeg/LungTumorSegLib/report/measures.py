"""A lesion's measures in words: rounded for reading, with units, what was not measured left out."""

from __future__ import annotations

from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.measurement.wording import density

# Heading and unit of the table of all lesions.
COLUMNS = (
    ("lesion", ""), ("place", ""), ("long axis", "mm"), ("short axis", "mm"), ("product", "mm²"), ("largest 3D", "mm"),
    ("volume", "mL"), ("mean", "HU"), ("slice", "from 0"), ("target", "by size"),
)  # fmt: skip
NOTHING = "–"


def table_row(lesion: Lesion) -> tuple[str, ...]:
    """Under `COLUMNS`."""
    return (
        str(lesion.id),
        short_place(lesion),
        f"{lesion.long_axis_mm:.1f}",
        f"{lesion.short_axis_mm:.1f}",
        f"{lesion.who_product_mm2:.0f}",
        f"{lesion.max_3d_diameter_mm:.1f}",
        f"{lesion.volume_ml:.2f}",
        typeset_density(lesion),
        str(lesion.slice),
        "yes" if lesion.measurable else "no",
    )


def measures(lesion: Lesion) -> list[tuple[str, str]]:
    """Name and value of everything that is known of the lesion."""
    lines = [
        ("Long axis", f"{lesion.long_axis_mm:.1f} mm{interval(lesion.long_axis_interval_mm)}"),
        ("Short axis", f"{lesion.short_axis_mm:.1f} mm{interval(lesion.short_axis_interval_mm)}"),
        ("Product (WHO)", f"{lesion.who_product_mm2:.0f} mm²"),
        ("Largest 3D", f"{lesion.max_3d_diameter_mm:.1f} mm"),
        ("Volume", f"{lesion.volume_ml:.2f} mL"),
    ]
    if lesion.mean_hu is not None:
        solid = "" if lesion.solid_share is None else f", {100 * lesion.solid_share:.0f} % solid"
        lines.append(("Mean density", f"{typeset_density(lesion)} HU{solid}"))
    if lesion.mean_probability is not None:
        lines.append(("Mean probability", f"{lesion.mean_probability:.2f}"))
    if lesion.side or lesion.node:
        lines.append(("Place", long_place(lesion)))
    lines.append(("Slice", f"{lesion.slice} (from 0), z {middle_z(lesion):.1f} mm".replace("-", "−")))
    lines.append(("Target by size", "yes" if lesion.measurable else "no"))
    if lesion.edited:
        lines.append(("Edited", "an axis was drawn by hand"))
    return lines


def interval(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f" ({ends[0]:.1f}–{ends[1]:.1f})"


def short_place(lesion: Lesion) -> str:
    return "node" if lesion.node else lesion.side or NOTHING


def long_place(lesion: Lesion) -> str:
    if lesion.node:
        return "lymph node"
    if lesion.pleura_mm is None:
        return f"{lesion.side} lung"
    away = "at the pleura" if lesion.pleura_mm < 0.5 else f"{lesion.pleura_mm:.0f} mm to the pleura"
    return f"{lesion.side} lung, {away}"


def middle_z(lesion: Lesion) -> float:
    return sum(point[2] for point in lesion.long_axis_points_lps) / 2


def typeset_density(lesion: Lesion) -> str:
    """With a true minus sign."""
    return density(lesion.mean_hu, NOTHING).replace("-", "−")
