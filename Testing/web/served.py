"""The app as `lungtumorseg app` starts it, but with a worker that pretends (unless told "real"), and with a window for
the tests: a line of JSON on stdin asks something about the scene, a line on stdout answers. Never part of the product.
"""

import asyncio
import gc
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import vtk

from LungTumorSegLib.scene import segments, views
from LungTumorSegLib.scene.diameters import diameter_lines
from LungTumorSegLib.scene.volumes import SceneVolumes, geometry_of
from LungTumorSegLib.volume.geometry import to_ras
from LungTumorSegLib.web import kept_session
from LungTumorSegLib.web.app import App
from LungTumorSegLib.worker.launch import Launch, worker_command

REPOSITORY = Path(__file__).resolve().parents[2]
ROI = "vtkMRMLMarkupsROINode"
WORKER = REPOSITORY / "Testing" / "workstation" / "pretending_worker.py"


class Window:
    """What the tests may ask; each method answers something that JSON holds."""

    def __init__(self, app: App):
        self.app = app
        app.server.controller.on_server_bind.add(self._bound)

    def _bound(self, wslink) -> None:
        self.router = wslink.app.router

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

    def save(self, file: str) -> None:
        """The chosen CT as the scene holds it, and the lesions' numbers on its grid, as .npz."""
        volume = SceneVolumes().volume(self.app.desk.ct)
        labels, node = np.zeros(volume.geometry.shape, np.uint16), self.app.desk.result.segmentation_node
        if node is not None:
            box = segments.read_labels(node)
            labels[tuple(slice(n, n + size) for n, size in zip(box.start, box.values.shape, strict=True))] = box.values
        np.savez(file, voxels=volume.voxels, labels=labels)

    def grid(self) -> dict:
        """Of the chosen CT."""
        return geometry_of(self.app.desk.ct).as_dict()

    def lesions(self) -> list:
        """As the table holds them."""
        return [lesion.as_dict() for lesion in self.app.desk.lesions]

    def prompted_model(self) -> str:
        """What answers points and boxes."""
        return str(self.app.desk._asking.prompted)

    def threshold(self) -> float:
        return self.app.desk.cut.threshold

    def say(self, sentence: str) -> None:
        """So that what is said next is known to be new."""
        with self.app.server.state:
            self.app.host.said(sentence)

    def overlays(self) -> list:
        """Of the probability and of Grad-CAM: is it the axial view's foreground?"""
        view = self.app.slicer.view_manager.get_view("Axial")
        shown = view.get_foreground_volume_id()
        result = self.app.desk.result
        return [node is not None and node.GetID() == shown for node in (result.probability_node, result.heat_node)]

    def edited(self) -> bool:
        """By the brush, and measured since."""
        return self.app.desk.has_edits and not self.app.desk.unsettled

    def tab(self) -> str:
        """As this process knows it: what a page that comes anew is shown."""
        return self.app._page.data.tab

    def tool(self) -> str:
        """What lies in the hand: the left mouse button does it now."""
        return self.app._hand.tools._tool

    def held(self, lesion: int, axis: str) -> bool:
        """The mouse is on an end of this line, and would move it."""
        display = diameter_lines(self.app.desk.ct)[lesion, axis].GetDisplayNode()
        return any(
            display.GetActiveComponentType(name) == display.ComponentControlPoint
            for name in display.GetActiveComponentInteractionContexts()
        )

    def corners(self) -> int:
        """Of the boxes, those that are set: one of the two where a box is whole, which is then kept by its middle."""
        scene = self.app.slicer.scene
        boxes = [scene.GetNthNodeByClass(n, ROI) for n in range(scene.GetNumberOfNodesByClass(ROI))]
        return sum(box.GetNumberOfDefinedControlPoints() for box in boxes)

    def collect(self) -> int:
        """Collect Python's garbage, then change every segmentation node; how many there are."""
        gc.collect()
        scene = self.app.slicer.scene
        count = scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
        for n in range(count):
            scene.GetNthNodeByClass(n, "vtkMRMLSegmentationNode").Modified()
        return count

    def routes(self) -> list:
        """Method and path of all that the process answers to."""
        return [[route.method, route.resource.canonical] for route in self.router.routes()]

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

    def received(self) -> str:
        """The folder of the files that came from the browser."""
        return str(self.app.files._folder)

    def hurry(self) -> None:
        """Save as soon as the user rests for a moment."""
        kept_session.REST = 0.5

    def kept(self) -> bool:
        """The work as it is now was saved."""
        session = self.app._session
        scene = Path(sys.argv[1]) / "session" / "current" / "scene.mrml"
        return scene.exists() and session._saving is None and session._saved == session._work

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
    window, tasks = Window(app), []

    def ready(address: str) -> None:
        print(json.dumps(address), flush=True)
        tasks.append(asyncio.get_event_loop().create_task(answer(window)))

    app.run(ready)


if __name__ == "__main__":
    main()
