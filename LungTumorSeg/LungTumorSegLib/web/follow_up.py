"""Follow-up in the Measure tab: the earlier study, which lesion is which, the response in words and as a plot."""

from __future__ import annotations

from datetime import date

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.web.state import FollowUpState, SegmentState
from LungTumorSegLib.web.sums_plot import drawn
from LungTumorSegLib.workstation.desk import Desk
from LungTumorSegLib.workstation.following import Following
from LungTumorSegLib.workstation.jobs import Jobs


class FollowUpGroup:
    """Binds the widgets to a `Following`."""

    def __init__(self, server, desk: Desk, jobs: Jobs):
        self._desk = desk
        self._dated: tuple = (None, None)  # the CTs whose dates are in the fields
        self.state = TypedState(server.state, FollowUpState)
        self._segment = TypedState(server.state, SegmentState)
        self.following = Following(desk, jobs, self.show)
        self.state.bind_changes({self.state.name.earlier: self._choose, self.state.name.chosen: self._show_fates})

    def show(self) -> None:
        """Choices, matches and response as they are now."""
        following, data = self.following, self.state.data
        data.choices = [{"id": ct.GetID(), "name": ct.GetName()} for ct in following.choices()]
        with self.state.suppress_change_listeners():
            data.earlier = following.earlier.GetID() if following.earlier is not None else ""
        self._show_days()
        data.matches = [
            {
                "number": match.number, "earlier": match.earlier, "now": match.now, "change": match.change,
                "look": "confirmed" if match.confirmed else match.doubt, "role": match.role,
            }
            for match in following.matches
        ]  # fmt: skip
        data.response, data.plot = following.in_words(), drawn(following.followup)
        self._show_fates(data.chosen)

    def _show_days(self) -> None:
        """Of other CTs than before: their dates, where they are known."""
        cts = tuple(ct and ct.GetID() for ct in (self.following.earlier, self._desk.ct))
        if cts != self._dated:
            self._dated = cts
            self.state.data.earlier_day, self.state.data.day = (str(day or "") for day in self.following.days)

    def _compare(self) -> None:
        try:
            days = [read_day(text) for text in (self.state.data.earlier_day, self.state.data.day)]
        except ValueError:
            self._desk.host.failed("Write the dates as year-month-day, 2026-03-02, or leave them empty.")
            return
        self.following.compare(*days)

    def _choose(self, node_id: str) -> None:
        self.following.choose_earlier(self._desk.scene.GetNodeByID(node_id) if node_id else None)

    def _show_fates(self, number: int) -> None:
        data = self.state.data
        if number not in [match["number"] for match in data.matches]:
            data.fates = []
            return
        data.fates = [{"title": text, "value": change} for text, change in self.following.fates(number)]

    def _confirm(self) -> None:
        self.following.confirm(self.state.data.chosen or None)

    def fill(self) -> None:
        """Build the widgets at the current place."""
        name, segment = self.state.name, self._segment.name
        html.Div("Follow-up", classes="lts-section")
        with html.Div(classes="lts-row flex-nowrap"):
            v3.VSelect(
                v_model=(name.earlier,), items=(name.choices,), item_title="name", item_value="id",
                label="Earlier study", density="compact", hide_details=True, variant="outlined", style="min-width: 0",
                no_data_text="Open and segment the earlier CT, or drop its result's folder",
            )  # fmt: skip
            v3.VBtn(
                "Compare", variant="tonal", height=40, click=self._compare, id="compare",
                disabled=(f"!{name.earlier} || !{segment.has_result}",),
                title="Lay the scans over each other and match the lesions",
            )  # fmt: skip
        with html.Div(classes="lts-row flex-nowrap mt-3", v_if=(name.earlier,)):
            for model, label in ((name.earlier_day, "Date, earlier CT"), (name.day, "Date, this CT")):
                v3.VTextField(
                    v_model=(model,), label=label, placeholder="YYYY-MM-DD", persistent_placeholder=True,
                    density="compact", hide_details=True, variant="outlined", maxlength=10,
                    title="For the plot; filled in where the CT tells it",
                )  # fmt: skip
        html.Div(f"{{{{ {name.response} }}}}", v_if=(name.response,), classes="text-body-2 mt-2", id="response")
        with html.Div(v_if=(name.plot,), id="sums-plot", classes="mt-3"):
            html.Div("Sum of diameters, mm (RECIST 1.1)", classes="text-caption mb-1")
            html.Div(v_html=(name.plot,))
        with html.Table(classes="lts-table mt-1", v_if=(f"{name.matches}.length",), id="matches"):
            with html.Thead(), html.Tr():
                for title in ("", "Earlier", "Now", "Change", "Look at"):
                    html.Th(title)
            with html.Tbody(), html.Tr(
                v_for=f"match in {name.matches}", key="match.number", tabindex=0, title=("match.role",),
                classes=(f"match.number === {name.chosen} ? 'lts-chosen' : ''",),
                click=f"{name.chosen} = match.number", v_on_keydown_enter=f"{name.chosen} = match.number",
            ):  # fmt: skip
                for key in ("number", "earlier", "now", "change", "look"):
                    html.Td(f"{{{{ match.{key} }}}}")
        with html.Div(classes="lts-row flex-nowrap mt-2", v_if=(f"{name.matches}.length",)):
            v3.VBtn("Confirm", size="small", variant="tonal", click=self._confirm, title="The chosen match, or all")
            v3.VSelect(
                model_value=(None,), items=(name.fates,), label="Change the chosen match to", density="compact",
                hide_details=True, variant="outlined", disabled=(f"!{name.fates}.length",),
                update_modelValue=(self.following.change, "[$event]"),
            )  # fmt: skip


def read_day(text: str | None) -> date | None:
    """Of a date field; None where nothing was filled in. ValueError where it is no date."""
    return date.fromisoformat(text.strip()) if text and text.strip() else None
