"""The module opened, left, loaded anew and closed in all manners, on the test host (see host.py)."""

import gc
import os
import sys
import weakref

import pytest

pytest.importorskip("PySide6", reason="the test host needs PySide6")
pytest.importorskip("trame_slicer", reason="the test host needs slicer-core")

import slicer
from clicks import click, open_tab, press
from launcher import make_launcher
from pretended import pretend, pretend_models


@pytest.fixture
def panel(host, monkeypatch):
    """The panel's Python module, with a worker that pretends, and a CT in the scene."""
    from made_scene import add_ct

    from LungTumorSegLib.volume.geometry import Geometry

    panel = pretend(monkeypatch)
    pretend_models(monkeypatch, panel)
    slicer.mrmlScene.Clear()
    add_ct(slicer.mrmlScene, Geometry((30, 60, 64), (0.7, 0.7, 1.25)), "Chest CT")
    host.errors.clear()
    host.console.clear()
    yield panel
    if host.module:
        host.close_module()
    assert host.console == []


def segmented(host):
    module = host.open_module()
    click(module.ui.segmentButton)
    assert host.until(lambda: "found" in module.ui.statusLabel.text and not module.panel.desk.unsettled)
    return module


def test_a_python_that_is_not_there_is_one_sentence(host, panel, monkeypatch):
    from LungTumorSegLib.worker.launch import Launch

    monkeypatch.setattr(panel, "worker_launch", lambda: Launch(["/nowhere/python"], dict(os.environ)))
    module = host.open_module()
    click(module.ui.segmentButton)
    assert host.until(lambda: bool(host.errors))
    assert "could not start" in host.errors[0][0]


def test_without_a_model_the_button_says_why(host, panel, monkeypatch):
    monkeypatch.setattr(panel.models, "list_models", list)
    module = host.open_module()
    assert not module.ui.segmentButton.enabled
    assert "No model" in module.ui.segmentButton.toolTip


def test_keys_are_alive_only_while_the_module_is_shown(host, panel):
    module = host.open_module()
    checked = module.ui.probabilityCheckBox.checked
    press(host, "O")
    assert module.ui.probabilityCheckBox.checked is not checked
    host.select_module("Data")
    press(host, "O")
    assert module.ui.probabilityCheckBox.checked is not checked
    host.select_module("LungTumorSeg")
    press(host, "O")
    assert module.ui.probabilityCheckBox.checked is checked


def test_the_parameters_followed_before_are_let_go_when_the_user_comes_back(host, panel):
    """Slicer's wrapper of the parameter node observes it with every one of its values as long as it lives."""
    module = host.open_module()
    followed = []
    for _visit in range(3):
        followed.append(weakref.ref(module.panel.parameters))
        host.select_module("Data")
        host.select_module("LungTumorSeg")
    gc.collect()
    assert [wrapper() for wrapper in followed] == [None] * 3


def test_leaving_the_module_ends_place_mode(host, panel):
    module = host.open_module()
    click(module.ui.insideButton)
    assert module.ui.placeWidget.placeModeEnabled
    host.select_module("Data")
    assert not module.ui.placeWidget.placeModeEnabled
    assert not module.ui.insideButton.checked


def test_a_module_loaded_anew_shows_what_is_there_and_has_one_of_each_key(host, panel):
    first = segmented(host)
    rows = first.ui.lesionTable.q.rowCount()
    host.close_module()
    module = host.open_module()
    assert host.until(lambda: module.ui.lesionTable.q.rowCount() == rows == 2, 20)
    checked = module.ui.probabilityCheckBox.checked
    press(host, "O")
    assert module.ui.probabilityCheckBox.checked is not checked


def test_reload_while_the_module_is_shown_leaves_a_panel_that_works(host, panel):
    before = segmented(host)
    module = host.reload_module()
    assert not before.panel._timer.active
    click(module.ui.segmentButton)
    assert host.until(lambda: "found" in module.ui.statusLabel.text, 20)
    checked = module.ui.probabilityCheckBox.checked
    press(host, "O")
    assert module.ui.probabilityCheckBox.checked is not checked


def test_reload_while_another_module_is_shown_waits_for_the_user_to_come_back(host, panel):
    host.open_module()
    host.select_module("Data")
    module = host.reload_module()
    assert not module.panel._timer.active
    host.select_module("LungTumorSeg")
    assert module.panel._timer.active


def test_a_prediction_goes_on_while_another_module_is_shown(host, panel):
    module = host.open_module()
    click(module.ui.segmentButton)
    host.select_module("Data")
    assert host.until(lambda: "found" in module.ui.statusLabel.text)


def test_quitting_while_the_worker_computes_ends_it(host, panel):
    module = host.open_module()
    module.ui.modelComboBox.currentIndex = 1
    click(module.ui.segmentButton)
    assert host.until(lambda: "lungs" in module.ui.statusLabel.text)
    process = module.panel._process.child._process.q
    host.close_module()
    assert process.state() == process.ProcessState.NotRunning


def test_quitting_while_an_answer_is_being_shown_is_no_failure(host, panel):
    module = host.open_module()
    shown = module.panel.desk._asking._errands._shown
    module.panel._timer.stop()  # nobody works it off
    click(module.ui.segmentButton)
    assert host.until(lambda: bool(shown))
    host.close_module()
    host.until(lambda: bool(host.errors), 0.2)
    assert host.errors == []


@pytest.mark.skipif(os.name == "nt", reason="the launcher is a shell script")
def test_quitting_ends_a_job_also_behind_a_launcher_and_removes_its_files(host, panel, tmp_path):
    from LungTumorSegLib.worker.launch import PACKAGE_PARENT, Launch, hosted

    module = host.open_module()
    (tmp_path / "work.py").write_text("import os, sys, time; open(sys.argv[1], 'w').write('x'); time.sleep(60)")
    environment = module.panel.jobs.launch.environment | {"PYTHONPATH": f"{PACKAGE_PARENT}{os.pathsep}{tmp_path}"}
    module.panel.jobs.launch = Launch(hosted(str(make_launcher(tmp_path / "PythonSlicer")), "work"), environment)
    file = module.panel.jobs.new_folder() / "file"
    module.panel.jobs.run([file], print)
    assert host.until(file.exists)
    child = module.panel.jobs._running[0]._process._process.q
    host.close_module()
    assert child.exitCode() == 130, "the launcher alone was killed"
    assert not file.parent.parent.exists()


def test_a_saved_scene_restores_the_panel(host, panel, tmp_path):
    module = segmented(host)
    module.ui.thresholdSlider.q.drag(0.5, 0.6)
    assert host.until(lambda: not module.panel.desk.unsettled)
    click(module.ui.legendCheckBox)
    module.ui.modelComboBox.currentIndex = 1
    open_tab(module, "Measure")
    rows = [module.ui.lesionTable.q.item(0, c).text() for c in range(8)]
    path = tmp_path / "scene.mrb"
    assert slicer.mrmlScene.WriteToMRB(str(path))
    slicer.mrmlScene.Clear()
    assert module.ui.lesionTable.q.rowCount() == 0
    assert slicer.mrmlScene.ReadFromMRB(str(path))
    assert module.ui.thresholdSlider.value == 0.6
    assert module.ui.modelComboBox.currentIndex == 1
    assert module.ui.tabs.currentIndex == 1
    assert host.until(lambda: module.ui.lesionTable.q.rowCount() > 0, 20)
    assert [module.ui.lesionTable.q.item(0, c).text() for c in range(8)] == rows


def test_an_older_slicer_is_told_which_one_is_needed(host, panel, monkeypatch):
    from PySide6 import QtWidgets

    for name in [name for name in sys.modules if name.startswith("LungTumorSegLib.desktop")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)  # as if it were not there
    module = host.open_module()
    labels = [label.text() for label in module.widget.findChildren(QtWidgets.QLabel)]
    assert any("needs 3D Slicer 5.12 or later" in label for label in labels)
    module.exit()
    module.enter()
