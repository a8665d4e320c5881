"""The window "Models", clicked (what that proves: host.py), on real folders of models."""

import os
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6", reason="the test host needs PySide6")
pytest.importorskip("trame_slicer", reason="the test host needs slicer-core")

import host as test_host
import windows_host
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

MODULE = Path(__file__).resolve().parents[2] / "LungTumorSeg"
BUNDLED = MODULE / "Resources" / "Models"


@pytest.fixture(scope="module")
def slicer_host(tmp_path_factory):
    sys.path.insert(0, str(MODULE))
    host = test_host.Host()
    windows_host.add_to(host, tmp_path_factory.mktemp("settings"))
    return host


@pytest.fixture
def host(slicer_host):
    slicer_host.answers.clear()
    slicer_host.asked.clear()
    yield slicer_host
    assert slicer_host.console == []


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The folder of the user's own models, with two versions of site-prompted."""
    from LungTumorSegLib.networks import registry

    folder = tmp_path / "own"
    monkeypatch.setenv("LUNGTUMORSEG_MODELS", str(folder))
    for _version in range(2):
        registry.put_in(
            folder,
            "site-prompted",
            lambda place, name: shutil.copytree(BUNDLED / "prompted", place, dirs_exist_ok=True),
            "report",
        )
    return folder


@pytest.fixture
def window(host, own):
    from LungTumorSegLib.desktop.models_dialog import ModelsWindow

    changes = []
    opened = ModelsWindow(lambda: changes.append(1))
    opened.changes = changes
    yield opened
    opened.dialog.reject()


def click(button):
    assert button.enabled, f"{button.text} is not enabled"
    QTest.mouseClick(button.q, Qt.MouseButton.LeftButton)


def titles(window):
    widget = window.ui.modelList.q
    return [widget.item(n).text().replace("\n ", ":") for n in range(widget.count())]


def choose(window, title):
    widget = window.ui.modelList.q
    rectangle = widget.visualItemRect(widget.item(titles(window).index(title)))
    QTest.mouseClick(widget.viewport(), Qt.MouseButton.LeftButton, pos=rectangle.center())


LISTED = [
    "automatic: comes with the program",
    "prompted: comes with the program",
    "site-prompted-1: promoted, not in use",
    "site-prompted: promoted, in use",
]


def test_all_models_are_listed_and_the_chosen_ones_card_is_shown_in_words(window):
    assert titles(window) == LISTED
    choose(window, LISTED[1])
    assert "LIDC-IDRI" in window.ui.cardBrowser.html
    assert not window.ui.deleteButton.enabled
    assert not window.ui.rollBackButton.enabled
    if folder := os.environ.get("PANEL_PICTURES"):
        assert window.dialog.q.grab().save(f"{folder}/models.png")


def test_an_imported_folder_appears_is_told_and_can_be_deleted(window, host, own, tmp_path):
    shutil.copytree(BUNDLED / "prompted", tmp_path / "hospital-b")
    host.answers["getExistingDirectory"] = str(tmp_path / "hospital-b")
    click(window.ui.importButton)
    assert window.ui.modelsStatusLabel.text == "hospital-b was imported."
    assert titles(window) == [*LISTED, "hospital-b: imported"]
    assert window.chosen.name == "hospital-b"
    host.answers["confirm"] = False
    click(window.ui.deleteButton)
    assert window.changes == [1]
    host.answers["confirm"] = True
    click(window.ui.deleteButton)
    assert host.asked == ["Delete the model hospital-b from this disk?"] * 2
    assert titles(window) == LISTED
    assert window.changes == [1, 1]
    assert list((own / "imported").iterdir()) == []


def test_a_folder_that_is_no_model_is_refused_in_one_line(window, host, tmp_path):
    host.answers["getExistingDirectory"] = str(tmp_path)
    click(window.ui.importButton)
    assert window.ui.modelsStatusLabel.text.startswith("The folder holds no model.json")
    assert titles(window) == LISTED
    assert window.changes == []


def test_roll_back_takes_the_version_before_and_the_newer_one_can_go(window, host):
    choose(window, LISTED[3])
    click(window.ui.rollBackButton)
    assert titles(window)[2:] == ["site-prompted: promoted, in use", "site-prompted-2: promoted, not in use"]
    choose(window, "site-prompted-2: promoted, not in use")
    click(window.ui.deleteButton)
    assert titles(window)[2:] == ["site-prompted: promoted, in use"]
    assert window.changes == [1, 1]
