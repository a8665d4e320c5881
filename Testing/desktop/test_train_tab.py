"""The Train tab, clicked on the test host (what that proves: host.py). Cases are added by the real command; what trains
and compares pretends (pretend_command.py), but for one training of a small network, which is real to the end."""

import os
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6", reason="the test host needs PySide6")
pytest.importorskip("trame_slicer", reason="the test host needs slicer-core")

import host as test_host
import slicer
import windows_host
from clicks import choose, click, open_tab
from launcher import make_launcher
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]


@pytest.fixture(scope="module")
def slicer_host(tmp_path_factory):
    sys.path[:0] = [str(REPOSITORY / "Testing" / "scene"), str(REPOSITORY / "LungTumorSeg")]
    host = test_host.Host()
    windows_host.add_to(host, tmp_path_factory.mktemp("settings"))
    return host


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where cases and runs go; the user's models lie beside it."""
    monkeypatch.setenv("LUNGTUMORSEG_MODELS", str(tmp_path / "models"))
    return tmp_path / "teaching"


@pytest.fixture
def host(slicer_host, folder, tmp_path, monkeypatch):
    from LungTumorSegLib.desktop import panel
    from LungTumorSegLib.worker.launch import Launch, hosted

    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'LungTumorSeg'}{os.pathsep}{HERE}"}
    python = str(make_launcher(tmp_path / "PythonSlicer"))
    worker = Launch([python, str(HERE / "pretend_worker.py")], environment)
    jobs = Launch(hosted(python, "pretend_command"), environment)
    monkeypatch.setattr(panel, "worker_launch", lambda: worker)
    monkeypatch.setattr(panel, "job_launch", lambda: jobs)
    slicer_host.errors.clear()
    slicer_host.answers.clear()
    yield slicer_host
    assert slicer_host.console == []


@pytest.fixture
def module(host):
    from made_scene import add_ct

    from LungTumorSegLib.volume.geometry import Geometry

    slicer.mrmlScene.Clear()
    ct = add_ct(slicer.mrmlScene, Geometry((30, 60, 64), (0.7, 0.7, 1.25)), "Chest CT")
    opened = host.open_module()
    host.window.resize(430, 900)
    opened.logic.getParameterNode().ct = ct
    yield opened
    host.close_module()


def add_chest(seed):
    """A synthetic chest, coarse: the case's check wants lungs."""
    from LungTumorSegLib.volume.phantom import make_phantom

    volume, _truth, _tumours = make_phantom(seed, (40, 96, 96), (3.7, 3.7, 7.0))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"Chest {seed}")
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.geometry.ijk_to_ras_matrix))
    slicer.util.updateVolumeFromArray(node, volume.voxels)
    node.CreateDefaultDisplayNodes()


@pytest.fixture
def taught(host, module):
    """Segmented, then Train > Add this case."""
    add_chest(0)
    assert host.until(lambda: module.ui.ctSelector.q.findText("Chest 0") >= 0)
    choose(module.ui.ctSelector, "Chest 0")
    click(module.ui.segmentButton)
    assert host.until(lambda: "found" in module.ui.statusLabel.text)
    open_tab(module, "Train")
    assert host.until(lambda: module.ui.addCaseButton.enabled)
    click(module.ui.addCaseButton)
    assert host.until(lambda: bool(host.errors) or module.ui.caseList.q.count() == 1)
    assert host.until(lambda: not module.panel.train.teaching.busy)
    assert host.errors == []
    return module


@pytest.fixture
def stored(host, folder, request):
    """A dataset of two cases that was made before, as the panel finds it when it is opened."""
    import json

    from LungTumorSegLib.cases.local import LocalCase, write_patients

    for n in (1, 2):
        case = folder / "cases" / f"case-00{n}"
        case.mkdir(parents=True)
        about = LocalCase(case.name, f"patient-{n}", "2026-01-05T10:00:00+00:00", str(n), 2, 4.1)
        (case / "case.json").write_text(json.dumps(about.as_dict()))
    write_patients(folder / "cases")
    return request.getfixturevalue("module")


def state(module):
    return module.panel.train.teaching.state


def start(module):
    open_tab(module, "Train")
    click(module.ui.trainButton)
    assert module.ui.trainButton.text == "Stop"


@pytest.fixture
def compared(host, stored):
    start(stored)
    assert host.until(lambda: state(stored) == "compared" and not stored.panel.train.teaching.busy)
    return stored


def picture(module, name):
    if folder := os.environ.get("PANEL_PICTURES"):
        module.widget.window().resize(430, 1060)
        QTest.qWait(300)
        assert module.widget.grab().save(f"{folder}/{name}.png")


def test_a_corrected_case_is_added_listed_with_its_thumbnail_and_removed(host, taught, folder):
    assert {path.name for path in (folder / "cases").glob("case-*")} == {"case-001"}
    item = taught.ui.caseList.q.item(0)
    assert item.text() == "case-001"
    assert "2 lesions" in item.toolTip()
    assert not item.icon().isNull()
    assert taught.ui.caseLabel.text == "1 case of 1 patient"
    picture(taught, "train_cases")
    rectangle = taught.ui.caseList.q.visualItemRect(item)
    QTest.mouseClick(taught.ui.caseList.q.viewport(), Qt.MouseButton.LeftButton, pos=rectangle.center())
    assert taught.ui.caseLabel.text.startswith("case-001: 2 lesions")
    click(taught.ui.removeCaseButton)
    assert taught.ui.caseList.q.count() == 0
    assert not (folder / "cases" / "case-001").exists()
    assert host.errors == []


def test_training_shows_time_left_and_curves_then_compares_by_itself(host, stored):
    start(stored)
    assert host.until(lambda: "s left" in stored.ui.trainLabel.text)
    assert host.until(lambda: stored.ui.curvesButton.enabled)
    click(stored.ui.curvesButton)
    curves = stored.panel.train.curves
    assert curves.chart_node.GetNumberOfPlotSeriesNodes() == 3
    views = [slicer.mrmlScene.GetNthNodeByClass(n, "vtkMRMLPlotViewNode") for n in range(1)]
    assert [view.GetPlotChartNodeID() for view in views if view] in ([], [curves.chart_node.GetID()])
    rows = len(stored.panel.train.teaching.curves())
    picture(stored, "train_running")
    assert host.until(lambda: len(stored.panel.train.teaching.curves()) > rows)
    assert host.until(lambda: state(stored) == "compared")
    assert host.until(lambda: not stored.panel.train.teaching.busy)
    assert "Kept back (1 case): Dice 0.710 before, 0.780 now" in stored.ui.comparisonLabel.text
    assert stored.ui.comparisonList.q.count() == 2
    assert host.errors == []
    picture(stored, "train_compared")


def test_promote_makes_the_new_model_chosen_by_name_and_roll_back_takes_it_away(host, compared):
    names = compared.ui.baseComboBox.q
    click(compared.ui.promoteButton)
    assert host.until(lambda: names.findText("site-prompted") >= 0)
    assert state(compared) == "promoted"
    assert not compared.ui.promoteButton.enabled
    click(compared.ui.backButton)
    assert names.findText("site-prompted") < 0
    assert host.errors == []


def test_a_worse_model_cannot_be_promoted_and_says_why(host, stored, folder):
    (folder / "runs").mkdir()
    (folder / "runs" / "worse").write_text("")
    start(stored)
    assert host.until(lambda: state(stored) == "compared" and not stored.panel.train.teaching.busy)
    assert not stored.ui.promoteButton.enabled
    assert "Dice on the site's cases falls by 0.070." in stored.ui.comparisonLabel.text
    click(stored.ui.discardButton)
    assert host.asked[-1].startswith("Delete the new model?")
    assert state(stored) is None
    assert stored.ui.comparisonLabel.text == ""


def test_stop_then_resume_goes_on_where_it_was(host, stored):
    start(stored)
    assert host.until(lambda: len(stored.panel.train.teaching.curves()) >= 2)
    click(stored.ui.trainButton)
    assert host.until(lambda: stored.ui.trainButton.text == "Start training")
    before = stored.panel.train.teaching.curves()
    assert state(stored) == "stopped"
    assert not host.until(lambda: stored.panel.train.teaching.curves() != before, 1.5), "it trains on, unseen"
    assert host.until(stored.ui.resumeButton.q.isVisible)
    click(stored.ui.resumeButton)
    assert host.until(lambda: state(stored) == "compared" and not stored.panel.train.teaching.busy)
    assert stored.panel.train.teaching.curves()[: len(before)] == before
    assert host.errors == []


def test_training_goes_on_while_another_module_is_shown_and_the_worker_answers(host, stored):
    start(stored)
    host.select_module("Data")
    assert host.until(lambda: len(stored.panel.train.teaching.curves()) >= 2)
    host.select_module("LungTumorSeg")
    open_tab(stored, "Segment")
    click(stored.ui.segmentButton)
    assert host.until(lambda: "found" in stored.ui.statusLabel.text)
    assert state(stored) == "training"
    assert host.until(lambda: state(stored) == "compared")


def test_slicer_quits_while_training_and_the_run_is_found_again(host, stored):
    start(stored)
    assert host.until(lambda: len(stored.panel.train.teaching.curves()) >= 2)
    host.close_module()
    rows = len(stored.panel.train.teaching.curves())
    opened = host.open_module()
    open_tab(opened, "Train")
    assert state(opened) == "stopped"
    assert not host.until(lambda: len(opened.panel.train.teaching.curves()) > rows, 1.5), "it trains on, unseen"
    assert opened.ui.resumeButton.q.isVisible()
    assert host.errors == []


@pytest.fixture
def ward(slicer_host, folder, tmp_path, monkeypatch):
    """The panel with the real commands, two patients and a small model to begin with, which is the fixture's value."""
    import small_ward

    from LungTumorSegLib.desktop import panel
    from LungTumorSegLib.worker.launch import job_command

    base = small_ward.put_base(tmp_path / "models")
    small_ward.add_patients(folder / "cases", (1, 2))
    small_ward.write_frozen(tmp_path / "frozen", (90,))
    monkeypatch.setattr(panel, "job_launch", lambda: job_command(python=sys.executable))
    return base


def test_a_real_training_is_started_told_compared_and_leaves_its_base_alone(host, ward, module, folder, tmp_path):
    before = {file.name: file.read_bytes() for file in ward.iterdir()}
    open_tab(module, "Train")
    module.ui.frozenEdit.currentPath = str(tmp_path / "frozen")
    choose(module.ui.baseComboBox, "site-prompted")
    module.ui.epochsSpinBox.value = 1
    told = set()
    click(module.ui.trainButton)
    assert host.until(lambda: told.add(module.ui.trainLabel.text) or not module.panel.train.teaching.busy, 600)
    assert host.errors == []
    assert any(re.match(r"Step \d+ of 10, loss \d", words) for words in told), told
    assert state(module) == "compared"
    rows = module.panel.train.teaching.curves()
    assert [row["step"] for row in rows] == [10]
    assert 0 < rows[0]["loss"] < 100
    assert "Kept back (1 case)" in module.ui.comparisonLabel.text
    assert "Must not forget (1 case)" in module.ui.comparisonLabel.text
    assert module.ui.comparisonList.q.count() == 2
    tuned = folder / "runs" / "run-001"
    assert (tuned / "weights.safetensors").read_bytes() != before["weights.safetensors"]
    assert {file.name: file.read_bytes() for file in ward.iterdir()} == before
    picture(module, "train_real")


def test_too_few_patients_are_refused_in_one_line(host, stored, folder):
    open_tab(stored, "Train")
    stored.panel.train.teaching.remove_case("case-002")
    click(stored.ui.trainButton)
    assert host.until(lambda: bool(host.errors))
    assert host.errors[0][0].startswith("1 patients with lesions so far")
    assert state(stored) is None
