"""A program that runs beside Slicer: its lines, its end, and a stop that stops its children, too."""

from __future__ import annotations

from collections.abc import Callable

import qt

from LungTumorSegLib.desktop.child_process import PATIENCE, QtChildProcess

LAST_WORDS = 20000  # characters of its output that are kept for "Show details"


class Program:
    """
    Parameters
    ----------
    command : program and arguments; one that ends itself when its stdin closes (`worker.launch.hosted`)
    environment : its whole environment
    on_line : called with each line that it writes, to stdout or stderr
    on_end : called once with the exit code; None where it did not start, was stopped or crashed
    """

    def __init__(
        self,
        command: list[str],
        environment: dict[str, str] | None,
        on_line: Callable[[str], None],
        on_end: Callable[[int | None], None],
    ):
        self.last_words = ""
        self.stopped = False
        self._on_line, self._on_end = on_line, on_end
        self._unread = {"stdout": "", "stderr": ""}
        self._child = QtChildProcess()
        self._child.start(command, environment, self)

    def stop(self) -> None:
        """Close its stdin, at which it ends itself; kill it where that does not help."""
        self.stopped = True
        self._child.close_stdin()
        qt.QTimer.singleShot(PATIENCE, self._child.kill)

    def close(self) -> None:
        """End it now and see it gone. Nothing more is told."""
        self.stopped = True
        self._child.close()

    # What the child process tells (`Listener`)

    def heard(self, data: bytes) -> None:
        self._take("stdout", data)

    def complained(self, data: bytes) -> None:
        self._take("stderr", data)

    def ended(self, exit_code: int | None, why: str) -> None:
        for rest in self._unread.values():
            self._tell(rest)
        self.last_words = why or self.last_words
        crashed = exit_code is None or exit_code < 0
        self._on_end(None if crashed or self.stopped else exit_code)

    def _take(self, stream: str, data: bytes) -> None:
        text = data.decode(errors="replace").replace("\r", "\n")
        self.last_words = (self.last_words + text)[-LAST_WORDS:]
        *lines, self._unread[stream] = (self._unread[stream] + text).split("\n")
        for line in lines:
            self._tell(line)

    def _tell(self, line: str) -> None:
        if line.strip():
            self._on_line(line.strip())
