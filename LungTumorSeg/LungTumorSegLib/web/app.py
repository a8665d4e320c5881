"""The workstation in a browser: its parts, and how they hang together. Decides nothing, waits for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import vtk
from trame_server.utils.typed_state import TypedState
from trame_slicer import module as trame_slicer_module
from trame_slicer.core import SlicerApp

from LungTumorSegLib.networks import registry
from LungTumorSegLib.web import attributes, serving
from LungTumorSegLib.web.case_images import CaseImageRows
from LungTumorSegLib.web.child import PageChild
from LungTumorSegLib.web.clock import Clock
from LungTumorSegLib.web.doorway import Doorway
from LungTumorSegLib.web.export_tab import export_tab
from LungTumorSegLib.web.exports import Exports
from LungTumorSegLib.web.files import Files
from LungTumorSegLib.web.follow_up import FollowUpGroup
from LungTumorSegLib.web.hand import Hand
from LungTumorSegLib.web.host import PageHost
from LungTumorSegLib.web.kept_session import KeptSession
from LungTumorSegLib.web.keyboard import Keyboard
from LungTumorSegLib.web.measure_tab import MeasureActions, measure_tab
from LungTumorSegLib.web.model_choice import ModelChoice
from LungTumorSegLib.web.models_dialog import ModelsDialog
from LungTumorSegLib.web.named_folders import NamedFolders
from LungTumorSegLib.web.page import Page, PageActions
from LungTumorSegLib.web.scans import Scans
from LungTumorSegLib.web.segment_tab import SegmentActions, segment_tab
from LungTumorSegLib.web.state import ExportState, PageState
from LungTumorSegLib.web.switches import Switches
from LungTumorSegLib.web.train_tab import TrainTab
from LungTumorSegLib.web.views import Views
from LungTumorSegLib.worker.launch import Launch, job_command
from LungTumorSegLib.worker.process import WorkerProcess
from LungTumorSegLib.workstation.desk import Desk
from LungTumorSegLib.workstation.exporting import Exporting
from LungTumorSegLib.workstation.jobs import Jobs
from LungTumorSegLib.workstation.model_upload import holds_model
from LungTumorSegLib.workstation.source import is_source


class App:
    """
    Parameters
    ----------
    launch : how to start the worker
    folder : where sessions and cases are kept; by default in the user's folder for programs' data
    """

    def __init__(self, launch: Launch, folder: Path | None = None):
        folder = folder or registry.registry_folder().parent
        attributes.register()
        self.server = server = serving.make_server()
        server.enable_module(trame_slicer_module)
        self.slicer = SlicerApp()
        vtk.vtkObject.GlobalWarningDisplayOff()  # VTK warns of what trame-slicer does with it, on the user's terminal
        self.doorway, self.files = Doorway(), Files(self._open)
        self._pending: set[asyncio.Task] = set()
        self._page, self._export_state = TypedState(server.state, PageState), TypedState(server.state, ExportState)
        self.views = Views(server, self.slicer)
        self.host = PageHost(server)
        self._process = WorkerProcess(launch, PageChild(server))
        self.desk = Desk(self.slicer.scene, self._process, launch.inline, self.host, self._save_undo)
        self._hand = Hand(server, self.slicer, self.desk)
        self._clock = Clock(server, self.desk)
        new_child = partial(PageChild, server)
        self._jobs = Jobs(job_command(), new_child, self.host)
        exporting = Exporting(self.desk, self._jobs)
        self._exports = Exports(exporting, self.files, self._download, self.slicer.scene, self._jobs, self.host.failed)
        self._follow_up = FollowUpGroup(server, self.desk, self._jobs)
        self._switches = Switches(server, self.desk, self.views)
        self._scans = Scans(
            server, self.slicer.scene, self.desk, self.views, self.host, lambda: self._switches.cut,
            self._hand.tools.forget, self._open_earlier,
        )  # fmt: skip
        self.host.know(
            self.desk, self._jobs, self._also_changed, self._first_lesions, self._switches.show, self._switches.set_cut
        )
        self._images = CaseImageRows(server, self.desk)
        self._models = ModelChoice(server, self.desk)
        self._models_dialog = ModelsDialog(server, self._models.show_list)
        self._train = TrainTab(
            server, folder / "teaching", NamedFolders(folder / "folders.json"), job_command(), new_child, exporting,
            self.host.said, self.host.failed, self._models.show_list,
        )  # fmt: skip
        self._session = KeptSession(server, self.desk, self._scans, self._switches, self.host, folder / "session")
        for tick in (self._jobs.tick, self._train.teaching.tick, self.desk.tick):
            self._clock.add(lambda _seconds, tick=tick: tick())
        self._clock.add(self._session.tick)
        self._keyboard = Keyboard(server, self.views, self._hand, self._cancel)
        self._build()
        self._page.bind_changes({self._page.name.layout: self.views.show})

    def run(self, ready: Callable[[str], None], port: int = 0, ct: Path | None = None) -> None:
        """Serve until told to end; `ready` is called with the address, `ct` is opened then."""

        def begin(**_) -> None:
            self.desk.start()
            self._spawn(self._clock.run())
            if ct is not None:
                self._spawn(self._scans.open(ct))

        self.server.controller.on_server_ready.add(begin)
        try:
            serving.serve(self.server, self.doorway, self.files.serve, ready, port)
        finally:
            self._session.close()
            self.desk.close()
            self._train.teaching.close()
            self._jobs.close()
            self._process.close()
            self.files.close()

    def _build(self) -> None:
        hand = self._hand
        actions = PageActions(
            self.views.fit, self._keyboard.press, self._cancel, self._session.continue_, self._session.discard
        )
        page = Page(self.server, self.views, actions, {
            "segment": lambda: segment_tab(self.server, SegmentActions(
                self._segment_or_cancel, self._switches.explain, self.desk.delete_prompts, self.desk.reset_edits,
                hand.undo, hand.redo, hand.new_lesion, self._models_dialog.fill_button, self._images.fill,
            )),
            "measure": self._fill_measure_tab,
            "export": lambda: export_tab(self.server, self._export),
            "train": self._train.fill,
        })  # fmt: skip
        with page.layout:
            self._scans.question.fill()

    def _fill_measure_tab(self) -> None:
        lesion = self._hand.lesion
        measure_tab(self.server, MeasureActions(lesion.jump, lesion.mark_node, lesion.reset_lines))
        self._follow_up.fill()

    async def _open(self, path: Path) -> None:
        """A scan, an earlier result, or a model: what it is, it says itself."""
        if await asyncio.to_thread(holds_model, path):
            await self._models_dialog.take(path)
            self.files.forget(path)
        else:
            await self._scans.open(path)
            if not self._is_read_again(path):
                self.files.forget(path)

    def _open_earlier(self, folder: Path) -> None:
        self._follow_up.following.open_earlier(folder, lambda: self.files.forget(folder))

    def _is_read_again(self, path: Path) -> bool:
        """A CT was read there, or it is asked how it is to be; or a job reads it, an earlier study."""
        return self._scans.question.open or self._jobs.under_way or is_source(self.slicer.scene, path)

    def _save_undo(self, segmentation_node) -> None:
        self._hand.tools.save_undo(segmentation_node)

    def _segment_or_cancel(self) -> None:
        if self.desk.busy:
            self.desk.cancel()
        else:
            self.desk.segment()

    def _cancel(self) -> None:
        self.desk.cancel()
        self._jobs.cancel()

    def _export(self, what: str, threshold: float, smallest_mm: float) -> None:
        self._switches.follow(threshold, smallest_mm)
        self._export_state.data.busy = what
        self._exports.start(what)
        self.host.changed()

    def _download(self, address: str) -> None:
        self._page.data.download = address

    def _also_changed(self) -> None:
        self._follow_up.show()
        self._scans.show_list()
        self._images.show()
        self._hand.show()

    def _first_lesions(self, lesion: int) -> None:
        self._hand.lesion.jump(lesion)
        self.views.look_again()
        self._spawn(self._turn_to_lesions())

    async def _turn_to_lesions(self) -> None:
        await asyncio.sleep(0.5)  # the desk shows the surfaces after it told of the lesions
        self.views.fit_space()

    def _spawn(self, work) -> None:
        task = asyncio.get_event_loop().create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
