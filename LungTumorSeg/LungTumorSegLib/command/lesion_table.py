"""The lesions as a table on a terminal."""

from __future__ import annotations

from collections.abc import Callable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.measurement.wording import density, diameter

# Heading, and the cell of a lesion. A column whose cells are all empty is left out.
COLUMNS: dict[str, Callable[[Lesion], str]] = {
    "lesion": lambda x: str(x.id),
    "lung": lambda x: x.side or "",
    "long axis\nmm": lambda x: diameter(x.long_axis_mm, x.long_axis_interval_mm),
    "short axis\nmm": lambda x: diameter(x.short_axis_mm, x.short_axis_interval_mm),
    "3D\nmm": lambda x: f"{x.max_3d_diameter_mm:.1f}",
    "volume\nmL": lambda x: f"{x.volume_ml:.2f}",
    "WHO\nmm²": lambda x: f"{x.who_product_mm2:.0f}",
    "HU": lambda x: density(x.mean_hu),
    "solid": lambda x: "" if x.solid_share is None else f"{x.solid_share:.0%}",
    "pleura\nmm": lambda x: "" if x.pleura_mm is None else f"{x.pleura_mm:.0f}",
    "slice": lambda x: str(x.slice),
    "mean p": lambda x: "" if x.mean_probability is None else f"{x.mean_probability:.2f}",
    "target\nsize": lambda x: "yes" if x.measurable else "no",
    "mark": lambda x: ", ".join(word for word, on in (("node", x.node), ("edited", x.edited)) if on),
}
WORDS = ("lung", "target\nsize", "mark")
# What a narrow terminal is spared, first to last.
DISPENSABLE = ("WHO\nmm²", "pleura\nmm", "solid", "mean p", "3D\nmm", "HU", "slice")


def lesion_table(lesions: list[Lesion]) -> Table:
    """One row a lesion; millimetres to 0.1, as radiologists write them, in brackets their range over thresholds."""
    cells = {heading: [cell(lesion) for lesion in lesions] for heading, cell in COLUMNS.items()}
    headings = [heading for heading in cells if any(cells[heading])]
    console, left_out = Console(), []
    for heading in (None, *DISPENSABLE):
        if heading in headings:
            headings.remove(heading)
            left_out.append(heading.split("\n")[0])
        table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False)
        for shown in headings:
            table.add_column(shown, justify="left" if shown in WORDS else "right", no_wrap=True, vertical="bottom")
        for row in zip(*(cells[shown] for shown in headings), strict=True):
            table.add_row(*row)
        if Measurement.get(console, console.options.update(max_width=1000), table).maximum <= console.width:
            break
    if left_out:
        table.caption = f"no room here for {', '.join(left_out)}"
    return table
