"""A real MRML scene without a desktop (slicer-core)."""

import importlib.util

import pytest

if importlib.util.find_spec("slicer") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def app():
    from trame_slicer.core import SlicerApp

    return SlicerApp()


@pytest.fixture
def scene(app):
    return app.scene


@pytest.fixture
def ct(scene):
    from made_scene import add_ct

    return add_ct(scene)


@pytest.fixture
def result(scene, ct):
    """Both blobs shown as a prediction."""
    from made_scene import BOTH, START, blobs

    from LungTumorSegLib.scene.result import Result
    from LungTumorSegLib.volume.box import Box

    result = Result(scene, ct)
    result.show(Box(START, blobs()), BOTH, 1.0)
    return result
