"""The Measure tab: the lesions as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.measurement.colours import lesion_colour
from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.measurement.wording import density, diameter
from LungTumorSegLib.web.state import MeasureState

COLUMNS = ("Lesion", "Side", "Long × short, mm", "3D, mm", "mL", "HU", "")


@dataclass
class MeasureActions:
    """What the tab's buttons do; a lesion is given by its number."""

    jump: Callable[[int], None]
    mark_node: Callable[[], None]
    reset_lines: Callable[[], None]


def measure_tab(server, actions: MeasureActions) -> None:
    """Build the widgets at the current place."""
    name = TypedState(server.state, MeasureState).name
    with html.Table(classes="lts-table", id="lesions"):
        with html.Thead(), html.Tr():
            for title in COLUMNS:
                html.Th(title)
        with html.Tbody(), html.Tr(
            v_for=f"row in {name.rows}", key="row.id", tabindex=0,
            classes=(f"row.id === {name.chosen} ? 'lts-chosen' : ''",),
            click=(actions.jump, "[row.id]"), v_on_keydown_enter=(actions.jump, "[row.id]"),
        ):  # fmt: skip
            with html.Td(style="white-space: nowrap"):
                html.Span(classes="lts-dot", style=("{background: row.colour}",))
                html.Span("{{ row.id }}")
            html.Td("{{ row.side }}")
            html.Td("{{ row.axes }}", title=("row.interval",))
            html.Td("{{ row.space }}")
            html.Td("{{ row.volume }}")
            html.Td("{{ row.density }}")
            html.Td("{{ row.mark }}")
    html.Div(
        "No lesions yet: press Segment, place a point, or paint.", v_if=(f"!{name.rows}.length",),
        classes="text-body-2 mt-3", style="color: var(--lts-quiet)",
    )  # fmt: skip
    html.Div(f"{{{{ {name.sums} }}}}", v_if=(f"{name.rows}.length",), classes="text-body-2 mt-2", id="sums")
    with html.Div(classes="lts-row mt-3"):
        v3.VBtn(
            "Lymph node", size="small", variant="tonal", click=actions.mark_node,
            disabled=(f"!{name.chosen}",), title="Take the chosen lesion for a lymph node, or for none",
        )  # fmt: skip
        v3.VBtn(
            "Reset lines", size="small", variant="tonal", click=actions.reset_lines,
            disabled=(f"!{name.rows}.some(row => row.edited)",),
            title="Put the lines that you moved back to where they are measured",
        )  # fmt: skip
        v3.VBtn(
            "Copy table", size="small", variant="tonal", disabled=(f"!{name.rows}.length",),
            click=f"window.navigator.clipboard.writeText({name.copied})", title="As text with tabs between columns",
        )  # fmt: skip
    html.Div(
        "Drag an end of a diameter line in a view to measure by hand; the table follows.", classes="text-caption mt-2",
        style="color: var(--lts-quiet)",
    )  # fmt: skip


def row(lesion: Lesion) -> dict:
    """A lesion as the table shows it."""
    red, green, blue = (round(255 * part) for part in lesion_colour(lesion.id))
    marks = (("edited", lesion.edited), ("node", lesion.node), ("small", not lesion.measurable))
    return {
        "id": lesion.id,
        "colour": f"rgb({red}, {green}, {blue})",
        "side": lesion.side or "",
        "axes": f"{lesion.long_axis_mm:.1f} × {lesion.short_axis_mm:.1f}",
        "interval": (
            f"Long axis {diameter(lesion.long_axis_mm, lesion.long_axis_interval_mm)} mm, "
            f"short axis {diameter(lesion.short_axis_mm, lesion.short_axis_interval_mm)} mm; "
            "in brackets the range over thresholds 0.3 to 0.7"
        ),
        "space": f"{lesion.max_3d_diameter_mm:.1f}",
        "volume": f"{lesion.volume_ml:.2f}",
        "density": density(lesion.mean_hu),
        "edited": lesion.edited,
        "mark": ", ".join(word for word, on in marks if on),
    }


def sums(lesions: list[Lesion]) -> str:
    """ "3 lesions, 12.34 mL in all; long axes of the measurable ones 45.6 mm together." """
    count = f"{len(lesions)} lesion{'s' if len(lesions) != 1 else ''}"
    volume = sum(lesion.volume_ml for lesion in lesions)
    measurable = [lesion for lesion in lesions if lesion.measurable]
    axes = sum(lesion.short_axis_mm if lesion.node else lesion.long_axis_mm for lesion in measurable)
    return f"{count}, {volume:.2f} mL in all; target diameters of the {len(measurable)} measurable: {axes:.1f} mm."
