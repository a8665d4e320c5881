"""The worker as a QProcess: the `Transport` of a conversation inside Slicer.

Qt's signals bring the worker's bytes to Python within a millisecond and on the main thread; a Python reader thread
would starve while Qt's loop runs C++ code. On Windows, QProcess opens no console for a child of a window program.
"""

from __future__ import annotations

import qt

from LungTumorSegLib.worker.launch import Launch

STDERR_KEPT = 8000  # characters


class WorkerProcess:
    """last_words : the end of what the worker wrote to stderr, for the details of a failure."""

    def __init__(self, launch: Launch):
        self.last_words = ""
        self.launch = launch
        self._process = None
        self._conversation = None

    def start(self, conversation) -> None:
        """See `Transport`."""
        self.last_words = ""
        self._conversation = conversation
        self._process = process = qt.QProcess()
        process.setProcessEnvironment(_environment(self.launch.environment))
        process.connect("readyReadStandardOutput()", self._read)
        process.connect("readyReadStandardError()", self._listen)
        process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        process.connect("errorOccurred(QProcess::ProcessError)", self._failed)
        program, *arguments = self.launch.command
        process.start(program, arguments)

    def write(self, data: bytes | memoryview) -> None:
        if self._process is not None:
            self._process.write(bytes(data))

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End the process and see it gone, milliseconds after the kill: a QProcess must not be destroyed before."""
        if self._process is not None:
            self._process.kill()
            self._process.waitForFinished(3000)

    def _read(self) -> None:
        data = self._process.readAllStandardOutput().data()
        if data:
            self._conversation.received(data)

    def _listen(self) -> None:
        text = self._process.readAllStandardError().data().decode(errors="replace")
        self.last_words = (self.last_words + text)[-STDERR_KEPT:]

    def _finished(self, exit_code: int, _status) -> None:
        crashed = self._process.exitStatus() == qt.QProcess.CrashExit
        self._read()
        self._listen()
        # Of a process that a signal ended, Qt gives the signal's number; `subprocess` and the conversation negate it.
        self._end_soon(-exit_code if crashed else exit_code)

    def _failed(self, _error) -> None:
        """All but a failed start is followed by `finished`."""
        if self._process.error() == qt.QProcess.FailedToStart:
            self.last_words = self._process.errorString()
            self._end_soon(None)

    def _end_soon(self, exit_code: int | None) -> None:
        """Not now: a QProcess must not be destroyed inside its own signal, and Windows tells a failed start from
        inside `start`, where the conversation must not be called."""

        def end() -> None:
            self._process = None
            self._conversation.ended(exit_code, self.last_words)

        qt.QTimer.singleShot(0, end)


def _environment(variables: dict[str, str] | None):
    environment = qt.QProcessEnvironment()
    for name, value in (variables or {}).items():
        environment.insert(name, value)
    return environment
