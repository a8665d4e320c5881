"""Held-out nodules enlarged into large tumours, and asked for as the product is asked."""

import numpy as np
import pytest
from torch import nn

from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import Model
from LungTumorSegLib.training.backgrounds import read_backgrounds
from LungTumorSegLib.training.crops import read_nodules
from LungTumorSegLib.training.enlarged_evaluation import (
    CLICKS,
    Enlarged,
    enlarged,
    evaluate_enlarged,
    search_enlarged,
    summary,
)
from LungTumorSegLib.training.prompted_evaluation import longest_axial


class Bright(nn.Module):
    """Says lesion where the CT is brighter than -300 HU, or nowhere."""

    def __init__(self, found: bool):
        super().__init__()
        self.found = found

    def forward(self, x):
        return (x[:, :1] - (0.5 if self.found else 2.0)) * 100


def model(found: bool, task: str = "prompted") -> Model:
    card = ModelCard(
        name="made",
        task=task,
        network="ResidualUNet3D",
        arguments={"input_channels": 4 if task == "prompted" else 1},
        spacing_mm=(1.0, 1.0, 1.0),
        window=(24, 24, 24),
        hu_range=(-1000.0, 400.0),
        adjacent_slices=1,
        threshold=0.5,
        overlap=0.25,
        licence="made in a test",
    )
    return Model(card, Bright(found), f"bright {found}")


def test_an_enlarged_nodule_is_so_many_times_as_wide(tiny_data, tiny_backgrounds):
    nodule = max(read_nodules(tiny_data), key=lambda each: each.diameter_mm)
    volume, lesion = enlarged(nodule, read_backgrounds(tiny_backgrounds)[0], 4.0, np.random.default_rng(0))
    wide_mm = longest_axial(lesion, volume.geometry.spacing[::-1])
    own_mm = longest_axial(nodule.mask, nodule.spacing)
    assert wide_mm == pytest.approx(4 * own_mm, abs=4 * 2 * max(nodule.spacing))
    assert volume.voxels[lesion].mean() == pytest.approx(nodule.image[nodule.mask].mean(), abs=100)


@pytest.mark.parametrize(("found", "dice"), [(True, 0.8), (False, 0.0)])
def test_a_model_that_outlines_what_is_bright_is_told_from_one_that_finds_nothing(
    found, dice, tiny_data, tiny_backgrounds, monkeypatch
):
    monkeypatch.setattr("LungTumorSegLib.training.enlarged_evaluation.SMALLEST_MM", 0.0)
    nodules = read_nodules(tiny_data)[:2]
    outcomes = evaluate_enlarged(model(found), nodules, read_backgrounds(tiny_backgrounds))
    assert len(outcomes) == CLICKS * len(nodules)
    best = max(each.dice for each in outcomes)
    assert (best > dice) == found


@pytest.mark.parametrize("found", [True, False])
def test_a_search_for_what_is_bright_is_told_from_one_that_finds_nothing(
    found, tiny_data, tiny_backgrounds, monkeypatch
):
    monkeypatch.setattr("LungTumorSegLib.training.enlarged_evaluation.SMALLEST_MM", 0.0)
    nodules = read_nodules(tiny_data)[:2]
    outcomes = search_enlarged(model(found, "automatic"), nodules, read_backgrounds(tiny_backgrounds))
    assert [each.name for each in outcomes] == [nodule.name for nodule in nodules]
    assert all((each.dice > 0.3) == found for each in outcomes)
    assert summary(outcomes, "scans")["misses"] == (0 if found else 2)


def test_the_summary_tells_sizes_apart():
    told = summary([Enlarged("a", 35.0, 0.9), Enlarged("b", 50.0, 0.2), Enlarged("c", 80.0, 0.7)])
    assert (told["clicks"], told["dice"], told["misses"]) == (3, 0.6, 1)
    assert [told[key]["dice"] for key in ("below 40 mm", "from 40 mm", "from 60 mm")] == [0.9, 0.2, 0.7]
