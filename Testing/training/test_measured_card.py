"""What was measured of a finished model, on the card of a new folder."""

import hashlib
import json
import sys

import pytest
from small_models import GATE, WIDTHS, model_of, small_model

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks.model import load_model, save_model
from LungTumorSegLib.training import evaluation, measured_card
from LungTumorSegLib.training.measured_card import write_measured

LIKE_OURS = {"spacing_mm": (0.7, 0.7, 0.7), "window": (48, 48, 48), "task": "prompted"}


@pytest.fixture
def made(tmp_path):
    """`made(name, **changes)`: the folder of a small 3D model."""

    def folder(name, **changes):
        model = small_model("ResidualUNet3D", **changes)
        save_model(tmp_path / name, model.network, model.card)
        return tmp_path / name

    return folder


def digest(folder):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]


def test_the_new_card_tells_what_was_measured_and_chosen_and_the_model_stays_as_it_was(made, tmp_path):
    run = made("run", provenance={"metrics": {"training_loss": 0.5}, "collections": ["none yet"]})
    like = made("like", provenance={"collections": ["Armato et al."]}, licence="Apache-2.0")
    before = digest(run)
    chosen = {"threshold": 0.4, "suspicion": 0.1, "outlined_by": "prompted", "window": (16, 16, 16)}
    write_measured(
        run, tmp_path / "shipped", {"dice": 0.8}, ["made of balls"], chosen, like, history="interrupted once"
    )
    new, old = load_model(tmp_path / "shipped"), load_model(run)
    assert digest(run) == before
    assert new.digest == old.digest
    card = new.card
    assert (card.name, card.threshold, card.suspicion, card.outlined_by) == ("shipped", 0.4, 0.1, "prompted")
    assert (card.window, card.licence) == ((16, 16, 16), "Apache-2.0")
    assert card.provenance == {
        "metrics": {"training_loss": 0.5, "dice": 0.8},
        "collections": ["Armato et al."],
        "known_failures": ["made of balls"],
        "history": "interrupted once",
    }


def test_what_the_weights_depend_on_is_not_chosen_after_training(made, tmp_path):
    run = made("run")
    with pytest.raises(InputRefused, match="spacing_mm cannot be chosen after training"):
        write_measured(run, tmp_path / "new", {}, [], {"spacing_mm": (1.0, 1.0, 1.0)})
    with pytest.raises(InputRefused, match="never overwritten"):
        write_measured(run, run, {}, [])
    assert not (tmp_path / "new").exists()


def test_fields_are_written_as_toml_or_as_a_word(made, tmp_path, monkeypatch):
    words = ["--set", "threshold=0.3", "--set", "licence=CC0", "--set", "window=[24,24,24]", "--failure", "all of it"]
    monkeypatch.setattr(sys, "argv", ["measured_card", str(made("run")), "-o", str(tmp_path / "new"), *words])
    measured_card.main()
    card = load_model(tmp_path / "new").card
    assert (card.threshold, card.licence, card.window) == (0.3, "CC0", (24, 24, 24))
    assert card.provenance["known_failures"] == ["all of it"]


def test_the_figures_of_any_models_folder_are_printed_as_json(made, tiny_data, tiny_backgrounds, monkeypatch, capsys):
    model = made("clicked", arguments={"input_channels": 4, "widths": WIDTHS}, **LIKE_OURS)
    words = ["--model", model, "--data", tiny_data, "--backgrounds", tiny_backgrounds, "--most", 1, "--threads", 1]
    monkeypatch.setattr(sys, "argv", ["evaluation", *map(str, words)])
    evaluation.main()
    figures = json.loads(capsys.readouterr().out)
    assert figures["part"] == "test"
    assert figures["crop alone, three clicks"]["nodules"] == figures["set into held-out lungs, a box"]["nodules"] == 1


def test_a_gate_is_refused_in_one_line(tiny_data, tiny_backgrounds, tmp_path, monkeypatch):
    gate = model_of(GATE)
    save_model(tmp_path / "gate", gate.network, gate.card)
    words = ["--model", tmp_path / "gate", "--data", tiny_data, "--backgrounds", tiny_backgrounds, "--most", 1]
    monkeypatch.setattr(sys, "argv", ["evaluation", *map(str, words)])
    with pytest.raises(InputRefused, match="a gate finds no lesions"):
        evaluation.main()
