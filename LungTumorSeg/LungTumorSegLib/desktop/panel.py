"""The panel: binds the widgets of LungTumorSeg.ui to a desk (`workstation`). Decides nothing, waits for nothing."""

from __future__ import annotations

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from LungTumorSegLib.desktop.installed_models import installed_models
from LungTumorSegLib.desktop.lesion_table import LesionTable
from LungTumorSegLib.desktop.segment_editor import save_undo
from LungTumorSegLib.desktop.settings import worker_launch
from LungTumorSegLib.desktop.worker_process import WorkerProcess
from LungTumorSegLib.workstation import words
from LungTumorSegLib.workstation.desk import Cut, Desk
from LungTumorSegLib.workstation.display import Display
from LungTumorSegLib.workstation.host import HEAT, PROBABILITY

TICK = 100  # ms
OVERLAYS = {"showProbability": PROBABILITY, "showGradCam": HEAT}


class Panel(VTKObservationMixin):
    """The `Host` of a desk.

    Parameters
    ----------
    ui : the widgets by name, as `slicer.util.childWidgetVariables` gives them
    scene : vtkMRMLScene
    """

    def __init__(self, ui, scene):
        super().__init__()
        words.translate = _
        self.ui, self.scene = ui, scene
        self.parameters = None
        self._gui_tag = None
        launch = worker_launch()
        self._process = WorkerProcess(launch)
        self.desk = Desk(scene, self._process, launch.inline, self, save_undo)
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK)
        self._timer.connect("timeout()", self.desk.tick)
        self._table = LesionTable(ui.lesionTable, self.desk.jump)
        self._fill_models()
        self._connect()

    def _connect(self) -> None:
        ui = self.ui
        ui.segmentButton.connect("clicked(bool)", self._segment_or_cancel)
        ui.explainButton.connect("clicked(bool)", lambda _checked: self.desk.explain())
        ui.modelComboBox.connect("currentIndexChanged(int)", self._model_chosen)
        # Tracking is off in the .ui: this comes while the hand drags, the parameter changes when it rests.
        ui.thresholdSlider.connect("valueIsChanging(double)", self.desk.drag_threshold)
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
        """The module is shown."""
        self._timer.start()
        self.desk.start()

    def close(self) -> None:
        """The module goes: end the worker."""
        self.set_parameters(None)
        self._timer.stop()
        self.desk.close()
        self._process.close()

    def scene_closing(self) -> None:
        """Nodes are about to vanish."""
        self.desk.scene_closing()
        self.set_parameters(None)

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
        if self.desk.busy:
            self.desk.cancel()
        else:
            self.desk.segment()

    def _place(self, on: bool) -> None:
        """Let the next click in a view be a point in a lesion."""
        if on:
            self.ui.placeWidget.setCurrentNode(self.desk.points())
        self.ui.placeWidget.setPlaceModeEnabled(on)

    def _model_chosen(self, _index: int = 0) -> None:
        model = self._model
        self.desk.choose_models(model and model.name, self._prompted_model and self._prompted_model.name)

    def _mark_node(self, _checked: bool = False) -> None:
        lesion = self._table.chosen
        if lesion is not None:
            self.desk.mark_node(lesion.id, not lesion.node)

    def _reset_lines(self, _checked: bool = False) -> None:
        """Of the chosen lesion where it has lines of the user's own, else of all."""
        lesion = self._table.chosen
        self.desk.reset_lines(lesion.id if lesion is not None and lesion.edited else None)

    def _choose_overlay(self, name: str, on: bool) -> None:
        """One at a time: the views have one foreground."""
        if on:
            for other in OVERLAYS:
                setattr(self.parameters, other, other == name)

    def _parameters_changed(self, _caller=None, _event=None) -> None:
        if self.parameters is None:
            self.desk.choose_ct(None)
            return
        cut = Cut(self.parameters.threshold, self.parameters.smallestMm)
        if self.parameters.ct is not self.desk.ct:
            self.ui.placeWidget.setPlaceModeEnabled(False)
            self.ui.placeWidget.setCurrentNode(None)
            self.desk.choose_ct(self.parameters.ct, cut)
        self.desk.rest(cut)
        overlay = next((overlay for name, overlay in OVERLAYS.items() if getattr(self.parameters, name)), None)
        self.desk.show(
            Display(overlay, self.parameters.opacity, self.parameters.showOutlineOnly, self.parameters.showSurface)
        )

    # What the desk tells (`workstation.host.Host`)

    def changed(self) -> None:
        desk = self.desk
        self.ui.segmentButton.text = _("Cancel") if desk.busy else _("Segment")
        self.ui.segmentButton.enabled = desk.busy or desk.ready
        self.ui.segmentButton.toolTip = self._what_segment_does()
        self.ui.explainButton.enabled = desk.ready and desk.has_result and not desk.busy
        self.ui.nodeButton.enabled = bool(desk.lesions)
        self.ui.resetLinesButton.enabled = any(lesion.edited for lesion in desk.lesions)
        self.ui.placeButton.enabled = desk.can_prompt
        self.ui.progressBar.visible = desk.busy

    def progress(self, sentence: str, fraction: float) -> None:
        self.ui.progressBar.value = round(100 * fraction)
        self.said(sentence)

    def said(self, sentence: str) -> None:
        self.ui.statusLabel.text = sentence

    def failed(self, sentence: str, details: str = "") -> None:
        self.said(sentence)
        more = {"detailedText": details} if details else {}
        qt.QTimer.singleShot(0, lambda: slicer.util.errorDisplay(sentence, **more))

    def lesions(self, lesions: list) -> None:
        self._table.show(lesions)

    def threshold(self, value: float) -> None:
        self.parameters.threshold = value

    def overlay(self, name: str) -> None:
        self._choose_overlay(next(switch for switch, overlay in OVERLAYS.items() if overlay == name), True)

    def _what_segment_does(self) -> str:
        if self.desk.busy:
            return _("Stop; nothing is changed.")
        if self._model is None:
            return _("No model is installed in the module's Resources/Models folder.")
        return _("Find the lung tumours of the chosen CT.") if self.desk.ready else _("Choose a CT first.")

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
        self._model_chosen()
