"""A child process is heard to its last word, then told as ended."""

import sys
import threading
import time

from LungTumorSegLib.worker import child as module
from LungTumorSegLib.worker.child import Child


class Heard:
    def __init__(self):
        self.output, self.errors, self.at_the_end = b"", b"", None

    def heard(self, data: bytes) -> None:
        self.output += data

    def complained(self, data: bytes) -> None:
        self.errors += data

    def ended(self, exit_code: int | None, why: str) -> None:
        self.at_the_end = exit_code, self.output, self.errors


class Starved(threading.Thread):
    """A fake of what befell a reader in a host that renders: VTK keeps the interpreter to itself, all threads wait, and
    who waits for the reader may have its turn first, with its time over. Seen with renderings of 1.2 s, now and then.
    """

    waits = 0

    def start(self) -> None:
        pass

    def join(self, timeout: float | None = None) -> None:
        self.waits += 1
        if self.waits == 3:
            super().start()
        if self.waits >= 3:
            super().join(timeout)


def test_a_host_that_renders_for_seconds_loses_no_word(monkeypatch):
    ready = module._thread

    def thread(work, *arguments):
        if work.__name__ != "_read":
            return ready(work, *arguments)
        return Starved(target=work, args=arguments, daemon=True)

    monkeypatch.setattr(module, "_thread", thread)
    child, heard = Child(), Heard()
    child.start([sys.executable, "-S", "-c", "import sys; print('result', end=''); sys.exit('why')"], None, heard)
    given_up = time.monotonic() + 60
    while heard.at_the_end is None and time.monotonic() < given_up:
        child.deliver(0.1)
    assert heard.at_the_end == (1, b"result", b"why\n")
