"""The page around the tabs: bar with views and windows, panel with tabs and status line, the views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import client, html
from trame.widgets import vuetify3 as v3
from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.measurement.wording import DISCLAIMER
from LungTumorSegLib.web.state import PageState
from LungTumorSegLib.web.views import AXIAL, CORONAL, FOUR, SAGITTAL, SPACE, WINDOWS, Views

PANEL_WIDTH, WIDE_PANEL = 392, 490  # px; of a window from 2200 px on, where all in it is larger (page.css)
NOTICE = f"Research use only. {DISCLAIMER} Nothing here may be used to decide about a patient."
CHOOSE_FILE, CHOOSE_FOLDER = "window.lungTumorSeg.choose(false)", "window.lungTumorSeg.choose(true)"
TABS = {
    "segment": ("Segment", "mdi-target"),
    "measure": ("Measure", "mdi-ruler"),
    "export": ("Export", "mdi-tray-arrow-down"),
    "train": ("Train", "mdi-school-outline"),
}
LAYOUTS = {
    FOUR: ("All four views (1)", "mdi-view-grid-outline"),
    AXIAL: ("Axial alone (2)", "mdi-alpha-a-box-outline"),
    CORONAL: ("Coronal alone (3)", "mdi-alpha-c-box-outline"),
    SAGITTAL: ("Sagittal alone (4)", "mdi-alpha-s-box-outline"),
    SPACE: ("3D alone (5)", "mdi-cube-outline"),
}
SHORTCUTS = (
    ("Mouse wheel", "scroll through the slices"),
    ("Right button, dragged", "zoom"),
    ("Middle button, dragged", "move the picture"),
    ("W, then left button, dragged", "window and level"),
    ("Left button, dragged, in 3D", "turn"),
    ("1 to 5", "all four views, axial, coronal, sagittal, 3D alone"),
    ("L, M, B", "window for lung, mediastinum, bone"),
    ("Up and down on a view's scroll bar", "scroll without a mouse"),
    ("P, N, X", "place points inside, outside of a lesion; draw a box"),
    ("E, D, A", "paint, erase, begin a new lesion"),
    ("F", "fit the views to the CT"),
    ("Ctrl+Z, Ctrl+Y", "undo, redo"),
    ("Esc", "put the tool down; with none in the hand, cancel what is computed"),
    ("Tab, Shift+Tab", "go from one control to the next, and back"),
)


@dataclass
class PageActions:
    """What the bar's buttons do."""

    fit: Callable[[], None]
    key: Callable[[str], None]
    cancel: Callable[[], None]
    continue_: Callable[[], None]
    discard: Callable[[], None]


class Page:
    """
    Parameters
    ----------
    tabs : name -> builds the tab's widgets, called inside of its place
    """

    def __init__(self, server, views: Views, actions: PageActions, tabs: dict[str, Callable[[], None]]):
        self._page = TypedState(server.state, PageState)
        self._actions = actions
        name = self._page.name
        server.trigger("key")(actions.key)
        with VAppLayout(server, theme="dark") as self.layout:
            with v3.VAppBar(elevation=0, height=44, classes="lts-bar"):
                html.Img(src="own/icon.svg", alt="", width=26, height=26, classes="ml-3 mr-2")
                html.Span("LungTumorSeg", classes="text-subtitle-1 font-weight-medium")
                v3.VSpacer()
                self._views_buttons(name)
                self._window_buttons(name)
                _icon(
                    "mdi-contrast-circle", "Window and level by the left mouse button, dragged (W)",
                    active=(f"{name.tool} === 'window'",),
                    click=f"{name.tool} = {name.tool} === 'window' ? '' : 'window'",
                )  # fmt: skip
                _icon("mdi-fit-to-page-outline", "Fit the views to the CT (F)", click=actions.fit)
                _icon("mdi-keyboard-outline", "Mouse and keys", click=f"{name.shortcuts_shown} = true")
            with v3.VNavigationDrawer(
                permanent=True,
                width=(f"$vuetify.display.width < 2200 ? {PANEL_WIDTH} : {WIDE_PANEL}",),
                classes="lts-panel",
                disable_resize_watcher=True,
            ):
                self._open_row(name)
                with v3.VTabs(v_model=(name.tab,), density="compact", grow=True, height=40, classes="flex-shrink-0"):
                    for key, (title, icon) in TABS.items():
                        with v3.VTab(value=key, classes="px-1", style="min-width: 0"):
                            v3.VIcon(icon, size="small", classes="mr-1")
                            html.Span(title)
                for key, fill in tabs.items():
                    with html.Div(classes="lts-tab", v_show=(f"{name.tab} === '{key}'",), role="tabpanel"):
                        fill()
                self._foot(name)
            with v3.VMain(classes="lts-fill"), html.Div(classes="lts-fill position-relative"):
                views.place()
                self._empty(name)
                self._offer(name)
            self._dialogs(name)
            client.ClientStateChange(
                value=name.download, change=f"{name.download} && window.lungTumorSeg.download({name.download})"
            )

    def _open_row(self, name: PageState) -> None:
        with html.Div(classes="lts-row flex-nowrap flex-shrink-0", style="padding: 10px 14px 4px"):
            v3.VSelect(
                v_model=(name.ct,), items=(name.cts,), item_title="name", item_value="id", label="CT",
                density="compact", hide_details=True, variant="outlined", no_data_text="No CT is open",
                style="min-width: 0",
            )  # fmt: skip
            with v3.VMenu():
                with v3.Template(v_slot_activator="{ props }"):
                    v3.VBtn(
                        "Open", v_bind="props", variant="tonal", append_icon="mdi-menu-down",
                        loading=(name.reading,), height=40,
                    )  # fmt: skip
                with v3.VList(density="compact"):
                    v3.VListItem("CT file…", prepend_icon="mdi-file-outline", click=CHOOSE_FILE)
                    v3.VListItem("DICOM folder…", prepend_icon="mdi-folder-outline", click=CHOOSE_FOLDER)

    def _views_buttons(self, name: PageState) -> None:
        with v3.VBtnToggle(
            v_model=(name.layout,), mandatory=True, density="compact", variant="text", divided=False, classes="mr-3"
        ):
            for value, (title, icon) in LAYOUTS.items():
                with v3.VBtn(value=value, size="small", title=title, aria_label=title):
                    v3.VIcon(icon, size=20)

    def _window_buttons(self, name: PageState) -> None:
        html.Span("Window", classes="text-caption mr-2", style="color: var(--lts-quiet)")
        with v3.VBtnToggle(
            v_model=(name.window,), density="compact", variant="outlined", divided=True, classes="mr-3",
            style="height: 30px",
        ):  # fmt: skip
            for window, (width, level) in WINDOWS.items():
                title = f"Width {width:.0f} HU, level {level:.0f} HU ({window[0].upper()})"
                v3.VBtn(window.capitalize(), value=window, size="small", title=title)

    def _empty(self, name: PageState) -> None:
        with html.Div(classes="lts-empty", v_if=(f"!{name.ct} && !{name.reading}",)):
            v3.VIcon("mdi-lungs", size=64, color="#3a4552")
            html.Div("Drop a CT here, or open one", classes="text-h6")
            html.Div(
                "A NIfTI, NRRD or MHA file, or a folder of DICOM files. It stays on this machine.",
                style="color: var(--lts-quiet)",
            )
            with html.Div(classes="lts-row"):
                v3.VBtn("CT file…", variant="tonal", click=CHOOSE_FILE)
                v3.VBtn("DICOM folder…", variant="tonal", click=CHOOSE_FOLDER)

    def _offer(self, name: PageState) -> None:
        with html.Div(classes="lts-offer", v_if=(name.offer,), role="alertdialog", aria_label="The last session"):
            html.Span(f"{{{{ {name.offer} }}}}")
            v3.VBtn("Continue", size="small", color="primary", click=self._actions.continue_, id="continue")
            v3.VBtn("Discard", size="small", variant="text", click=self._actions.discard, id="discard")

    def _foot(self, name: PageState) -> None:
        with html.Div(classes="lts-foot flex-shrink-0"):
            with html.Div(classes="lts-row flex-nowrap", style="height: 22px", v_if=(name.working,)):
                v3.VProgressLinear(
                    model_value=(name.fraction,), height=4, rounded=True, color="primary", aria_label="Progress",
                )  # fmt: skip
                v3.VBtn(
                    "Cancel",
                    size="x-small",
                    variant="text",
                    click=self._actions.cancel,
                    title="Stop; nothing is changed",
                )
            with html.Div(classes="lts-said", role="status", aria_live="polite"):
                html.Span(f"{{{{ {name.said} }}}}", classes=(f"{name.failed} ? 'lts-failed' : ''",), id="lts-said")
                html.A(
                    "Show details", v_if=(f"{name.failed} && {name.details}",), href="#", classes="ml-2",
                    click=f"$event.preventDefault(); {name.details_shown} = true",
                )  # fmt: skip
            html.Div(NOTICE, classes="lts-notice")

    def _dialogs(self, name: PageState) -> None:
        with v3.VDialog(v_model=(name.details_shown,), max_width=760), v3.VCard(title="Details"):
            with v3.VCardText():
                html.Div(f"{{{{ {name.said} }}}}", classes="mb-3")
                html.Div(f"{{{{ {name.details} }}}}", classes="lts-details")
            with v3.VCardActions():
                v3.VSpacer()
                v3.VBtn("Close", click=f"{name.details_shown} = false")
        with v3.VDialog(v_model=(name.shortcuts_shown,), max_width=560), v3.VCard(title="Mouse and keys"):
            with v3.VCardText(), html.Table(classes="lts-table"):
                for keys, what in SHORTCUTS:
                    with html.Tr():
                        html.Td(keys, style="white-space: nowrap; padding-right: 18px")
                        html.Td(what)
            with v3.VCardActions():
                v3.VSpacer()
                v3.VBtn("Close", click=f"{name.shortcuts_shown} = false")


def _icon(icon: str, title: str, **kwargs) -> None:
    with v3.VBtn(variant="text", size="small", title=title, aria_label=title, icon=True, **kwargs):
        v3.VIcon(icon, size=20)
