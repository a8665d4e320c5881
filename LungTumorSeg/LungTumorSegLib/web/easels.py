"""Makes the views as trame-slicer does, but for what decides when each is drawn (`pictures`)."""

from __future__ import annotations

from collections.abc import Callable

from trame_rca.utils import RcaViewAdapter
from trame_server.utils.asynchronous import create_task
from trame_slicer.app.logic import get_view_trame_id
from trame_slicer.rca_view.rca_view_factory import RcaView, RcaWindow, RemoteViewFactory
from trame_slicer.views import CursorId, ScheduledRenderStrategy, ViewLayout, ViewType

from LungTumorSegLib.web.pictures import Pictures, Turns


class Easels(RemoteViewFactory):
    """
    Parameters
    ----------
    turns : all views'
    make : of the Slicer view, `SliceView` or `ThreeDView`
    furnish : builds what stands over the picture
    """

    def __init__(self, server, turns: Turns, make: Callable, kind: ViewType, furnish: Callable):
        super().__init__(server, make, kind, populate_view_ui_f=furnish)
        self._turns = turns
        self.pictures: dict[str, Pictures] = {}  # by the view's name

    def _create_view(self, view, scene, app_logic) -> RcaView:
        name, state = view.singleton_tag, self._server.state
        slicer_view = self._view_ctor(scene=scene, app_logic=app_logic, name=name)
        slicer_view.set_view_properties(view.properties)
        cursor = f"{name}_active_view_cursor"
        state.setdefault(cursor, CursorId.DEFAULT.value)
        window = _Window(slicer_view.render_window(), state=state, active_view_cursor=cursor)
        pictures = window.pictures = self.pictures[name] = Pictures(
            window, self._turns, waits=self._view_type == ViewType.THREE_D_VIEW
        )
        area = get_view_trame_id(self._server, slicer_view)
        with ViewLayout(self._server, template_name=area) as layout:
            self._create_vuetify_ui(area, slicer_view, pictures, active_view_cursor=cursor)
        adapter = RcaViewAdapter(window=window, name=area, scheduler=pictures, do_schedule_render_on_interaction=False)
        slicer_view.set_scheduled_render(_Looks(pictures))
        create_task(self._register(adapter))
        return RcaView(layout, slicer_view, adapter)

    async def _register(self, adapter: RcaViewAdapter) -> None:
        await self._server.ready
        self._server.root_server.controller.rc_area_register(adapter)


class _Window(RcaWindow):
    pictures: Pictures

    def process_interaction_event(self, event) -> None:
        self.pictures.touch()
        super().process_interaction_event(event)


class _Looks(ScheduledRenderStrategy):
    def __init__(self, pictures: Pictures):
        super().__init__()
        self._pictures = pictures

    def schedule_render(self) -> None:
        self._pictures.look()
