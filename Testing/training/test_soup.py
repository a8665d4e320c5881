"""The mean of several models' weights as a model."""

import sys

import pytest
import torch
from small_models import small_model

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks.model import load_model, save_model
from LungTumorSegLib.training import soup


@pytest.fixture
def made(tmp_path):
    """`made(name, fill, **changes)`: a small 3D model, all of its weights and statistics that number."""

    def folder(name, fill, **changes):
        model = small_model("ResidualUNet3D", **changes)
        with torch.no_grad():
            for each in model.network.state_dict().values():
                each.fill_(fill)
        save_model(tmp_path / name, model.network, model.card)
        return tmp_path / name

    return folder


def taught(*patients):
    return {"training_patients_sha256": list(patients), "metrics": {"dice": 0.9}, "split": "by patient"}


def test_weights_and_statistics_are_the_mean_and_the_card_tells_of_all(made, tmp_path, monkeypatch):
    folders = [made("a", 1.0, provenance=taught("x", "y")), made("b", 4.0, provenance=taught("y", "z"))]
    monkeypatch.setattr(sys, "argv", ["soup", *map(str, folders), "-o", str(tmp_path / "both")])
    soup.main()
    both, first = load_model(tmp_path / "both"), load_model(folders[0])
    floats = [each for each in both.network.state_dict().values() if each.is_floating_point()]
    assert all((each == 2.5).all() for each in floats)
    assert any("running_var" in name for name in both.network.state_dict())
    assert both.card.name == "both"
    assert both.card.provenance == {
        "training_patients_sha256": ["x", "y", "z"],
        "training_images_sha256": [],
        "split": "by patient",
        "soup": [load_model(folder).digest for folder in folders],
    }
    assert (first.card.name, first.card.provenance["metrics"]) == ("small", {"dice": 0.9})


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"hu_range": (-500.0, 500.0)}, "b differs from .*a in hu_range"), ({"window": (16, 16, 16)}, "in window")],
)
def test_models_that_do_not_answer_alike_are_refused(changes, words, made, tmp_path):
    folders = [made("a", 1.0), made("b", 4.0, **changes)]
    with pytest.raises(InputRefused, match=words):
        soup.write_soup(folders, tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_one_model_is_no_soup(made, tmp_path):
    with pytest.raises(InputRefused, match="two models or more"):
        soup.write_soup([made("a", 1.0)], tmp_path / "both")
