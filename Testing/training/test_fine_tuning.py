"""Fine-tuning from whole scans with masks: what is taught, what is kept of the base, and the finished model's card."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_site
import torch

from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import load_card, load_model, save_model
from LungTumorSegLib.training import corrected_clicks
from LungTumorSegLib.training.corrected_blocks import CorrectedBlocks, prepare_blocks, wrong_finds
from LungTumorSegLib.training.corrected_clicks import CorrectedClicks, prepare_clicks
from LungTumorSegLib.training.fine_tuning import blended, completed
from LungTumorSegLib.training.learner import Learner
from LungTumorSegLib.training.recipe_file import read_recipe
from LungTumorSegLib.training.taught import IMAGES, PATIENTS, patient_digest, was_taught
from LungTumorSegLib.training.training_run import train

WARD = ["Ward-1", "Ward-2", "Ward-3", "Ward-4"]
SHORT = ["run.steps=2", "run.steps_an_epoch=1", "run.batch=2", "run.workers=0", "data.window=[16,16,16]"]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("ward")
    small_site.make_cases(root / "cases", WARD, 5)
    torch.manual_seed(0)
    small_site.save(root / "base", catalogue.build("ResidualUNet3D", **small_site.ARGUMENTS), {"data": "made"})
    arguments = {**small_site.ARGUMENTS, "input_channels": 1}
    card = ModelCard(
        name="searching",
        task="automatic",
        network="ResidualUNet3D",
        arguments=arguments,
        spacing_mm=(2.0, 2.0, 2.0),
        window=(16, 16, 16),
        hu_range=(-1000.0, 400.0),
        adjacent_slices=1,
        threshold=0.4,
        overlap=0.125,
        licence="made in a test",
        outlined_by="prompted",
        suspicion=0.2,
    )
    save_model(root / "searching", catalogue.build("ResidualUNet3D", **arguments), card)
    return root


def recipe(task: str, base, *settings: str):
    return completed(read_recipe(f"fine-tune-{task}", [*SHORT, *settings]), base)


def clicks(site: Path, tmp_path: Path, **changes) -> CorrectedClicks:
    base = load_model(site / "base")
    files = prepare_clicks(list(read_dataset(site / "cases").cases), base.card, tmp_path / "files", lambda done: None)
    return replace(CorrectedClicks(files, base.card, recipe("prompted", base)), **changes)


def test_the_click_of_a_plain_sample_lies_in_the_lesion(site, tmp_path):
    make = clicks(site, tmp_path, changed=False)
    for seed in range(8):
        inputs, target, known = make(np.random.default_rng(seed), seed)
        clicked = (inputs[1] == inputs[1].max()).nonzero()
        assert target[0][tuple(clicked.T)].max() > 0.5
        assert (target <= known).all()


def test_what_the_network_sees_of_a_lesion_is_what_the_target_says(site, tmp_path):
    make = clicks(site, tmp_path, changed=False)
    inputs, target, known = make(np.random.default_rng(1), 1)
    bright = inputs[0] > 0.4  # the ball is 20 HU in lung of -850
    inside = (target[0] > 0.5) & (known[0] > 0)
    assert (bright & inside).sum() > 0.9 * inside.sum()
    assert (bright & ~inside & (known[0] > 0)).sum() < 0.3 * inside.sum()


def test_a_small_lesion_is_taught_on_the_finer_grid_too(site, tmp_path, monkeypatch):
    make = clicks(site, tmp_path)
    volumes = []
    for share in (0.0, 1.0):
        monkeypatch.setattr(corrected_clicks, "FINER", share)
        made = [make(np.random.default_rng([5, n]), n)[1].sum() for n in range(40)]
        volumes.append(np.median([volume for volume in made if volume > 0]))
    assert make.regions[0].is_small
    assert 2.0 < volumes[1] / volumes[0] < 5.0  # 1 / 0.65 cubed is 3.6; windows cut some of it off
    monkeypatch.setattr(corrected_clicks, "SMALL_MM", 1.0)
    assert not make.regions[0].is_small


def test_of_a_click_elsewhere_nothing_is_known(site, tmp_path):
    base = load_model(site / "base")
    make = clicks(site, tmp_path, recipe=recipe("prompted", base, "sampling.positive_share=0"))
    region = make.regions[0]
    inputs, target, known = make.elsewhere(replace_elsewhere(region), (16, 16, 16), np.random.default_rng(0))
    assert inputs.shape == (3, 16, 16, 16)
    assert inputs[1].max() > 0.9
    assert not target.any()
    assert not known.any()


def replace_elsewhere(region):
    return replace(region, elsewhere=np.array([[2, 2, 2]], np.int32))


def test_outside_the_scan_nothing_is_known(site, tmp_path):
    make = clicks(site, tmp_path, changed=False)
    region = make.regions[0]
    corner = np.zeros(3)
    _, _, known = make.window(region, corner, (16, 16, 16), np.random.default_rng(0))
    assert 0 < known.mean() < 0.25


def test_a_sample_follows_from_its_number_alone(site, tmp_path):
    make = clicks(site, tmp_path)
    first, again = (make(np.random.default_rng([3, 7]), 7) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def blocks(site: Path, tmp_path: Path) -> CorrectedBlocks:
    base = load_model(site / "searching")
    files = prepare_blocks(list(read_dataset(site / "cases").cases)[:1], base, tmp_path / "files", lambda done: None)
    return CorrectedBlocks(files, recipe("automatic", base), base.card.hu_range)


def test_wrong_finds_are_those_that_touch_no_lesion():
    probability, outlined = np.zeros((2, 20, 20, 20), np.float32)
    probability[2:5, 2:5, 2:5] = 0.9  # a lesion, and no more
    outlined[4, 4, 4] = 1
    probability[10:13, 10:13, 10:13] = 0.6  # nobody outlined this
    probability[16:19, 2:5, 16:19] = 0.1  # nobody suspects this
    assert wrong_finds(probability, outlined, (2.0, 2.0, 2.0), 0.3).tolist() == [[11, 11, 11]]
    assert wrong_finds(probability, probability > 0, (2.0, 2.0, 2.0), 0.05).shape == (0, 3)


def test_around_a_wrong_find_no_tumour_is_taught(site, tmp_path):
    make = blocks(site, tmp_path)
    file = make.files[0]
    labels = file.whole("labels")
    far = np.argwhere(labels == 0)[:1].astype(np.int32)
    _, target, known = make.block(file, far, np.random.default_rng(0), known=True)
    assert known.any()
    assert not target[known == 0].any()


def test_blocks_around_lesions_hold_some_and_blocks_of_lung_are_unknown(site, tmp_path):
    make = blocks(site, tmp_path)
    file = make.files[0]
    for seed in range(5):
        _, target, known = make.block(file, file.whole("places"), np.random.default_rng(seed), known=True)
        assert (target > 0.5).any()
        assert (known[target > 0] == 1).all()
        _, target, known = make.block(file, file.whole("lungs"), np.random.default_rng(seed), known=False)
        assert not known.any()
        assert not target.any()


def test_weights_are_blended_between_base_and_tuned():
    base, tuned = {"a": torch.zeros(3), "n": torch.tensor(1)}, {"a": torch.full((3,), 4.0), "n": torch.tensor(9)}
    assert blended(base, tuned, 0.25)["a"].tolist() == [1.0, 1.0, 1.0]
    assert blended(base, tuned, 0.25)["n"] == 9
    assert torch.equal(blended(base, tuned, 1.0)["a"], tuned["a"])


def test_where_nobody_outlined_the_base_itself_has_nothing_to_learn(site):
    base = load_model(site / "base")
    learner = Learner(base.network, recipe("prompted", base), 1e-3, base=load_model(site / "base").network)
    inputs, nowhere = torch.rand(1, 3, 16, 16, 16), torch.zeros(1, 1, 16, 16, 16)
    logits = learner(inputs)
    away = learner.away_from(learner.answers_of[0], inputs, logits, nowhere)
    answer = logits.sigmoid()
    entropy = -(answer * answer.log() + (1 - answer) * (1 - answer).log()).mean()
    assert torch.isclose(away, entropy, rtol=1e-4)
    assert learner.away_from(learner.answers_of[0], inputs, logits, 1 - nowhere) == 0
    assert not any(name.startswith("answers") for name in learner.state_dict())


def test_frozen_norms_stay_frozen_where_clicks_are_corrected(site):
    base = load_model(site / "base")

    asked = []

    def revise(network, inputs, target, known, rng):
        asked.append(known)
        return inputs

    learner = Learner(base.network, recipe("prompted", base), 1e-3, revise=revise)
    norms = [m for m in learner.network.modules() if isinstance(m, torch.nn.BatchNorm3d)]
    before = [norm.running_mean.clone() for norm in norms]
    learner.learn()
    learner._trainer = type("Trainer", (), {"global_step": 1})()
    batch = torch.rand(2, 3, 16, 16, 16), torch.zeros(2, 1, 16, 16, 16), torch.ones(2, 1, 16, 16, 16)
    learner.__class__ = type("Stepped", (Learner,), {"global_step": 1, "global_rank": 0})
    learner.training_step(batch, 0)
    assert len(asked) == 1
    assert all(torch.equal(norm.running_mean, old) for norm, old in zip(norms, before, strict=True))
    assert not any(norm.training for norm in norms)


@pytest.mark.parametrize(("task", "base"), [("prompted", "base"), ("automatic", "searching")])
def test_a_run_makes_a_model_with_the_base_s_card(site, tmp_path, task, base):
    out = tmp_path / "tuned"
    train(read_recipe(f"fine-tune-{task}", SHORT), site / "cases", out, site / base, threads=1)
    old, new = load_card(site / base), load_card(out)
    for field in ("task", "arguments", "spacing_mm", "window", "threshold", "overlap", "outlined_by", "suspicion"):
        assert getattr(new, field) == getattr(old, field)
    assert new.licence.startswith(old.licence)
    assert "site" in new.licence
    cases = read_dataset(site / "cases").cases
    assert 0 < sum(was_taught(new, case) for case in cases) < len(cases)
    weights, before = (load_model(each).network.state_dict() for each in (out, site / base))
    assert any(not torch.equal(weights[name], before[name]) for name in weights)
    assert all(torch.equal(weights[name], before[name]) for name in weights if "running" in name)
    assert not (out / "prepared").exists()


def test_what_the_base_was_taught_counts_as_taught(site, tmp_path):
    facts = {IMAGES: ["0" * 64], PATIENTS: [patient_digest("Ward-0")]}
    older = small_site.save(tmp_path / "older", load_model(site / "base").network, facts)
    recipe = read_recipe("fine-tune-prompted", SHORT)
    train(recipe, site / "cases", tmp_path / "out", older, device="cpu", threads=1)
    tuned = load_card(tmp_path / "out").provenance
    for key, value in facts.items():
        assert set(value) < set(tuned[key])


def test_a_base_of_another_task_or_none_is_refused(site):
    with pytest.raises(InputRefused, match="is prompted, the recipe"):
        completed(read_recipe("fine-tune-automatic"), load_model(site / "base"))
    with pytest.raises(InputRefused, match="--from"):
        completed(read_recipe("fine-tune-prompted"), None)


def test_training_tells_a_program_how_far_it_is(site, tmp_path):
    words = ["train", "--recipe", "fine-tune-prompted", "--data", site / "cases", "--from", site / "base"]
    words += ["-o", tmp_path / "out", "--threads", "1", "--progress", "json"]
    words += [word for setting in SHORT for word in ("--set", setting)]
    done = subprocess.run(
        [sys.executable, "-m", "LungTumorSegLib.command", *map(str, words)], capture_output=True, text=True, check=True
    )
    told = [line for line in done.stdout.splitlines() if line.startswith('{"stage"')]
    assert any("step 2 of 2" in line for line in told)
