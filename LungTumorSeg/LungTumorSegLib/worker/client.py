"""The worker for hosts that wait: its answers and callbacks on the caller's thread.

>>> with WorkerClient(worker_command()) as client:
...     answer = client.wait(client.segment(volume))
"""

from __future__ import annotations

from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.worker.child import Child
from LungTumorSegLib.worker.conversation import Answer, Conversation, Request
from LungTumorSegLib.worker.launch import Launch
from LungTumorSegLib.worker.process import WorkerProcess


class WorkerFault(Exception):
    """The worker failed; a fresh one starts with the next request. The message is one line for the user."""


class WorkerClient(Conversation):
    """A `Conversation` with a child process. Callbacks come from `poll` and `wait`, on the thread that calls these.

    Parameters
    ----------
    launch : from `launch.worker_command`.
    patience : keyword arguments of `Conversation`.
    """

    def __init__(self, launch: Launch, **patience):
        self.child = Child()
        super().__init__(WorkerProcess(launch, self.child), launch.inline, **patience)

    def poll(self, timeout: float = 0.0) -> None:
        """Handle what has come from the worker; wait for the first of it up to `timeout` seconds.

        Call it every half second at least while a request is under way, or hang and Cancel are noticed late.
        """
        self.child.deliver(timeout)
        self.tick()

    def wait(self, request: Request) -> Answer:
        """Block until the request is finished. Ctrl-C cancels it.

        Raises
        ------
        InputRefused, Cancelled, WorkerFault
        """
        while not request.finished:
            try:
                self.poll(0.1)
            except KeyboardInterrupt:
                request.cancel()
        if request.failure is None:
            return request.answer
        error = {"refused": InputRefused, "cancelled": Cancelled, "fault": WorkerFault}[request.failure.kind]
        raise error(request.failure.message)

    def close(self) -> None:
        super().close()
        self.child.close()

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(self, *_) -> None:
        self.close()
