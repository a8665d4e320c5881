"""The window "Models": which there are, what their cards say; import, delete, roll back."""

from __future__ import annotations

import html
from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from LungTumorSegLib.desktop.window import open_window
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.workstation import models


class ModelsWindow:
    """`changed` is called when models came, went, or a name means another one."""

    def __init__(self, changed: Callable[[], None]):
        self._changed = changed
        self._models: list[models.Model] = []
        self.dialog, self.ui = open_window("Models", _("Models"), 640, 380, lambda: None)
        ui = self.ui
        ui.modelList.connect("currentRowChanged(int)", self._show_card)
        ui.importButton.connect("clicked(bool)", self._import)
        ui.deleteButton.connect("clicked(bool)", self._delete)
        ui.rollBackButton.connect("clicked(bool)", self._roll_back)
        ui.closeButton.connect("clicked(bool)", lambda _checked: self.dialog.accept())
        self._fill()

    def close(self) -> None:
        """Nothing runs in here."""

    @property
    def chosen(self) -> models.Model | None:
        row = self.ui.modelList.currentRow
        return self._models[row] if 0 <= row < len(self._models) else None

    def _fill(self, name: str = "") -> None:
        """List them; choose the one of this name, else the first."""
        self._models = []  # rows that go are no choice
        self.ui.modelList.clear()
        found = models.list_models()
        for model in found:
            self.ui.modelList.addItem(_title(model))
        self._models = found
        names = [model.name for model in found]
        self.ui.modelList.currentRow = names.index(name) if name in names else 0
        self._show_card()

    def _show_card(self, _row: int = 0) -> None:
        model = self.chosen
        try:
            facts = model.facts() if model is not None else []
        except InputRefused as refusal:
            facts = [str(refusal)]
        self.ui.cardBrowser.html = "".join(f"<p>{html.escape(fact)}</p>" for fact in facts)
        self.ui.deleteButton.enabled = model is not None and model.deletable
        self.ui.rollBackButton.enabled = model is not None and model.place == models.PROMOTED and model.in_use

    def _import(self, _checked: bool = False) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self.dialog, _("Choose the folder of a model"))
        if folder:
            self._try(lambda: models.import_folder(folder), _("{name} was imported."))

    def _delete(self, _checked: bool = False) -> None:
        model = self.chosen
        if slicer.util.confirmOkCancelDisplay(_("Delete the model {name} from this disk?").format(name=model.name)):
            self._try(lambda: models.delete_model(model), _("{name} was deleted.").replace("{name}", model.name))

    def _roll_back(self, _checked: bool = False) -> None:
        before = self.chosen
        said = _("{before} means the version before it again, or nothing where there was none.")
        self._try(lambda: models.roll_back(before), said.replace("{before}", before.name))

    def _try(self, do: Callable, said: str) -> None:
        """`said` may hold {name}, the name of the model that `do` returns."""
        try:
            model = do()
        except InputRefused as refusal:
            self.ui.modelsStatusLabel.text = str(refusal)
            return
        name = getattr(model, "name", "")
        self._fill(name)
        self.ui.modelsStatusLabel.text = said.replace("{name}", name)
        self._changed()


def _title(model: models.Model) -> str:
    """ "site-prompted (promoted, in use)" """
    places = {
        models.BUNDLED: _("comes with the program"),
        models.PROMOTED: _("promoted, in use") if model.in_use else _("promoted, not in use"),
        models.IMPORTED: _("imported"),
    }
    return f"{model.name}\n  {places[model.place]}"
