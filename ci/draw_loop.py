"""The loop in pictures, the panel beside the axial view: Resources/Screenshots/loop.png. Its tabs: panel.png there.

The panel runs in the test host (Testing/desktop/host.py), the view is Slicer's own displayable managers (slicer-core
through trame-slicer), neither is Slicer's window. Worker and models are the real ones, the CT is the synthetic chest.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "Testing" / "desktop"), str(REPOSITORY / "LungTumorSeg")]
os.environ["LUNGTUMORSEG_MODELS"] = tempfile.mkdtemp()

import host as test_host  # noqa: E402 - the tests' own
from clicks import choose, click, click_row, open_tab  # noqa: E402
from PySide6 import QtCore, QtGui  # noqa: E402
from test_panel_loop import Loop, add_ct, stretch  # noqa: E402
from trame_slicer.views import DirectViewFactory, NoScheduleRendering, ViewLayoutDefinition  # noqa: E402
from vtk import vtkPNGWriter, vtkWindowToImageFilter  # noqa: E402

from LungTumorSegLib.volume.phantom import make_phantom  # noqa: E402
from LungTumorSegLib.worker.launch import job_command, worker_command  # noqa: E402

FOLDER = REPOSITORY / "Resources" / "Screenshots"
PANEL, HEIGHT, VIEW = 420, 640, 320
CAPTION = 26


def main() -> None:
    host = test_host.Host()
    from LungTumorSegLib.desktop import panel

    panel.worker_launch = lambda: worker_command(python=sys.executable)
    panel.job_launch = lambda: job_command(python=sys.executable)
    axial = open_view(host.app)
    volume, _truth, tumours = make_phantom(shape=(72, 190, 190), spacing=(1.9, 1.9, 2.5))
    ct = add_ct(volume, "Synthetic chest")
    ct.GetDisplayNode().AutoWindowLevelOff()
    ct.GetDisplayNode().SetWindowLevel(1400, -500)
    module = host.open_module()
    host.window.resize(PANEL, HEIGHT)
    loop, ui = Loop(host, module, ct, None), module.ui
    centres = [np.array(tumour["centre_lps"]) for tumour in tumours]
    frames = []

    def frame(caption: str, centre: np.ndarray) -> None:
        loop.step(caption)
        look(axial, centre)
        frames.append(composed(host.window.grab().toImage(), picture(axial), caption))

    host.until(lambda: ui.ctSelector.q.findText("Synthetic chest") >= 0)
    choose(ui.ctSelector, "Synthetic chest")
    click(ui.segmentButton)
    frame("1  Segment", centres[0])
    ui.thresholdSlider.q.drag(0.5, 0.4, 0.35)
    frame("2  Judge: the mask follows the threshold", centres[0])
    loop.place(ui.insideButton, centres[1])
    frame("3  A point in a lesion", centres[1])
    lesion = loop.lesion_at(centres[1])
    click(ui.correctButton)
    painted = np.zeros_like(loop.mask(), bool)
    k, j, i = np.argwhere(loop.mask() == lesion).mean(axis=0).astype(int)
    painted[k - 1 : k + 2, j - 1 : j + 3, i : i + 8] = True
    loop.paint(painted & (loop.mask() == 0), lesion)
    host.select_module("LungTumorSeg")
    frame("4  Painted in the Segment Editor", centres[1])
    open_tab(module, "Measure")
    first = loop.lesion_at(centres[0])
    click_row(ui.lesionTable, [row[0] for row in loop.table()].index(str(first)))
    stretch(ct, first)
    ends = next(lesion for lesion in loop.desk.lesions if lesion.id == first).long_axis_points_lps
    frame("5  Measure: a line's end is dragged", np.mean(ends, axis=0))
    open_tab(module, "Export")
    with tempfile.TemporaryDirectory() as folder:
        ui.exportFolderEdit.currentPath = folder
        click(ui.niftiButton)
        loop.step("exported")
        click(ui.reportButton)
        loop.step("exported")
        ui.exportFolderEdit.currentPath = "Documents"
        ui.exportedLabel.text = ui.exportedLabel.text.replace(folder, "Documents")
        frame("6  Export", centres[0])
    strip(frames).save(str(FOLDER / "loop.png"))
    tabs = []
    for name in ("Segment", "Measure", "Export", "Train"):
        open_tab(module, name)
        loop.step(name)
        tabs.append(host.window.grab().toImage())
    strip(tabs).save(str(FOLDER / "panel.png"))
    host.close_module()
    print(FOLDER / "loop.png", FOLDER / "panel.png", sep="\n")


def open_view(app):
    app.view_manager.register_factory(DirectViewFactory(do_render_offscreen=True))
    maker = ViewLayoutDefinition.axial_view()
    view = app.view_manager.create_view(maker)
    view.set_scheduled_render(NoScheduleRendering())  # else every event of the scene draws
    view.render_window().SetOffScreenRendering(True)
    view.render_window().SetMultiSamples(0)
    view.update_size(2 * VIEW, 2 * HEIGHT)
    app.view_manager.set_current_view_ids([maker.singleton_tag])
    return view


def look(view, centre: np.ndarray) -> None:
    view.fit_view_to_content()
    view.zoom(0.5)
    view.get_view_node().JumpSliceByCentering(*(centre * (-1, -1, 1)))


def picture(view) -> QtGui.QImage:
    view.render()
    capture, writer = vtkWindowToImageFilter(), vtkPNGWriter()
    capture.SetInput(view.render_window())
    capture.ReadFrontBufferOff()
    writer.SetInputConnection(capture.GetOutputPort())
    writer.WriteToMemoryOn()
    writer.Write()
    return QtGui.QImage.fromData(bytes(memoryview(writer.GetResult())))


def composed(panel: QtGui.QImage, view: QtGui.QImage, caption: str) -> QtGui.QImage:
    """The panel at the left, the view at its right, the caption above."""
    image = QtGui.QImage(PANEL + VIEW, HEIGHT + CAPTION, QtGui.QImage.Format.Format_RGB32)
    image.fill(QtCore.Qt.GlobalColor.white)
    painter = QtGui.QPainter(image)
    painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
    font = painter.font()
    font.setPixelSize(15)
    font.setBold(True)
    painter.setFont(font)
    painter.drawText(QtCore.QRect(6, 0, image.width(), CAPTION), QtCore.Qt.AlignmentFlag.AlignVCenter, caption)
    painter.drawImage(QtCore.QRect(0, CAPTION, PANEL, HEIGHT), panel, QtCore.QRect(0, 0, PANEL, HEIGHT))
    painter.drawImage(QtCore.QRect(PANEL, CAPTION, VIEW, HEIGHT), view)
    painter.end()
    return image


def strip(images: list[QtGui.QImage], most: int = 3) -> QtGui.QImage:
    """Rows of up to three (of up to four where they are narrow), 10 px apart."""
    most = 4 if images[0].width() < 500 else most
    width, height = images[0].width() + 10, images[0].height() + 10
    rows = -(-len(images) // most)
    whole = QtGui.QImage(width * min(most, len(images)), height * rows, QtGui.QImage.Format.Format_RGB32)
    whole.fill(QtCore.Qt.GlobalColor.white)
    painter = QtGui.QPainter(whole)
    for n, image in enumerate(images):
        painter.drawImage(n % most * width, n // most * height, image)
    painter.end()
    return whole


if __name__ == "__main__":
    main()
