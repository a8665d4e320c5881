"""A dataset looked at case by case before anything is learned from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from LungTumorSegLib.cases.case import Dataset
from LungTumorSegLib.cases.case_check import Trace, check_case
from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.cases.leakage import fixed_split, leaks, odd_orientations, part_for, read_split, same_names
from LungTumorSegLib.cases.problem import STOPS, Problem


@dataclass(frozen=True)
class Report:
    """problems : those that stop training first, then by case. parts : how many cases play which part."""

    dataset: Dataset
    problems: tuple[Problem, ...]
    patients: int
    parts: dict[str, int]

    @property
    def stops(self) -> bool:
        return any(problem.severity == STOPS for problem in self.problems)

    def as_dict(self) -> dict:
        return {
            "layout": self.dataset.layout,
            "cases": len(self.dataset.cases),
            "patients": self.patients,
            "channels": list(self.dataset.channels),
            "classes": {str(number): name for number, name in self.dataset.classes.items()},
            "parts": self.parts,
            "trainable": not self.stops,
            "problems": [problem.as_dict() for problem in self.problems],
        }


def check_dataset(
    folder: str | Path, split: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> Report:
    """Read every case once, one at a time; only a few hundred bytes of each are kept.

    split : a file that says which case plays which part (`read_split`); without it the dataset's own test cases are
        "test" and all others "train", of whom training draws its validation patients; of nodule crops `fixed_split`.
    progress : called with the number of cases done and of all.
    """
    dataset = read_dataset(folder)
    parts = fixed_split(dataset) if split is None else read_split(split, dataset)
    problems, traces = [*dataset.problems, *same_names(dataset)], []
    for done, case in enumerate(dataset.cases):
        if progress:
            progress(done, len(dataset.cases))
        found, trace = check_case(case, dataset)
        problems += found
        traces.append(trace)
    problems += leaks(traces, parts) + odd_orientations(traces)
    problems.sort(key=lambda problem: (problem.severity != STOPS, problem.case, problem.kind))
    patients = {trace.patient for trace in traces}
    return Report(dataset, tuple(problems), len(patients), _counted(traces, parts))


def _counted(traces: list[Trace], split: dict[str, str] | None) -> dict[str, int]:
    counts = Counter(part_for(trace, split) or "left out" for trace in traces)
    return {part: counts[part] for part in ("train", "validation", "test", "left out") if counts[part]}
