"""The workstation in a browser: the `Host` of a desk. Binds the page's widgets; decides nothing, waits for nothing."""

from __future__ import annotations

import asyncio
import collections
import logging
import weakref
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import vtk
from trame_server.utils.typed_state import TypedState
from trame_slicer import module as trame_slicer_module
from trame_slicer.core import SlicerApp

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import registry
from LungTumorSegLib.scene import ownership
from LungTumorSegLib.web import opening, serving
from LungTumorSegLib.web.autosave import Autosave
from LungTumorSegLib.web.doorway import Doorway
from LungTumorSegLib.web.export_tab import export_tab
from LungTumorSegLib.web.exports import Exports
from LungTumorSegLib.web.files import Files
from LungTumorSegLib.web.follow_up import FollowUpGroup
from LungTumorSegLib.web.latest import Latest
from LungTumorSegLib.web.measure_tab import MeasureActions, measure_tab, row, sums
from LungTumorSegLib.web.page import Page, PageActions
from LungTumorSegLib.web.segment_tab import SegmentActions, segment_tab
from LungTumorSegLib.web.state import ExportState, MeasureState, PageState, SegmentState
from LungTumorSegLib.web.tools import Tools
from LungTumorSegLib.web.train_tab import TrainTab
from LungTumorSegLib.web.views import AXIAL, CORONAL, FOUR, SAGITTAL, SPACE, WINDOWS, Views
from LungTumorSegLib.web.worker_process import WorkerProcess
from LungTumorSegLib.worker.launch import Launch, job_command
from LungTumorSegLib.workstation.child import Child
from LungTumorSegLib.workstation.desk import Cut, Desk
from LungTumorSegLib.workstation.display import Display
from LungTumorSegLib.workstation.exporting import Exporting
from LungTumorSegLib.workstation.jobs import Jobs
from LungTumorSegLib.workstation.models import list_models, preferred

log = logging.getLogger(__name__)

TICK, IDLE_TICK = 0.1, 0.3  # s
REST = 5.0  # s without a change after which the session is saved
KEYS = {
    "1": ("layout", FOUR), "2": ("layout", AXIAL), "3": ("layout", CORONAL), "4": ("layout", SAGITTAL),
    "5": ("layout", SPACE), "l": ("window", "lung"), "m": ("window", "mediastinum"), "b": ("window", "bone"),
}  # fmt: skip
TOOL_KEYS = {"w": "window", "p": "inside", "n": "outside", "e": "paint", "d": "erase"}


class App:
    """
    Parameters
    ----------
    launch : how to start the worker
    folder : where sessions and cases are kept; by default in the user's folder for programs' data
    """

    def __init__(self, launch: Launch, folder: Path | None = None):
        folder = folder or registry.registry_folder().parent
        self.server = serving.make_server()
        self.server.enable_module(trame_slicer_module)
        self.slicer = SlicerApp()
        vtk.vtkObject.GlobalWarningDisplayOff()  # VTK warns of what trame-slicer does with it, on the user's terminal
        self.doorway = Doorway()
        self.files = Files(self.open)
        self._pending: set[asyncio.Task] = set()
        state = self.server.state
        self.page, self.segment = TypedState(state, PageState), TypedState(state, SegmentState)
        self.measure, self.export = TypedState(state, MeasureState), TypedState(state, ExportState)
        self.views = Views(self.server, self.slicer)
        self._process = WorkerProcess(launch, state.flush)
        self.desk = Desk(self.slicer.scene, self._process, launch.inline, self, self._save_undo)
        self.tools = Tools(self.slicer, self.desk, self._put_down, self._undo_changed)
        self._children: weakref.WeakSet[Child] = weakref.WeakSet()
        self.jobs = Jobs(job_command(), self._new_child, self)
        exporting = Exporting(self.desk, self.jobs)
        self.exports = Exports(exporting, self.files, self._download, self.slicer.io_manager.write_scene)
        self.train = TrainTab(
            self.server,
            folder / "teaching",
            job_command(),
            self._new_child,
            exporting,
            self.said,
            self.failed,
            self._list_models,
        )
        self.follow_up = FollowUpGroup(self.server, self.desk, self.jobs)
        self.autosave = Autosave(self.slicer.scene, folder / "session")
        self._saved, self._seen, self._rested = None, None, 0
        self._saving: Iterator[None] | None = None
        self._threshold = Latest(self.desk.drag_threshold, self._rest, state.flush)
        self._smallest = Latest(lambda _mm: None, self._rest, state.flush)
        self._choose_models()
        self._build()
        self._bind()
        self._offer()

    # Life

    def run(self, ready: Callable[[str], None], port: int = 0, ct: Path | None = None) -> None:
        """Serve until told to end; `ready` is called with the address, `ct` is opened then."""

        def begin(**_) -> None:
            self.desk.start()
            self._spawn(self._tick())
            if ct is not None:
                self._spawn(self.open(ct))

        self.server.controller.on_server_ready.add(begin)
        try:
            serving.serve(self.server, self.doorway, self.files.serve, ready, port)
        finally:
            if self._work is not None and self._work != self._saved:
                collections.deque(self.autosave.save(self._facts), 0)
            self.autosave.close()
            self.desk.close()
            self.train.teaching.close()
            self.jobs.close()
            asyncio.get_event_loop().run_until_complete(self._process.close())
            self.files.close()

    # What the user does

    async def open(self, path: Path) -> None:
        """Read a CT beside the page's work, show it and choose it; of a result's folder, show the earlier study."""
        results = sorted(path.rglob("lesions.json")) if path.is_dir() else []
        if results:
            with self.server.state:
                self.follow_up.following.open_earlier(results[0].parent)
            return
        with self.server.state:
            self.page.data.reading = True
            self.said(f"Reading {path.name}…" if not path.name.startswith("drop-") else "Reading…")
        try:
            volume, source = await asyncio.to_thread(opening.read, path)
        except InputRefused as refusal:
            self._end_reading(partial(self.failed, str(refusal)))
            return
        except Exception as fault:
            log.exception("the files could not be read")
            self._end_reading(partial(self.failed, f"The files could not be read ({type(fault).__name__})."))
            return
        self._end_reading(lambda: self._show_ct(volume, source))

    def _end_reading(self, then: Callable[[], None]) -> None:
        with self.server.state:
            self.page.data.reading = False
            then()

    def _show_ct(self, volume, source: Path) -> None:
        node = opening.add_ct(self.slicer.scene, volume, source)
        self._list_cts()
        self._choose_ct(node)
        self.page.data.ct = node.GetID()
        self.said(" ".join([*volume.warnings, "Press Segment to find the lung tumours."]))

    def _choose_ct(self, node) -> None:
        if node is self.desk.ct:
            return
        self.tools.forget()
        opening.set_window(node, *WINDOWS[self.page.data.window or "lung"])
        self.views.show_ct(node)
        self.desk.choose_ct(node, self._cut)

    def _list_cts(self) -> None:
        scene = self.slicer.scene
        nodes = [scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode") for n in range(
            scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))]  # fmt: skip
        self.page.data.cts = [
            {"id": node.GetID(), "name": node.GetName()} for node in nodes if not ownership.is_ours(node)
        ]

    def _segment_or_cancel(self) -> None:
        if self.desk.busy:
            self.desk.cancel()
        else:
            self.desk.segment()

    def _explain(self) -> None:
        if self.desk.result.heat_node is None:
            self.desk.explain()

    def _jump(self, lesion: int) -> None:
        self.measure.data.chosen = lesion
        chosen = next((x for x in self.desk.lesions if x.id == lesion), None)
        if chosen is not None:
            self.desk.jump(chosen)
            self.tools.paint_into(lesion)

    def _mark_node(self) -> None:
        chosen = next((x for x in self.desk.lesions if x.id == self.measure.data.chosen), None)
        if chosen is not None:
            self.desk.mark_node(chosen.id, not chosen.node)

    def _reset_lines(self) -> None:
        chosen = next((x for x in self.desk.lesions if x.id == self.measure.data.chosen), None)
        self.desk.reset_lines(chosen.id if chosen is not None and chosen.edited else None)

    def _key(self, key: str) -> None:
        with self.server.state:
            if key in KEYS:
                setattr(self.page.data, *KEYS[key])
            elif key in TOOL_KEYS and self._may_take(TOOL_KEYS[key]):
                tool = TOOL_KEYS[key]
                self.page.data.tool = "" if self.page.data.tool == tool else tool
            elif key == "f":
                self.views.fit()
            elif key == "Escape":
                self.page.data.tool = ""
            elif key == "undo":
                self._undo()
            elif key == "redo":
                self._redo()

    def _may_take(self, tool: str) -> bool:
        data = self.segment.data
        needed = {"window": data.ready, "paint": data.has_result, "erase": data.has_result}
        return needed.get(tool, data.can_prompt)

    def _undo(self) -> None:
        if self.tools.undo_stack.can_undo():
            self.tools.undo_stack.undo()

    def _redo(self) -> None:
        if self.tools.undo_stack.can_redo():
            self.tools.undo_stack.redo()

    def _export(self, what: str) -> None:
        self.export.data.busy = what
        self.exports.start(what)
        self.changed()

    def _download(self, address: str) -> None:
        self.page.data.download = address

    def _cancel(self) -> None:
        self.desk.cancel()
        self.jobs.cancel()

    # What the desk tells (`workstation.host.Host`)

    def changed(self) -> None:
        desk, data = self.desk, self.segment.data
        data.ready, data.busy, data.has_result = desk.ready, desk.busy, desk.has_result
        data.can_prompt, data.has_prompts, data.has_edits = desk.can_prompt, any(desk.prompt_counts), desk.has_edits
        self.page.data.working = desk.busy or self.jobs.under_way
        if not self.page.data.working:
            self.page.data.fraction = 0.0
        if not self.jobs.under_way:
            self.export.data.busy = ""
        self.follow_up.show()
        self._list_cts()

    def progress(self, sentence: str, fraction: float) -> None:
        self.page.data.fraction = round(100 * fraction, 1)
        self.said(sentence)

    def said(self, sentence: str) -> None:
        self.page.data.failed = False
        self.page.data.said = sentence

    def failed(self, sentence: str, details: str = "") -> None:
        self.page.data.said, self.page.data.details, self.page.data.failed = sentence, details, True

    def lesions(self, lesions: list) -> None:
        first = lesions and not self.measure.data.rows
        self.measure.data.rows = [row(lesion) for lesion in lesions]
        self.measure.data.sums, self.measure.data.copied = sums(lesions), self.desk.table_text()
        if self.measure.data.chosen not in [lesion.id for lesion in lesions]:
            self.measure.data.chosen = 0
        if first:
            self._jump(lesions[0].id)
            self._spawn(self._turn_to_lesions())

    async def _turn_to_lesions(self) -> None:
        await asyncio.sleep(0.5)  # the desk shows the surfaces after it told of the lesions
        self.views.fit_space()

    def threshold(self, value: float) -> None:
        with self.segment.suppress_change_listeners():
            self.segment.data.threshold = value

    def overlay(self, name: str) -> None:
        self.segment.data.overlay = name
        self._show()

    # Between widgets and desk

    @property
    def _cut(self) -> Cut:
        data = self.segment.data
        return Cut(data.threshold, data.smallest_mm, data.largest_only)

    def _rest(self, *_) -> None:
        self.desk.rest(self._cut)
        self._show()

    def _show(self, *_) -> None:
        data = self.segment.data
        overlay = None if data.overlay == "none" else data.overlay
        self.desk.show(Display(overlay, data.opacity, data.outline, data.fill, data.surface))

    def _put_down(self) -> None:
        with self.server.state:
            self.page.data.tool = ""

    def _take_tool(self, tool: str) -> None:
        if tool in ("paint", "erase"):
            self.tools.set_brush(self.segment.data.brush_mm)
        self.tools.take(tool, self.measure.data.chosen)

    def _save_undo(self, node) -> None:
        self.tools.save_undo(node)

    def _undo_changed(self) -> None:
        stack = self.tools.undo_stack
        with self.server.state:
            self.segment.data.can_undo, self.segment.data.can_redo = stack.can_undo(), stack.can_redo()

    def _window_chosen(self, window: str) -> None:
        if window and self.desk.ct is not None:
            opening.set_window(self.desk.ct, *WINDOWS[window])

    def _ct_chosen(self, node_id: str) -> None:
        node = self.slicer.scene.GetNodeByID(node_id) if node_id else None
        if node is not None:
            self._choose_ct(node)

    def _model_chosen(self, *_) -> None:
        self.desk.choose_models(self.segment.data.model or None, self._prompted)

    def _choose_models(self) -> None:
        automatic = preferred(self._list_models(), "automatic")
        self.segment.data.model = automatic.address if automatic else ""
        self._model_chosen()

    def _list_models(self) -> list:
        models = list_models()
        prompted = preferred(models, "prompted")
        self._prompted = prompted.address if prompted else None
        self.segment.data.models = [
            {"name": model.address, "title": model.name} for model in models if model.task == "automatic"
        ]
        return models

    def _build(self) -> None:
        tabs = {
            "segment": lambda: segment_tab(
                self.server,
                SegmentActions(
                    self._segment_or_cancel, self._explain, self.desk.delete_prompts, self.desk.reset_edits,
                    self._undo, self._redo,
                ),
            ),
            "measure": self._fill_measure_tab,
            "export": lambda: export_tab(self.server, self._export),
            "train": self.train.fill,
        }  # fmt: skip
        Page(
            self.server,
            self.views,
            PageActions(self.views.fit, self._key, self._cancel, self._continue, self._discard),
            tabs,
        )

    def _fill_measure_tab(self) -> None:
        measure_tab(self.server, MeasureActions(self._jump, self._mark_node, self._reset_lines))
        self.follow_up.fill()

    def _bind(self) -> None:
        page, segment = self.page.name, self.segment.name
        self.page.bind_changes({
            page.layout: self.views.show, page.window: self._window_chosen, page.ct: self._ct_chosen,
            page.tool: self._take_tool,
        })  # fmt: skip
        self.segment.bind_changes({
            segment.model: self._model_chosen,
            segment.threshold: self._threshold.put,
            segment.smallest_mm: self._smallest.put,
            (segment.largest_only,): self._rest,
            (segment.overlay, segment.opacity, segment.outline, segment.fill, segment.surface): self._show,
            segment.brush_mm: self.tools.set_brush,
        })  # fmt: skip

    def _new_child(self) -> Child:
        child = Child()
        self._children.add(child)  # a job holds its process as long as it runs
        return child

    # The session that is kept

    @property
    def _work(self) -> tuple | None:
        """Something that differs when there is more to keep; None where there is nothing."""
        if not (self.desk.has_result or any(self.desk.prompt_counts)):
            return None
        return self.desk.ct.GetID(), self.desk.cut, tuple(self.desk.lesions), self.desk.prompt_counts

    @property
    def _facts(self) -> dict:
        return {"ct": self.desk.ct.GetName(), "lesions": len(self.desk.lesions), "cut": asdict(self.desk.cut)}

    def _offer(self) -> None:
        facts = self.autosave.offered()
        if facts is not None:
            self.page.data.offer = f"Your last work was kept: {facts['ct']}, saved {facts['saved']}."

    def _continue(self) -> None:
        facts = self.autosave.offered() or {}
        self.page.data.offer = ""
        if not facts or not self.autosave.continue_():
            self.failed("The last session could not be read.")
            return
        cut = Cut(**facts["cut"])
        with self.segment.suppress_change_listeners():
            data = self.segment.data
            data.threshold, data.smallest_mm, data.largest_only = cut.threshold, cut.smallest_mm, cut.largest_only
        self._list_cts()
        loaded = [ct["id"] for ct in self.page.data.cts if ct["name"] == facts["ct"]]
        if loaded:
            self._choose_ct(self.slicer.scene.GetNodeByID(loaded[-1]))
            self.page.data.ct = loaded[-1]
        self.said("You are where you left.")

    def _discard(self) -> None:
        self.page.data.offer = ""
        self.autosave.discard()

    def _keep(self) -> None:
        """A step of saving, when the user rests."""
        if self._saving is not None:
            if next(self._saving, self) is self:
                self._saving = None
        elif not (self.page.data.working or self.desk.unsettled or self._threshold.moving):
            work = self._work
            self._rested = self._rested + 1 if work == self._seen else 0
            self._seen = work
            if work is not None and work != self._saved and self._rested * IDLE_TICK > REST:
                self._saved, self._saving = work, self.autosave.save(self._facts)

    # Time

    def _spawn(self, work) -> None:
        task = asyncio.get_event_loop().create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _tick(self) -> None:
        """The desk's clock: quick while something is waited for; else slow, for an idle page is to cost nothing."""
        while True:
            await asyncio.sleep(TICK if self.page.data.working or self.desk.unsettled else IDLE_TICK)
            with self.server.state:
                try:
                    self._work_off()
                except Exception:  # the clock must go on
                    log.exception("a step of the desk's clock failed")

    def _work_off(self) -> None:
        for child in list(self._children):
            child.deliver()
        self.jobs.tick()
        self.train.teaching.tick()
        self.desk.tick()
        self._keep()
