"""The panel: binds the widgets of LungTumorSeg.ui to the scene and to the worker. Nothing in here waits."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from LungTumorSegLib.desktop import words
from LungTumorSegLib.desktop.installed_models import installed_models
from LungTumorSegLib.desktop.lesion_table import LesionTable
from LungTumorSegLib.desktop.segment_editor import save_undo
from LungTumorSegLib.desktop.settings import worker_launch
from LungTumorSegLib.desktop.worker_process import WorkerProcess
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.scene import prompts, segments, views
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.scene.volumes import SceneVolumes
from LungTumorSegLib.scene.watching import Watch
from LungTumorSegLib.worker.conversation import Answer, Conversation, Failure

TICK = 200  # ms
REST = 400  # ms after the last stroke of a brush, before lesions are measured
SLIDER = 0.02, 0.98  # the thresholds that the slider reaches; as in Parameters


class Panel(VTKObservationMixin):
    """
    Parameters
    ----------
    ui : the widgets by name, as `slicer.util.childWidgetVariables` gives them
    scene : vtkMRMLScene
    """

    def __init__(self, ui, scene):
        super().__init__()
        self.ui, self.scene = ui, scene
        self.parameters = None
        self._gui_tag = None
        self._result: Result | None = None
        self._watch: Watch | None = None
        self._volumes = SceneVolumes()
        self._open: list = []  # requests under way
        self._drawn: tuple | None = None  # threshold and smallest size that the scene shows, measured
        self._threshold_of_model = True  # the next result begins at its model's threshold
        launch = worker_launch()
        self._process = WorkerProcess(launch)
        self._conversation = Conversation(self._process, launch.inline)
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK)
        self._timer.connect("timeout()", self._conversation.tick)
        self._rest = qt.QTimer()
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.connect("timeout()", self._measure_painted)
        self._table = LesionTable(ui.lesionTable, self._jump)
        self._fill_models()
        self._connect()

    def _connect(self) -> None:
        ui = self.ui
        ui.segmentButton.connect("clicked(bool)", self._segment_or_cancel)
        ui.explainButton.connect("clicked(bool)", self._explain)
        ui.modelComboBox.connect("currentIndexChanged(int)", self._model_chosen)
        # Tracking is off in the .ui: this comes while the hand drags, the parameter changes when it rests.
        ui.thresholdSlider.connect("valueIsChanging(double)", self._threshold_dragged)
        ui.probabilityCheckBox.connect("clicked(bool)", lambda on: self._choose_overlay("showProbability", on))
        ui.gradCamCheckBox.connect("clicked(bool)", lambda on: self._choose_overlay("showGradCam", on))
        ui.nodeButton.connect("clicked(bool)", self._mark_node)
        ui.resetLinesButton.connect("clicked(bool)", self._reset_lines)
        ui.placeButton.connect("toggled(bool)", self._place)
        ui.placeWidget.connect("activeMarkupsPlaceModeChanged(bool)", ui.placeButton.setChecked)
        ui.placeWidget.setButtonsVisible(False)
        ui.placeWidget.placeMultipleMarkups = slicer.qSlicerMarkupsPlaceWidget.ForcePlaceSingleMarkup

    # What the module's widget tells

    def enter(self) -> None:
        """The module is shown: have the worker and the model ready before the first click."""
        self._timer.start()
        self._conversation.start()
        if self._model is not None:
            self._conversation.load(self._model.name)

    def close(self) -> None:
        """The module goes: end the worker."""
        self._drop_requests()
        self.set_parameters(None)
        self._timer.stop()
        self._conversation.close()
        self._process.close()

    def scene_closing(self) -> None:
        """Nodes are about to vanish: what still comes for them is not wanted any more."""
        self._drop_requests()
        self.set_parameters(None)
        self._volumes.forget()

    def set_parameters(self, parameters) -> None:
        """Follow this parameter node; None to follow none."""
        if self.parameters is not None:
            self.parameters.disconnectGui(self._gui_tag)
            self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self._parameters_changed)
        self.parameters = parameters
        if parameters is not None:
            self._gui_tag = parameters.connectGui(self.ui)
            self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self._parameters_changed)
        self._parameters_changed()

    # What the user does

    def _segment_or_cancel(self, _checked: bool = False) -> None:
        if self._open:
            for request in list(self._open):
                request.cancel()
            return
        started, model = time.monotonic(), self._model.name

        def ask(volume, **told):
            return self._conversation.segment(volume, model, **told)

        def done(answer: Answer) -> None:
            if self._threshold_of_model or self._result.probability_node is None:
                self._set_threshold(answer.meta["threshold"])
            views.show_ct(views.composite_nodes(self.scene), self._result.ct)
            self._draw(lambda result, at: result.show(answer.box, *at))
            self._say(words.found(len(self._result.lesions), time.monotonic() - started, answer.meta["device"]))

        self._ask(ask, done)

    def _explain(self, _checked: bool = False) -> None:
        started, model = time.monotonic(), self._model.name

        def done(answer: Answer) -> None:
            self._result.show_heat(answer.box)
            self._choose_overlay("showGradCam", True)
            self._show_overlay()
            self._say(words.explained(time.monotonic() - started, answer.meta["device"]))

        self._ask(lambda volume, **told: self._conversation.explain(volume, model, **told), done)

    def _place(self, on: bool) -> None:
        """Let the next click in a view be a point in a lesion; the list of points is made at the first."""
        if on:
            points = prompts.prompt_points(self.scene, self._result.ct)
            self.removeObservers(self._point_placed)
            self.addObserver(points, prompts.PLACED, self._point_placed)
            self.ui.placeWidget.setCurrentNode(points)
        self.ui.placeWidget.setPlaceModeEnabled(on)

    def _point_placed(self, node, _event) -> None:
        point, started, model = prompts.last_point(node), time.monotonic(), self._prompted_model.name

        def done(answer: Answer) -> None:
            self._draw(lambda result, at: result.add_lesion(answer.box, *at))
            self._say(words.found(len(self._result.lesions), time.monotonic() - started, answer.meta["device"]))

        self._ask(lambda volume, **told: self._conversation.prompt(volume, model, [point], **told), done)

    def _threshold_dragged(self, threshold: float) -> None:
        if self._has_probability:
            self._drawn = None
            self._result.move_threshold(threshold, self.parameters.smallestMm)
            count = len(segments.our_segments(self._result.segmentation_node))
            self._say(words.at_threshold(count, threshold))

    def _model_chosen(self, _index: int = 0) -> None:
        self._threshold_of_model = True
        if self._model is not None:
            self._conversation.load(self._model.name)
        self._update_buttons()

    def _jump(self, lesion) -> None:
        views.jump(views.slice_nodes(self.scene), lesion.centre_lps)

    def _mark_node(self, _checked: bool = False) -> None:
        lesion = self._table.chosen
        if lesion is not None:
            self._result.mark_node(lesion.id, not lesion.node)
            self._lesions_changed()

    def _reset_lines(self, _checked: bool = False) -> None:
        """Of the chosen lesion where it has lines of the user's own, else of all."""
        lesion = self._table.chosen
        self._result.reset_lines(lesion.id if lesion is not None and lesion.edited else None)
        self._lesions_changed()

    def _lesions_changed(self) -> None:
        """The user moved a line, removed a lesion, marked one: show what is measured now."""
        lesions = self._result.lesions
        self._table.show(lesions)
        self._say(words.measured(len(lesions), sum(lesion.edited for lesion in lesions)))
        self._update_buttons()

    def _measure_painted(self) -> None:
        if self._has_probability:
            self._result.measure()
            self._watch.follow()
            self._lesions_changed()

    def _choose_overlay(self, name: str, on: bool) -> None:
        """One at a time: the views have one foreground."""
        if on:
            for other in ("showProbability", "showGradCam"):
                setattr(self.parameters, other, other == name)

    # Asking the worker

    def _ask(self, ask: Callable, done: Callable[[Answer], None]) -> None:
        """Send a request about the chosen CT; its answer is shown unless the scene or the choice changed since."""
        ct = self.parameters.ct
        try:
            volume = self._volumes.volume(ct)
        except InputRefused as error:
            self._report(str(error))
            return

        def finished(outcome: Answer | Failure) -> None:
            if request not in self._open:  # dropped: the scene was closed
                return
            self._open.remove(request)
            self._update_buttons()
            if isinstance(outcome, Failure):
                self._failed(outcome)
            elif self._result is None or self._result.ct is not ct:
                self._say(_("The answer was for a CT that is no longer chosen."))
            else:
                self._shown(done, outcome)

        request = ask(volume, on_progress=self._progress, on_done=finished, on_failed=finished)
        self._open.append(request)
        self._progress(_("starting"), 0.0, None)
        self._update_buttons()

    def _shown(self, done: Callable[[Answer], None], answer: Answer) -> None:
        try:
            done(answer)
        except Exception:
            logging.exception("the result could not be shown")
            self._report(_("The result could not be shown."), traceback.format_exc())

    def _failed(self, failure: Failure) -> None:
        if failure.kind == "cancelled":
            self._say(failure.message)
        else:
            self._report(failure.message, self._process.last_words if failure.kind == "fault" else "")

    def _report(self, sentence: str, details: str = "") -> None:
        self._say(sentence)
        more = {"detailedText": details} if details else {}
        # Later: a dialog opened from inside the process's signal would keep the worker's bytes from being read.
        qt.QTimer.singleShot(0, lambda: slicer.util.errorDisplay(sentence, **more))

    def _drop_requests(self) -> None:
        requests, self._open = self._open, []
        for request in requests:
            request.cancel()
        self._say("")

    def _progress(self, stage: str, fraction: float, seconds_left: float | None) -> None:
        self.ui.progressBar.value = round(100 * fraction)
        self._say(words.progress(stage, seconds_left))

    # Showing

    @property
    def _has_probability(self) -> bool:
        return self._result is not None and self._result.probability_node is not None

    def _set_threshold(self, threshold: float) -> None:
        """Move the slider without drawing the old result once more."""
        self._threshold_of_model = False
        threshold = min(max(threshold, SLIDER[0]), SLIDER[1])
        self._drawn = threshold, self.parameters.smallestMm
        self.parameters.threshold = threshold

    def _draw(self, show: Callable) -> None:
        """Show a result at the parameters' threshold and smallest size."""
        self._drawn = self.parameters.threshold, self.parameters.smallestMm
        self._table.show(show(self._result, self._drawn))
        self._watch.follow()
        self._show_display()
        self._update_buttons()

    def _parameters_changed(self, _caller=None, _event=None) -> None:
        self._follow_ct(self.parameters.ct if self.parameters is not None else None)
        if self._has_probability and self._drawn != (self.parameters.threshold, self.parameters.smallestMm):
            self._draw(lambda result, at: result.move_threshold(*at) or result.measure())
            self._say(words.at_threshold(len(self._result.lesions), self.parameters.threshold))
        self._show_display()
        self._update_buttons()

    def _follow_ct(self, ct) -> None:
        """Take up the CT's result as it stands in the scene, without changing it."""
        if ct is (self._result.ct if self._result is not None else None):
            return
        self.removeObservers(self._point_placed)
        self.ui.placeWidget.setPlaceModeEnabled(False)
        self.ui.placeWidget.setCurrentNode(None)
        self._rest.stop()
        if self._watch is not None:
            self._watch.stop()
        self._result = Result(self.scene, ct, save_undo) if ct is not None else None
        self._watch = Watch(self._result, self._lesions_changed, self._rest.start) if ct is not None else None
        self._drawn = (self.parameters.threshold, self.parameters.smallestMm) if ct is not None else None
        self._table.show(self._result.read() if self._has_probability else [])

    def _show_display(self) -> None:
        if self._has_probability and self._result.segmentation_node is not None:
            segments.show_outline_only(self._result.segmentation_node, self.parameters.showOutlineOnly)
            if self.parameters.showSurface != segments.has_surface(self._result.segmentation_node):
                segments.show_surface(self._result.segmentation_node, self.parameters.showSurface)
        self._show_overlay()

    def _show_overlay(self) -> None:
        node, opacity = None, 0.0
        if self._result is not None:
            opacity = self.parameters.opacity
            if self.parameters.showGradCam:
                node = self._result.heat_node
            elif self.parameters.showProbability:
                node = self._result.probability_node
        views.show_overlay(views.composite_nodes(self.scene), node, opacity)

    def _update_buttons(self) -> None:
        busy = bool(self._open)
        ready = self._result is not None and self._model is not None
        self.ui.segmentButton.text = _("Cancel") if busy else _("Segment")
        self.ui.segmentButton.enabled = busy or ready
        self.ui.segmentButton.toolTip = self._what_segment_does(busy)
        self.ui.explainButton.enabled = ready and self._has_probability and not busy
        lesions = self._result.lesions if self._result is not None else []
        self.ui.nodeButton.enabled = bool(lesions)
        self.ui.resetLinesButton.enabled = any(lesion.edited for lesion in lesions)
        self.ui.placeButton.enabled = self._result is not None and self._prompted_model is not None
        self.ui.progressBar.visible = busy

    def _what_segment_does(self, busy: bool) -> str:
        if busy:
            return _("Stop; nothing is changed.")
        if self._model is None:
            return _("No model is installed in the module's Resources/Models folder.")
        return _("Find the lung tumours of the chosen CT.") if self._result is not None else _("Choose a CT first.")

    def _say(self, text: str) -> None:
        self.ui.statusLabel.text = text

    # Models

    @property
    def _model(self):
        index = self.ui.modelComboBox.currentIndex
        return self._automatic[index] if 0 <= index < len(self._automatic) else None

    def _fill_models(self) -> None:
        models = installed_models()
        self._automatic = [model for model in models if model.task == "automatic"]
        self._prompted_model = next((model for model in models if model.task == "prompted"), None)
        self.ui.modelComboBox.clear()
        for model in self._automatic:
            self.ui.modelComboBox.addItem(model.name)
