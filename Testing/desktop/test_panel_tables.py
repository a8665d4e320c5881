"""The tabs Measure and Export on the test host (see host.py), with real jobs, on results that the test makes up."""

import numpy as np
import pytest

pytest.importorskip("PySide6", reason="the test host needs PySide6")
pytest.importorskip("trame_slicer", reason="the test host needs slicer-core")

import slicer
from clicks import choose, click, click_row, open_tab, pick, rows
from pretended import pretend
from scipy.ndimage import gaussian_filter

LATER = (
    {"name": "grown", "centre": (-84.0, -18.0, 178.0), "diameter_mm": 30.0},
    {"name": "as before", "centre": (83.0, 42.0, 112.0), "diameter_mm": 14.0},
)
EARLIER = ({**LATER[0], "diameter_mm": 20.0}, LATER[1])


def add_study(name, tumours):
    """A small synthetic chest with its own tumours as the result."""
    from LungTumorSegLib.scene.result import Result
    from LungTumorSegLib.volume.box import Box
    from LungTumorSegLib.volume.phantom import make_phantom

    volume, truth, _tumours = make_phantom(0, (56, 128, 128), (2.8, 2.8, 5.0), tumours)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.geometry.ijk_to_ras_matrix))
    slicer.util.updateVolumeFromArray(node, volume.voxels)
    node.CreateDefaultDisplayNodes()
    probability = gaussian_filter((truth.voxels > 0).astype(np.float32), 0.5)
    Result(slicer.mrmlScene, node).show(Box((0, 0, 0), np.where(probability > 0.02, probability, 0)), 0.5, 3.0)
    return node


@pytest.fixture
def module(host, monkeypatch):
    pretend(monkeypatch)
    slicer.mrmlScene.Clear()
    host.errors.clear()
    host.console.clear()
    add_study("March", LATER)
    module = host.open_module()
    assert host.until(lambda: not module.panel.desk.unsettled)  # the result is read in steps
    yield module
    host.close_module()
    assert host.console == []


def done(host, module):
    return host.until(lambda: not module.panel.jobs.under_way, 120)


def test_the_table_says_what_a_radiologist_asks_for_and_the_sums(module):
    open_tab(module, "Measure")
    table = rows(module.ui.lesionTable)
    assert [row[1] for row in table] == ["right", "left"]
    assert [row[6] for row in table] == ["yes", "yes"]
    assert module.ui.sumsLabel.text.startswith("2 of target size: their diameters sum to ")
    assert "range" not in module.ui.lesionTable.q.item(0, 2).toolTip()


def test_an_earlier_ct_is_compared_matched_changed_and_plotted(host, module):
    add_study("January", EARLIER)
    ui = module.ui
    open_tab(module, "Measure")
    assert not ui.compareButton.enabled
    assert host.until(lambda: ui.earlierSelector.q.findText("January") >= 0)
    choose(ui.earlierSelector, "January")
    click(ui.compareButton)
    assert ui.cancelButton.visible
    assert done(host, module)
    assert host.errors == []
    assert [row[0] for row in rows(ui.matchTable)] == ["1", "2"]
    assert "PD" in ui.responseLabel.text
    click_row(ui.matchTable, 1)
    pick(ui.matchComboBox, "is gone")
    assert "confirmed" in rows(ui.matchTable)[1][-1]
    click(ui.plotButton)
    selection = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    assert selection.GetActivePlotChartID()
    click(ui.copyButton)
    assert "\t" in slicer.app.clipboard().text()


def test_a_response_of_other_lesions_or_of_another_ct_is_not_shown(host, module):
    january, ui = add_study("January", EARLIER), module.ui
    open_tab(module, "Measure")
    assert host.until(lambda: ui.earlierSelector.q.findText("January") >= 0)
    choose(ui.earlierSelector, "January")
    click(ui.compareButton)
    assert done(host, module)
    click_row(ui.lesionTable, 0)
    click(ui.nodeButton)
    assert rows(ui.matchTable) == []
    assert ui.responseLabel.text.endswith("press Compare.")
    assert not ui.plotButton.enabled
    click(ui.compareButton)
    assert len(rows(ui.matchTable)) == 2
    open_tab(module, "Segment")
    choose(ui.ctSelector, january.GetName())
    assert rows(ui.matchTable) == []
    assert ui.responseLabel.text == ""
    assert host.until(lambda: not module.panel.desk.unsettled)


def test_an_earlier_studys_lesions_are_seen_once_it_is_chosen(host, module):
    from LungTumorSegLib.scene import ownership, segments, views

    january, ui = add_study("January", EARLIER), module.ui
    views.show_result(slicer.mrmlScene, january, False)  # as it is when it was opened from its folder
    assert host.until(lambda: ui.ctSelector.q.findText("January") >= 0)
    choose(ui.ctSelector, "January")
    assert ownership.owned_one(january, segments.ROLE).GetDisplayVisibility()
    assert host.until(lambda: not module.panel.desk.unsettled)


def test_cancel_stops_a_comparison_and_nothing_is_changed(host, module):
    add_study("January", EARLIER)
    ui = module.ui
    open_tab(module, "Measure")
    assert host.until(lambda: ui.earlierSelector.q.findText("January") >= 0)
    choose(ui.earlierSelector, "January")
    click(ui.compareButton)
    click(ui.cancelButton)
    assert done(host, module)
    assert ui.statusLabel.text == "Cancelled."
    assert ui.compareButton.enabled
    assert rows(ui.matchTable) == []


def test_each_button_writes_its_file_beside_those_that_are_there(host, module, tmp_path):
    open_tab(module, "Export")
    module.ui.exportFolderEdit.currentPath = str(tmp_path)
    for button in (module.ui.csvButton, module.ui.csvButton, module.ui.niftiButton):
        click(button)
        assert not button.enabled
        assert done(host, module)
    assert host.errors == []
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["March-tumours-2.csv", "March-tumours.csv", "March-tumours.nii.gz"]
    assert tmp_path.as_uri() in module.ui.exportedLabel.text


def test_dicom_of_a_ct_that_did_not_come_as_dicom_is_refused_in_one_sentence(host, module, tmp_path):
    open_tab(module, "Export")
    module.ui.exportFolderEdit.currentPath = str(tmp_path)
    click(module.ui.dicomButton)
    assert done(host, module)
    assert host.until(lambda: len(host.errors) == 1)
    assert "DICOM" in host.errors[0][0]
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_closed_offers_nothing(host, module):
    open_tab(module, "Export")
    assert module.ui.databaseButton.enabled
    host.database.setProperty("isOpen", False)
    module.panel.changed()
    assert not module.ui.databaseButton.enabled
    host.database.setProperty("isOpen", True)
