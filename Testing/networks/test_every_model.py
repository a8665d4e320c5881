"""A model folder of every network: the same answer before and after, and strangers' folders are looked through."""

import json
from dataclasses import replace

import pytest
import torch
from small_models import CHANGES, GATE, gated_model, model_of, small_model

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.model import Model, files_of, load_model, save_model

SEGMENTING = [name for name in catalogue.names() if catalogue.entry(name).task == "segmentation"]


def made(name: str) -> Model:
    return model_of(GATE) if name == "XceptionGate" else small_model(name)


def change_card(folder, **values) -> None:
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, **values}))


def test_there_is_a_small_model_of_every_network():
    assert sorted(CHANGES) == sorted(SEGMENTING)


@pytest.mark.parametrize("name", catalogue.names())
@torch.inference_mode()
def test_a_model_folder_gives_the_same_answer_as_the_network_that_was_saved(tmp_path, name):
    model = made(name)
    save_model(tmp_path / "m", model.network, model.card)
    loaded = load_model(tmp_path / "m")
    assert loaded.card == model.card
    inputs = torch.rand(1, model.card.arguments["input_channels"], *catalogue.entry(name).smallest)
    assert torch.equal(loaded.network(inputs), model.network(inputs))


def test_a_gate_is_stored_inside_the_model_that_names_it_and_comes_back(tmp_path):
    model = gated_model()
    save_model(tmp_path / "m", model.network, model.card, model.gate)
    loaded = load_model(tmp_path / "m")
    assert loaded.gate.card == model.gate.card
    inside = [path.relative_to(tmp_path / "m").as_posix() for path in files_of(tmp_path / "m")]
    assert inside == ["model.json", "weights.safetensors", "gate/model.json", "gate/weights.safetensors"]


def test_a_gate_that_is_not_named_or_not_given_or_no_gate_is_not_stored(tmp_path):
    model = gated_model()
    for card, gate in (
        (model.card, None),
        (replace(model.card, gate=None), model.gate),
        (model.card, small_model("ENet")),
    ):
        with pytest.raises(InputRefused, match="gate"):
            save_model(tmp_path / "m", model.network, card, gate)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_whose_gate_is_missing_a_link_or_something_else_is_refused(tmp_path):
    model = gated_model()
    save_model(tmp_path / "m", model.network, model.card, model.gate)
    gate = tmp_path / "m" / "gate"
    gate.rename(tmp_path / "elsewhere")
    with pytest.raises(InputRefused, match="there is no gate"):
        load_model(tmp_path / "m")
    gate.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(InputRefused, match="there is no gate"):
        load_model(tmp_path / "m")
    gate.unlink()
    save_model(gate, model.network, replace(model.card, gate=None))
    with pytest.raises(InputRefused, match="is not a gate"):
        load_model(tmp_path / "m")


def test_a_card_that_asks_for_gigabytes_is_refused_before_they_are_taken(tmp_path, monkeypatch):
    model = small_model("ResidualUNet3D")
    save_model(tmp_path / "m", model.network, model.card)
    change_card(tmp_path / "m", arguments={"input_channels": 1, "widths": [512] * 4, "blocks": [8] * 4})
    devices = []
    build = catalogue.build

    def watched(name, **arguments):
        network = build(name, **arguments)
        devices.append(next(network.parameters()).device.type)
        return network

    monkeypatch.setattr(catalogue, "build", watched)
    with pytest.raises(InputRefused, match="model weights"):
        load_model(tmp_path / "m")
    assert devices == ["meta"]


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("UNet-Narrow", {"classes": ("lungs",)}, "classes must be 2"),
        ("UNet-Narrow", {"activation": "softmax"}, "classes must be 1"),
        ("UNet3D", {"activation": "sigmoid"}, "classes must be 2"),
        ("UNet3D", {"window": (16, 16, 16)}, "window must be larger"),
        ("SwinUNETR", {"window": (48, 64, 64)}, "multiples of 32"),
        ("SwinUNETR", {"channels": ("CT", "PET")}, "as many input_channels"),
        ("ENet", {"gate": ".."}, "gate must be the plain name"),
        ("UNet3D", {"gate": "gate"}, "only an automatic slice network"),
    ],
)
def test_a_card_that_does_not_fit_its_network_is_refused(name, changes, words):
    with pytest.raises(InputRefused, match=words):
        small_model(name, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"window": (64, 64)}, "window must be none"),
        ({"classes": ("a", "b")}, "classes must be one name"),
        ({"activation": "softmax"}, "classes must be one name"),
        ({"task": "automatic"}, "network must be a gate for the task gate"),
        ({"gate": "gate"}, "gate must be none"),
    ],
)
def test_a_gates_card_is_as_strict(changes, words):
    with pytest.raises(InputRefused, match=words):
        replace(GATE, **changes)
