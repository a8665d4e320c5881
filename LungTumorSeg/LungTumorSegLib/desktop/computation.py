"""The window "Computation": which Python computes, what it lacks, what lies on this disk."""

from __future__ import annotations

import time
from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from LungTumorSegLib.desktop import packages, sample_data
from LungTumorSegLib.desktop.child_process import QtChildProcess
from LungTumorSegLib.desktop.settings import keep_worker_setting, worker_launch, worker_setting
from LungTumorSegLib.desktop.window import open_window
from LungTumorSegLib.worker.conversation import Answer, Conversation, Failure
from LungTumorSegLib.worker.launch import Launch
from LungTumorSegLib.worker.process import WorkerProcess

TICK = 100  # ms
MODEL = "automatic"  # loaded by the test: a worker that loads it can segment


class ComputationWindow:
    """
    Parameters
    ----------
    changed : called when the worker is to be started anew: another Python was chosen, packages came or went
    manage_models : opens the list of models
    models_size : bytes of the user's own models
    """

    def __init__(
        self, changed: Callable[[], None], manage_models: Callable[[], None], models_size: Callable[[], int] = lambda: 0
    ):
        self._changed = changed
        self._models_size = models_size
        self._survey: packages.Survey | None = None
        self._needs: list[packages.Need] = []
        self._looking = None
        self._looked_at: str | None = None
        self._installing = None
        self._test: WorkerTest | None = None
        self.dialog, self.ui = open_window("Computation", _("Computation"), 520, 560, self.close)
        ui = self.ui
        ui.pythonEdit.text = worker_setting()
        ui.pythonEdit.connect("editingFinished()", self._edited)
        ui.browseButton.connect("clicked(bool)", self._browse)
        ui.testButton.connect("clicked(bool)", self._test_or_stop)
        ui.trainingCheckBox.connect("toggled(bool)", lambda _on: self._show_needs())
        ui.installButton.connect("clicked(bool)", self._install_or_stop)
        ui.modelsButton.connect("clicked(bool)", lambda _on: manage_models())
        ui.samplesButton.connect("clicked(bool)", self._delete_samples)
        ui.removeButton.connect("clicked(bool)", self._remove)
        ui.okButton.connect("clicked(bool)", self._accept)
        ui.cancelButton.connect("clicked(bool)", lambda _on: self.dialog.reject())
        self._show_disk()
        self._look()

    @property
    def launch(self) -> Launch:
        """By what stands in the line now."""
        return worker_launch(self.ui.pythonEdit.text.strip())

    def close(self) -> None:
        """End what this window started."""
        for each in (self._looking, self._installing, self._test):
            if each is not None:
                each.close()
        self._looking = self._installing = self._test = None

    def _accept(self, _checked: bool = False) -> None:
        setting = self.ui.pythonEdit.text.strip()
        if setting != worker_setting():
            keep_worker_setting(setting)
            self._changed()
        self.dialog.accept()

    def _browse(self, _checked: bool = False) -> None:
        path = qt.QFileDialog.getOpenFileName(self.dialog, _("Choose a Python interpreter"))
        if path:
            self.ui.pythonEdit.text = path
            self._look()

    # What its Python has

    def _edited(self) -> None:
        """Also told when the line loses the focus, unchanged."""
        if self.ui.pythonEdit.text != self._looked_at:
            self._look()

    def _look(self) -> None:
        self._looked_at = self.ui.pythonEdit.text
        if self._looking is not None:
            self._looking.close()
        self._survey, self._needs = None, []
        self.ui.installButton.enabled = False
        self.ui.placeLabel.text = ""
        self._looking = packages.look(self.launch, self._looked)
        elsewhere = _("On another machine: Test tells whether it works.")
        self.ui.packagesLabel.text = _("Looking...") if self._looking is not None else elsewhere

    def _looked(self, survey: packages.Survey | None, last_words: str) -> None:
        self._looking = None
        self._survey = survey
        if survey is None:
            self.ui.packagesLabel.text = _("This Python cannot be started: {why}").format(why=_last_line(last_words))
            return
        self._show_needs()

    def _show_needs(self) -> None:
        if self._survey is None:
            return
        ui, survey = self.ui, self._survey
        self._needs = needs = packages.needs(survey, ui.trainingCheckBox.checked)
        mine = packages.may_install(self.launch)
        if not needs:
            ui.packagesLabel.text = _("Everything is there: Python {python}, torch {torch}.").format(
                python=survey.python, torch=survey.packages["torch"]
            )
        elif mine:
            parts = ", ".join(f"{need.name} {_megabytes(need.megabytes)}" for need in needs)
            ui.packagesLabel.text = _("To be installed, about {size}: {packages}.").format(
                size=_megabytes(sum(need.megabytes for need in needs)), packages=parts
            )
        else:
            command = packages.by_hand(self.launch, needs)
            ui.packagesLabel.text = _("Missing. This Python is not Slicer's own; install there with\n{command}").format(
                command=command
            )
        cards = ", ".join(survey.cards) or _("none: it computes on the processor")
        ui.placeLabel.text = _("Into {folder} ({free} free). Graphics card: {cards}.").format(
            folder=survey.folder, free=_megabytes(survey.free_bytes / 1e6), cards=cards
        )
        obstacle = self._obstacle(needs)
        if mine and needs and obstacle:
            ui.packagesLabel.text += " " + obstacle
        ui.installButton.enabled = self._installing is not None or bool(mine and needs and not obstacle)

    def _obstacle(self, needs: list[packages.Need]) -> str:
        """Why nothing can be installed; empty where it can."""
        if not packages.has_room(self._survey, needs):
            return _("There is not enough room on this disk.")
        if any(need.name == "torch" for need in needs) and packages.pytorch_extension() is None:
            return _("First install the extension PyTorch in Slicer's Extensions Manager, and start Slicer anew.")
        return ""

    # Installing

    def _install_or_stop(self, _checked: bool = False) -> None:
        if self._installing is not None:
            self.ui.installLabel.text = _("Stopping...")
            self._installing.stop()
            return
        self._begin(packages.install(self.launch, self._needs, self._line, self._installed))

    def _remove(self, _checked: bool = False) -> None:
        if self._installing is None:
            self._begin(packages.remove(self.launch, self._line, self._installed))

    def _begin(self, program) -> None:
        self._installing = program
        self.ui.installButton.text = _("Stop")
        self.ui.installButton.enabled = True
        self.ui.installBar.visible = self.ui.installLabel.visible = True
        self.ui.installLabel.text = _("Starting...")
        self._show_disk()

    def _line(self, line: str) -> None:
        if line.startswith(("step: ", "Collecting ", "Downloading ", "Installing ", "Successfully ")):
            self.ui.installLabel.text = line[:120]

    def _installed(self, exit_code: int | None) -> None:
        program, self._installing = self._installing, None
        self.ui.installButton.text = _("Install")
        self.ui.installBar.visible = False
        if exit_code == 0:
            self.ui.installLabel.text = _("Done.")
            self._changed()
        elif program.stopped:
            self.ui.installLabel.text = _("Stopped. What was not finished is offered again.")
        else:
            self.ui.installLabel.text = _("It failed.")
            slicer.util.errorDisplay(_("The packages could not be changed."), detailedText=program.last_words)
        self._show_disk()
        self._look()

    # Testing

    def _test_or_stop(self, _checked: bool = False) -> None:
        if self._test is not None:
            self._test.close()
            self._tested(_("Stopped."))
            return
        self.ui.testButton.text = _("Stop")
        self.ui.testLabel.text = _("Starting the worker...")
        self._test = WorkerTest(self.launch, self._tested)

    def _tested(self, sentence: str) -> None:
        self._test = None
        self.ui.testButton.text = _("Test")
        if self._survey is not None and not self.launch.inline:
            sentence = sentence.format(python=_("Python {version}, ").format(version=self._survey.python))
        self.ui.testLabel.text = sentence.replace("{python}", "")

    # What lies on this disk

    def _show_disk(self) -> None:
        ui = self.ui
        ui.modelsLabel.text = _("Your own models: {size}").format(size=_megabytes(self._models_size() / 1e6))
        samples = sample_data.size_on_disk()
        ui.samplesLabel.text = _("Sample scans: {size}").format(size=_megabytes(samples / 1e6))
        ui.samplesButton.enabled = samples > 0
        ours = packages.installed_by_us()
        ui.removeLabel.text = _("Packages installed from here: {names}").format(names=", ".join(ours) or _("none"))
        ui.removeButton.enabled = bool(ours) and self._installing is None

    def _delete_samples(self, _checked: bool = False) -> None:
        sample_data.delete_all()
        self._show_disk()


class WorkerTest:
    """Starts a worker that loads a model; `told` gets one sentence, with "{python}" where Python's version may go."""

    def __init__(self, launch: Launch, told: Callable[[str], None]):
        self._told = told
        self._started = time.monotonic()
        self._process = WorkerProcess(launch, QtChildProcess(patience=0))
        self._conversation = Conversation(self._process, launch.inline)
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK)
        self._timer.connect("timeout()", self._conversation.tick)
        self._timer.start()
        self._conversation.load(MODEL, on_done=self._ended, on_failed=self._ended)

    def close(self) -> None:
        self._timer.stop()
        self._conversation.close()
        self._process.close()

    def _ended(self, outcome: Answer | Failure) -> None:
        seconds = time.monotonic() - self._started
        devices, torch = self._conversation.devices, self._conversation.torch
        # Later: this is called from inside the process's signal.
        qt.QTimer.singleShot(0, lambda: self._tell(outcome, devices, torch, seconds))

    def _tell(self, outcome: Answer | Failure, devices: tuple[str, ...], torch: str, seconds: float) -> None:
        if not self._timer.active:
            return
        self.close()
        if isinstance(outcome, Failure):
            self._told(outcome.message.replace("{", "(").replace("}", ")"))
            return
        self._told(
            _("It works: {python}torch {torch}, computes on {device}; ready after {seconds:.1f} s.").format(
                python="{python}", torch=torch, device=devices[0], seconds=seconds
            )
        )


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else _("it wrote nothing")


def _megabytes(megabytes: float) -> str:
    """ "700 MB", "8.0 GB" """
    if megabytes >= 1000:
        return _("{size:.1f} GB").format(size=megabytes / 1000)
    return _("{size:.0f} MB").format(size=megabytes) if megabytes >= 1 or not megabytes else _("1 MB")
