"""The app as `lungtumorseg app` starts it, but with a worker that pretends (unless told "real"), and with a window for
the tests: a line of JSON on stdin asks something about the scene, a line on stdout answers. Never part of the product.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import vtk

from LungTumorSegLib.scene import segments, views
from LungTumorSegLib.scene.diameters import diameter_lines
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.volume.geometry import to_ras
from LungTumorSegLib.web.app import App
from LungTumorSegLib.worker.launch import Launch, worker_command

REPOSITORY = Path(__file__).resolve().parents[2]
WORKER = REPOSITORY / "Testing" / "workstation" / "pretending_worker.py"


class Window:
    """What the tests may ask; each method answers something that JSON holds."""

    def __init__(self, app: App):
        self.app = app

    def voxels(self) -> dict:
        """Lesion number -> its voxels in the scene's segments, and their middle, LPS mm."""
        node = self.app.desk.result.segmentation_node
        if node is None:
            return {}
        box, grid, found = segments.read_labels(node), geometry_of(self.app.desk.ct), {}
        for number in np.unique(box.values[box.values > 0]).tolist():
            kji = np.argwhere(box.values == number) + box.start
            found[number] = {"count": len(kji), "middle": grid.ijk_to_lps(kji[:, ::-1].mean(axis=0)).tolist()}
        return found

    def labels(self) -> list:
        """Indices k, j, i of every labelled voxel with its lesion."""
        box = segments.read_labels(self.app.desk.result.segmentation_node)
        return [[*map(int, np.add(at, box.start)), int(box.values[tuple(at)])] for at in np.argwhere(box.values)]

    def threshold(self) -> float:
        return self.app.desk.cut.threshold

    def say(self, sentence: str) -> None:
        """So that what is said next is known to be new."""
        with self.app.server.state:
            self.app.said(sentence)

    def overlays(self) -> list:
        """Of the probability and of Grad-CAM: is it the axial view's foreground?"""
        view = self.app.slicer.view_manager.get_view("Axial")
        shown = view.get_foreground_volume_id()
        result = self.app.desk.result
        return [node is not None and node.GetID() == shown for node in (result.probability_node, result.heat_node)]

    def prompts(self) -> list:
        return list(self.app.desk.prompt_counts)

    def window(self) -> list:
        display = self.app.desk.ct.GetDisplayNode()
        return [display.GetWindow(), display.GetLevel()]

    def offset(self, view: str) -> float:
        return self.app.slicer.view_manager.get_view(view).get_slice_value()

    def pixel(self, view: str, lps: list) -> list:
        """Where a point lies in a slice view, as a share of its width and height from the upper left corner."""
        node = self.app.slicer.view_manager.get_view(view).get_view_node()
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy(node.GetXYToRAS())
        matrix.Invert()
        x, y, _z, _ = matrix.MultiplyPoint((*map(float, to_ras(lps)), 1.0))
        width, height, _ = node.GetDimensions()
        return [x / width, 1 - y / height]

    def jump(self, lps: list) -> None:
        views.centre(views.slice_nodes(self.app.slicer.scene), lps)

    def line(self, lesion: int, axis: str) -> list:
        """The ends of a diameter line, LPS mm."""
        line = diameter_lines(self.app.desk.ct)[lesion, axis]
        return [to_ras(line.GetNthControlPointPositionWorld(n)).tolist() for n in range(2)]

    def kill_worker(self) -> None:
        for children in Path("/proc/self/task").glob("*/children"):
            for child in children.read_text().split():
                if WORKER.name.encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(int(child), signal.SIGKILL)

    def kept(self) -> bool:
        """The work was saved, and nothing of it waits."""
        return (Path(sys.argv[1]) / "session" / "current" / "scene.mrml").exists()

    def cpu(self) -> list:
        return [time.process_time(), time.monotonic()]


async def answer(window: Window) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        name, *arguments = json.loads(line)
        try:
            reply = getattr(window, name)(*arguments)
        except Exception as error:
            reply = {"error": repr(error)}
        print(json.dumps(reply), flush=True)
    os._exit(0)  # the tests are gone


def main() -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "LungTumorSeg")}
    pretending = Launch([sys.executable, str(WORKER)], environment)
    app = App(worker_command() if "real" in sys.argv else pretending, Path(sys.argv[1]))
    tasks = []

    def ready(address: str) -> None:
        print(json.dumps(address), flush=True)
        tasks.append(asyncio.get_event_loop().create_task(answer(Window(app))))

    app.run(ready)


if __name__ == "__main__":
    main()
