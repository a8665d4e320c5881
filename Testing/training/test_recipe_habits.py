"""Each habit that a recipe names does what its name says: changes of a sample, sampling, averages, clipping."""

import json
import re
import shlex
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from made_cases import EDGE, make_cases
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import binomtest

from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.networks.model import load_model
from LungTumorSegLib.training.averaging import averaging_of
from LungTumorSegLib.training.case_samples import CaseSamples
from LungTumorSegLib.training.prepared import prepare
from LungTumorSegLib.training.recipe import Augmentation, Averaging, Data, Network, Recipe, Run, Sampling
from LungTumorSegLib.training.recipe_file import read_recipe
from LungTumorSegLib.training.training_run import train
from LungTumorSegLib.training.transforms import Transforms, equalised

SIDE = 32
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_cases(tmp_path_factory.mktemp("data") / "cases")


@pytest.fixture(scope="module")
def prepared(data, tmp_path_factory):
    return prepare(read_dataset(data).cases, Data(window=(16, 16)), tmp_path_factory.mktemp("prepared"))


def grey(value: float = 0.5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Image, target, known: grey with a mark that is neither in a middle nor its own mirror image."""
    image = torch.full((1, SIDE, SIDE), value)
    image[0, 4:10, 6:9] = 0.9
    return image, (image > 0.8).float(), torch.ones(1, SIDE, SIDE)


def changed(settings: Augmentation, times: int, value: float = 0.5):
    transforms = Transforms(settings, (SIDE, SIDE))
    return [transforms(*grey(value), np.random.default_rng(n)) for n in range(times)]


def test_nothing_asked_for_changes_nothing():
    for after in changed(Augmentation(), 3):
        assert all(torch.equal(a, b) for a, b in zip(after, grey(), strict=True))


def test_noise_has_the_deviation_asked_for_at_most_and_moves_nothing():
    spreads = []
    for image, target, _ in changed(Augmentation(noise_chance=1.0, noise=0.05), 20):
        spreads.append(float((image - grey()[0]).std()))
        assert torch.equal(target, grey()[1])
    assert 0.03 < max(spreads) < 0.053  # MONAI draws the deviation from 0 to the one asked for
    assert min(spreads) < 0.02


def test_shift_and_scale_of_the_values_stay_in_their_range():
    shifts = [float(image[0, 0, 0]) - 0.5 for image, *_ in changed(Augmentation(brighter_chance=1, brighter=0.1), 40)]
    assert -0.1 <= min(shifts) < -0.05
    assert 0.05 < max(shifts) <= 0.1
    factors = [float(image[0, 0, 0]) / 0.5 for image, *_ in changed(Augmentation(scaled_chance=1, scaled=0.2), 40)]
    assert 0.8 <= min(factors) < 0.9
    assert 1.1 < max(factors) <= 1.2


@pytest.mark.parametrize(("side", "axis"), [("left-right", -1), ("front-back", -2)])
def test_a_flip_mirrors_its_own_side_about_half_of_the_times(side, axis):
    before, mirrored = grey()[0], 0
    for image, target, _ in changed(Augmentation(flip=(side,)), 40):
        is_mirrored = torch.equal(image, before.flip(axis))
        assert is_mirrored or torch.equal(image, before)
        assert torch.equal(target, (image > 0.8).float())
        mirrored += is_mirrored
    assert binomtest(mirrored, 40).pvalue > 0.001


def test_a_turn_a_shear_a_zoom_and_a_shift_each_move_the_mark_their_own_way():
    def edges(settings):
        """Of the mark: extent along rows and columns, middle; over 40 draws."""
        found = []
        for _, target, _ in changed(replace(settings, affine=1.0), 40):
            places = torch.nonzero(target[0]).float()
            found.append(torch.cat((places.amax(0) - places.amin(0) + 1, places.mean(0))))
        return torch.stack(found)

    middle = torch.tensor([6.5, 7.0])
    zoomed = edges(Augmentation(zoom=0.3))
    assert zoomed[:, 0].min() < 6 < zoomed[:, 0].max()
    shifted = edges(Augmentation(shift=0.1))
    assert (shifted[:, :2] - torch.tensor([6.0, 3.0])).abs().max() <= 1
    assert (shifted[:, 2:] - middle).abs().max() > 2
    assert (shifted[:, 2:] - middle).abs().max() < 0.1 * SIDE + 1
    turned = edges(Augmentation(turn_degrees=45))
    centre = torch.tensor([15.5, 15.5])
    radius = (turned[:, 2:] - centre).norm(dim=1)
    assert (radius - (middle - centre).norm()).abs().max() < 1.5
    assert (turned[:, 2:] - middle).norm(dim=1).max() > 3
    sheared = edges(Augmentation(shear=0.4))
    assert sheared[:, 1].max() > 4  # rows are pushed along columns: the mark leans


def test_clahe_spreads_a_narrow_range_and_leaves_a_constant_slice():
    generator = torch.Generator().manual_seed(0)
    narrow = 0.5 + 0.02 * torch.rand(1, 2, SIDE, SIDE, generator=generator)
    narrow[0, 1] = 0.3
    even = equalised(narrow, 0.01)
    assert even.shape == narrow.shape
    assert even[0, 0].std() > 5 * narrow[0, 0].std()
    assert 0 <= even.min() <= even.max() <= 1
    assert torch.equal(even[0, 1], narrow[0, 1])


def test_as_many_windows_are_laid_around_the_target_as_the_recipe_says(prepared, monkeypatch):
    asked = []
    monkeypatch.setattr(
        CaseSamples, "start", lambda self, case, rng, positive: asked.append(positive) or np.array([5, 2, 2])
    )
    recipe = Recipe("tried", network=Network("UNet-Narrow"), data=Data(window=(16, 16)), sampling=Sampling(0.25))
    samples = CaseSamples(prepared, (1,), recipe, changed=False)
    for number in range(400):
        samples(np.random.default_rng(number), 0)
    assert binomtest(sum(asked), 400, 0.25).pvalue > 0.001


def test_a_slice_network_of_three_is_shown_the_slices_above_and_below(prepared):
    recipe = Recipe(
        "tried", network=Network("UNet-Narrow"), data=Data(window=(16, 16), adjacent_slices=3), sampling=Sampling(1.0)
    )
    whole = (slice(0, EDGE),) * 3
    samples = CaseSamples(prepared, (1,), recipe, changed=False)
    for number in range(6):
        image, target, _ = (part.numpy() for part in samples(np.random.default_rng(number), 0))
        found = 0
        for case in prepared:
            windows = sliding_window_view(case.image(whole)[0], (3, 16, 16))
            for place in np.argwhere((windows == image).all((3, 4, 5))):
                k, j, i = place[0] + 1, *place[1:]
                assert np.array_equal(target[0], case.labels(whole)[k, j : j + 16, i : i + 16] > 0)
                found += 1
        assert found == 1


def averaged(settings: Averaging, steps: int) -> float:
    """What the weight is, 0, 1, 2, ... after each step, when it was averaged."""
    (callback,) = averaging_of(Recipe("tried", averaging=settings, run=Run(steps=steps)))
    average = torch.tensor(0.0)
    for taken, weight in enumerate(torch.arange(float(steps))):
        average = callback._kwargs["avg_fn"](average, weight, torch.tensor(taken))
    return float(average)


def test_swa_gives_equal_parts_to_all_weights_from_its_start_on():
    assert averaged(Averaging("swa", start=0.65), 20) == pytest.approx(np.mean(range(13, 20)))


def test_ema_forgets_by_its_share():
    wanted = 0.0
    for taken, weight in enumerate(range(200)):
        keep = min(0.9, (1 + taken) / (10 + taken))
        wanted = keep * wanted + (1 - keep) * weight
    assert averaged(Averaging("ema", keep=0.9), 200) == pytest.approx(wanted, rel=1e-4)


PLAIN = """
[network]
name = "UNet-Narrow"
arguments = { base_filters = 2, batch_norm = false }
[data]
window = [16, 16]
[optimiser]
name = "sgd"
weight_decay = 0.0
[schedule]
name = "constant"
[run]
steps = 1
steps_an_epoch = 1
batch = 2
workers = 0
validation_windows = 2
"""


@pytest.fixture
def plain(tmp_path):
    (tmp_path / "plain.toml").write_text(PLAIN)
    return str(tmp_path / "plain.toml")


def test_a_gradient_is_clipped_to_the_norm_asked_for(plain, data, tmp_path):
    def after(name, *settings):
        train(read_recipe(plain, list(settings)), data, tmp_path / name, device="cpu", threads=1)
        network = load_model(tmp_path / name).network
        return torch.cat([weight.detach().flatten() for weight in network.parameters()]).double()

    begun = after("begun", "optimiser.learning_rate=1e-8")
    clipped, free = (after(f"by-{clip}", f"optimiser.clip={clip}", "optimiser.learning_rate=1.0") for clip in (1e-3, 0))
    assert float((clipped - begun).norm()) == pytest.approx(1e-3, rel=0.01)
    assert float((free - begun).norm()) > 2e-3


def test_a_run_that_gets_no_better_stops_when_its_patience_ends(plain, data, tmp_path):
    settings = ["run.steps=40", "run.steps_an_epoch=2", "run.patience=3", "optimiser.learning_rate=1e-8"]
    train(read_recipe(plain, settings), data, tmp_path / "out", device="cpu", threads=1)
    card = json.loads((tmp_path / "out" / "model.json").read_text())
    assert card["provenance"]["steps_done"] == 2 * (1 + 3)


def test_the_job_for_slurm_is_a_script_that_bash_reads_and_the_command_knows():
    script = REPOSITORY / "Resources" / "train.slurm"
    assert subprocess.run(["bash", "-n", script], check=False, capture_output=True).returncode == 0
    line = re.search(r"^srun (lungtumorseg train .*?)\n\n", script.read_text(), re.DOTALL | re.MULTILINE)[1]
    words = shlex.split(line.replace("\\\n", " "))
    settings = [word for before, word in pairwise(words) if before == "--set"]
    tasks = int(re.search(r"ntasks-per-node=(\d+)", script.read_text())[1])
    nodes = int(re.search(r"nodes=(\d+)", script.read_text())[1])
    recipe = read_recipe(words[words.index("--recipe") + 1], settings)
    assert recipe.run.batch % (tasks * nodes) == 0
    program = REPOSITORY / ".venv" / "bin" / "lungtumorseg"
    known = subprocess.run([program, "train", "--help"], check=True, capture_output=True, text=True).stdout
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", known))
