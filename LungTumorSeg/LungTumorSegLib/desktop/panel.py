"""The panel: the tabs of LungTumorSeg.ui, one desk (`workstation`) behind them. Decides nothing, waits for nothing."""

from __future__ import annotations

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from LungTumorSegLib.desktop import dicom_database, sample_data
from LungTumorSegLib.desktop.child_process import QtChildProcess
from LungTumorSegLib.desktop.export_tab import ExportTab
from LungTumorSegLib.desktop.first_run import FirstRun
from LungTumorSegLib.desktop.measure_tab import MeasureTab
from LungTumorSegLib.desktop.segment_editor import save_undo
from LungTumorSegLib.desktop.segment_tab import SegmentTab
from LungTumorSegLib.desktop.settings import job_launch, worker_launch
from LungTumorSegLib.desktop.shortcuts import Shortcuts
from LungTumorSegLib.desktop.train_tab import TrainTab
from LungTumorSegLib.scene import views
from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.worker.process import WorkerProcess
from LungTumorSegLib.workstation import models, words
from LungTumorSegLib.workstation.desk import Desk
from LungTumorSegLib.workstation.exporting import Exporting
from LungTumorSegLib.workstation.jobs import Jobs

TICK = 100  # ms


class Panel:
    """The `Host` of a desk.

    Parameters
    ----------
    ui : the widgets by name, as `slicer.util.childWidgetVariables` gives them
    scene : vtkMRMLScene
    """

    def __init__(self, ui, scene):
        words.translate = _
        self.ui, self.scene = ui, scene
        self.parameters = None
        self._gui_tag = self._parameters_tag = None
        launch = worker_launch()
        self._process = WorkerProcess(launch, QtChildProcess(patience=0))
        self.desk = Desk(scene, self._process, launch.inline, self, save_undo)
        self.jobs = Jobs(job_launch(), QtChildProcess, self)
        self.measure = MeasureTab(ui, self.desk, self.jobs)
        self.segment = SegmentTab(ui, self.desk, lambda: self.measure.chosen)
        self.exporting = exporting = Exporting(self.desk, self.jobs, dicom_database.file_of_instance)
        self.export = ExportTab(ui, self.desk, self.jobs, exporting)
        self.train = TrainTab(ui, scene, self.desk, self.jobs, exporting, job_launch, self)
        self.first_run = FirstRun(ui, worker_launch, self.worker_changed, self.models_changed)
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK)
        self._timer.connect("timeout()", self._tick)
        ui.cancelButton.connect("clicked(bool)", lambda _checked: self.jobs.cancel())
        ui.tabs.connect("currentChanged(int)", self._tab_chosen)
        self._shortcuts = Shortcuts(self.segment.keys | self.measure.keys)
        self.models_changed()

    def _tick(self) -> None:
        self.desk.tick()
        self.jobs.tick()
        self.train.tick()

    def models_changed(self) -> None:
        """Models came or went."""
        self.segment.fill_models(models.list_models())
        self.train.fill_bases()

    def worker_changed(self) -> None:
        """Another Python computes, or it has other packages: what was under way is cancelled."""
        self._process.launch = launch = worker_launch()
        self.jobs.launch = job_launch()
        self.train.worker_changed()
        self.desk.restart(launch.inline)

    # What the module's widget tells

    def enter(self) -> None:
        """The module is shown."""
        self._timer.start()
        self._shortcuts.set_enabled(True)
        self.desk.start()
        self.first_run.enter()

    def leave(self) -> None:
        """Another module is shown. What runs goes on, and what is painted there is heard."""
        self._shortcuts.set_enabled(False)
        self.segment.leave()

    def close(self) -> None:
        """The module goes: end the worker, and what else was started."""
        self.first_run.close()
        sample_data.stop_all()
        self._shortcuts.remove()
        self._timer.stop()
        self.train.close()
        self.jobs.close()
        self.desk.close()  # before the parameters go, to which an answer that is being shown writes
        self.set_parameters(None)
        self._process.close()

    def scene_closing(self) -> None:
        """Nodes are about to vanish."""
        self.jobs.cancel()
        self.measure.scene_closing()
        self.desk.scene_closing()
        self.set_parameters(None)

    def set_parameters(self, parameters) -> None:
        """Follow this parameter node; None to follow none."""
        if self.parameters is not None:
            self.parameters.disconnectGui(self._gui_tag)
            self.parameters.RemoveObserver(self._parameters_tag)
        self.parameters = None  # what widgets say while they are filled is not the user's word
        self.segment.follow(parameters)
        if parameters is not None:
            self._gui_tag = parameters.connectGui(self.ui)
            self.ui.tabs.currentIndex = parameters.tab
            # By a tag: Slicer's VTKObservationMixin would keep each wrapper, which itself observes its node, for ever.
            self._parameters_tag = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, self._parameters_changed)
        self.parameters = parameters
        self._parameters_changed()

    def _parameters_changed(self, _caller=None, _event=None) -> None:
        if self.parameters is None:
            self.desk.choose_ct(None)
            return
        if self.parameters.ct is not self.desk.ct:
            self.segment.leave()
            if self.parameters.ct is not None:
                views.show_result(self.scene, self.parameters.ct)  # an earlier study's was not seen before
            self.desk.choose_ct(self.parameters.ct, self.segment.cut())
        self.desk.rest(self.segment.cut())
        self.segment.show()

    def _tab_chosen(self, index: int) -> None:
        if self.parameters is not None:
            self.parameters.tab = index

    # What the desk tells (`workstation.host.Host`)

    def changed(self) -> None:
        self.segment.update()
        self.measure.update()
        self.export.update()
        self.train.update()
        self.ui.cancelButton.visible = self.jobs.under_way
        self.ui.progressBar.visible = self.desk.busy or self.jobs.under_way

    def progress(self, sentence: str, fraction: float) -> None:
        self.ui.progressBar.value = round(100 * fraction)
        self.said(sentence)

    def said(self, sentence: str) -> None:
        self.ui.statusLabel.text = sentence

    def failed(self, sentence: str, details: str = "") -> None:
        self.said(sentence)
        more = {"detailedText": details} if details else {}
        # Later: a dialog opened from inside the process's signal would keep the worker's bytes from being read.
        qt.QTimer.singleShot(0, lambda: slicer.util.errorDisplay(sentence, **more))

    def lesions(self, lesions: list) -> None:
        self.measure.show_lesions(lesions)

    def threshold(self, value: float) -> None:
        self.segment.take_threshold(value)

    def cut(self, cut: Cut) -> None:
        self.segment.take_cut(cut)

    def overlay(self, name: str) -> None:
        self.segment.take_overlay(name)
