"""Progress with time left: a line on a terminal, JSON for a program, nothing in a log file or a pipe."""

from __future__ import annotations

import json
import time
from typing import Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

JSON = "json"
STYLE = typer.Option("--progress", metavar="json", help="For programs: progress as a line of JSON a step, on stdout.")
PAUSE = 0.1  # seconds between two lines of JSON of one stage


class ProgressLine:
    """One line on stderr: stage, bar, percent, time left as the worker estimates it.

    With the style "json", lines on stdout instead, each at once:
    ``{"stage": "training", "fraction": 0.25, "seconds_left": 40.0}``; seconds_left is null while unknown.
    """

    def __init__(self, style: Literal["json"] | None = None):
        self._style, self._told = style, ("", 0.0)
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=style == JSON or not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=1.0, left="")

    def __enter__(self) -> ProgressLine:
        self._bar.start()
        return self

    def __exit__(self, *_):
        self._bar.stop()

    def __call__(self, stage: str, fraction: float, seconds_left: float | None = None) -> None:
        if self._style == JSON:
            self._tell(stage, fraction, seconds_left)
            return
        left = "" if seconds_left is None else f"{seconds_left:.0f} s left"
        self._bar.update(self._task, description=stage, completed=fraction, left=left)

    def say(self, line: str) -> None:
        """A line that stays, on stderr."""
        self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _tell(self, stage: str, fraction: float, seconds_left: float | None) -> None:
        now, (before, when) = time.monotonic(), self._told
        if stage == before and now - when < PAUSE and fraction < 1:
            return
        self._told = stage, now
        print(json.dumps({"stage": stage, "fraction": fraction, "seconds_left": seconds_left}), flush=True)
