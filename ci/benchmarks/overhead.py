"""What the worker costs beside the network: the hand-over of a scan, a click's overhead, a cold start; and how long
somebody who clicks a lesion waits in all.

    ci/benchmark overhead [--slices 300] [--size 512] [--model automatic] [--marked SCAN...]

SCAN: a folder with image.nii.gz and mask.nii.gz, whose lesions are clicked.

Uses the real resident process, on files in memory (/dev/shm) where there are such.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from LungTumorSegLib.training.scans import TestScan, read_scan
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.phantom import make_phantom
from LungTumorSegLib.worker.buffers import SharedFolder
from LungTumorSegLib.worker.client import WorkerClient
from LungTumorSegLib.worker.launch import worker_command

ROUNDS = 7


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--slices", type=int, default=300)
    arguments.add_argument("--size", type=int, default=512, help="rows and columns")
    arguments.add_argument("--model", default="automatic", help="by name or folder")
    arguments.add_argument("--marked", type=Path, nargs="*", default=[], help="scans whose lesions are clicked")
    chosen = arguments.parse_args()
    shape = (chosen.slices, chosen.size, chosen.size)
    # 275 mm x 360 mm of chest, whatever the shape.
    scan, _, _ = make_phantom(shape=shape, spacing=(360 / chosen.size, 360 / chosen.size, 275 / chosen.slices))
    print(f"scan: {' x '.join(map(str, shape))} {scan.voxels.dtype}, {scan.voxels.nbytes / 1e6:.0f} MB\n")
    hand_over(scan)
    clicks(scan, chosen.model)
    first_result(chosen.model)
    marks({folder.name: read_scan(folder) for folder in chosen.marked})


def hand_over(scan: Volume) -> None:
    """Ways to bring an array to another process, interleaved."""
    voxels, folder = scan.voxels, SharedFolder()
    file = folder.path / "reply"  # a name that the folder cleans up
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=acknowledge, args=(there,), daemon=True)
    process.start()
    here.send(voxels[:1])
    here.recv()

    def npy() -> None:
        with file.open("wb") as opened:
            np.save(opened, voxels)
        np.load(file)

    def pickled() -> None:  # that is what Connection.send does
        here.send(voxels)
        here.recv()

    def warm() -> None:
        folder.volume.put(voxels)

    def warm_and_received() -> None:
        folder.volume.put(voxels).load()

    def fresh() -> None:
        folder.volume.close()
        folder.volume.path.unlink()
        folder.volume.put(voxels).load()

    warm()
    print("hand-over of the scan                      median ms")
    try:
        for name, took in interleaved(
            {
                "into the warm buffer": warm,
                "into the warm buffer, and copied out": warm_and_received,
                "into a new buffer, and copied out": fresh,
                ".npy in the same folder, and read": npy,
                "pickle through a pipe, and read": pickled,
                "the name: SHA-256 of the voxels": lambda: replace(scan).content_hash,
            }
        ).items():
            print(f"  {name:<40} {took * 1000:8.1f}")
    finally:
        folder.close()
        process.terminate()
        process.join()


def clicks(scan: Volume, model: str) -> None:
    """A cold start and more clicks with the real worker. "all other": start, hand-over, name, protocol, and answer."""
    rows = []
    scan = replace(scan)  # its name is not known yet
    with WorkerClient(worker_command(python=sys.executable)) as client:
        for name, volume in (
            ("first click, worker cold", scan),
            ("second click", scan),
            ("third click", scan),
            ("first click on another scan, worker warm", replace(scan, voxels=scan.voxels + np.int16(1))),
        ):
            asked = time.perf_counter()
            answer = client.wait(client.segment(volume, model))
            total, seconds = time.perf_counter() - asked, answer.meta["seconds"]
            rows.append((name, total, sum(seconds.values())))
    print("\nclicks                                      total s  session s  all other ms")
    for name, total, session in rows:
        print(f"  {name:<40} {total:8.2f} {session:10.2f} {(total - session) * 1000:13.0f}")


def marks(scans: dict[str, TestScan]) -> None:
    """Lesions of real scans clicked by a user whose worker is warm: one to three points at random inside each."""
    if not scans:
        return
    print("\nmarks, worker warm                          median ms  slowest ms    answers")
    with WorkerClient(worker_command(python=sys.executable)) as client:
        for name, scan in scans.items():
            took: dict[int, list[float]] = {1: [], 2: [], 3: []}
            rng = np.random.default_rng(0)
            for lesion in range(1, int(scan.lesions.max()) + 1):
                voxels = np.argwhere(scan.lesions == lesion)
                for turn in range(ROUNDS + 1):
                    points = scan.ct.geometry.ijk_to_lps(rng.choice(voxels, 3)[:, ::-1]).tolist()
                    for count, seconds in took.items():
                        asked = time.perf_counter()
                        client.wait(client.prompt(scan.ct, points_inside=points[:count]))
                        seconds += [time.perf_counter() - asked] * (turn > 0)
            for count, seconds in took.items():
                words = f"{name}, {count} point{'s' * (count > 1)}"
                print(f"  {words:<40} {median(seconds) * 1000:10.0f} {max(seconds) * 1000:11.0f} {len(seconds):10}")


def first_result(model: str) -> None:
    """A process that does not run yet, to its first slice-wise result: what the smallest request takes."""
    small = Volume(np.full((4, 64, 64), -800, np.int16), Geometry((4, 64, 64), (0.7, 0.7, 2.5)))
    took = []
    for _ in range(ROUNDS):
        asked = time.perf_counter()
        with WorkerClient(worker_command(python=sys.executable)) as client:
            client.wait(client.segment(small, model))
            took.append(time.perf_counter() - asked)
    print(f"\ncold process to its first slice-wise result (4 x 64 x 64): {median(took):.2f} s")


def interleaved(ways: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Median seconds of each, taken in turns so that what else the machine does falls on all."""
    seconds = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    return {name: median(took) for name, took in seconds.items()}


def acknowledge(connection) -> None:
    while True:
        connection.send(connection.recv().shape)


if __name__ == "__main__":
    main()
