"""The sums of diameters over time as a drawing (SVG) for the page: of the course that lies in the scene."""

from __future__ import annotations

from LungTumorSegLib.measurement.colours import LESIONS
from LungTumorSegLib.response.table import study_name
from LungTumorSegLib.scene.followup import FollowUp
from LungTumorSegLib.web.plot import TEXT, Plot

WIDTH, HEIGHT, LEFT, RIGHT = 364, 210, 36, 122
GROWN, SHRUNK = "#ff7b72", "#8fd06a"
LIMITS = 2  # the last columns of the table: what the last date is held against


def drawn(followup: FollowUp | None) -> str:
    """Sum, target lesions and the limits of partial response and progression (RECIST 1.1), mm, by date; evenly where a
    date is not known. Empty text where there is nothing to draw."""
    if followup is None or followup.course is None or not followup.course.selection.targets:
        return ""
    days, columns = read_table(followup.sums_node.GetTable())
    (shrunk_name, shrunk), (grown_name, grown) = columns[-LIMITS:]
    highest = max(value for _, values in columns for value in values if value == value)
    plot = Plot(WIDTH, HEIGHT, LEFT, RIGHT, (days[0], days[-1]), (0.0, 1.08 * highest))
    plot.scale("mm")
    plot.stations(
        days, [study_name(followup.course, n) for n in range(len(days))], "" if dated(followup) else "no dates"
    )
    plot.line(days, shrunk, SHRUNK, f"{shrunk[-1]:.1f} response", dashed=True)
    plot.line(days, grown, GROWN, f"{grown[-1]:.1f} progression", dashed=True)
    for place, (name, values) in enumerate(columns[1:-LIMITS]):
        red, green, blue = (round(255 * part) for part in LESIONS[place % len(LESIONS)])
        plot.line(days, values, f"rgb({red}, {green}, {blue})", ended(name.lower(), values))
    name, values = columns[0]
    plot.line(days, values, TEXT, ended("sum", values), bold=True)
    return plot.drawing(
        f"Sum of diameters, mm, by date: {', '.join(f'{value:.1f}' for value in values)}; "
        f"{shrunk_name} {shrunk[-1]:.1f}, {grown_name} {grown[-1]:.1f}"
    )


def dated(followup: FollowUp) -> bool:
    return all(study.day is not None for study in followup.course.studies)


def ended(name: str, values: list[float]) -> str:
    """ "45.6 sum": where the line ends."""
    return f"{values[-1]:.1f} {name}" if values[-1] == values[-1] else name


def read_table(table) -> tuple[list[float], list[tuple[str, list[float]]]]:
    """The first column of a vtkTable of numbers, and the others with their names."""
    columns = [table.GetColumn(n) for n in range(table.GetNumberOfColumns())]
    values = [[column.GetValue(row) for row in range(table.GetNumberOfRows())] for column in columns]
    return values[0], [(column.GetName(), some) for column, some in zip(columns[1:], values[1:], strict=True)]
