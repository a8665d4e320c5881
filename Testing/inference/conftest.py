"""Small networks whose answer is known."""

import pytest
import torch
from torch import nn

from LungTumorSegLib.inference import runner
from LungTumorSegLib.networks.card import ModelCard
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


class Brightness(nn.Module):
    """Tumour is what is brighter than a limit: logit = steepness * (first channel's middle slice - limit)."""

    def __init__(self, limit: float, dimensions: int, steepness: float = 200.0):
        super().__init__()
        self.limit, self.steepness, self.dimensions = limit, steepness, dimensions
        self.windows = []  # shape of each input

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.windows.append(tuple(inputs.shape))
        channel = inputs.shape[1] // 2 if self.dimensions == 2 else 0
        return self.steepness * (inputs[:, channel : channel + 1] - self.limit)

    def __deepcopy__(self, memo):
        return self  # runners copy networks; this one is to see every window


def made_card(**changes) -> ModelCard:
    """A slice network at 4 mm, HU -1000..0 scaled to 0..1."""
    fields = {
        "name": "made",
        "task": "automatic",
        "network": "ENet-CBAM-Skip-Fine",
        "arguments": {"input_channels": 3},
        "spacing_mm": (4.0, 4.0, 4.0),
        "window": None,
        "hu_range": (-1000.0, 0.0),
        "adjacent_slices": 3,
        "threshold": 0.5,
        "overlap": 0.25,
        "licence": "made in a test",
    }
    return ModelCard(**{**fields, **changes})


@pytest.fixture
def slice_model() -> Model:
    """Finds what is brighter than -500 HU, slice by slice."""
    return Model(made_card(), Brightness(0.5, 2), "slice")


@pytest.fixture
def window_model() -> Model:
    """The same in windows of 16 x 24 x 24 at 4 mm."""
    card = made_card(network="ResidualUNet3D", arguments={"input_channels": 1}, adjacent_slices=1, window=(16, 24, 24))
    return Model(card, Brightness(0.5, 3), "window")


@pytest.fixture
def prompted_model() -> Model:
    """The same around a click, in a cube of 24 voxels of 1, 2 or 4 mm."""
    card = made_card(
        task="prompted",
        network="ResidualUNet3D",
        arguments={"input_channels": 3},
        adjacent_slices=1,
        spacing_mm=(1.0, 1.0, 1.0),
        window=(24, 24, 24),
    )
    return Model(card, Brightness(0.5, 3), "prompted")


@pytest.fixture
def box_model() -> Model:
    """The same with a channel for a box."""
    card = made_card(
        task="prompted",
        network="ResidualUNet3D",
        arguments={"input_channels": 4},
        adjacent_slices=1,
        spacing_mm=(1.0, 1.0, 1.0),
        window=(24, 24, 24),
    )
    return Model(card, Brightness(0.5, 3), "box")
