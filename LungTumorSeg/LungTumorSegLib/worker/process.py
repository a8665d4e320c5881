"""The worker as a child process: the `Transport` of a conversation."""

from __future__ import annotations

from LungTumorSegLib.worker.child import ChildProcess
from LungTumorSegLib.worker.launch import Launch

STDERR_KEPT = 8000  # characters


class WorkerProcess:
    """
    Parameters
    ----------
    launch : from `launch.worker_command`; another one counts from the next start on
    child : runs it

    Attributes
    ----------
    last_words : the end of what the worker wrote to stderr, for the details of a failure.
    """

    def __init__(self, launch: Launch, child: ChildProcess):
        self.last_words = ""
        self.launch, self.child = launch, child
        self._conversation = None

    # What the conversation asks for (`Transport`)

    def start(self, conversation) -> None:
        self.last_words = ""
        self._conversation = conversation
        self.child.start(self.launch.command, self.launch.environment, self)

    def write(self, data: bytes | memoryview) -> None:
        self.child.write(data)

    def kill(self) -> None:
        self.child.kill()

    def close(self) -> None:
        """End the process and see it gone."""
        self.child.close()

    # What the child process tells (`Listener`)

    def heard(self, data: bytes) -> None:
        self._conversation.received(data)

    def complained(self, data: bytes) -> None:
        self.last_words = (self.last_words + data.decode(errors="replace"))[-STDERR_KEPT:]

    def ended(self, exit_code: int | None, why: str) -> None:
        self.last_words = why or self.last_words
        self._conversation.ended(exit_code, self.last_words)
