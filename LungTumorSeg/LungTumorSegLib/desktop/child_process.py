"""A child process, the worker or a job, as a QProcess: the `ChildProcess` inside Slicer.

Qt's signals bring its bytes to Python within a millisecond and on the main thread; a Python reader thread would starve
while Qt's loop runs C++ code. On Windows, QProcess opens no console for a child of a window program.
"""

from __future__ import annotations

from collections.abc import Sequence

import qt

from LungTumorSegLib.worker.child import Listener

PATIENCE = 3000  # ms in which a program whose stdin was closed ends itself, see `worker.hosted.PATIENCE`


class QtChildProcess:
    """See `worker.child.ChildProcess`.

    patience : ms in which `close` lets it end by itself before it kills; 0 for the worker, which has nothing to tidy up
    """

    def __init__(self, patience: int = PATIENCE):
        self._patience = patience
        self._process = self._listener = None

    def start(self, command: Sequence[str], environment: dict[str, str] | None, listener: Listener) -> None:
        self._listener = listener
        self._process = process = qt.QProcess()
        variables = qt.QProcessEnvironment()
        for name, value in (environment or {}).items():
            variables.insert(name, value)
        process.setProcessEnvironment(variables)
        process.connect("readyReadStandardOutput()", self._read)
        process.connect("readyReadStandardError()", self._listen)
        process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        process.connect("errorOccurred(QProcess::ProcessError)", self._failed)
        program, *arguments = command
        process.start(program, arguments)

    def write(self, data: bytes | memoryview) -> None:
        if self._process is not None:
            self._process.write(bytes(data))

    def close_stdin(self) -> None:
        if self._process is not None:
            self._process.closeWriteChannel()

    def kill(self) -> None:
        if self._process is not None:
            self._process.closeWriteChannel()
            self._process.kill()

    def close(self) -> None:
        """End it and see it gone: a QProcess must not be destroyed before. Nothing more is told."""
        self._listener = None
        if self._process is not None:
            self._process.closeWriteChannel()
            if not (self._patience and self._process.waitForFinished(self._patience)):
                self._process.kill()
                self._process.waitForFinished(3000)

    def _read(self) -> None:
        data = self._process.readAllStandardOutput().data()
        if data and self._listener is not None:
            self._listener.heard(data)

    def _listen(self) -> None:
        data = self._process.readAllStandardError().data()
        if data and self._listener is not None:
            self._listener.complained(data)

    def _finished(self, exit_code: int, _status) -> None:
        crashed = self._process.exitStatus() == qt.QProcess.CrashExit
        self._read()
        self._listen()
        # Of a process that a signal ended, Qt gives the signal's number; `subprocess` and the listeners negate it.
        self._end_soon(-exit_code if crashed else exit_code, "")

    def _failed(self, _error) -> None:
        """All but a failed start is followed by `finished`."""
        if self._process.error() == qt.QProcess.FailedToStart:
            self._end_soon(None, self._process.errorString())

    def _end_soon(self, exit_code: int | None, why: str) -> None:
        """Not now: a QProcess must not be destroyed inside its own signal, and Windows tells a failed start from
        inside `start`, where the listener must not be called."""

        def end() -> None:
            self._process = None
            if self._listener is not None:
                self._listener.ended(exit_code, why)

        qt.QTimer.singleShot(0, end)
