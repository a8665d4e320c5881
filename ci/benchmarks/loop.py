"""The loop on a real scan without widgets: what it keeps the user's thread busy for, and whether what leaves is right.

    ci/benchmark loop [CT [MASK]] [--point X,Y,Z]

Segment, drag the threshold, a point, a brush stroke, lines, export as NIfTI, with the real worker and the models that
come with the program; without a CT on a synthetic chest of 512 x 512 x 300. Each row is a call that a host makes on
its thread: how often, the longest and the mean, in milliseconds of that thread's own time (other programs do not count)
and of the clock. At the end the exported file is compared with the scene's mask, and its diameters as
`lungtumorseg measure` prints them with the table's. With MASK, the outlines of radiologists stand for the model's
answer: what is exported does not depend on it, and the run takes seconds.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import SimpleITK as sitk

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "Testing" / part) for part in ("workstation", "scene")]

from bench import Bench, add_volume  # noqa: E402 - the tests' own desk
from made_scene import paint  # noqa: E402
from trame_slicer.core import SlicerApp  # noqa: E402

from LungTumorSegLib.scene import segments  # noqa: E402
from LungTumorSegLib.scene.cut import Cut  # noqa: E402
from LungTumorSegLib.scene.result import Result  # noqa: E402
from LungTumorSegLib.volume.box import Box  # noqa: E402
from LungTumorSegLib.volume.geometry import Geometry, Volume  # noqa: E402
from LungTumorSegLib.volume.phantom import make_phantom  # noqa: E402
from LungTumorSegLib.volume.reading import read_ct, read_mask  # noqa: E402
from LungTumorSegLib.worker.launch import worker_command  # noqa: E402

ALLOWED_MS = 100.0
EXCEPTION = "taking the voxels of a new CT"


class Clock:
    """How long calls kept the thread."""

    def __init__(self):
        self.rows = defaultdict(list)

    def __call__(self, name, call):
        own, wall = time.thread_time(), time.perf_counter()
        answer = call()
        self.rows[name].append((1000 * (time.thread_time() - own), 1000 * (time.perf_counter() - wall)))
        return answer

    def print(self) -> None:
        print(f"{'on the thread':42} {'calls':>6} {'longest':>9} {'mean':>8} {'clock, longest':>15}   ms")
        for name, times in self.rows.items():
            own, wall = np.array(times).T
            late = " <- over 100" if own.max() > ALLOWED_MS and name != EXCEPTION else ""
            print(f"{name:42} {len(own):6} {own.max():9.1f} {own.mean():8.1f} {wall.max():15.1f}{late}")


def large_chest() -> Volume:
    """The synthetic chest with every voxel repeated: 300 x 512 x 512."""
    small, _truth, _tumours = make_phantom(shape=(60, 128, 128), spacing=(2.8, 2.8, 5.0))
    voxels = small.voxels.repeat(5, 0).repeat(4, 1).repeat(4, 2)
    return Volume(voxels, Geometry(voxels.shape, (0.7, 0.7, 1.0), small.geometry.origin, small.geometry.axes))


class Run:
    def __init__(self, bench: Bench, volume: Volume, scene):
        self.bench, self.desk, self.timed = bench, bench.desk, Clock()
        self.node = add_volume(scene, volume, "CT")

    def wait(self, name: str) -> None:
        """Tick as a host's timer does, each tick on the clock, until nothing is under way."""
        while self.desk.busy or self.desk.unsettled or self.bench.jobs.under_way:
            self.timed(f"while waiting: {name}", lambda: self.bench.tick(0.0))
            time.sleep(0.02)
        assert not self.bench.host.failures, self.bench.host.failures

    def segment(self, outlines) -> None:
        if outlines is None:
            self.timed("choose a CT", lambda: self.desk.choose_ct(self.node))
            self.timed(EXCEPTION, self.desk.segment)
            self.wait("Segment")
        else:
            box = Box((0, 0, 0), np.where(outlines > 0, np.float32(0.9), np.float32(0.2)))
            Result(self.desk.scene, self.node).show(box, 0.5, 0.0)
            self.timed("choose a CT with a result", lambda: self.desk.choose_ct(self.node))
        print(f"{len(self.desk.lesions)} lesions; {self.bench.host.sentences[-1:]}")

    def correct(self, point) -> None:
        desk = self.desk
        for threshold in np.linspace(0.3, 0.7, 20):
            self.timed("drag the threshold", lambda at=threshold: desk.drag_threshold(float(at)))
        self.timed("let go of the threshold", lambda: desk.rest(Cut(0.5)))
        if point is not None:
            points = self.timed("make the list of points", desk.points)
            self.timed("place a point", lambda: points.AddControlPointWorld(*np.multiply(point, (-1, -1, 1))))
            self.wait("a point")
        number, segment_id = next(iter(segments.our_segments(desk.result.segmentation_node).items()))
        ours = self.mask() == number
        k, j, i = np.argwhere(ours).mean(axis=0).astype(int)
        ours[k, j - 3 : j + 4, i - 3 : i + 4] = True
        paint(desk.result.segmentation_node, segment_id, self.node, ours.astype(np.uint8))
        self.wait("a brush stroke")
        self.timed("mark a lymph node", lambda: desk.mark_node(number, True))
        self.timed("and none again", lambda: desk.mark_node(number, False))

    def mask(self) -> np.ndarray:
        shape = self.node.GetImageData().GetDimensions()[::-1]
        return segments.read_labels(self.desk.result.segmentation_node).full(shape)

    def export(self, folder: Path) -> bool:
        path = folder / self.bench.exporting.default_name("nifti")
        self.timed("begin an export", lambda: self.bench.exporting.nifti(path))
        self.wait("an export")
        same = np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), self.mask() > 0)
        print(f"the exported NIfTI {'equals' if same else 'DIFFERS FROM'} the scene's mask")
        command = [sys.executable, "-m", "LungTumorSegLib.command", "measure", str(path), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        theirs = {round(x["volume_ml"], 4): x for x in json.loads(done.stdout)["lesions"]}
        apart = []
        for lesion in self.desk.lesions:
            other = theirs.get(round(lesion.volume_ml, 4))
            if other is None:  # two that touch are one in a mask of 0 and 1
                print(f"lesion {lesion.id} is not a lesion of its own in the file")
                continue
            apart += [abs(getattr(lesion, name) - other[name]) for name in ("long_axis_mm", "short_axis_mm")]
        print(
            f"diameters differ from `lungtumorseg measure` by at most {max(apart):.6f} mm ({len(apart) // 2} lesions)"
        )
        return same and max(apart) < 0.001


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("ct", type=Path, nargs="?")
    arguments.add_argument("mask", type=Path, nargs="?")
    arguments.add_argument("--point", help="a point in a lesion, LPS mm")
    given = arguments.parse_args()
    logging.basicConfig(level=logging.ERROR)
    volume = read_ct(given.ct) if given.ct else large_chest()
    outlines = read_mask(given.mask, volume).voxels if given.mask else None
    app = SlicerApp()
    bench = Bench(app.scene, worker_command())
    run = Run(bench, volume, app.scene)
    try:
        run.segment(outlines)
        run.correct([float(x) for x in given.point.split(",")] if given.point else None)
        with tempfile.TemporaryDirectory() as folder:
            right = run.export(Path(folder))
    finally:
        bench.close()
    run.timed.print()
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
