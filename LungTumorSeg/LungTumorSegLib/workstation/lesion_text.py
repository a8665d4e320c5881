"""The table of lesions as text with tabs, for the clipboard."""

from __future__ import annotations

from collections.abc import Sequence

from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.measurement.wording import density

COLUMNS = (
    ("Lesion", lambda x: x.id),
    ("Side", lambda x: x.side or ""),
    ("Long axis mm", lambda x: f"{x.long_axis_mm:.1f}"),
    ("Short axis mm", lambda x: f"{x.short_axis_mm:.1f}"),
    ("3D diameter mm", lambda x: f"{x.max_3d_diameter_mm:.1f}"),
    ("Volume mL", lambda x: f"{x.volume_ml:.3f}"),
    ("Mean HU", lambda x: density(x.mean_hu)),
    ("Slice", lambda x: x.slice),
    ("Measurable", lambda x: "yes" if x.measurable else "no"),
    ("Node", lambda x: "yes" if x.node else "no"),
    ("Edited", lambda x: "yes" if x.edited else "no"),
)


def lesion_text(lesions: Sequence[Lesion]) -> str:
    """A heading and a row a lesion, tabs between the columns; in English and with points, so that programs read it."""
    rows = [[title for title, _ in COLUMNS], *([str(value(x)) for _, value in COLUMNS] for x in lesions)]
    return "".join("\t".join(row) + "\n" for row in rows)
