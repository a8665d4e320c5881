"""``python -m LungTumorSegLib.worker.resident``: the process that keeps torch, the models and the scans warm.

Nothing is imported here before `main` has put the protocol's pipe out of reach of what libraries print.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys


def open_engine():
    """The real `serving.Engine`. Loads torch, which takes a second."""
    from LungTumorSegLib.worker.engine import SessionEngine

    return SessionEngine()


def main(open_engine=open_engine) -> None:
    """Serve the host at the other end of stdin and stdout until it is gone."""
    incoming, outgoing = take_over_pipes()
    faulthandler.enable()  # a crash in a library leaves its stack in our last words
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us, too; the host then sends Cancel
    from LungTumorSegLib.worker.serving import serve  # imports numpy, before stdin is read (numpy issue 24290)

    serve(open_engine, incoming, outgoing)


def take_over_pipes() -> tuple[int, int]:
    """Our own descriptors of stdin and stdout. From now on what is printed goes to stderr, and stdin is empty."""
    incoming, outgoing = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (incoming, outgoing):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return incoming, outgoing


if __name__ == "__main__":
    main()
