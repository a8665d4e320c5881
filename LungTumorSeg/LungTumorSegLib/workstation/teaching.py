"""What a Train tab does: cases into the user's dataset, a model tuned on them, compared with its base and promoted.

Everything heavy is a command in a process of its own (`Job`). What there is, is read from the folder:

    FOLDER/cases/  the dataset (`cases.local`)
    FOLDER/runs/   what was trained (`tuning_runs`)
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from LungTumorSegLib.cases.local import THUMBNAIL, LocalCase, list_cases, remove_case
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import registry
from LungTumorSegLib.worker.child import ChildProcess
from LungTumorSegLib.worker.launch import Launch
from LungTumorSegLib.workstation import teaching_words as words
from LungTumorSegLib.workstation.handing_on import hand_on
from LungTumorSegLib.workstation.job import End, Job
from LungTumorSegLib.workstation.tuning_recipe import recipe_name, steps_an_epoch
from LungTumorSegLib.workstation.tuning_runs import (
    COMPARED,
    COMPARING,
    PROMOTING,
    STOPPED,
    TRAINED,
    TRAINING,
    Compared,
    Knobs,
    Run,
    latest_run,
    new_run,
)
from LungTumorSegLib.workstation.words import progress as progress_words

FEWEST_PATIENTS = 2
MOST_EPOCHS = 1000


class TeachingHost(Protocol):
    """What a Train tab is told. All calls come on the thread that calls; sentences are translated already."""

    def changed(self) -> None:
        """Cases, run, state, curves or progress are others now: read them."""

    def said(self, sentence: str) -> None: ...

    def failed(self, sentence: str, details: str = "") -> None: ...


class Teaching:
    """
    Parameters
    ----------
    folder : of the user's cases and runs; made when it is needed
    launch : from `worker.launch.job_command`
    new_process : makes a fresh `ChildProcess`
    host : is told
    frozen : folder of cases that the models that come with the program were judged by; None = synthetic scans
    models : the folder of the user's own models [`networks.registry.registry_folder`]
    """

    def __init__(
        self,
        folder: Path,
        launch: Launch,
        new_process: Callable[[], ChildProcess],
        host: TeachingHost,
        frozen: Path | None = None,
        models: Path | None = None,
    ):
        self.folder, self.frozen, self._models = Path(folder), frozen, models
        self._launch, self._new_process, self._host = launch, new_process, host
        self._job: Job | None = None
        self._doing = ""  # TRAINING, COMPARING, PROMOTING or "adding"
        self.progress: tuple[str, float] | None = None  # sentence with the time left, 0..1; None while nothing runs

    # Cases

    @property
    def dataset(self) -> Path:
        return self.folder / "cases"

    def cases(self) -> list[LocalCase]:
        """InputRefused names a damaged one."""
        return list_cases(self.dataset)

    def thumbnail(self, case: LocalCase) -> Path:
        return self.dataset / case.name / THUMBNAIL

    def add_case(self, result: Path, patient: str | None = None) -> None:
        """A result's folder (`ResultFolder.make`) into the dataset; a scan that is in already gets the new mask."""
        arguments = ["case", "add", result, "--to", self.dataset, "--replace"]
        arguments += ["--patient", patient] if patient else []
        self._begin("adding", arguments, lambda end: self._host.said(words.case_added(first_line(end.output))))

    def remove_case(self, name: str) -> None:
        self._refuse_if_busy()
        remove_case(self.dataset, name)
        self._host.said(words.case_removed(name))
        self._host.changed()

    # Training

    @property
    def busy(self) -> bool:
        return self._job is not None

    @property
    def run(self) -> Run | None:
        """The latest."""
        return latest_run(self.folder / "runs")

    @property
    def state(self) -> str | None:
        """Of the latest run; None where there is none."""
        run = self.run
        if run is None:
            return None
        return self._doing if self._doing in (TRAINING, COMPARING, PROMOTING) else run.outcome

    def start(self, knobs: Knobs) -> None:
        """Begin a new run; once trained, it is compared by itself. InputRefused says what is missing."""
        self._refuse_if_busy()
        if knobs.epochs is not None and not 1 <= knobs.epochs <= MOST_EPOCHS:
            raise InputRefused(words.wrong_epochs())
        patients = {case.patient for case in self.cases() if case.lesions}
        if len(patients) < FEWEST_PATIENTS:
            raise InputRefused(words.too_few_patients(len(patients)))
        new_run(self.folder / "runs", knobs)
        self._train(resume=False)

    def stop(self) -> None:
        """End what is under way; a training can be resumed."""
        if self._job is not None:
            self._job.cancel()

    def resume(self) -> None:
        self._refuse_if_busy()
        if self.state != STOPPED:
            raise InputRefused(words.nothing_to("resume"))
        self._train(resume=self.run.folder.is_dir())

    def curves(self) -> list[dict[str, float | None]]:
        """Of the latest run, see `Run.curves`."""
        run = self.run
        return run.curves() if run is not None else []

    # Comparison

    def compare(self) -> None:
        """The new model against its base, on the patients kept back and on the frozen cases."""
        self._refuse_if_busy()
        run = self.run
        if self.state not in (TRAINED, COMPARED):
            raise InputRefused(words.nothing_to("compare"))
        shutil.rmtree(run.comparison, ignore_errors=True)
        arguments = ["promote", run.folder, "--base", run.knobs.base, "--site", self.dataset]
        arguments += ["--compare", run.comparison, *(["--frozen", self.frozen] if self.frozen else [])]
        self._begin(COMPARING, arguments, lambda end: self._say_compared())

    def compared(self) -> Compared | None:
        """What the comparison of the latest run showed; None where there is none."""
        run = self.run
        return run.compared() if run is not None else None

    def promote(self) -> None:
        """By the comparison made; refused where that says no."""
        self._refuse_if_busy()
        run, compared = self.run, self.compared()
        if self.state != COMPARED or compared is None or compared.reasons:
            raise InputRefused(words.nothing_to("promote"))
        arguments = ["promote", run.folder, "--base", run.knobs.base, "--compared", run.comparison]
        arguments += ["--registry", self._models] if self._models else []

        def done(end: End) -> None:
            name = f"site-{run.knobs.task}"
            replace(run, promoted=name).keep()
            self._host.said(words.promoted(name))

        self._begin(PROMOTING, arguments, done)

    def discard(self) -> None:
        """The latest run and all it made; a promoted model stays."""
        self._refuse_if_busy()
        run = self.run
        if run is not None:
            run.discard()
            self._host.said(words.discarded())
            self._host.changed()

    def roll_back(self, task: str) -> None:
        """Let the promoted model's name mean the one before. InputRefused where nothing is promoted."""
        name = f"site-{task}"
        _left, now = registry.roll_back(self._models or registry.registry_folder(), name)
        self._host.said(words.rolled_back(name, now))
        self._host.changed()

    # The host's timer

    def tick(self) -> None:
        """Call every 50 to 500 ms."""
        if self._job is not None:
            self._job.tick()

    def close(self) -> None:
        """The host goes: what is under way is asked to end cleanly; a training can be resumed."""
        if self._job is not None:
            self._job.cancel()

    def _train(self, resume: bool) -> None:
        run = self.run
        arguments = ["train", "--recipe", recipe_name(run.knobs.task), "--data", self.dataset, "-o", run.folder]
        arguments += ["--from", run.knobs.base, "--device", run.knobs.device]
        if run.knobs.epochs is not None:
            arguments += ["--set", f"run.steps={run.knobs.epochs * steps_an_epoch(run.knobs.task)}"]
        if run.knobs.learning_rate is not None:
            arguments += ["--set", f"optimiser.learning_rate={run.knobs.learning_rate}"]

        def done(end: End) -> None:
            self._host.said(words.trained())
            self.compare()

        self._host.said(words.training())
        self._begin(TRAINING, arguments + ["--resume"] * resume, done)

    def _begin(self, doing: str, arguments: list, done: Callable[[End], None]) -> None:
        self._refuse_if_busy()

        def on_progress(stage: str, fraction: float, seconds_left: float | None) -> None:
            self.progress = progress_words(stage, seconds_left), fraction
            self._host.changed()

        def on_end(end: End) -> None:
            self._job, self._doing, self.progress = None, "", None
            if end.done:
                hand_on(self._host.failed, done, end)
            elif end.cancelled:
                self._host.said(words.stopped() if doing == TRAINING else end.sentence)
            else:
                self._host.failed(end.sentence, end.details)
            self._host.changed()

        self._doing, self.progress = doing, None
        arguments = [*arguments, "--progress", "json"]
        self._job = Job(arguments, self._new_process(), self._launch, on_end, on_progress)
        self._host.changed()

    def _say_compared(self) -> None:
        compared = self.compared()
        if compared is None:
            return
        said = words.not_worth_promoting(compared.reasons) if compared.reasons else words.worth_promoting()
        self._host.said(said if self.frozen else f"{said} {words.synthetic()}")

    def _refuse_if_busy(self) -> None:
        if self.busy:
            raise InputRefused(words.busy())


def default_folder() -> Path:
    """Beside the user's own models."""
    return registry.registry_folder().parent / "teaching"


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
