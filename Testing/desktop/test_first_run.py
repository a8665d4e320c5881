"""What a fresh installation lacks and how it comes: the window "Computation", clicked (what that proves: host.py).

Real: child processes, the survey, the worker of the test. Pretended: what only Slicer has (fake_slicer_python.py).
"""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("PySide6", reason="the test host needs PySide6")
pytest.importorskip("trame_slicer", reason="the test host needs slicer-core")

import fake_slicer_python
import host as test_host
import slicer
import windows_host
from launcher import make_launcher
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

HERE = Path(__file__).resolve().parent
MODULE = HERE.parents[1] / "LungTumorSeg"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the pretended PythonSlicer is a shell script")


@pytest.fixture(scope="module")
def slicer_host(tmp_path_factory):
    sys.path[:0] = [str(MODULE), str(HERE.parent / "scene")]
    host = test_host.Host()
    windows_host.add_to(host, tmp_path_factory.mktemp("settings"))
    return host


@pytest.fixture
def host(slicer_host, tmp_path, monkeypatch):
    from LungTumorSegLib.desktop import sample_data, settings

    monkeypatch.setattr(sample_data, "folder", lambda: tmp_path / "cache")
    slicer_host.errors.clear()
    slicer_host.answers.clear()
    yield slicer_host
    settings.keep_worker_setting("")
    assert slicer_host.console == []


@pytest.fixture
def slicers_python(tmp_path, monkeypatch):
    """Slicer's Python lacks everything; the PyTorch extension is there."""
    folder = tmp_path / "fresh"
    monkeypatch.setenv("PATH", fake_slicer_python.on_path(fake_slicer_python.make(folder)))
    monkeypatch.setitem(vars(slicer.modules), "pytorchutils", SimpleNamespace(path=str(folder / "PyTorchUtils.py")))
    return folder


@pytest.fixture
def window(host):
    """Opens the window; `opened.changes` counts what it told the panel."""
    from LungTumorSegLib.desktop.computation import ComputationWindow

    windows = []

    def open_window():
        changes = []
        opened = ComputationWindow(lambda: changes.append(1), lambda: None)
        opened.changes = changes
        windows.append(opened)
        return opened

    yield open_window
    for opened in windows:
        opened.dialog.reject()


def click(button):
    assert button.enabled, f"{button.text} is not enabled"
    QTest.mouseClick(button.q, Qt.MouseButton.LeftButton)


def picture(window, name):
    if folder := os.environ.get("PANEL_PICTURES"):
        QTest.qWait(300)
        assert window.dialog.q.grab().save(f"{folder}/{name}.png")


def test_a_complete_python_says_so_and_nothing_is_offered(host, window):
    from LungTumorSegLib.desktop import settings

    settings.keep_worker_setting(sys.executable)
    opened = window()
    assert host.until(lambda: "Everything is there" in opened.ui.packagesLabel.text, 20)
    assert "free). Graphics card: " in opened.ui.placeLabel.text
    assert not opened.ui.installButton.enabled
    picture(opened, "computation")


def test_what_is_missing_is_offered_with_size_and_place_then_installed(host, slicers_python, window):
    opened = window()
    assert host.until(lambda: "To be installed" in opened.ui.packagesLabel.text, 20)
    assert opened.ui.packagesLabel.text.startswith("To be installed, about 760 MB: torch 700 MB, safetensors 2 MB, ")
    assert str(fake_slicer_python.site_packages(slicers_python)) in opened.ui.placeLabel.text
    assert "lightning" not in opened.ui.packagesLabel.text
    click(opened.ui.trainingCheckBox)
    assert "lightning" in opened.ui.packagesLabel.text
    picture(opened, "first_run")
    click(opened.ui.installButton)
    assert host.until(lambda: "Everything is there" in opened.ui.packagesLabel.text, 20)
    assert opened.changes == [1]
    assert host.errors == []
    assert "torch" in opened.ui.removeLabel.text
    click(opened.ui.removeButton)
    assert host.until(lambda: "To be installed" in opened.ui.packagesLabel.text, 20)
    assert opened.ui.removeLabel.text.endswith("none")
    assert not opened.ui.removeButton.enabled


def test_what_pip_is_doing_is_told_while_it_does_it(host, slicers_python, window):
    (fake_slicer_python.site_packages(slicers_python) / "slow").write_text("")
    opened = window()
    assert host.until(lambda: opened.ui.installButton.enabled, 20)
    click(opened.ui.installButton)
    assert host.until(lambda: opened.ui.installLabel.text.startswith("Collecting safetensors"), 20)


def test_stop_ends_pip_and_what_it_started(host, slicers_python, window):
    slow = fake_slicer_python.site_packages(slicers_python) / "slow"
    slow.write_text("")
    opened = window()
    assert host.until(lambda: opened.ui.installButton.enabled, 20)
    click(opened.ui.installButton)
    assert host.until(lambda: bool(slow.read_text()), 20)
    child = int(slow.read_text())
    assert opened.ui.installButton.text == "Stop"
    click(opened.ui.installButton)
    assert host.until(lambda: opened.ui.installLabel.text.startswith("Stopped"), 10)
    assert host.until(lambda: not alive(child), 10)
    assert host.until(lambda: "To be installed" in opened.ui.packagesLabel.text, 20)
    assert "torch 7" not in opened.ui.packagesLabel.text, "torch was there before the stop"
    assert opened.ui.removeButton.enabled
    assert host.errors == []


def alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def test_without_the_pytorch_extension_it_says_how_to_get_it(host, slicers_python, window, monkeypatch):
    monkeypatch.delitem(vars(slicer.modules), "pytorchutils")
    opened = window()
    assert host.until(lambda: "extension PyTorch" in opened.ui.packagesLabel.text, 20)
    assert not opened.ui.installButton.enabled


def test_a_full_disk_is_seen_before_anything_is_installed(host, slicers_python, window, monkeypatch):
    from LungTumorSegLib.desktop import packages

    monkeypatch.setattr(packages, "UNPACKING", 1e9)
    opened = window()
    assert host.until(lambda: "not enough room" in opened.ui.packagesLabel.text, 20)
    assert not opened.ui.installButton.enabled


def test_slicers_own_python_is_known_however_path_spells_it(host, slicers_python, window, monkeypatch):
    """A fake of Windows, where PATH and the command hold different slashes."""
    monkeypatch.setenv("PATH", f"{slicers_python}/./bin{os.pathsep}{os.environ['PATH']}")
    opened = window()
    assert host.until(lambda: opened.ui.packagesLabel.text.startswith("To be installed"), 20)
    assert opened.ui.installButton.enabled


def test_another_python_is_not_touched_but_told_what_it_lacks(host, slicers_python, window):
    opened = window()
    other = slicers_python / "Slicer 5.12.0" / "python"
    other.parent.mkdir()
    other.symlink_to(slicers_python / "python" / "bin" / "python")
    opened.ui.pythonEdit.text = str(other)
    opened.ui.pythonEdit.q.editingFinished.emit()
    assert host.until(lambda: "is not Slicer's own" in opened.ui.packagesLabel.text, 20)
    assert f'"{other}" -m pip install "torch>=2.10"' in opened.ui.packagesLabel.text
    assert not opened.ui.installButton.enabled


def test_the_chosen_python_is_kept_with_ok_and_the_worker_told(host, window):
    from LungTumorSegLib.desktop import settings

    opened = window()
    host.answers["getOpenFileName"] = sys.executable
    click(opened.ui.browseButton)
    click(opened.ui.okButton)
    assert settings.worker_setting() == sys.executable
    assert settings.worker_launch().command[0] == sys.executable
    assert opened.changes == [1]
    opened = window()
    opened.ui.pythonEdit.text = ""
    click(opened.ui.cancelButton)
    assert settings.worker_setting() == sys.executable


def test_the_test_button_says_in_words_what_computes(host, window):
    opened = window()
    opened.ui.pythonEdit.text = sys.executable
    opened.ui.pythonEdit.q.editingFinished.emit()
    assert host.until(lambda: "Everything is there" in opened.ui.packagesLabel.text, 20)
    click(opened.ui.testButton)
    assert opened.ui.testButton.text == "Stop"
    assert host.until(lambda: opened.ui.testButton.text == "Test", 90)
    assert opened.ui.testLabel.text.startswith("It works: Python 3.")
    assert "torch 2." in opened.ui.testLabel.text
    picture(opened, "tested")


def test_a_command_for_another_machine_is_tested_by_starting_it(host, window):
    opened = window()
    opened.ui.pythonEdit.text = f"{sys.executable} {HERE / 'pretend_worker.py'}"
    opened.ui.pythonEdit.q.editingFinished.emit()
    assert opened.ui.packagesLabel.text.startswith("On another machine")
    assert not opened.ui.installButton.enabled
    click(opened.ui.testButton)
    assert host.until(lambda: opened.ui.testButton.text == "Test", 60)
    assert opened.ui.testLabel.text.startswith("It works: torch 2.")


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [("/nowhere/python", "could not start"), (f"{sys.executable} -c raise(SystemExit(3))", "exit code 3")],
)
def test_the_test_button_says_in_one_line_what_is_wrong(host, window, setting, sentence):
    opened = window()
    opened.ui.pythonEdit.text = setting
    click(opened.ui.testButton)
    assert host.until(lambda: opened.ui.testButton.text == "Test", 30)
    assert sentence in opened.ui.testLabel.text
    assert "\n" not in opened.ui.testLabel.text


def test_sample_scans_are_made_here_listed_and_deleted(host, window, tmp_path, monkeypatch):
    from LungTumorSegLib.desktop import sample_data

    loaded = []
    monkeypatch.setattr(sample_data, "own_python", lambda: sys.executable)
    monkeypatch.setattr(sample_data, "load_phantom", loaded.append)
    sample_data.make_phantom(sample_data.LATER)
    assert host.until(lambda: bool(loaded), 60)
    assert {path.name for path in (tmp_path / "cache" / sample_data.LATER).iterdir()} == {
        "ct.nii.gz",
        "truth.nii.gz",
        "tumours.json",
    }
    started = time.monotonic()
    sample_data.make_phantom(sample_data.LATER)  # not made twice
    assert loaded == [sample_data.LATER] * 2, time.monotonic() - started
    opened = window()
    assert opened.ui.samplesLabel.text == "Sample scans: 8 MB"
    click(opened.ui.samplesButton)
    assert opened.ui.samplesLabel.text == "Sample scans: 0 MB"
    assert not (tmp_path / "cache").exists()
    assert host.errors == []


def test_the_samples_are_offered_with_thumbnails_of_slicers_size(host, monkeypatch):
    from PySide6.QtGui import QImage

    from LungTumorSegLib.desktop import sample_data

    offered = []

    class SampleDataLogic:
        registerCustomSampleDataCategory = staticmethod(lambda category, title: offered.append(title))

        @staticmethod
        def registerCustomSampleDataSource(category, sampleName, thumbnailFileName, uris, fileNames, customDownloader):
            offered.append((sampleName, thumbnailFileName, customDownloader))

    monkeypatch.setitem(sys.modules, "SampleData", SimpleNamespace(SampleDataLogic=SampleDataLogic))
    made = []
    monkeypatch.setattr(sample_data, "make_phantom", made.append)
    sample_data.register()
    title, *samples = offered
    assert title == "Lung Tumor Segmentation"
    assert [name for name, _picture, _make in samples] == [
        "Lung tumour phantom",
        "Lung tumour phantom, later",
        "MSD lung",
    ]
    for name, thumbnail, make in samples[:2]:
        size = QImage(thumbnail).size()
        assert (size.width(), size.height()) == (260, 280)
        make(SimpleNamespace(sampleName=name))
    assert made == ["Lung tumour phantom", "Lung tumour phantom, later"]


def test_a_collection_is_downloaded_only_after_a_yes(host, monkeypatch):
    from LungTumorSegLib.desktop import sample_data

    runs = []
    monkeypatch.setattr(sample_data, "_run", lambda name, command, *_rest: runs.append(command))
    host.answers["confirm"] = False
    sample_data.bring_collection()
    assert "9 GB" in host.asked[-1]
    assert runs == []
    host.answers["confirm"] = True
    sample_data.bring_collection()
    assert runs[0][2:6] == ["LungTumorSegLib.worker.hosted", "LungTumorSegLib.command", "download", "msd-lung"]


@pytest.fixture
def downloading(host, monkeypatch, tmp_path):
    """A collection that is being downloaded, by a Python behind a launcher, which heeds Ctrl-C; its process id."""
    from LungTumorSegLib.desktop import sample_data
    from LungTumorSegLib.worker.launch import Launch, hosted, worker_command

    (tmp_path / "bring.py").write_text(BRING)
    environment = worker_command().environment
    environment["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    launch = Launch(hosted(str(make_launcher(tmp_path / "PythonSlicer")), "bring"), environment)
    monkeypatch.setattr(sample_data, "job_launch", lambda: launch)
    sample_data.bring_collection()
    part = tmp_path / "cache" / "part"
    assert host.until(lambda: part.exists() and part.read_text() != "", 20)
    return int(part.read_text())


BRING = """
import os, sys, time
from pathlib import Path
part = Path(sys.argv[sys.argv.index("-o") + 1], "part")
part.parent.mkdir(exist_ok=True)
part.write_text(str(os.getpid()))
try:
    time.sleep(60)
finally:
    part.unlink()
"""


def test_deleting_the_sample_scans_ends_a_download(host, downloading, window, tmp_path):
    opened = window()
    click(opened.ui.samplesButton)
    assert not alive(downloading)
    assert not (tmp_path / "cache").exists()
    assert host.errors == []


@pytest.fixture
def module(host, slicers_python, tmp_path, monkeypatch):
    from made_scene import add_ct

    monkeypatch.setenv("LUNGTUMORSEG_MODELS", str(tmp_path / "models"))
    slicer.mrmlScene.Clear()
    add_ct(slicer.mrmlScene)
    opened = host.open_module()
    yield opened
    host.close_module()


def test_the_panel_says_what_is_missing_until_it_is_installed(host, module):
    assert host.until(lambda: "torch" in module.ui.setupLabel.text, 20)
    assert module.ui.setupLabel.text.startswith("Before the first click, torch and 7 more packages")
    assert module.ui.setupLabel.q.isVisible()
    if folder := os.environ.get("PANEL_PICTURES"):
        assert module.widget.grab().save(f"{folder}/missing.png")
    click(module.ui.setupButton)
    window = module.panel.first_run.computation
    assert host.until(lambda: window.ui.installButton.enabled, 20)
    click(window.ui.installButton)
    assert host.until(lambda: not module.ui.setupLabel.q.isVisible(), 20)
    assert module.ui.setupLabel.text == ""
    assert host.errors == []


def test_quitting_ends_a_download(host, module, downloading, tmp_path):
    host.close_module()
    assert not alive(downloading)
    assert list((tmp_path / "cache").iterdir()) == []


def test_another_python_that_is_chosen_computes_from_then_on(host, module):
    assert host.until(lambda: "torch" in module.ui.setupLabel.text, 20)
    click(module.ui.computationButton)
    window = module.panel.first_run.computation
    window.ui.pythonEdit.text = sys.executable
    click(window.ui.okButton)
    assert module.panel._process.launch.command[0] == sys.executable
    assert module.panel.jobs.launch.command[0] == sys.executable
    assert host.until(lambda: module.ui.setupLabel.text == "", 20)
    click(module.ui.segmentButton)
    assert host.until(lambda: "found in" in module.ui.statusLabel.text, 90)
    assert host.errors == []


def test_models_open_once_and_their_changes_reach_the_panel(host, module, monkeypatch):
    told = []
    monkeypatch.setattr(module.panel.first_run, "_models_changed", lambda: told.append(1))
    click(module.ui.manageModelsButton)
    window = module.panel.first_run.models
    click(module.ui.manageModelsButton)
    assert module.panel.first_run.models is window
    window._changed()
    assert told == [1]
