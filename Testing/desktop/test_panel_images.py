"""In the panel, a model of two images: rows that choose the volumes, a real worker and a small model behind them."""

import os
import sys

import numpy as np
import pytest

pytest.importorskip("PySide6", reason="the test host needs PySide6")
pytest.importorskip("trame_slicer", reason="the test host needs slicer-core")

import slicer
from clicks import choose, click, pick
from host import wrapped
from PySide6 import QtWidgets
from two_images import ELSEWHERE, GEOMETRY, answer, save_two_image_model, smooth


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_two_image_model(tmp_path_factory.mktemp("models") / "two")


@pytest.fixture(scope="module")
def opened(host, model):
    from LungTumorSegLib.desktop import panel
    from LungTumorSegLib.worker.launch import worker_command
    from LungTumorSegLib.workstation.models import IMPORTED, Model

    models = [Model("two", "automatic", 0.5, IMPORTED, model, 0, channels=("CT", "PET"))]
    models += [Model("one", "automatic", 0.5, IMPORTED, model, 0)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "OMP_NUM_THREADS", "1")
        patch.setattr(panel, "worker_launch", lambda: worker_command(python=sys.executable))
        patch.setattr(panel.models, "list_models", lambda: models)
        yield host.open_module()
        host.close_module()


@pytest.fixture
def module(host, opened):
    from bench import add_volume

    slicer.mrmlScene.Clear()
    host.errors.clear()
    host.console.clear()
    for seed, name in enumerate(("Patient CT", "Patient PET", "Stranger PET", "Elsewhere")):
        add_volume(slicer.mrmlScene, smooth(seed, ELSEWHERE if name == "Elsewhere" else GEOMETRY), name)
    assert host.until(lambda: opened.ui.ctSelector.q.findText("Elsewhere") >= 0)
    choose(opened.ui.ctSelector, "Patient CT")
    choose(opened.ui.modelComboBox, "two")
    yield opened
    assert host.until(lambda: not opened.panel.desk.busy)
    assert host.console == []


def boxes(module):
    return module.ui.imagesOfCase.q.findChildren(QtWidgets.QComboBox)


def test_rows_appear_for_a_model_of_several_images_and_go_with_it(module):
    assert module.ui.imagesOfCase.q.isVisible()
    labels = [label.text() for label in module.ui.imagesOfCase.q.findChildren(QtWidgets.QLabel)]
    assert labels == ["CT:", "PET:"]
    assert [box.currentText() for box in boxes(module)] == ["Patient CT", "Patient PET"]
    offered = [boxes(module)[1].itemText(n) for n in range(boxes(module)[1].count())]
    assert offered == ["Choose a volume", "Patient CT", "Patient PET", "Stranger PET"]
    choose(module.ui.modelComboBox, "one")
    assert not module.ui.imagesOfCase.q.isVisible()


def test_segment_sends_the_images_that_the_rows_show(host, module, model):
    pick(wrapped(boxes(module)[1]), "Stranger PET")
    assert boxes(module)[1].currentText() == "Stranger PET"
    click(module.ui.segmentButton)
    assert host.until(lambda: "found in" in module.ui.statusLabel.text or host.errors)
    assert host.errors == []
    found = slicer.util.arrayFromVolume(module.panel.desk.result.probability_node)
    assert np.abs(found - answer(model, smooth(0), smooth(2))).max() < 1e-5
    assert np.abs(found - answer(model, smooth(0), smooth(1))).max() > 1e-3


def test_an_image_that_is_missing_is_one_line(host, module):
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("Patient PET"))
    assert host.until(lambda: boxes(module)[1].currentText() == "Choose a volume")
    click(module.ui.segmentButton)
    assert host.until(lambda: bool(host.errors))
    assert host.errors == [("The model reads CT, PET: choose a volume on the grid of the chosen one for PET.", "")]
    assert module.ui.segmentButton.text == "Segment"
