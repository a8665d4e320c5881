"""The Segment tab: model, Segment, points and boxes, threshold, display, corrections. Decides nothing."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from LungTumorSegLib.desktop.case_images import ImageRows
from LungTumorSegLib.desktop.colour_legend import show_legends
from LungTumorSegLib.desktop.placing import Placing
from LungTumorSegLib.desktop.segment_editor import open_segment_editor
from LungTumorSegLib.workstation import models
from LungTumorSegLib.workstation.case_images import ONE
from LungTumorSegLib.workstation.desk import Cut
from LungTumorSegLib.workstation.display import Display
from LungTumorSegLib.workstation.host import HEAT, PROBABILITY

OVERLAYS = {"showProbability": PROBABILITY, "showGradCam": HEAT}


class SegmentTab:
    """
    Parameters
    ----------
    ui : the widgets by name
    desk : `workstation.desk.Desk`
    chosen : gives the lesion chosen in the table, or None
    """

    def __init__(self, ui, desk, chosen):
        self.ui, self.desk, self._chosen = ui, desk, chosen
        self._models: list[models.Model] = []
        self._default = self._prompted = None
        self.parameters = None
        self._images = ImageRows(ui.imagesOfCase, desk.images)
        self._placing = Placing(
            ui.placeWidget,
            {
                ui.insideButton: lambda: desk.points(inside=True),
                ui.outsideButton: lambda: desk.points(inside=False),
                ui.boxButton: desk.new_box,
            },
            desk.placing_ended,
        )
        ui.segmentButton.connect("clicked(bool)", self._segment_or_cancel)
        ui.modelComboBox.connect("currentIndexChanged(int)", self._model_chosen)
        # Tracking is off in the .ui: this comes while the hand drags, the parameter changes when it rests.
        ui.thresholdSlider.connect("valueIsChanging(double)", desk.drag_threshold)
        ui.probabilityCheckBox.connect("clicked(bool)", lambda on: self._choose_overlay("showProbability", on))
        ui.gradCamCheckBox.connect("clicked(bool)", lambda on: self._choose_overlay("showGradCam", on))
        ui.explainButton.connect("clicked(bool)", self._explain)
        ui.deletePromptsButton.connect("clicked(bool)", lambda _checked: desk.delete_prompts())
        ui.correctButton.connect("clicked(bool)", self._correct)
        ui.newLesionButton.connect("clicked(bool)", self._new_lesion)
        ui.undoCorrectionsButton.connect("clicked(bool)", self._undo_corrections)

    @property
    def keys(self) -> dict:
        """Keyboard shortcuts; the tool tips name them."""
        return {
            "P": self.ui.insideButton.click,
            "N": self.ui.outsideButton.click,
            "X": self.ui.boxButton.click,
            "O": self.ui.probabilityCheckBox.click,
            "E": self.ui.correctButton.click,
            "A": self.ui.newLesionButton.click,
        }

    # Models

    def fill_models(self, found: list[models.Model]) -> None:
        """Offer the automatic ones; the one that the scene remembers, or that was chosen before, stays chosen."""
        wanted = (self.parameters.model if self.parameters is not None else "") or (self._model and self._model.name)
        self._models = [model for model in found if model.task == "automatic"]
        self._default = models.preferred(found, "automatic")
        self._prompted = models.preferred(found, "prompted")
        box = self.ui.modelComboBox
        blocked = box.blockSignals(True)
        box.clear()
        for model in self._models:
            box.addItem(model.name)
        self._choose_model(wanted)
        box.blockSignals(blocked)
        self._take_models()

    @property
    def _model(self) -> models.Model | None:
        index = self.ui.modelComboBox.currentIndex
        return self._models[index] if 0 <= index < len(self._models) else None

    def _choose_model(self, name: str) -> None:
        """The model of this name, else the default."""
        default = self._models.index(self._default) if self._default is not None else -1
        names = [model.name for model in self._models]
        self.ui.modelComboBox.currentIndex = names.index(name) if name in names else default

    def _model_chosen(self, _index: int = 0) -> None:
        if self.parameters is not None:
            self.parameters.model = self._model.name if self._model is not None else ""
        self._take_models()

    def _take_models(self) -> None:
        automatic, prompted = self._model, self._prompted
        channels = automatic.channels if automatic is not None else ONE
        self.desk.choose_models(automatic and automatic.address, prompted and prompted.address, channels)

    # The parameter node

    def follow(self, parameters) -> None:
        """Take this parameter node for the switches from now on; None for none."""
        self.parameters = parameters
        if parameters is None:
            self._placing.forget()
        elif parameters.model:
            self._choose_model(parameters.model)

    def cut(self) -> Cut:
        return Cut(self.parameters.threshold, self.parameters.smallestMm, self.parameters.largestOnly)

    def show(self) -> None:
        """Bring the views to the switches."""
        parameters = self.parameters
        overlay = next((kind for name, kind in OVERLAYS.items() if getattr(parameters, name)), None)
        self.desk.show(
            Display(
                overlay=overlay,
                opacity=parameters.opacity,
                outline=parameters.showOutline,
                fill=parameters.showFill,
                surface=parameters.showSurface,
            )
        )
        self._show_legends(overlay if parameters.showLegend else None)

    def _show_legends(self, overlay: str | None) -> None:
        result = self.desk.result
        if result is not None:
            maps = {PROBABILITY: result.probability_node, HEAT: result.heat_node}
            show_legends(maps.get(overlay), [node for node in maps.values() if node is not None])

    # What the desk tells

    def take_threshold(self, value: float) -> None:
        self.parameters.threshold = value

    def take_cut(self, cut: Cut) -> None:
        with slicer.util.NodeModify(self.parameters):  # told once: with one of them alone the result would be cut anew
            self.parameters.threshold, self.parameters.smallestMm = cut.threshold, cut.smallest_mm
            self.parameters.largestOnly = cut.largest_only

    def take_overlay(self, name: str) -> None:
        for switch, kind in OVERLAYS.items():
            if kind == name:
                self._choose_overlay(switch, True)
                setattr(self.parameters, switch, True)

    def update(self) -> None:
        """Buttons as what may be done now."""
        ui, desk = self.ui, self.desk
        self._images.update()
        ui.segmentButton.text = _("Cancel") if desk.busy else _("Segment")
        ui.segmentButton.enabled = desk.busy or desk.ready
        ui.segmentButton.toolTip = self._what_segment_does()
        ui.explainButton.enabled = desk.ready and desk.has_result and not desk.busy
        for button in (ui.insideButton, ui.outsideButton, ui.boxButton):
            button.enabled = desk.can_prompt
        ui.promptsLabel.text = _points_and_boxes(*desk.prompt_counts)
        ui.deletePromptsButton.enabled = any(desk.prompt_counts)
        ui.correctButton.enabled = desk.has_result
        ui.newLesionButton.enabled = desk.ct is not None
        ui.undoCorrectionsButton.enabled = desk.has_edits
        if not desk.can_prompt:
            self._placing.stop()

    def leave(self) -> None:
        """The module is left: clicks in the views are another module's."""
        self._placing.stop()

    # What the user does

    def _segment_or_cancel(self, _checked: bool = False) -> None:
        if self.desk.busy:
            self.desk.cancel()
        else:
            self.desk.segment()

    def _explain(self, _checked: bool = False) -> None:
        lesion = self._chosen()
        self.desk.explain(lesion.id if lesion is not None else None)

    def _correct(self, _checked: bool = False) -> None:
        open_segment_editor(self.desk.result.segmentation_node, self.desk.ct)

    def _new_lesion(self, _checked: bool = False) -> None:
        lesion = self.desk.new_lesion()
        open_segment_editor(self.desk.result.segmentation_node, self.desk.ct, lesion)

    def _undo_corrections(self, _checked: bool = False) -> None:
        """Of the chosen lesion where it was corrected, else of all."""
        lesion = self._chosen()
        self.desk.reset_edits(lesion.id if lesion is not None and lesion.corrected else None)

    def _choose_overlay(self, name: str, on: bool) -> None:
        """One at a time: the views have one foreground."""
        if on:
            for other in OVERLAYS:
                if other != name:
                    setattr(self.parameters, other, False)

    def _what_segment_does(self) -> str:
        if self.desk.busy:
            return _("Stop; nothing is changed.")
        if not self._models:
            return _("No model is installed: import one by Manage models...")
        return _("Find the lung tumours of the chosen CT.") if self.desk.ct is not None else _("Choose a CT first.")


def _points_and_boxes(inside: int, outside: int, boxes: int) -> str:
    """ "2 inside, 1 outside, 1 box." """
    parts = [
        (inside, _("{count} inside")),
        (outside, _("{count} outside")),
        (boxes, _("1 box") if boxes == 1 else _("{count} boxes")),
    ]
    return ", ".join(text.format(count=count) for count, text in parts if count) or _("No points or boxes.")
