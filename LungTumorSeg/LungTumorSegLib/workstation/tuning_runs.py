"""Runs that tune a model on the user's cases, as their folder tells them: a host that was closed, or died, finds its
run again.

    run-001.json         what was asked for, and what became of it
    run-001/             the training's own folder; finished, the model's
    run-001-comparison/  comparison.json and pictures
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = re.compile(r"run-\d{3,6}")

# States of a run.
TRAINING, STOPPED, TRAINED, COMPARING, COMPARED, PROMOTING, PROMOTED = (
    "training", "stopped", "trained", "comparing", "compared", "promoting", "promoted",
)  # fmt: skip


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


@dataclass(frozen=True)
class Run:
    """A run as its files tell it. promoted : the name that it was given, "" while it has none."""

    name: str
    knobs: Knobs
    folder: Path
    comparison: Path
    promoted: str = ""

    @property
    def outcome(self) -> str:
        """Its state where nothing is under way."""
        if self.promoted:
            return PROMOTED
        if (self.comparison / "comparison.json").is_file():
            return COMPARED
        return TRAINED if (self.folder / "model.json").is_file() else STOPPED

    def curves(self) -> list[dict[str, float | None]]:
        """A row an epoch: step, loss, learning_rate, validation_loss, validation_score (Dice), seconds."""
        try:
            with (self.folder / "curves.csv").open(newline="", encoding="utf-8") as lines:
                return [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(lines)]
        except OSError:
            return []

    def compared(self) -> Compared | None:
        """What its comparison showed; None where there is none."""
        try:
            told = json.loads((self.comparison / "comparison.json").read_text(encoding="utf-8"))
            parts = [_judged(told[part]) for part in ("site", "frozen")]
            reasons = tuple(map(str, told["reasons"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        pictures = sorted((self.comparison / "pictures").glob("*.png"), key=lambda path: (path.name[:1] != "s", path))
        return Compared(*parts, reasons, tuple(pictures))

    def keep(self) -> None:
        """Write it down."""
        content = json.dumps({"knobs": asdict(self.knobs), "promoted": self.promoted}, indent=2)
        unfinished = self.folder.with_suffix(".part")
        unfinished.write_text(content + "\n", encoding="utf-8")
        os.replace(unfinished, self.folder.with_suffix(".json"))

    def discard(self) -> None:
        """Delete it and all it made."""
        self.folder.with_suffix(".json").unlink(missing_ok=True)
        for folder in (self.folder, self.comparison):
            shutil.rmtree(folder, ignore_errors=True)


def latest_run(runs: Path) -> Run | None:
    """Of a folder of runs; None where there is none, or its file is damaged."""
    names = sorted(path.stem for path in runs.glob("run-*.json") if NAME.fullmatch(path.stem))
    if not names:
        return None
    try:
        told = json.loads((runs / f"{names[-1]}.json").read_text(encoding="utf-8"))
        knobs, promoted = Knobs(**told["knobs"]), str(told["promoted"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return _run(runs, names[-1], knobs, promoted)


def new_run(runs: Path, knobs: Knobs) -> Run:
    """A run of a name that none had, written down."""
    runs.mkdir(parents=True, exist_ok=True)
    used = [int(path.stem.removeprefix("run-")) for path in runs.iterdir() if NAME.fullmatch(path.stem)]
    run = _run(runs, f"run-{max(used, default=0) + 1:03}", knobs)
    run.keep()
    return run


def _run(runs: Path, name: str, knobs: Knobs, promoted: str = "") -> Run:
    return Run(name, knobs, runs / name, runs / f"{name}-comparison", promoted)


def _judged(told: dict) -> Judged:
    numbers = (float(told["dice_base"]), float(told["dice_candidate"]), int(told["newly_missed"]))
    return Judged(int(told["cases"]), int(told["patients"]), str(told["set_aside"]), *numbers)


def _number(value: str) -> float | None:
    return float(value) if value else None
