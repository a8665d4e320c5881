"""`lungtumorseg check DATA`: what is wrong with a dataset before anything is trained on it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Annotated

import typer

from LungTumorSegLib.cases.words import counted

WIDE = 160  # columns
SAME_LINE = 5  # from how many cases on with one and the same line they share it in the table


def check(
    data: Annotated[Path, typer.Argument(help="Folder of a dataset; the README lists the layouts.")],
    split: Annotated[
        Path | None, typer.Option(help="JSON with the case names of train, validation, test [the dataset says it].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every problem of every case.")] = False,
) -> None:
    """Check a dataset: geometry, labels, damage, duplicates, patients on both sides. Exit code 2: unfit."""
    from LungTumorSegLib.cases.checking import check_dataset
    from LungTumorSegLib.command.progress import ProgressLine

    began = time.monotonic()
    with ProgressLine() as line:

        def progress(done: int, every: int) -> None:
            spent = time.monotonic() - began
            line("checking", done / every, spent / done * (every - done) if done else None)

        report = check_dataset(data, split, progress)
    if as_json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        show(report, time.monotonic() - began)
    if report.stops:
        raise typer.Exit(2)


def show(report, seconds: float) -> None:
    """The table, and the dataset in two lines."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from LungTumorSegLib.cases.problem import STOPS

    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width to fold lines for
        console = Console(width=max(console.width, WIDE))
    if report.problems:
        table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("case", overflow="fold", max_width=40)
        table.add_column("problem", overflow="fold")
        table.add_column("what to do", overflow="fold")
        table.add_column("severity", no_wrap=True)
        for cases, problem in shared_lines(report.problems):
            style = "bold" if problem.severity == STOPS else None
            row = (cases, problem.what, problem.advice, problem.severity)
            table.add_row(*(Text(cell) for cell in row), style=style)
        console.print(table)
    dataset, stops = report.dataset, sum(p.severity == STOPS for p in report.problems)
    parts = ", ".join(f"{count} {part}" for part, count in report.parts.items())
    console.print(
        f"{dataset.layout}: {counted(len(dataset.cases), 'case')} of {counted(report.patients, 'patient')} ({parts}); "
        f"channels {', '.join(dataset.channels)}; classes {', '.join(f'{n} {c}' for n, c in dataset.classes.items())}.",
        highlight=False,
        markup=False,
    )
    verdict = "Training on it would be wrong." if report.stops else "Fit for training."
    stopping = "1 problem that stops training" if stops == 1 else f"{stops} problems that stop training"
    told = f"{stopping}, {counted(len(report.problems) - stops, 'warning')}, in {seconds:.1f} s."
    console.print(f"{verdict} {told}", highlight=False, markup=False)


def shared_lines(problems) -> list[tuple[str, object]]:
    """The cases' names and their problem; many cases with the same one, figures apart, share a line."""
    groups: dict[tuple, list] = {}
    for problem in problems:
        what = re.sub(r"-?\d[\d.,]*", "#", problem.what)  # figures apart
        groups.setdefault((problem.severity, problem.kind, what, problem.advice), []).append(problem)
    lines = []
    for same in groups.values():
        if len(same) < SAME_LINE:
            lines += [(problem.case, problem) for problem in same]
        else:
            lines.append((f"{same[0].case}, {same[1].case} and {len(same) - 2} more", same[0]))
    return lines
