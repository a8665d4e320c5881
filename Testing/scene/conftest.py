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
