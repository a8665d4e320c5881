"""Whether what teaches and what judges are kept apart: by patient and by pixels."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from LungTumorSegLib.cases import nodule_crops
from LungTumorSegLib.cases.case import Dataset
from LungTumorSegLib.cases.case_check import Trace
from LungTumorSegLib.cases.problem import STOPS, WARNING, Problem
from LungTumorSegLib.cases.table import UTF_8
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.training.split import part_of

PARTS = {"train": "train", "training": "train", "val": "validation", "validation": "validation", "test": "test"}


def read_split(file: Path, dataset: Dataset) -> dict[str, str]:
    """Case -> part, from JSON: {"train": [...], "validation": [...], "test": [...]}, or nnU-Net's list of such (its
    splits_final.json), of which the first fold is taken."""
    try:
        content = json.loads(Path(file).read_text(encoding=UTF_8))
    except (OSError, ValueError):
        raise InputRefused(
            "The split cannot be read: give a JSON file with the case names of train, validation, test."
        ) from None
    fold = content[0] if isinstance(content, list) and content else content
    if not isinstance(fold, dict) or not set(fold) <= set(PARTS) or not all(map(_are_names, fold.values())):
        raise InputRefused("The split must name lists of cases as train, validation and test: mend it.")
    names = {case.name for case in dataset.cases}
    split: dict[str, str] = {}
    for word, cases in fold.items():
        for case in cases:
            if case not in names:
                raise InputRefused(f"The split names the case {case}, which the dataset lacks: mend it.")
            if split.setdefault(case, PARTS[word]) != PARTS[word]:
                raise InputRefused(f"The split names the case {case} in two parts: mend it.")
    return split


def _are_names(cases: object) -> bool:
    return isinstance(cases, list) and all(isinstance(case, str) for case in cases)


def fixed_split(dataset: Dataset) -> dict[str, str] | None:
    """Case -> part where that is settled before training: of nodule crops, by the default models' rule.

    None for any other dataset: from all but its own test cases training draws the patients who validate.
    """
    if dataset.layout != nodule_crops.LAYOUT:
        return None
    return {case.name: part_of(case.patient) for case in dataset.cases}


def part_for(trace: Trace, split: dict[str, str] | None) -> str | None:
    """The part that a case plays: as the split says; without one, the dataset's own test cases, else "train".

    None for a case that a split leaves out.
    """
    if split is not None:
        return split.get(trace.name)
    return "test" if trace.part == "test" else "train"


def leaks(traces: Iterable[Trace], split: dict[str, str] | None) -> list[Problem]:
    """One patient on both sides, the same pixels on both sides, or where training may yet part them, or twice on one.

    split : as for `part_for`.
    """
    patients, pixels = defaultdict(list), defaultdict(list)
    for trace in traces:
        patients[trace.patient].append(trace)
        if trace.pixels is not None:
            pixels[trace.pixels].append(trace)
    problems = []
    for same in patients.values():
        sides = {part for t in same if (part := part_for(t, split)) is not None}
        if len(sides) > 1:
            what = f"One patient in {_and(sides)}"
            problems.append(Problem(_names(same), STOPS, "patient", what, "keep all cases of a patient in one part"))
    for same in pixels.values():
        if len(same) < 2:
            continue
        sides = {part for t in same if (part := part_for(t, split)) is not None}
        several = len({t.patient for t in same}) > 1
        if len(sides) > 1:
            what = f"The same pixels in {_and(sides)}"
            problems.append(Problem(_names(same), STOPS, "duplicate", what, "leave one of them"))
        elif several and split is None and sides == {"train"}:
            what = "The same pixels as different patients: one may teach, the other validate"
            advice = "leave one, or name one patient for both in patients.csv"
            problems.append(Problem(_names(same), STOPS, "duplicate", what, advice))
        elif len({t.name for t in same}) > 1:
            what = f"The same pixels {'as different patients' if several else 'under two names'}"
            problems.append(Problem(_names(same), WARNING, "duplicate", what, "leave one: it would count twice"))
    return problems


def same_names(dataset: Dataset) -> list[Problem]:
    """Cases of one name, but for those of which the layout said so."""
    told = {problem.case for problem in dataset.problems if problem.kind == "duplicate"}
    counts = Counter(case.name for case in dataset.cases if case.name not in told)
    return [
        Problem(name, STOPS, "duplicate", f"{count} cases of this name", "give each a name of its own")
        for name, count in counts.items()
        if count > 1
    ]


def odd_orientations(traces: Iterable[Trace]) -> list[Problem]:
    """Scans stored otherwise than most of the dataset: readers turn them, but it may be an export gone wrong."""
    known = [trace for trace in traces if trace.orientation is not None]
    if len(known) < 3:
        return []
    usual, count = Counter(trace.orientation for trace in known).most_common(1)[0]
    if 2 * count <= len(known):
        return []
    what = "The scan is stored turned or mirrored, unlike most of the others"
    advice = "nothing, if left and right are true: scans are turned when they are read"
    return [Problem(t.name, WARNING, "orientation", what, advice) for t in known if t.orientation != usual]


def _names(traces: list[Trace]) -> str:
    names = [trace.name for trace in traces]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _and(sides: set[str]) -> str:
    return " and ".join(side for side in ("train", "validation", "test") if side in sides)
