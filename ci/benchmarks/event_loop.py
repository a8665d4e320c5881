"""How long the panel keeps Qt's event loop from running: gaps between the beats of a timer, phase by phase.

The panel on the test host (see Testing/desktop/host.py: real Qt, real scene, no views; not Slicer's window), the real
worker and the models that come with the program, on the synthetic chest in 512 x 512 x 300 voxels. A beat every 5 ms;
where the loop is held up, a beat is late. What other work on the machine takes stands in the figures, too (see "idle"),
but not in "own": what this thread itself computed between two beats.

    ci/benchmark event_loop            # the table
    ci/benchmark event_loop --quick    # a small CT, to see that it runs
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "Testing" / "desktop"), str(REPOSITORY / "LungTumorSeg")]

import host as test_host  # noqa: E402 - the tests' own
import slicer  # noqa: E402
from clicks import choose, click, open_tab  # noqa: E402
from PySide6 import QtCore  # noqa: E402

from LungTumorSegLib.volume.phantom import make_phantom  # noqa: E402
from LungTumorSegLib.worker.launch import job_command, worker_command  # noqa: E402

BEAT, ALLOWED = 5, 100.0  # ms
RAS = np.array([-1.0, -1.0, 1.0])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--moves", type=int, default=300, help="of the threshold's slider, 16 ms apart")
    asked = arguments.parse_args()
    shape = (60, 128, 128) if asked.quick else (300, 512, 512)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LUNGTUMORSEG_MODELS"] = folder
        run(shape, 40 if asked.quick else asked.moves, Path(folder))


def run(shape: tuple[int, int, int], moves: int, folder: Path) -> None:
    host = test_host.Host()
    from LungTumorSegLib.desktop import panel

    panel.worker_launch = lambda: worker_command(python=sys.executable)
    panel.job_launch = lambda: job_command(python=sys.executable)
    volume, _truth, tumours = make_phantom(shape=shape, spacing=(360 / shape[2], 360 / shape[1], 275 / shape[0]))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Synthetic chest")
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.geometry.ijk_to_ras_matrix))
    slicer.util.updateVolumeFromArray(node, volume.voxels)
    node.CreateDefaultDisplayNodes()
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "another")  # the first is chosen by itself
    slicer.util.updateVolumeFromArray(other, volume.voxels[:4])
    module = host.open_module()
    ui, desk, jobs = module.ui, module.panel.desk, module.panel.jobs
    module.logic.getParameterNode().ct = other

    def rest() -> None:
        assert host.until(lambda: not desk.busy and not desk.unsettled and not jobs.under_way, 1200)

    print(f"{shape[2]} x {shape[1]} x {shape[0]} voxels; gaps of the event loop, ms, above the beat's {BEAT}")
    print(f"{'':34}{'seconds':>8}{'p50':>10}{'p99':>10}{'max':>10}{'own p99':>10}{'own max':>10}")
    with beats("idle"):
        host.until(lambda: False, 3)
    with beats("the CT chosen"):
        host.until(lambda: ui.ctSelector.q.findText("Synthetic chest") >= 0)
        choose(ui.ctSelector, "Synthetic chest")
        host.until(lambda: False, 1)
    with beats("Segment, until the lesions stand"):
        click(ui.segmentButton)
        rest()
    with beats("threshold dragged"):
        drag(host, ui.thresholdSlider.q, moves)
        rest()
    with beats("a point placed and answered"):
        click(ui.insideButton)
        ui.placeWidget.q.click(*(RAS * tumours[1]["centre_lps"]))
        rest()
    with beats("threshold dragged, with the point"):
        drag(host, ui.thresholdSlider.q, moves)
        rest()
    open_tab(module, "Export")
    ui.exportFolderEdit.currentPath = str(folder)
    with beats("NIfTI exported"):
        click(ui.niftiButton)
        rest()
    print("errors:", host.errors + host.console or "none")
    host.close_module()


def drag(host, slider, moves: int) -> None:
    """To and fro between 0.2 and 0.8, then let go."""
    timer, done = QtCore.QTimer(), []

    def move() -> None:
        done.append(0.5 + 0.3 * float(np.sin(len(done) / 8)))
        slider.valueIsChanging.emit(done[-1])

    timer.timeout.connect(move)
    timer.start(16)
    host.until(lambda: len(done) >= moves, 600)
    timer.stop()
    slider.setProperty("value", done[-1])


@contextmanager
def beats(phase: str):
    """Prints the gaps while the block runs its event loops."""
    times, timer = [now()], QtCore.QTimer()
    timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: times.append(now()))
    timer.start(BEAT)
    yield
    times.append(now())
    timer.stop()
    gaps, own = np.maximum(1000 * np.diff(times, axis=0).T - [[BEAT], [0]], 0)
    p99 = np.percentile(gaps, 99)
    late = f"   over {ALLOWED:.0f} ms" if p99 > ALLOWED else ""
    spent = times[-1][0] - times[0][0]
    figures = (np.percentile(gaps, 50), p99, gaps.max(), np.percentile(own, 99), own.max())
    print(f"{phase:34}{spent:8.1f}" + "".join(f"{x:10.1f}" for x in figures) + late, flush=True)


def now() -> tuple[float, float]:
    """Seconds of the clock, and those that this thread computed."""
    return time.perf_counter(), time.thread_time()


if __name__ == "__main__":
    main()
