"""A program that runs beside Slicer as a QProcess: its lines, its end, and a stop that stops its children, too."""

from __future__ import annotations

from collections.abc import Callable

import qt

LAST_WORDS = 20000  # characters of its output that are kept for "Show details"
PATIENCE = 2000  # ms in which a program that was told to stop ends itself


class Program:
    """
    Parameters
    ----------
    command : program and arguments
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
        self._rest = ""
        self._process = process = qt.QProcess()
        process.setProcessChannelMode(qt.QProcess.MergedChannels)
        variables = qt.QProcessEnvironment()
        for name, value in (environment or {}).items():
            variables.insert(name, value)
        process.setProcessEnvironment(variables)
        process.connect("readyReadStandardOutput()", self._read)
        process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        process.connect("errorOccurred(QProcess::ProcessError)", self._failed)
        # Later: Windows tells a failed start from inside `start`, before our caller holds this object.
        qt.QTimer.singleShot(0, lambda: self._start(command))

    def stop(self) -> None:
        """Close its stdin, at which `installing` ends itself and its children; kill it where that does not help."""
        if self._process is not None:
            self.stopped = True
            self._process.closeWriteChannel()
            qt.QTimer.singleShot(PATIENCE, self._kill)

    def close(self) -> None:
        """End it now and see it gone: a QProcess must not be destroyed before."""
        if self._process is not None:
            self.stopped = True
            process, self._process = self._process, None
            process.closeWriteChannel()
            if not process.waitForFinished(PATIENCE):
                process.kill()
                process.waitForFinished(PATIENCE)

    def _start(self, command: list[str]) -> None:
        if self._process is not None:
            program, *arguments = command
            self._process.start(program, arguments)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _read(self) -> None:
        if self._process is None:
            return
        text = self._process.readAllStandardOutput().data().decode(errors="replace").replace("\r", "\n")
        self.last_words = (self.last_words + text)[-LAST_WORDS:]
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                self._on_line(line.strip())

    def _finished(self, exit_code: int, _status) -> None:
        if self._process is None:
            return
        crashed = self._process.exitStatus() == qt.QProcess.CrashExit
        self._read()
        if self._rest.strip():
            self._on_line(self._rest.strip())
        self._end(None if crashed or self.stopped else exit_code)

    def _failed(self, _error) -> None:
        """All but a failed start is followed by `finished`."""
        if self._process is not None and self._process.error() == qt.QProcess.FailedToStart:
            self.last_words = self._process.errorString()
            self._end(None)

    def _end(self, exit_code: int | None) -> None:
        """Not now: a QProcess must not be destroyed inside its own signal."""

        def end() -> None:
            if self._process is not None:
                self._process = None
                self._on_end(exit_code)

        qt.QTimer.singleShot(0, end)
