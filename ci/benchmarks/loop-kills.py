"""The worker killed (SIGKILL) at random moments of the loop: does the next click work, is anything lost, how long?

    ci/benchmark loop-kills [--times N] [--ct FILE --first X,Y,Z --second X,Y,Z] [--longest SECONDS] [--seed N]

A real scene, the real worker and the models that come with the program, on the synthetic chest or on a CT of yours. A
CT is segmented, a lesion is asked for by a point, a cube is painted. Then, again and again: one action of the loop, the
kill after a random time, a new point, the time until its lesion is on the screen; points and threshold go back, Segment
is pressed, and points and mask are compared with those of the beginning, voxel by voxel.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "Testing" / part) for part in ("workstation", "scene")]

from bench import Bench, add_volume  # noqa: E402 - the tests' own desk
from killing import Loop  # noqa: E402
from trame_slicer.core import SlicerApp  # noqa: E402

from LungTumorSegLib.volume.phantom import make_phantom  # noqa: E402
from LungTumorSegLib.volume.reading import read_ct  # noqa: E402
from LungTumorSegLib.worker.launch import worker_command  # noqa: E402

ALLOWED = 5.0  # seconds, beside loading the models


def point(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.split(","))


def loading(bench: Bench) -> float:
    """Seconds from nothing to a worker with both models in its memory."""
    started = time.monotonic()
    bench.desk.start()
    assert bench.until(
        lambda: not bench.desk._asking._conversation.busy and bench.desk._asking._conversation.devices, 120
    )
    return time.monotonic() - started


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--times", type=int, default=20)
    arguments.add_argument("--ct", type=Path)
    arguments.add_argument("--first", type=point, help="a point in a lesion, LPS mm")
    arguments.add_argument("--second", type=point, help="one in another")
    arguments.add_argument("--longest", type=float, default=4.0, help="seconds until the kill, at most")
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    if given.ct is not None:
        volume, first, second = read_ct(given.ct), given.first, given.second
        if first is None or second is None:
            arguments.error("name a point in each of two lesions with --first and --second")
    else:
        volume, _truth, tumours = make_phantom()
        first, second = (tumour["centre_lps"] for tumour in tumours[:2])
    logging.getLogger("LungTumorSegLib").setLevel(logging.CRITICAL)  # each kill would be told twice
    app = SlicerApp()
    bench = Bench(app.scene, worker_command())
    try:
        load = loading(bench)
        bench.desk.choose_ct(add_volume(app.scene, volume, "CT"))
        loop = Loop(bench, first, second, given.longest, given.seed)
        print(f"starting the worker and loading both models: {load:.1f} s")
        print(f"{'action':18} {'killed after':>12} {'next click':>11}  kept  told")
        rounds = []
        for _ in range(given.times):
            rounds.append(loop.round())
            one = rounds[-1]
            kept = "yes" if one.kept else "NO"
            print(f"{one.action:18} {one.after:10.2f} s {one.seconds:9.2f} s  {kept:4}  {one.told}", flush=True)
    finally:
        bench.close()
    slowest = max(each.seconds for each in rounds)
    kept = sum(each.kept for each in rounds)
    print(
        f"{kept} of {len(rounds)} kept all; the slowest next click took {slowest:.1f} s, allowed {ALLOWED + load:.1f} s"
    )
    return 0 if kept == len(rounds) and slowest <= ALLOWED + load else 1


if __name__ == "__main__":
    sys.exit(main())
