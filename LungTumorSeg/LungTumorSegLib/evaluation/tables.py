"""The cohort's figures as tables of numbers (CSV, JSON) and of words (terminal, page)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf, isnan
from pathlib import Path

from LungTumorSegLib.evaluation.bootstrap import Estimate
from LungTumorSegLib.evaluation.cohort import NAMES, POOLED, Cohort

INTERVAL = ("value", "low", "high", "n")


@dataclass(frozen=True)
class WordTable:
    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def words(value: float, digits: int = 3) -> str:
    if isnan(value):
        return "–"
    return "inf" if isinf(value) else f"{value:.{digits}f}"


def with_interval(estimate: Estimate, digits: int = 3) -> str:
    """0.812 [0.790, 0.834]"""
    if isnan(estimate.value):
        return "–"
    if isnan(estimate.low):
        return words(estimate.value, digits)
    return f"{words(estimate.value, digits)} [{words(estimate.low, digits)}, {words(estimate.high, digits)}]"


def digits_of(metric: str) -> int:
    return {"hd95_mm": 2, "accuracy": 5}.get(metric, 3)


def word_tables(cohort: Cohort) -> list[WordTable]:
    """What the terminal and the page show, in order."""
    tables = [
        WordTable(
            "Masks, case by case",
            ("metric", "mean", "median", "n"),
            [
                (
                    NAMES[row.metric],
                    with_interval(row.mean, digits_of(row.metric)),
                    with_interval(row.median, digits_of(row.metric)),
                    str(row.mean.n),
                )
                for row in cohort.metrics
            ],
            "n: cases where the metric is defined; HD95 is infinite where one mask alone is empty (read the median).",
        ),
        WordTable(
            "Lesions",
            ("figure", "value", "n"),
            [(name, with_interval(row), str(row.n)) for name, row in cohort.lesions.items()],
            "n: scans that have such lesions; of the median, lesions found.",
        ),
        WordTable(
            "Thresholds, all voxels pooled",
            ("threshold", *(NAMES[metric] for metric in POOLED), "mean Dice of cases"),
            [
                (row.threshold, *(with_interval(row.pooled[metric]) for metric in POOLED), with_interval(row.mean_dice))
                for row in cohort.thresholds
            ],
            "Pure probabilities: every voxel counts with its probability. Pooled: large tumours weigh more.",
        ),
    ]
    if cohort.lesion_count:
        tables.append(
            WordTable(
                "FROC",
                ("false positives a scan", "lesions found"),
                [(name, with_interval(row)) for name, row in cohort.froc.items()],
                "CPM: the mean of the seven sensitivities (LUNA16).",
            )
        )
    return tables


def write_tables(folder: Path, cohort: Cohort) -> None:
    """cases.csv, lesions.csv, cohort.csv, thresholds.csv, froc.csv: full precision, empty where not defined."""
    metrics = list(dict.fromkeys(name for case in cohort.cases for name in case.metrics))
    write(
        folder / "cases.csv",
        ["case", "patient", *metrics],
        [
            [case.name, patient, *(case.metrics.get(name) for name in metrics)]
            for case, patient in zip(cohort.cases, cohort.patients, strict=True)
        ],
    )
    write(
        folder / "lesions.csv",
        ["case", "lesion", "voxels", "axial_mm", "found", "found_by", "dice", "found_axial_mm"],
        [
            [
                case.name, x.number, x.voxels, x.axial_mm, int(x.found), " ".join(map(str, x.found_by)),
                x.dice, x.found_axial_mm,
            ]
            for case in cohort.cases
            for x in case.detection.lesions
        ],
    )  # fmt: skip
    write(
        folder / "candidates.csv",
        ["case", "candidate", "voxels", "probability", "hits"],
        [
            [case.name, x.number, x.voxels, x.probability, " ".join(map(str, x.hits))]
            for case in cohort.cases
            for x in case.detection.candidates
        ],
    )
    rows = []
    for row in cohort.metrics:
        rows += [[row.metric, "mean", *numbers(row.mean)], [row.metric, "median", *numbers(row.median)]]
    rows += [[name, "", *numbers(row)] for name, row in cohort.lesions.items()]
    write(folder / "cohort.csv", ["figure", "of cases", *INTERVAL], rows)
    rows = []
    for row in cohort.thresholds:
        rows += [[row.threshold, metric, *numbers(row.pooled[metric])] for metric in POOLED]
        rows.append([row.threshold, "mean dice of cases", *numbers(row.mean_dice)])
    write(folder / "thresholds.csv", ["threshold", "figure", *INTERVAL], rows)
    write(
        folder / "froc.csv",
        ["probability from", "false positives a scan", "sensitivity"],
        zip(cohort.curve.probability, cohort.curve.false_positives, cohort.curve.sensitivity, strict=True),
    )


def numbers(row: Estimate) -> list:
    return [row.value, row.low, row.high, row.n]


def write(path: Path, headings: list[str], rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(headings)
        lines.writerows([cell(value) for value in row] for row in rows)


def cell(value):
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    return value


def as_json(value):
    """JSON knows neither NaN nor infinity: null and "inf"."""
    if isinstance(value, dict):
        return {key: as_json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(part) for part in value]
    if isinstance(value, float):
        return None if isnan(value) else "inf" if isinf(value) else value
    return value


def as_dict(cohort: Cohort) -> dict:
    """All of it, JSON-ready."""

    def estimate(row: Estimate) -> dict:
        return dict(zip(INTERVAL, numbers(row), strict=True))

    return as_json(
        {
            "cases": [
                {"case": case.name, "patient": patient, **case.metrics}
                for case, patient in zip(cohort.cases, cohort.patients, strict=True)
            ],
            "metrics": {
                row.metric: {"mean": estimate(row.mean), "median": estimate(row.median)} for row in cohort.metrics
            },
            "lesions": {name: estimate(row) for name, row in cohort.lesions.items()},
            "thresholds": {
                row.threshold: {
                    **{metric: estimate(row.pooled[metric]) for metric in POOLED},
                    "mean dice of cases": estimate(row.mean_dice),
                }
                for row in cohort.thresholds
            },
            "froc": {name: estimate(row) for name, row in cohort.froc.items()} if cohort.lesion_count else {},
        }
    )
