"""``python -m LungTumorSegLib.worker.hosted MODULE ...``: one of our modules as a program that ends with its host.

The host holds this process's stdin and writes nothing to it. When stdin closes, by the host or by its death, the module
hears Ctrl-C, and is ended where it does not heed that. Nothing else reaches it everywhere: Slicer's `PythonSlicer` is a
launcher, which starts the real Python as a process of its own and hands no signal on, and Windows sends none.

Without this module an empty stdin ends nothing: ``lungtumorseg train </dev/null``.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable

PATIENCE = 2.5  # seconds from Ctrl-C to the end; hosts kill later, and the launcher alone
CANCELLED = 130  # the exit code


def when_stdin_closes(act: Callable[[], None]) -> None:
    """Call it then, on a thread of its own. From now on stdin is empty for all others, children included."""
    if os.name == "nt":
        with contextlib.suppress(ImportError):
            import numpy  # noqa: F401  before stdin is read, which its import would wait for (numpy issue 24290)

    incoming = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def listen() -> None:
        with contextlib.suppress(OSError):
            while os.read(incoming, 1024):
                pass
        act()

    threading.Thread(target=listen, daemon=True).start()


def cancel() -> None:
    """Ctrl-C in this process, and its end."""
    if os.name == "nt":
        signal.raise_signal(signal.SIGINT)
    else:  # to the thread that acts on it: it may be waiting for the system
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    time.sleep(PATIENCE)
    os._exit(CANCELLED)


def main() -> None:
    del sys.argv[0]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a host that is deaf to Ctrl-C must not make us deaf
    try:
        when_stdin_closes(cancel)
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        sys.exit(CANCELLED)


if __name__ == "__main__":
    main()
