"""What a Train tab does: cases into the user's dataset, a model tuned on them, compared with its base and promoted.

Everything heavy is a command in a process of its own (`Job`). What there is, is read from the folder, so a host that
was closed, or died, finds its run again:

    FOLDER/cases/                    the dataset (`cases.local`)
    FOLDER/runs/run-001.json         what was asked for, and what became of it
    FOLDER/runs/run-001/             the training's own folder; finished, the model's
    FOLDER/runs/run-001-comparison/  comparison.json and pictures
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from LungTumorSegLib.cases.local import THUMBNAIL, LocalCase, list_cases, remove_case
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import registry
from LungTumorSegLib.worker.child import ChildProcess
from LungTumorSegLib.worker.launch import Launch
from LungTumorSegLib.workstation import teaching_words as words
from LungTumorSegLib.workstation.job import End, Job
from LungTumorSegLib.workstation.words import progress as progress_words

RECIPES = Path(__file__).resolve().parents[2] / "Resources" / "Recipes"
TASKS = ("prompted", "automatic")
RUN = re.compile(r"run-\d{3,6}")
FEWEST_PATIENTS = 2
MOST_EPOCHS = 1000

# States of the latest run; None where there is none.
TRAINING, STOPPED, TRAINED, COMPARING, COMPARED, PROMOTING, PROMOTED = (
    "training", "stopped", "trained", "comparing", "compared", "promoting", "promoted",
)  # fmt: skip


class TeachingHost(Protocol):
    """What a Train tab is told. All calls come on the thread that calls; sentences are translated already."""

    def changed(self) -> None:
        """Cases, run, state, curves or progress are others now: read them."""

    def said(self, sentence: str) -> None: ...

    def failed(self, sentence: str, details: str = "") -> None: ...


@dataclass(frozen=True)
class Knobs:
    """task : "prompted" or "automatic". base : name or folder of the model to begin with.
    epochs, learning_rate : None = the recipe's own, which was tried out. device : "auto", "cpu" or "cuda"."""

    task: str
    base: str
    epochs: int | None = None
    learning_rate: float | None = None
    device: str = "auto"


@dataclass(frozen=True)
class Run:
    """A run as its files tell it. promoted : the name that it was given, "" while it has none."""

    name: str
    knobs: Knobs
    folder: Path
    comparison: Path
    promoted: str = ""


@dataclass(frozen=True)
class Judged:
    """One set of cases: mean Dice of base and candidate. set_aside : how they were chosen."""

    cases: int
    patients: int
    set_aside: str
    base: float
    candidate: float
    newly_missed: int


@dataclass(frozen=True)
class Compared:
    """reasons : why the new model may not be promoted; none where it may. pictures : old beside new, site first."""

    site: Judged
    frozen: Judged
    reasons: tuple[str, ...]
    pictures: tuple[Path, ...]


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
        runs = self.folder / "runs"
        names = sorted(path.stem for path in runs.glob("run-*.json") if RUN.fullmatch(path.stem))
        if not names:
            return None
        try:
            told = json.loads((runs / f"{names[-1]}.json").read_text(encoding="utf-8"))
            knobs, promoted = Knobs(**told["knobs"]), str(told["promoted"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Run(names[-1], knobs, runs / names[-1], runs / f"{names[-1]}-comparison", promoted)

    @property
    def state(self) -> str | None:
        """Of the latest run."""
        run = self.run
        if run is None:
            return None
        if self._doing in (TRAINING, COMPARING, PROMOTING):
            return self._doing
        if run.promoted:
            return PROMOTED
        if (run.comparison / "comparison.json").is_file():
            return COMPARED
        return TRAINED if (run.folder / "model.json").is_file() else STOPPED

    def start(self, knobs: Knobs) -> None:
        """Begin a new run; once trained, it is compared by itself. InputRefused says what is missing."""
        self._refuse_if_busy()
        if knobs.epochs is not None and not 1 <= knobs.epochs <= MOST_EPOCHS:
            raise InputRefused(words.wrong_epochs())
        patients = {case.patient for case in self.cases() if case.lesions}
        if len(patients) < FEWEST_PATIENTS:
            raise InputRefused(words.too_few_patients(len(patients)))
        runs = self.folder / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        used = [int(path.stem.removeprefix("run-")) for path in runs.iterdir() if RUN.fullmatch(path.stem)]
        name = f"run-{max(used, default=0) + 1:03}"
        self._note(Run(name, knobs, runs / name, runs / f"{name}-comparison"))
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
        """A row an epoch: step, loss, learning_rate, validation_loss, validation_score (Dice), seconds."""
        run = self.run
        try:
            with (run.folder / "curves.csv").open(newline="", encoding="utf-8") as lines:
                return [{key: number(value) for key, value in row.items()} for row in csv.DictReader(lines)]
        except (OSError, AttributeError):
            return []

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
        try:
            told = json.loads((run.comparison / "comparison.json").read_text(encoding="utf-8"))
            parts = [judged(told[part]) for part in ("site", "frozen")]
            reasons = tuple(map(str, told["reasons"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        pictures = sorted((run.comparison / "pictures").glob("*.png"), key=lambda path: (path.name[:1] != "s", path))
        return Compared(*parts, reasons, tuple(pictures))

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
            self._note(Run(run.name, run.knobs, run.folder, run.comparison, name))
            self._host.said(words.promoted(name))

        self._begin(PROMOTING, arguments, done)

    def discard(self) -> None:
        """The latest run and all it made; a promoted model stays."""
        self._refuse_if_busy()
        run = self.run
        if run is not None:
            run.folder.with_suffix(".json").unlink(missing_ok=True)
            for folder in (run.folder, run.comparison):
                shutil.rmtree(folder, ignore_errors=True)
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
                done(end)
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

    def _note(self, run: Run) -> None:
        content = json.dumps({"knobs": asdict(run.knobs), "promoted": run.promoted}, indent=2)
        unfinished = run.folder.with_suffix(".part")
        unfinished.write_text(content + "\n", encoding="utf-8")
        os.replace(unfinished, run.folder.with_suffix(".json"))

    def _refuse_if_busy(self) -> None:
        if self.busy:
            raise InputRefused(words.busy())


def default_folder() -> Path:
    """Beside the user's own models."""
    return registry.registry_folder().parent / "teaching"


def recipe_name(task: str) -> str:
    return f"fine-tune-{task}"


def recipe_epochs(task: str) -> int:
    """How many epochs the recipe itself takes."""
    return recipe_run(task)["steps"] // steps_an_epoch(task)


def recipe_rate(task: str) -> float:
    return float(read_recipe(task)["optimiser"]["learning_rate"])


def steps_an_epoch(task: str) -> int:
    return recipe_run(task)["steps_an_epoch"]


def recipe_run(task: str) -> dict:
    return read_recipe(task)["run"]


def read_recipe(task: str) -> dict:
    return tomllib.loads((RECIPES / f"{recipe_name(task)}.toml").read_text(encoding="utf-8"))


def judged(told: dict) -> Judged:
    numbers = (float(told["dice_base"]), float(told["dice_candidate"]), int(told["newly_missed"]))
    return Judged(int(told["cases"]), int(told["patients"]), str(told["set_aside"]), *numbers)


def number(value: str) -> float | None:
    return float(value) if value else None


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
