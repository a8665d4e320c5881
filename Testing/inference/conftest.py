"""Small networks whose answer is known."""

import pytest
from made_models import Brightness, made_card

from LungTumorSegLib.inference import runner
from LungTumorSegLib.networks.model import Model


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Settings found in a test stay in the test."""
    monkeypatch.setenv("LUNGTUMORSEG_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def no_trial(request, monkeypatch):
    """The first candidate is taken: trials take time, and a busy machine decides them at will."""
    if "real_trial" not in request.fixturenames:
        monkeypatch.setattr(runner, "fastest", lambda seconds, candidates: candidates[0])


@pytest.fixture
def real_trial():
    """For a test that wants the trial itself."""


@pytest.fixture
def slice_model() -> Model:
    """Finds what is brighter than -500 HU, slice by slice."""
    return Model(made_card(), Brightness(0.5, 2), "slice")


@pytest.fixture
def window_model() -> Model:
    """The same in windows of 16 x 24 x 24 at 4 mm."""
    card = made_card(network="ResidualUNet3D", arguments={"input_channels": 1}, adjacent_slices=1, window=(16, 24, 24))
    return Model(card, Brightness(0.5, 3), "window")


def around_a_mark(channels: int, name: str) -> Model:
    """The same around a mark, in a cube of 24 voxels of 1, 2 or 4 mm."""
    card = made_card(
        task="prompted",
        network="ResidualUNet3D",
        arguments={"input_channels": channels},
        adjacent_slices=1,
        spacing_mm=(1.0, 1.0, 1.0),
        window=(24, 24, 24),
    )
    return Model(card, Brightness(0.5, 3), name)


@pytest.fixture
def prompted_model() -> Model:
    return around_a_mark(3, "prompted")


@pytest.fixture
def box_model() -> Model:
    """With a channel for a box."""
    return around_a_mark(4, "box")
