"""What stands between a fresh installation and the first click: a line in the panel, and the windows behind it."""

from __future__ import annotations

from collections.abc import Callable

from slicer.i18n import tr as _

from LungTumorSegLib.desktop import packages
from LungTumorSegLib.desktop.computation import ComputationWindow
from LungTumorSegLib.desktop.models_dialog import ModelsWindow
from LungTumorSegLib.worker.launch import Launch
from LungTumorSegLib.workstation import models


class FirstRun:
    """
    Parameters
    ----------
    ui : the panel's widgets: setupLabel, setupButton, computationButton, manageModelsButton
    launch : says how the worker is started now
    worker_changed : another Python was chosen, or packages came or went: the worker is to be started anew
    models_changed : models came or went
    """

    def __init__(
        self,
        ui,
        launch: Callable[[], Launch],
        worker_changed: Callable[[], None],
        models_changed: Callable[[], None],
    ):
        self.ui, self._launch = ui, launch
        self._worker_changed, self._models_changed = worker_changed, models_changed
        self._looking = None
        self._looked = False
        self.computation: ComputationWindow | None = None
        self.models: ModelsWindow | None = None
        ui.setupButton.connect("clicked(bool)", self.open_computation)
        ui.computationButton.connect("clicked(bool)", self.open_computation)
        ui.manageModelsButton.connect("clicked(bool)", self.open_models)

    def enter(self) -> None:
        """The module is shown: at the first time, see what the worker's Python lacks."""
        if not self._looked:
            self.look()

    def look(self) -> None:
        self._looked = True
        if self._looking is not None:
            self._looking.close()
        self._looking = packages.look(self._launch(), self._tell)
        if self._looking is None:  # on another machine: its own matter
            self._show("")

    def close(self) -> None:
        for each in (self._looking, self.computation, self.models):
            if each is not None:
                each.close()
        for window in (self.computation, self.models):
            if window is not None:
                window.dialog.close()
        self._looking = self.computation = self.models = None

    def open_computation(self, _checked: bool = False) -> None:
        if self.computation is None or not self.computation.dialog.visible:
            self.computation = ComputationWindow(self._changed, self.open_models, models.size_of_own)
        self.computation.dialog.activateWindow()

    def open_models(self, _checked: bool = False) -> None:
        if self.models is None or not self.models.dialog.visible:
            self.models = ModelsWindow(self._models_changed)
        self.models.dialog.activateWindow()

    def _changed(self) -> None:
        self._worker_changed()
        self.look()

    def _tell(self, survey: packages.Survey | None, _last_words: str) -> None:
        self._looking = None
        if survey is None:
            self._show(_("The Python that computes cannot be started."))
            return
        needs = packages.needs(survey)
        self._show(_("Before the first click, {what} must be installed.").format(what=_what(needs)) if needs else "")

    def _show(self, sentence: str) -> None:
        self.ui.setupLabel.text = sentence
        self.ui.setupLabel.visible = self.ui.setupButton.visible = bool(sentence)


def _what(needs: list[packages.Need]) -> str:
    """ "torch and 7 more packages" """
    first, more = needs[0].name, len(needs) - 1
    if not more:
        return first
    rest = _("1 more package") if more == 1 else _("{count} more packages").format(count=more)
    return _("{first} and {rest}").format(first=first, rest=rest)
