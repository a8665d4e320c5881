"""Batches that give no numbers: what is learnt from the others stays."""

import csv
from dataclasses import replace

import pytest
import torch
from made_cases import make_cases

from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.training import sound_steps
from LungTumorSegLib.training.fitting import fit
from LungTumorSegLib.training.recipe_file import read_recipe
from LungTumorSegLib.training.safe_checkpoints import CHECKPOINT, read_checkpoint
from LungTumorSegLib.training.teaching import Teaching, of_cases
from LungTumorSegLib.training.training_run import learn
from LungTumorSegLib.training.watching import unheard

RECIPE = """
[network]
name = "UNet-Narrow"
arguments = { base_filters = 2 }
[data]
window = [16, 16]
validation_share = 0.25
[optimiser]
clip = 1.0
[schedule]
name = "constant"
[run]
steps = 6
steps_an_epoch = 2
batch = 4
workers = 0
validation_windows = 8
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_cases(tmp_path_factory.mktemp("data") / "cases")


def taught(data, folder, *settings: str) -> Teaching:
    folder.mkdir()
    file = folder / "small.toml"
    file.write_text(RECIPE)
    return of_cases(read_recipe(str(file), settings), read_dataset(data), folder / "prepared", unheard)


def poisoned(make, steps: range, value: float = torch.nan):
    """The samples, those of some steps with one voxel that is no number."""

    def sample(rng, step):
        inputs, target, known = make(rng, step)
        if step in steps:
            inputs = inputs.clone()
            inputs.view(-1)[7] = value
        return inputs, target, known

    return sample


def run(teaching: Teaching, folder, poison: range = range(0), revise=None, told=unheard, value: float = torch.nan):
    torch.manual_seed(0)
    network = catalogue.build(teaching.recipe.network.name, **teaching.recipe.network.arguments)
    make = poisoned(teaching.training, poison, value)
    facts = {"data_sha256": "x"}
    return fit(
        network, teaching.recipe, make, teaching.validation, folder, facts, revise=revise, device="cpu", progress=told
    )


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_batch_that_gives_no_numbers_teaches_nothing(data, tmp_path, value):
    without = run(taught(data, tmp_path / "four", "run.steps=4"), tmp_path / "four" / "run")
    told = []
    poison = range(4, 6)
    longer = run(
        taught(data, tmp_path / "six"),
        tmp_path / "six" / "run",
        poison,
        told=lambda *words: told.append(words[0]),
        value=value,
    )
    assert (longer["skipped"], longer["steps"]) == (2, 6)
    for name, weight in without["weights"].items():
        if "num_batches" not in name:  # batch norm's count, which no result depends on
            assert torch.equal(longer["weights"][name], weight), name
    assert told[-1].endswith(", 2 skipped")
    assert longer["loss"] == without["loss"]


def test_steps_after_a_skipped_one_go_on_learning(data, tmp_path):
    whole = run(taught(data, tmp_path / "six"), tmp_path / "six" / "run", range(1, 2))
    assert whole["skipped"] == 1
    four = run(taught(data, tmp_path / "four", "run.steps=4"), tmp_path / "four" / "run", range(1, 2))
    assert any(not torch.equal(four["weights"][name], each) for name, each in whole["weights"].items())
    assert all(each.isfinite().all() for each in whole["weights"].values())
    rows = list(csv.DictReader((tmp_path / "six" / "run" / "curves.csv").open()))
    assert all(float(row["loss"]) > 0 for row in rows)


def test_too_many_in_a_row_end_the_run_and_the_last_checkpoint_stays(data, tmp_path, monkeypatch):
    monkeypatch.setattr(sound_steps, "MOST_IN_A_ROW", 3)
    teaching = taught(data, tmp_path / "run")
    with pytest.raises(InputRefused, match="ends at step 5: 3 steps in a row") as refused:
        run(teaching, tmp_path / "run", range(2, 6))
    assert "\n" not in str(refused.value)
    kept = read_checkpoint(tmp_path / "run" / CHECKPOINT)
    assert kept["global_step"] == 4
    assert kept["callbacks"]["SoundSteps"] == {"skipped": 2, "in_a_row": 2}
    assert all(weight.isfinite().all() for weight in kept["state_dict"].values())
    # Resumed, it counts on: the same step ends it again.
    with pytest.raises(InputRefused, match="ends at step 5: 3 steps in a row"):
        run(teaching, tmp_path / "run", range(2, 6))


def test_weights_that_are_no_numbers_are_never_written(data, tmp_path):
    spoils = iter((False, False, True, False))  # asked in every step: in the second epoch it spoils

    def spoilt(network, inputs, target, known, rng):
        if next(spoils):
            with torch.no_grad():
                next(network.parameters()).view(-1)[0] = torch.inf
        return inputs

    with pytest.raises(InputRefused, match="ends at step 4: its weights are no numbers"):
        run(taught(data, tmp_path / "run"), tmp_path / "run", revise=spoilt)
    kept = read_checkpoint(tmp_path / "run" / CHECKPOINT)
    assert kept["global_step"] == 2
    assert all(weight.isfinite().all() for weight in kept["state_dict"].values())


def test_the_user_is_told_how_many_steps_were_skipped_and_so_is_the_card(data, tmp_path):
    teaching = taught(data, tmp_path / "run")
    teaching = replace(teaching, training=poisoned(teaching.training, range(1)))
    lines = []
    learn(teaching, tmp_path / "model", None, None, "cpu", unheard, lines.append)
    assert "note: 1 of 6 steps were skipped: they gave no numbers" in lines
    assert '"steps_skipped": 1' in (tmp_path / "model" / "model.json").read_text()
