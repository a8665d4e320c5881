"""How long the panel keeps Qt's event loop from running: gaps between the beats of a timer, phase by phase.

The panel on the test host (see Testing/desktop/host.py: real Qt, real scene, no views; not Slicer's window), the real
worker and the models that come with the program, on the synthetic chest in 512 x 512 x 300 voxels. A beat every 5 ms;
where the loop is held up, a beat is late. What other work on the machine takes stands in the figures, too (see "idle"),
but not in "own": what this thread itself computed between two beats.

    ci/benchmark event_loop            # the table
    ci/benchmark event_loop --quick    # a small CT, to see that it runs

The last phase is a training that the Train tab starts, by the real command: fine-tune-prompted on two cases added
before, and the comparison that follows by itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
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
from LungTumorSegLib.workstation.tuning_recipe import steps_an_epoch  # noqa: E402
from LungTumorSegLib.workstation.tuning_runs import COMPARED  # noqa: E402

BEAT, ALLOWED = 5, 100.0  # ms
SMALL = (60, 128, 128)
RAS = np.array([-1.0, -1.0, 1.0])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--epochs", type=int, default=3, help="that the Train tab trains, of 10 steps")
    arguments.add_argument("--moves", type=int, default=300, help="of the threshold's slider, 16 ms apart")
    asked = arguments.parse_args()
    shape = SMALL if asked.quick else (300, 512, 512)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LUNGTUMORSEG_MODELS"] = f"{folder}/models"  # the Train tab's own folder lies beside it
        run(shape, 40 if asked.quick else asked.moves, asked.epochs, Path(folder))


def run(shape: tuple[int, int, int], moves: int, epochs: int, folder: Path) -> None:
    host = test_host.Host()
    sys.excepthook = traceback.print_exception  # the host keeps to itself what ends this program
    from LungTumorSegLib.desktop import panel

    panel.worker_launch = lambda: worker_command(python=sys.executable)
    panel.job_launch = lambda: job_command(python=sys.executable)
    other, _tumours = add_chest("Another chest", 1, SMALL)  # of two, none is chosen by itself
    _node, tumours = add_chest("Synthetic chest", 0, shape)
    module = host.open_module()
    ui, desk, jobs, train = module.ui, module.panel.desk, module.panel.jobs, module.panel.train
    module.logic.getParameterNode().ct = other

    def rest() -> None:
        def quiet() -> bool:
            return not (desk.busy or desk.unsettled or jobs.under_way or train.teaching.busy)

        assert host.until(lambda: bool(host.errors) or quiet(), 3600), "still busy after an hour"
        assert not host.errors, host.errors

    def press(button) -> None:
        assert host.until(lambda: button.enabled), "a button that cannot be pressed"
        click(button)

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
    open_tab(module, "Train")
    with beats("the case added"):
        press(ui.addCaseButton)
        rest()
    choose(ui.ctSelector, "Another chest")
    open_tab(module, "Segment")
    click(ui.segmentButton)
    rest()
    open_tab(module, "Train")
    press(ui.addCaseButton)
    rest()
    ui.epochsSpinBox.value = epochs
    with beats(f"trained ({epochs * steps_an_epoch('prompted')} steps), compared"):
        press(ui.trainButton)
        rest()
    assert train.teaching.state == COMPARED, train.teaching.state
    print("errors:", host.errors or "none")
    host.close_module()


def add_chest(name: str, seed: int, shape: tuple[int, int, int]) -> tuple:
    """The volume node and the phantom's tumours."""
    volume, _truth, tumours = make_phantom(seed, shape, (360 / shape[2], 360 / shape[1], 275 / shape[0]))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.geometry.ijk_to_ras_matrix))
    slicer.util.updateVolumeFromArray(node, volume.voxels)
    node.CreateDefaultDisplayNodes()
    return node, tumours


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
