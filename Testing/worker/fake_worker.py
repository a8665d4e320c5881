"""The real resident process with an engine that only pretends: what a test wants to happen is the model's name.

Run as ``python fake_worker.py``; never part of the product.
"""

import ctypes
import os
import signal
import sys
import time

import numpy as np

from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.volume.box import EMPTY, Box
from LungTumorSegLib.worker import resident


class FakeEngine:
    """Answers a request with the voxels of its images, summed, unless the model's name asks for trouble."""

    devices = ("fake",)

    def compute(self, work, images, progress, cancelled):
        from LungTumorSegLib.worker.conversation import Answer

        behaviour, *arguments = work.model.split("/")[-1].split("-")
        match behaviour:
            case "load":
                return Answer({"pid": os.getpid()}, EMPTY)
            case "print":
                print("a library greets the user")
                os.write(1, b"so does its C code\n" * 1000)
            case "refuse":
                raise InputRefused(f"this is no CT:\nchoose another ({work.model})")
            case "fault":
                raise RuntimeError(f"tensor sizes do not match in {work.model}")
            case "memory":
                raise MemoryError
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "exit":
                print("last words", file=sys.stderr)
                os._exit(7)
            case "garbage":
                os.write(int(arguments[0]), b"Segmentation done!\n")
            case "slow":  # hears Cancel every 10 ms
                compute_for(float(arguments[0]), progress, cancelled)
            case "hang":  # with Python's lock: no other thread runs
                from LungTumorSegLib.worker import serving

                serving.HUNG_SECONDS = float(arguments[0])
                time.sleep(1.5 * serving.HEARTBEAT_SECONDS)
                ctypes.PyDLL(None).sleep(60)
            case "deaf":
                compute_for(float(arguments[0]), progress, lambda: False)
        return Answer(
            {"pid": os.getpid(), "work": type(work).__name__, "options": work.options},
            Box((1, 2, 3), sum(image.voxels.astype(np.float32) for image in images)),
        )


def compute_for(seconds, progress, cancelled):
    a = np.ones((200, 200))
    started = time.monotonic()
    while (fraction := (time.monotonic() - started) / seconds) < 1:
        a @ a
        progress("computing", fraction)
        if cancelled():
            raise Cancelled


if __name__ == "__main__":
    resident.main(FakeEngine)
