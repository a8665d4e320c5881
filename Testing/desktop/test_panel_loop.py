"""The radiologist's whole loop on the test host (see host.py: not "tested in Slicer"), by real clicks, with the real
worker and the models that are shipped: Segment, judge, points, a box, paint, measure, drag a line, export.

PANEL_PICTURES=FOLDER keeps a picture of the panel after each step. PANEL_SEGMENT=1 presses Segment on the real scan,
too, which takes minutes on two cores.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6", reason="the test host needs PySide6")
pytest.importorskip("trame_slicer", reason="the test host needs slicer-core")
pytest.importorskip("torch", reason="the worker needs torch")

import SimpleITK as sitk
import slicer
import vtk
from clicks import choose, click, click_row, open_tab, rows, tick
from vtk.util.numpy_support import numpy_to_vtk

REPOSITORY = Path(__file__).resolve().parents[2]
RAS = np.array([-1.0, -1.0, 1.0])


@pytest.fixture
def module(host, monkeypatch):
    """The module as it is installed, but by this Python; its worker and models are the real ones."""
    from LungTumorSegLib.desktop import panel
    from LungTumorSegLib.worker.launch import job_command, worker_command

    monkeypatch.setenv("LUNGTUMORSEG_MODELS", host.settings.name)
    monkeypatch.setattr(panel, "worker_launch", lambda: worker_command(python=sys.executable))
    monkeypatch.setattr(panel, "job_launch", lambda: job_command(python=sys.executable))
    slicer.mrmlScene.Clear()
    for name in ("Red", "Green", "Yellow"):
        for node in (slicer.vtkMRMLSliceCompositeNode(), slicer.vtkMRMLSliceNode()):
            node.SetLayoutName(name)
            slicer.mrmlScene.AddNode(node)
    yield host.open_module()
    host.close_module()
    assert host.console == []


def add_ct(volume, name):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.geometry.ijk_to_ras_matrix))
    slicer.util.updateVolumeFromArray(node, volume.voxels)
    node.CreateDefaultDisplayNodes()
    return node


class Loop:
    """One user before the panel. `step` waits until nothing is under way, and keeps a picture."""

    def __init__(self, host, module, ct, pictures):
        self.host, self.module, self.ui, self.ct = host, module, module.ui, ct
        self._pictures, self._count = pictures, 0

    @property
    def desk(self):
        return self.module.panel.desk

    def step(self, name):
        assert self.host.until(lambda: not self.desk.busy and not self.desk.unsettled, 300)
        assert self.host.until(lambda: not self.module.panel.jobs.under_way, 120)
        assert self.host.errors == [], name
        self._count += 1
        if self._pictures is not None:
            assert self.host.window.grab().save(str(self._pictures / f"{self._count:02d}-{name}.png"))

    def table(self):
        return rows(self.ui.lesionTable)

    def mask(self):
        """Labels on the CT's whole grid."""
        from LungTumorSegLib.scene import segments

        labels = segments.read_labels(self.desk.result.segmentation_node)
        return labels.full(self.ct.GetImageData().GetDimensions()[::-1])

    def lesion_at(self, point_lps):
        from LungTumorSegLib.scene.volumes import geometry_of

        i, j, k = np.rint(geometry_of(self.ct).lps_to_ijk(np.array(point_lps))).astype(int)
        return int(self.mask()[k, j, i])

    def place(self, button, *points_lps):
        click(button)
        for point in points_lps:
            self.ui.placeWidget.q.click(*(RAS * point))
        assert not button.checked

    def beside(self, lesion):
        """Voxels, bool [k, j, i], that touch the lesion at its left and belong to none."""
        mask = self.mask()
        places = np.argwhere(mask == lesion)
        k, j, i = places[places[:, 2].argmax()]
        voxels = np.zeros(mask.shape, bool)
        voxels[k, j - 2 : j + 3, i + 1 : i + 5] = True
        return voxels & (mask == 0)

    def paint(self, voxels, lesion):
        """In the Segment Editor, with its undo: bool [k, j, i] are added to the lesion."""
        from LungTumorSegLib.scene import segments

        editor = slicer.modules.SegmentEditorWidget.editor
        node = editor.segmentationNode()
        assert node is self.desk.result.segmentation_node
        image = slicer.vtkOrientedImageData()
        matrix = vtk.vtkMatrix4x4()
        self.ct.GetIJKToRASMatrix(matrix)
        image.SetDimensions(voxels.shape[::-1])
        image.SetGeometryFromImageToWorldMatrix(matrix)
        image.GetPointData().SetScalars(numpy_to_vtk(voxels.astype(np.uint8).ravel(), deep=True))
        editor.saveStateForUndo()
        mode = editor.logic.ModificationModeAdd
        editor.logic.ModifySegmentByLabelmap(node, segments.our_segments(node)[lesion], image, mode, False, False)


def test_the_whole_loop_on_the_synthetic_chest(host, module, tmp_path):
    from LungTumorSegLib.volume.phantom import make_phantom

    # The usual chest, as far as the tumours reach: what lies around costs time.
    volume, _truth, tumours = make_phantom(shape=(72, 190, 190), spacing=(1.9, 1.9, 2.5))
    centres = [np.array(tumour["centre_lps"]) for tumour in tumours]
    folder = os.environ.get("PANEL_PICTURES")
    loop = Loop(host, module, add_ct(volume, "Synthetic chest"), Path(folder) if folder else None)
    ui = loop.ui
    assert host.until(lambda: ui.ctSelector.q.findText("Synthetic chest") >= 0)
    choose(ui.ctSelector, "Synthetic chest")
    loop.step("chosen")

    click(ui.segmentButton)
    assert host.until(lambda: 0 < ui.progressBar.value < 100, 120)
    assert ui.segmentButton.text == "Cancel"
    loop.step("segmented")
    assert "found in" in ui.statusLabel.text
    found = [lesion for lesion in map(loop.lesion_at, centres) if lesion]
    assert found

    ui.thresholdSlider.q.drag(0.5, 0.6, 0.55)
    tick(ui.legendCheckBox)
    tick(ui.surfaceCheckBox)
    loop.step("judged")
    tick(ui.surfaceCheckBox)

    loop.place(ui.insideButton, centres[1])
    loop.step("point inside")
    assert loop.lesion_at(centres[1])
    taken = next(n for n in (0, 2) if loop.lesion_at(centres[n]))
    before = len(loop.table())
    loop.place(ui.outsideButton, centres[taken])
    loop.step("point outside")
    assert loop.lesion_at(centres[taken]) == 0
    assert len(loop.table()) == before - 1
    half = np.full(3, tumours[taken]["diameter_mm"] / 2 + 3)
    loop.place(ui.boxButton, centres[taken] - half, centres[taken] + half)
    loop.step("box")
    assert loop.lesion_at(centres[taken])
    assert ui.promptsLabel.text == "1 inside, 1 outside, 1 box"

    lesion = loop.lesion_at(centres[1])
    click(ui.correctButton)
    assert host.module == "SegmentEditor"
    painted = loop.beside(lesion)
    loop.paint(painted, lesion)
    host.select_module("LungTumorSeg")
    loop.step("painted")
    assert (loop.mask()[painted] == lesion).all()
    ui.thresholdSlider.q.drag(0.6, 0.7)
    loop.step("threshold after painting")
    assert (loop.mask()[painted] == lesion).all()
    assert "corrected" in next(row for row in loop.table() if row[0] == str(lesion))[-1]

    before = {row[0] for row in loop.table()}
    click(ui.newLesionButton)
    assert host.module == "SegmentEditor"
    editor = slicer.modules.SegmentEditorWidget.editor
    segment = editor.segmentationNode().GetSegmentation().GetSegment(editor.currentSegmentID())
    added = segment.GetLabelValue()
    assert str(added) not in before
    assert segment.GetName() == f"Tumour {added}"
    box = np.zeros(loop.mask().shape, bool)
    k, j, i = np.argwhere(loop.mask() == 0).mean(axis=0).astype(int)
    box[k : k + 3, j : j + 6, i : i + 6] = True
    box &= loop.mask() == 0
    loop.paint(box, added)
    host.select_module("LungTumorSeg")
    loop.step("new lesion")
    assert {row[0] for row in loop.table()} - before == {str(added)}
    assert (loop.mask()[box] == added).all()

    open_tab(module, "Measure")
    row = [row[0] for row in loop.table()].index(str(lesion))
    click_row(ui.lesionTable, row)
    stretch(loop.ct, lesion)
    loop.step("measured")
    assert "edited" in loop.table()[row][-1]
    click(ui.copyButton)
    assert len(slicer.app.clipboard().text().splitlines()) == len(loop.table()) + 1

    open_tab(module, "Export")
    ui.exportFolderEdit.currentPath = str(tmp_path)
    for button in (ui.niftiButton, ui.csvButton, ui.reportButton):
        click(button)
        loop.step("exported")
    image = sitk.ReadImage(str(tmp_path / "Synthetic-chest-tumours.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image) > 0, loop.mask() > 0)
    assert (tmp_path / "Synthetic-chest-tumours.csv").read_text().count("\n") == len(loop.table()) + 1
    assert (tmp_path / "Synthetic-chest-tumours.pdf").read_bytes().startswith(b"%PDF")
    assert ui.exportedLabel.text.count("<a href=") == 3


def test_a_real_scan_exports_what_the_scene_shows_and_measures_as_the_command_does(host, module, shared_data, tmp_path):
    """LIDC-IDRI-0003: a point in each of its nodules, one painted on, the threshold moved, the mask exported."""
    from LungTumorSegLib.measurement.components import find_components
    from LungTumorSegLib.volume.reading import read_ct, read_mask

    folder = shared_data / "scans" / "LIDC-IDRI-0003"
    volume = read_ct(folder / "image.nii.gz")
    nodules = find_components(read_mask(folder / "mask.nii.gz").voxels > 0)
    loop = Loop(host, module, add_ct(volume, "LIDC-IDRI-0003"), None)
    ui = loop.ui
    assert host.until(lambda: ui.ctSelector.q.findText("LIDC-IDRI-0003") >= 0)
    choose(ui.ctSelector, "LIDC-IDRI-0003")
    if os.environ.get("PANEL_SEGMENT"):
        click(ui.segmentButton)
        loop.step("segmented")
    centres = [volume.geometry.ijk_to_lps((box.sum(axis=1) - 1)[::-1] / 2) for box in nodules.boxes]
    assert len(centres) == 3
    for centre in centres:
        loop.place(ui.insideButton, centre)
        loop.step("point inside")
        assert loop.lesion_at(centre)
    lesion = loop.lesion_at(centres[0])
    click(ui.correctButton)
    painted = loop.beside(lesion)
    loop.paint(painted, lesion)
    host.select_module("LungTumorSeg")
    loop.step("painted")
    ui.thresholdSlider.q.drag(0.5, 0.45)
    loop.step("threshold")
    assert (loop.mask()[painted] == lesion).all()

    open_tab(module, "Export")
    ui.exportFolderEdit.currentPath = str(tmp_path)
    click(ui.niftiButton)
    loop.step("exported")
    mask = tmp_path / "LIDC-IDRI-0003-tumours.nii.gz"
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(mask))) > 0, loop.mask() > 0)
    command = [sys.executable, "-m", "LungTumorSegLib.command", "measure", str(mask), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "LungTumorSeg")}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    theirs = sorted((x["long_axis_mm"], x["short_axis_mm"]) for x in json.loads(said)["lesions"])
    ours = sorted((x.long_axis_mm, x.short_axis_mm) for x in loop.desk.lesions)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


def stretch(ct, lesion):
    """One end of the long axis 3 mm on, as the mouse does."""
    from LungTumorSegLib.scene.diameters import diameter_lines

    line = diameter_lines(ct)[lesion, "long"]
    end = line.GetNthControlPointPositionWorld(1)
    line.SetNthControlPointPositionWorld(1, end[0], end[1] - 3, end[2])
