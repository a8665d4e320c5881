"""The four views of the page: axial, coronal, sagittal and 3D, all at once or one alone.

Slicer's own displayable managers draw into off-screen windows (trame-slicer), whose pictures go to the browser.
"""

from __future__ import annotations

from dataclasses import dataclass

from trame.widgets import client, html
from trame.widgets import vuetify3 as v3
from trame_server.utils.typed_state import TypedState
from trame_slicer.views import SliceView, ThreeDView, ViewLayoutDefinition, ViewType

from LungTumorSegLib.scene.views import show_result_alone
from LungTumorSegLib.web.easels import Easels
from LungTumorSegLib.web.pictures import Pictures, Turns
from LungTumorSegLib.web.state import PageState

# Width and level, HU: as radiologists set them for the chest.
WINDOWS = {"lung": (1500.0, -600.0), "mediastinum": (400.0, 40.0), "bone": (2000.0, 300.0)}
AXIAL, CORONAL, SAGITTAL, SPACE = "Axial", "Coronal", "Sagittal", "Space"
FOUR = "four"
# What lies at the left, right, top and bottom edge of a view, as the patient's letters.
EDGES = {AXIAL: "RLAP", CORONAL: "RLSI", SAGITTAL: "APSI"}


@dataclass
class SliceState:
    """One slice view. place : of the slice along the view's axis, mm; step : between slices, mm."""

    place: float = 0.0
    lowest: float = 0.0
    highest: float = 1.0
    step: float = 1.0
    text: str = ""


class Views:
    """
    Parameters
    ----------
    server : trame's
    app : SlicerApp
    """

    def __init__(self, server, app):
        self._server, self._app = server, app
        self._layout = TypedState(server.state, PageState).name.layout
        self._slices: dict[str, TypedState[SliceState]] = {}
        self.turns = Turns()
        self._easels = (
            Easels(server, self.turns, SliceView, ViewType.SLICE_VIEW, self._slice_furniture),
            Easels(server, self.turns, ThreeDView, ViewType.THREE_D_VIEW, self._space_furniture),
        )
        for easels in self._easels:
            app.view_manager.register_factory(easels)
        server.trigger("shown")(self._shown)
        for view in (
            ViewLayoutDefinition.axial_view(AXIAL),
            ViewLayoutDefinition.coronal_view(CORONAL),
            ViewLayoutDefinition.sagittal_view(SAGITTAL),
            ViewLayoutDefinition.threed_view(name=SPACE, background_color=("#0b0d10", "#181c22")),
        ):
            app.view_manager.create_view(view)
        app.view_manager.get_view(AXIAL).set_visible_in_3d(True)  # tumours alone would hang in the void
        for view in app.view_manager.get_views():
            view.render_window().SetMultiSamples(0)  # else translucent surfaces vanish
            view.set_ruler()

    def place(self) -> None:
        """The views in the page; call inside of their place.

        All are in the page's one template. (trame-slicer's LayoutManager writes that template anew at each change of
        layout, and the browser then makes the whole page anew: menus close, fields lose what is typed.)
        """
        with html.Div(classes="lts-views"):
            for name in (AXIAL, SPACE, CORONAL, SAGITTAL):
                with html.Div(
                    classes="lts-view",
                    v_if=(f"['{FOUR}', '{name}'].includes({self._layout})",),
                    raw_attrs=[f'data-view="{name}"'],
                ):
                    client.ServerTemplate(name=name)
        self.show(FOUR)

    def show(self, layout: str) -> None:
        """FOUR, or one view alone."""
        for view, pictures in self._pictures():
            pictures.visible = layout in (FOUR, view)
        self._app.view_manager.set_current_view_ids([view for view, pictures in self._pictures() if pictures.visible])
        self.turns.wake()

    def show_ct(self, ct) -> None:
        """Put the CT under all views and fit them to it; of other CTs' results nothing is seen then."""
        show_result_alone(self._app.scene, ct)
        self._app.display_manager.show_volume_in_slice_background(ct)
        self._app.display_manager.reset_views()

    def fit(self) -> None:
        """All of the CT into the views; the slices stay where they are."""
        views = [self._app.view_manager.get_view(name) for name in (AXIAL, CORONAL, SAGITTAL)]
        places = [view.get_slice_value() for view in views]
        self._app.display_manager.reset_views()
        for view, place in zip(views, places, strict=True):
            view.set_slice_value(place)

    def look_again(self) -> None:
        """Segments are new in the scene: a slice view that nobody moved since would not show them."""
        for view in self._app.view_manager.get_slice_views():
            view.get_view_node().Modified()

    def fit_space(self) -> None:
        """Bring all that is shown in 3D into the 3D view."""
        view = self._app.view_manager.get_view(SPACE)
        view.fit_view_to_content()
        camera = view.get_camera_node().GetCamera()
        camera.Elevation(25)  # onto the axial slice, whose edge alone is seen from the front
        camera.OrthogonalizeViewUp()
        view.zoom(0.05)

    def scroll(self, name: str, slices: int) -> None:
        """Move a slice view by so many slices."""
        view = self._app.view_manager.get_view(name)
        lowest, highest = view.get_slice_range()
        view.set_slice_value(min(max(view.get_slice_value() + slices * view.get_slice_step(), lowest), highest))

    def _pictures(self) -> list[tuple[str, Pictures]]:
        return [one for easels in self._easels for one in easels.pictures.items()]

    def _shown(self, name: str) -> None:
        """The browser shows the view's last picture."""
        for view, pictures in self._pictures():
            if view == name:
                pictures.shown()

    # What stands over the pictures

    def _slice_furniture(self, server, name: str, view: SliceView) -> None:
        state = TypedState(server.state, SliceState, namespace=name)
        self._slices[name] = state
        state.bind_changes({state.name.place: view.set_slice_value})

        def moved(view: SliceView) -> None:
            with state.suppress_change_listeners():
                state.data.lowest, state.data.highest = view.get_slice_range()
                state.data.step = view.get_slice_step()
                state.data.place = view.get_slice_value()
            count = round((state.data.highest - state.data.lowest) / state.data.step) + 1
            number = round((state.data.place - state.data.lowest) / state.data.step) + 1
            state.data.text = f"{state.data.place:.1f} mm · {number} of {count}" if self._has_ct(view) else ""

        view.modified.connect(moved)
        moved(view)
        left, right, top, bottom = EDGES[name]
        _corner(name, f"{{{{ {state.name.text} }}}}")
        with html.Div(classes="lts-edges", v_if=(state.name.text,)):
            for place, letter in zip(("left", "right", "top", "bottom"), (left, right, top, bottom), strict=True):
                html.Span(letter, classes=f"lts-{place}")
        with html.Div(classes="lts-scroll", v_if=(state.name.text,)):
            v3.VSlider(
                v_model=(state.name.place,), min=(state.name.lowest,), max=(state.name.highest,),
                step=(state.name.step,), hide_details=True, density="compact", direction="vertical",
                thumb_size=12, track_size=3, color="white", aria_label=f"{name} slice",
            )  # fmt: skip
        self._alone_button(name)

    def _space_furniture(self, _server, name: str, _view) -> None:
        _corner("3D")
        self._alone_button(name)

    def _alone_button(self, name: str) -> None:
        four = f"{self._layout} === '{FOUR}'"
        v3.VBtn(
            classes="lts-alone", size="x-small", variant="text", density="comfortable",
            icon=(f"{four} ? 'mdi-fullscreen' : 'mdi-fullscreen-exit'",),
            title=(f"{four} ? 'This view alone' : 'All four views'",),
            aria_label=f"{name} alone or all four",
            click=f"{self._layout} = {four} ? '{name}' : '{FOUR}'",
        )  # fmt: skip

    @staticmethod
    def _has_ct(view: SliceView) -> bool:
        return bool(view.get_background_volume_id())


def _corner(title: str, *lines: str) -> None:
    with html.Div(classes="lts-corner"):
        html.Span(title, classes=f"lts-title lts-{title.lower()}")
        for line in lines:
            html.Span(line)
