"""Progress with time left on a terminal; nothing in a log file or a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn


class ProgressLine:
    """One line on stderr: stage, bar, percent, time left as the worker estimates it."""

    def __init__(self):
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=1.0, left="")

    def __enter__(self) -> ProgressLine:
        self._bar.start()
        return self

    def __exit__(self, *_):
        self._bar.stop()

    def __call__(self, stage: str, fraction: float, seconds_left: float | None = None) -> None:
        left = "" if seconds_left is None else f"{seconds_left:.0f} s left"
        self._bar.update(self._task, description=stage, completed=fraction, left=left)

    def say(self, line: str) -> None:
        """A line that stays, on stderr."""
        self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)
