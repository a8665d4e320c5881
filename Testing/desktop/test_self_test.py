"""LungTumorSegTest, which users run from Slicer's Testing menu, on the test host with the real worker and real jobs."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("PySide6", reason="the test host needs PySide6")
pytest.importorskip("trame_slicer", reason="the test host needs slicer-core")

import host as test_host
import slicer
import windows_host

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "LungTumorSeg"))
    host = test_host.Host()
    windows_host.add_to(host, tmp_path)
    monkeypatch.setenv("LUNGTUMORSEG_PYTHON", sys.executable)
    monkeypatch.setenv("LUNGTUMORSEG_MODELS", str(tmp_path / "models"))
    return host


def test_the_self_test_passes(host, monkeypatch):
    opened = host.open_module()
    monkeypatch.setitem(vars(slicer.modules), "LungTumorSegWidget", opened)
    monkeypatch.setattr(slicer.util, "selectModule", host.select_module, raising=False)
    kinds = {"segmentations": slicer.vtkSlicerSegmentationsModuleLogic, "volumes": slicer.vtkSlicerVolumesLogic}
    for name, kind in kinds.items():
        logic = kind()
        logic.SetMRMLScene(slicer.mrmlScene)
        monkeypatch.setitem(vars(slicer.modules), name, SimpleNamespace(logic=lambda logic=logic: logic))
    import LungTumorSeg

    said = []

    class SelfTest(LungTumorSeg.LungTumorSegTest):
        def delayDisplay(self, text, milliseconds=0):
            said.append(text)
            host.until(lambda: False, milliseconds / 1000)

    SelfTest().runTest()
    host.close_module()
    assert "Segmented, a point placed, exported" in said, said
    assert said[-1] == "All tests passed"
    assert host.errors == []
    assert host.console == []
