"""The Train tab: cases, a run with its curves, old against new. Decides nothing."""

from __future__ import annotations

import os
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from LungTumorSegLib.desktop.child_process import QtChildProcess
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.scene.curves import TrainingCurves
from LungTumorSegLib.workstation import models, teaching_words
from LungTumorSegLib.workstation.teaching import Teaching, default_folder
from LungTumorSegLib.workstation.tuning_recipe import recipe_epochs, recipe_rate
from LungTumorSegLib.workstation.tuning_runs import COMPARED, PROMOTED, STOPPED, TRAINED, Compared, Knobs

FOLDER_KEY, FROZEN_KEY = "LungTumorSeg/TeachingFolder", "LungTumorSeg/FrozenCases"
DEVICES = ("auto", "cpu", "cuda")
FIRST = "prompted"  # the base that is chosen where the user has not
RATES = (None, 1 / 3, 3.0)  # times the recipe's own; None leaves it


class TrainTab:
    """
    Parameters
    ----------
    ui : the panel's widgets by name
    scene : vtkMRMLScene, for the curves
    desk, jobs, exporting : of `workstation`
    launch : says how jobs are started now
    panel : told by `said`, `failed` and `models_changed`
    """

    def __init__(self, ui, scene, desk, jobs, exporting, launch, panel):
        self._launch = launch
        self.ui, self.desk, self._jobs, self._exporting, self._panel = ui, desk, jobs, exporting, panel
        self.curves = TrainingCurves(scene, (_("Loss"), _("Loss, held out"), _("Dice, held out")))
        self._children: list[QtChildProcess] = []
        self._bases: list[models.Model] = []
        self._cases: list = []
        self._pictures: tuple[Path, ...] = ()
        self._compared: Compared | None = None
        self.teaching = self._open()
        self._shown: dict = {"promoted": self.teaching.state == PROMOTED}  # what is drawn already, by what
        self._connect()
        for name in (_("automatic"), _("processor (CPU)"), _("graphics card")):
            ui.deviceComboBox.addItem(name)
        self.fill_bases()
        self.update()

    def _connect(self) -> None:
        ui = self.ui
        ui.datasetEdit.currentPath = str(self.teaching.folder)
        ui.frozenEdit.currentPath = slicer.util.settingsValue(FROZEN_KEY, "")
        ui.datasetEdit.connect("currentPathChanged(QString)", lambda path: self._folder_chosen(FOLDER_KEY, path))
        ui.frozenEdit.connect("currentPathChanged(QString)", lambda path: self._folder_chosen(FROZEN_KEY, path))
        ui.addCaseButton.connect("clicked(bool)", self._add_case)
        ui.removeCaseButton.connect("clicked(bool)", self._remove_case)
        ui.caseList.connect("currentRowChanged(int)", lambda _row: self._show_case())
        ui.baseComboBox.connect("currentIndexChanged(int)", lambda _index: self._show_recipe())
        ui.trainButton.connect("clicked(bool)", self._start_or_stop)
        ui.resumeButton.connect("clicked(bool)", lambda _checked: self._try(self.teaching.resume))
        ui.curvesButton.connect("clicked(bool)", self._show_curves)
        ui.compareModelsButton.connect("clicked(bool)", lambda _checked: self._try(self.teaching.compare))
        ui.comparisonList.connect("itemDoubleClicked(QListWidgetItem*)", lambda _item: self._enlarge())
        ui.promoteButton.connect("clicked(bool)", lambda _checked: self._try(self.teaching.promote))
        ui.discardButton.connect("clicked(bool)", self._discard)
        ui.backButton.connect("clicked(bool)", self._roll_back)

    def _open(self) -> Teaching:
        folder = slicer.util.settingsValue(FOLDER_KEY, "") or str(default_folder())
        frozen = slicer.util.settingsValue(FROZEN_KEY, "")
        return Teaching(Path(folder), self._launch(), self._new_child, self, Path(frozen) if frozen else None)

    def _new_child(self) -> QtChildProcess:
        self._children.append(QtChildProcess())
        return self._children[-1]

    # What the panel tells

    def tick(self) -> None:
        self.teaching.tick()

    def worker_changed(self) -> None:
        """Another Python computes from the next step on."""
        if not self.teaching.busy:
            self.teaching = self._open()

    def close(self) -> None:
        """The module goes, or Slicer quits: what runs ends. A training can be resumed."""
        self.teaching.close()
        for child in self._children:
            child.close()

    def fill_bases(self) -> None:
        """Models came or went."""
        chosen = self._base.name if self._base is not None else FIRST
        self._bases = []  # entries that go are no choice
        self.ui.baseComboBox.clear()
        found = [model for model in models.list_models() if model.in_use]
        for model in found:
            self.ui.baseComboBox.addItem(model.name)
        self._bases = found
        names = [model.name for model in found]
        self.ui.baseComboBox.currentIndex = names.index(chosen) if chosen in names else 0
        self._show_recipe()

    # What the desk of teaching tells (`workstation.teaching.TeachingHost`)

    def changed(self) -> None:
        self.update()

    def said(self, sentence: str) -> None:
        self._panel.said(sentence)

    def failed(self, sentence: str, details: str = "") -> None:
        self._panel.failed(sentence, details)

    # Showing

    def update(self) -> None:
        ui, teaching_ = self.ui, self.teaching
        state, busy = teaching_.state, teaching_.busy
        run = teaching_.run
        self._if_new("cases", (str(teaching_.dataset), busy or _time(teaching_.dataset)), self._show_cases)
        self._if_new("curves", _time(run.folder / "curves.csv") if run else None, self._draw_curves)
        made = (run.name, _time(run.comparison / "comparison.json")) if run else None
        self._if_new("comparison", made, self._show_comparison)
        self._if_new("promoted", state == PROMOTED, self._panel.models_changed)
        ui.addCaseButton.enabled = self.desk.has_result and not busy and not self._jobs.under_way
        ui.trainButton.text = _("Stop") if busy else _("Start training")
        ui.trainButton.enabled = busy or bool(self._cases and self._bases)
        ui.resumeButton.visible = state == STOPPED and not busy
        ui.trainBar.visible = ui.trainLabel.visible = busy
        if teaching_.progress is not None:
            ui.trainLabel.text, fraction = teaching_.progress
            ui.trainBar.value = round(100 * fraction)
        compared = self._compared
        ui.compareModelsButton.enabled = not busy and state in (TRAINED, COMPARED)
        ui.promoteButton.enabled = not busy and state == COMPARED and not (compared and compared.reasons)
        ui.discardButton.enabled = not busy and state in (STOPPED, TRAINED, COMPARED)
        for widget in (ui.datasetEdit, ui.frozenEdit, ui.baseComboBox, ui.epochsSpinBox, ui.deviceComboBox):
            widget.enabled = not busy
        ui.rateComboBox.enabled = not busy
        ui.removeCaseButton.enabled = not busy and self._case is not None
        ui.backButton.enabled = not busy and self._promoted is not None

    def _if_new(self, what: str, now, show) -> None:
        """Draw it only where it has changed: this is called several times a second."""
        if what not in self._shown or self._shown[what] != now:
            self._shown[what] = now
            show()

    def _show_cases(self) -> None:
        try:
            cases = self.teaching.cases()
        except InputRefused as refusal:
            self.ui.caseLabel.text = str(refusal)
            return
        self._cases = []  # rows that go are no choice
        self.ui.caseList.clear()
        for case in cases:
            item = qt.QListWidgetItem(qt.QIcon(str(self.teaching.thumbnail(case))), case.name)
            item.setToolTip(_facts(case))
            self.ui.caseList.addItem(item)
        self._cases = cases
        self._show_case()

    def _show_case(self) -> None:
        case = self._case
        self.ui.removeCaseButton.enabled = case is not None and not self.teaching.busy
        patients = len({each.patient for each in self._cases})
        of = _("1 patient") if patients == 1 else _("{count} patients").format(count=patients)
        together = _("{cases} of {patients}").format(cases=_cases(len(self._cases)), patients=of)
        together = together if self._cases else _("No case yet.")
        self.ui.caseLabel.text = _facts(case) if case is not None else together

    @property
    def _case(self):
        row = self.ui.caseList.currentRow
        return self._cases[row] if 0 <= row < len(self._cases) else None

    @property
    def _base(self) -> models.Model | None:
        index = self.ui.baseComboBox.currentIndex
        return self._bases[index] if 0 <= index < len(self._bases) else None

    @property
    def _promoted(self) -> str | None:
        """The task whose promoted model may be rolled back: of the model that is chosen to begin with, or was made."""
        tasks = [self.teaching.run.knobs.task] if self.teaching.run else []
        tasks += [self._base.task] if self._base is not None else []
        in_use = {model.name for model in self._bases if model.place == models.PROMOTED}
        return next((task for task in tasks if f"site-{task}" in in_use), None)

    def _show_recipe(self) -> None:
        base = self._base
        if base is None:
            return
        self.ui.recipeLabel.text = teaching_words.recipe_of(base.task)
        self.ui.epochsSpinBox.value = recipe_epochs(base.task)
        rate, chosen = recipe_rate(base.task), self.ui.rateComboBox.currentIndex
        self.ui.rateComboBox.clear()
        names = (_("automatic ({rate:.2g})"), _("gentler ({rate:.2g})"), _("stronger ({rate:.2g})"))
        for name, times in zip(names, RATES, strict=True):
            self.ui.rateComboBox.addItem(name.format(rate=rate * (times or 1.0)))
        self.ui.rateComboBox.currentIndex = max(chosen, 0)

    def _draw_curves(self) -> None:
        rows = self.teaching.curves()
        self.ui.curvesButton.enabled = bool(rows)
        if rows:
            self.curves.show(rows, self.teaching.run.name)

    def _show_curves(self, _checked: bool = False) -> None:
        self.curves.show(self.teaching.curves(), self.teaching.run.name)  # also where the scene was closed since
        slicer.modules.plots.logic().ShowChartInLayout(self.curves.chart_node)

    def _show_comparison(self) -> None:
        self._compared = compared = self.teaching.compared()
        self.ui.comparisonLabel.text = "" if compared is None else _verdict(compared)
        self._pictures = () if compared is None else compared.pictures
        self.ui.comparisonList.visible = bool(self._pictures)
        self.ui.comparisonList.clear()
        for picture in self._pictures:
            self.ui.comparisonList.addItem(qt.QListWidgetItem(qt.QIcon(str(picture)), ""))

    def _enlarge(self) -> None:
        row = self.ui.comparisonList.currentRow
        if 0 <= row < len(self._pictures):
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._pictures[row])))

    # What the user does

    def _folder_chosen(self, key: str, path: str) -> None:
        if self.teaching.busy:
            return
        qt.QSettings().setValue(key, path)
        self.teaching = self._open()
        self.update()

    def _add_case(self, _checked: bool = False) -> None:
        self._exporting.result(lambda folder: self._try(lambda: self.teaching.add_case(folder)))

    def _remove_case(self, _checked: bool = False) -> None:
        name = self._case.name
        if slicer.util.confirmOkCancelDisplay(_("Delete {case} from the dataset?").format(case=name)):
            self._try(lambda: self.teaching.remove_case(name))

    def _start_or_stop(self, _checked: bool = False) -> None:
        if self.teaching.busy:
            self.teaching.stop()
            return
        base, ui = self._base, self.ui
        times = RATES[ui.rateComboBox.currentIndex]
        rate = None if times is None else recipe_rate(base.task) * times
        epochs = ui.epochsSpinBox.value
        self._try(
            lambda: self.teaching.start(
                Knobs(base.task, base.address, epochs, rate, DEVICES[ui.deviceComboBox.currentIndex])
            )
        )

    def _discard(self, _checked: bool = False) -> None:
        if slicer.util.confirmOkCancelDisplay(_("Delete the new model? The cases and the old model stay.")):
            self._try(self.teaching.discard)

    def _roll_back(self, _checked: bool = False) -> None:
        task = self._promoted
        self._try(lambda: self.teaching.roll_back(task))
        self._panel.models_changed()

    def _try(self, do) -> None:
        try:
            do()
        except InputRefused as refusal:
            self.failed(str(refusal))
        self.update()


def _time(path: Path) -> int | None:
    """When the file or folder was last changed, None where there is none."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _cases(count: int) -> str:
    return _("1 case") if count == 1 else _("{count} cases").format(count=count)


def _facts(case) -> str:
    lesions = _("1 lesion") if case.lesions == 1 else _("{count} lesions").format(count=case.lesions)
    return "\n".join([f"{case.name}: {lesions}, {case.volume_ml:.2f} mL", *case.notes])


def _verdict(compared) -> str:
    lines = [
        _("{what} ({cases}): Dice {old:.3f} before, {new:.3f} now; newly missed lesions: {missed}.").format(
            what=what, cases=_cases(part.cases), old=part.base, new=part.candidate, missed=part.newly_missed
        )
        for what, part in ((_("Kept back"), compared.site), (_("Must not forget"), compared.frozen))
    ]
    return "\n".join([*lines, *(reason[:1].upper() + reason[1:] + "." for reason in compared.reasons)])
