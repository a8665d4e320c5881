"""The CTs of this session: read beside the page's work, listed, one of them chosen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.errors import AnswerNeeded, InputRefused
from LungTumorSegLib.scene import ownership
from LungTumorSegLib.web import opening
from LungTumorSegLib.web.host import PageHost
from LungTumorSegLib.web.reading_question import ReadingQuestion
from LungTumorSegLib.web.state import PageState
from LungTumorSegLib.web.views import WINDOWS, Views
from LungTumorSegLib.workstation.desk import Cut, Desk

log = logging.getLogger(__name__)


class Scans:
    """
    Parameters
    ----------
    cut : where the page's sliders stand
    changing : called before another CT is chosen
    open_earlier : called with a result's folder, which holds an earlier study

    Attributes
    ----------
    question : what must be asked before a CT can be read; its dialog is to be filled in
    """

    def __init__(
        self,
        server,
        scene,
        desk: Desk,
        views: Views,
        host: PageHost,
        cut: Callable[[], Cut],
        changing: Callable[[], None],
        open_earlier: Callable[[Path], None],
    ):
        self._server, self._scene, self._desk, self._views, self._host = server, scene, desk, views, host
        self._cut, self._changing, self._open_earlier = cut, changing, open_earlier
        self.question = ReadingQuestion(server)
        self._page = TypedState(server.state, PageState)
        self._page.bind_changes(
            {self._page.name.ct: self._choose_by_id, self._page.name.window: self._set_window}
        )  # fmt: skip

    async def open(self, path: Path, **answers) -> None:
        """Read a CT, show it and choose it; of a result's folder, show the earlier study.

        answers : to what had to be asked, see `opening.read`
        """
        results = sorted(path.rglob("lesions.json")) if path.is_dir() else []
        if results:
            with self._server.state:
                self._open_earlier(results[0].parent)
            return
        with self._server.state:
            self._page.data.reading = True
            self._host.said(f"Reading {path.name}…" if not path.name.startswith("drop-") else "Reading…")
        try:
            volume, source = await asyncio.to_thread(opening.read, path, **answers)
        except AnswerNeeded as needed:
            self._end_reading(partial(self._ask, needed.argument, path, answers))
            return
        except InputRefused as refusal:
            self._end_reading(partial(self._host.failed, str(refusal)))
            return
        except Exception as fault:
            log.exception("the files could not be read")
            self._end_reading(partial(self._host.failed, f"The files could not be read ({type(fault).__name__})."))
            return
        self._end_reading(lambda: self._show(volume, source))

    def choose(self, node) -> None:
        """A vtkMRMLScalarVolumeNode of the scene."""
        self._page.data.ct = node.GetID()
        if node is self._desk.ct:
            return
        self._desk.settle()  # a slider that has not rested: its change is the CT's before, and forgotten with it
        self._changing()
        opening.set_window(node, *WINDOWS[self._page.data.window or "lung"])
        self._views.show_ct(node)
        self._desk.choose_ct(node, self._cut())

    def choose_named(self, name: str) -> None:
        """The CT of this name that came last, where there is one."""
        self.show_list()
        named = [ct["id"] for ct in self._page.data.cts if ct["name"] == name]
        if named:
            self.choose(self._scene.GetNodeByID(named[-1]))

    def show_list(self) -> None:
        count = self._scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
        nodes = [self._scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode") for n in range(count)]
        self._page.data.cts = [
            {"id": node.GetID(), "name": node.GetName()} for node in nodes if not ownership.is_ours(node)
        ]

    def _end_reading(self, then: Callable[[], None]) -> None:
        with self._server.state:
            self._page.data.reading = False
            then()

    def _ask(self, argument: str, path: Path, answers: dict) -> None:
        async def answered(value) -> None:
            await self.open(path, **answers, **{argument: value})

        self.question.ask(argument, answered)
        self._host.failed("The scan is not opened yet: it asks how it is to be read.")

    def _show(self, volume, source: Path) -> None:
        node = opening.add_ct(self._scene, volume, source)
        self.show_list()
        self.choose(node)
        self._host.said(" ".join([*volume.warnings, "Press Segment to find the lung tumours."]))

    def _choose_by_id(self, node_id: str) -> None:
        node = self._scene.GetNodeByID(node_id) if node_id else None
        if node is not None:
            self.choose(node)

    def _set_window(self, window: str) -> None:
        if window and self._desk.ct is not None:
            opening.set_window(self._desk.ct, *WINDOWS[window])
