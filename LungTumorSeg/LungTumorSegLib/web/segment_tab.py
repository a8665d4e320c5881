"""The Segment tab: model, Segment and Cancel, threshold, overlays, points and boxes, brush."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.scene.colours import HEAT as HEAT_COLOURS
from LungTumorSegLib.scene.colours import PROBABILITY as PROBABILITY_COLOURS
from LungTumorSegLib.web.state import PageState, SegmentState
from LungTumorSegLib.workstation.desk import SLIDER
from LungTumorSegLib.workstation.host import HEAT, PROBABILITY

LARGEST_SMALLEST_MM = 30.0


@dataclass
class SegmentActions:
    """What the tab's buttons do."""

    segment_or_cancel: Callable[[], None]
    explain: Callable[[], None]
    delete_prompts: Callable[[], None]
    reset_edits: Callable[[], None]
    undo: Callable[[], None]
    redo: Callable[[], None]
    new_lesion: Callable[[], None]
    fill_models: Callable[[], None]  # builds the button of the models' dialog
    fill_images: Callable[[], None]  # builds the rows of the images that the model reads


def segment_tab(server, actions: SegmentActions) -> None:
    """Build the widgets at the current place."""
    name = TypedState(server.state, SegmentState).name
    page = TypedState(server.state, PageState).name
    with html.Div(classes="lts-row flex-nowrap mb-3"):
        v3.VSelect(
            v_model=(name.model,), items=(name.models,), item_title="title", item_value="name", label="Model",
            density="compact", hide_details=True, variant="outlined", disabled=(name.busy,), style="min-width: 0",
        )  # fmt: skip
        actions.fill_models()
    actions.fill_images()
    v3.VBtn(
        f"{{{{ {name.busy} ? 'Cancel' : 'Segment' }}}}", id="segment", block=True, size="large",
        color=(f"{name.busy} ? 'grey-darken-1' : 'primary'",), disabled=(f"!{name.busy} && !{name.ready}",),
        click=actions.segment_or_cancel,
        title=(f"{name.busy} ? 'Stop; nothing is changed' : 'Find the lung tumours of the chosen CT'",),
    )  # fmt: skip

    _section("Mask")
    _slider(
        "Threshold", name.threshold, *SLIDER, 0.01, f"{name.threshold}.toFixed(2)", "threshold",
        disabled=(f"!{name.has_result}",),
    )  # fmt: skip
    _slider(
        "Smallest lesion", name.smallest_mm, 0, LARGEST_SMALLEST_MM, 0.5, f"{name.smallest_mm}.toFixed(1) + ' mm'",
        "smallest",
    )  # fmt: skip
    _switch("Largest lesion only", name.largest_only)

    _section("Overlay")
    with v3.VBtnToggle(
        v_model=(name.overlay,), mandatory=True, density="compact", variant="outlined", divided=True, classes="mb-1",
        style="height: 32px",
    ):  # fmt: skip
        v3.VBtn("None", value="none", size="small")
        v3.VBtn("Probability", value=PROBABILITY, size="small", id="show-probability")
        v3.VBtn(
            "Grad-CAM", value=HEAT, size="small", id="show-heat",
            title="What in the CT made the model say tumour; made at first use",
            disabled=(f"!{name.has_result} || ({name.busy} && {name.overlay} !== '{HEAT}')",), click=actions.explain,
        )  # fmt: skip
    _legend(name)
    _slider("Opacity", name.opacity, 0, 1, 0.05, f"Math.round(100 * {name.opacity}) + ' %'", "opacity")
    with html.Div(classes="lts-row"):
        _switch("Outline", name.outline)
        _switch("Fill", name.fill)
        _switch("3D", name.surface)

    _section("Points and boxes")
    with html.Div(classes="lts-row"):
        for tool, text, icon, colour, hint in (
            ("inside", "Inside", "mdi-plus-circle-outline", "green-lighten-1",
             "Click in a lesion that was missed, or in the middle of what is missing of one (P)"),
            ("outside", "Outside", "mdi-minus-circle-outline", "deep-orange-lighten-1",
             "Click in the middle of what is no tumour (N)"),
            ("box", "Box", "mdi-crop-square", "blue-lighten-2", "Click two opposite corners around a lesion (X)"),
        ):  # fmt: skip
            _tool(page, tool, text, icon, hint, colour, (f"!{name.can_prompt}",))
        v3.VBtn(
            "Delete all", size="small", variant="text", classes="px-1", disabled=(f"!{name.has_prompts}",),
            click=actions.delete_prompts, title="Delete points and boxes; what they replaced comes back",
        )  # fmt: skip

    _section("Brush")
    with html.Div(classes="lts-row"):
        _tool(page, "paint", "Paint", "mdi-brush", "Paint into the lesion named below (E)", "", (f"!{name.has_ct}",))
        _tool(page, "erase", "Erase", "mdi-eraser", "Erase from it (D)", "", (f"!{name.has_result}",))
        v3.VBtn(
            "New lesion", size="small", variant="tonal", classes="px-2", prepend_icon="mdi-plus", id="new-lesion",
            disabled=(f"!{name.has_ct}",), click=actions.new_lesion,
            title="Begin a lesion that was not found, and paint it (A)",
        )  # fmt: skip
    _slider("Size", name.brush_mm, 1, 40, 0.5, f"{name.brush_mm}.toFixed(1) + ' mm'", "brush")
    with html.Div(classes="lts-row flex-nowrap"):
        _switch("Ball", name.brush_ball, "A ball through the slices, not a disc in one")
        html.Span(
            f"{{{{ {name.brush_lesion} ? 'for lesion ' + {name.brush_lesion} : '' }}}}", id="brush-lesion",
            classes="lts-label flex-grow-1", title="The lesion that the brush is for: choose another in Measure",
        )  # fmt: skip
        for text, icon, enabled, does in (
            ("Undo (Ctrl+Z)", "mdi-undo", name.can_undo, actions.undo),
            ("Redo (Ctrl+Y)", "mdi-redo", name.can_redo, actions.redo),
        ):
            with v3.VBtn(
                icon=True, size="small", density="compact", variant="text", title=text, aria_label=text, click=does,
                disabled=(f"!{enabled}",),
            ):  # fmt: skip
                v3.VIcon(icon, size=20)
        v3.VBtn(
            "Reset", size="small", variant="text", classes="px-1", disabled=(f"!{name.has_edits}",),
            click=actions.reset_edits, title="Take back what was painted and erased",
        )  # fmt: skip


def _section(title: str) -> None:
    html.Div(title, classes="lts-section")


def _slider(label, model, lowest, highest, step, text, identity, **kwargs) -> None:
    with html.Div(classes="lts-row flex-nowrap lts-slider"):
        html.Span(label, classes="lts-label")
        v3.VSlider(
            v_model=(model,), min=lowest, max=highest, step=step, hide_details=True, density="compact",
            thumb_size=14, track_size=3, color="primary", aria_label=label, id=identity, **kwargs,
        )  # fmt: skip
        html.Span(f"{{{{ {text} }}}}", classes="lts-value")


def _switch(label: str, model, title: str = "") -> None:
    v3.VCheckbox(
        v_model=(model,), label=label, density="compact", hide_details=True, classes="flex-grow-0 mr-1", title=title
    )


def _tool(page: PageState, tool: str, text: str, icon: str, hint: str, colour: str, disabled) -> None:
    v3.VBtn(
        text, size="small", classes="px-2", prepend_icon=icon, id=f"tool-{tool}", disabled=disabled,
        variant=(f"{page.tool} === '{tool}' ? 'flat' : 'tonal'",), title=hint,
        color=(f"{page.tool} === '{tool}' ? 'primary' : '{colour}'",),
        aria_pressed=(f"{page.tool} === '{tool}'",), click=f"{page.tool} = {page.tool} === '{tool}' ? '' : '{tool}'",
    )  # fmt: skip


def _legend(name: SegmentState) -> None:
    for overlay, colours in ((PROBABILITY, PROBABILITY_COLOURS), (HEAT, HEAT_COLOURS)):
        stops = ", ".join(f"rgb({', '.join(str(round(255 * part)) for part in colour)})" for colour in colours)
        with html.Div(
            classes="lts-row flex-nowrap text-caption", style="height: 22px", v_if=(f"{name.overlay} === '{overlay}'",)
        ):
            html.Span("0")
            html.Div(classes="lts-legend", style=f"background: linear-gradient(to right, {stops})")
            html.Span("1")
