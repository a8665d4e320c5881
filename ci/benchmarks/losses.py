"""System 1's comparison on real nodules, with several seeds: which loss, which network, and how sure is that?

    ci/benchmark losses NODULES [-o OUT] [--steps N] [--seeds N] [--threads N] [--all]

NODULES: crops laid out as lidc-nodules. As in system 1's table ENet, ENet-Skip and ENet-CBAM-Skip learn with BCE, and
ENet-CBAM-Skip with Dice and focal loss too (--all: every network with every loss), by the recipe energy-efficient-enet
on windows of 48 x 48 pixels of 0.75 mm, which hold most of a crop; at a fixed learning rate, since a rate found anew by
each run would be compared too. A seed decides the weights, the samples and which fifth of the patients is held out,
alike for every network and loss, so that differences can be taken in pairs.
Scores are of all held-out windows together: "pure probabilities" (soft counts), masks at 0.5 and 0.8, and the best of
nine thresholds, which tells a loss that ranks pixels worse from one whose probabilities only lie elsewhere.

Seed by seed, so that a run that is stopped has whole comparisons. What is done in OUT is not done again, and what was
interrupted goes on: stop it and begin it anew at any time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.networks.model import CARD, load_model
from LungTumorSegLib.training.lessons import Make
from LungTumorSegLib.training.prepared import prepare
from LungTumorSegLib.training.recipe import Recipe
from LungTumorSegLib.training.recipe_file import read_recipe
from LungTumorSegLib.training.teaching import Teaching, of_prepared, with_channels
from LungTumorSegLib.training.training_run import learn, refuse_bad_data
from LungTumorSegLib.training.watching import unheard
from LungTumorSegLib.volume.whole_file import write_whole

NETWORKS = ("ENet", "ENet-Skip", "ENet-CBAM-Skip")
LOSSES = ("bce", "dice", "focal")
FIRST = ("ENet-CBAM-Skip", "bce")  # what all others are compared with
SYSTEM_1 = (("ENet", "bce"), ("ENet-Skip", "bce"), FIRST, ("ENet-CBAM-Skip", "dice"), ("ENet-CBAM-Skip", "focal"))
COLUMNS = ("soft Dice", "Dice 0.5", "precision 0.5", "recall 0.5", "Dice 0.8", "best Dice")
THRESHOLDS = tuple(n / 10 for n in range(1, 10))
HELD_OUT_WINDOWS = 600
BATCH = 50


def recipe_for(network: str, loss: str, seed: int, steps: int) -> Recipe:
    settings = [f"network.name={network}", f"loss.name={loss}", f"run.seed={seed}", f"run.steps={steps}"]
    settings += [f"run.steps_an_epoch={max(1, steps // 10)}", "run.choose=last", "run.patience=0", "run.workers=0"]
    settings += ["run.validate_every=10", "run.validation_windows=64"]
    settings += ["data.window=[48,48]", "data.spacing_mm=['own',0.75,0.75]"]
    settings += ["optimiser.learning_rate=5e-3", "schedule.warm_up=20"]
    return read_recipe("energy-efficient-enet", settings)


class Nodules:
    """The crops on the network's grid, once for all runs; the windows of a seed, once for all that it is used for."""

    def __init__(self, data: Path, out: Path):
        self.dataset = read_dataset(data)
        cases = [case for case in self.dataset.cases if case.has_mask]
        self.prepared = prepare(cases, recipe_for("ENet", "bce", 0, 10).data, out / "prepared")
        self.seed, self.made = None, ()

    def teaching(self, recipe: Recipe) -> Teaching:
        teaching = of_prepared(with_channels(recipe, self.dataset), self.dataset, self.prepared)
        if self.seed != recipe.run.seed:
            self.seed, self.made = recipe.run.seed, (Remembered(teaching.training), Remembered(teaching.validation))
        return replace(teaching, training=self.made[0], validation=self.made[1])


class Remembered:
    """Samples by the numbers that their random generator was begun with: half of a step's time is making them."""

    def __init__(self, make: Make):
        self.make, self.known = make, {}

    def __call__(self, rng: np.random.Generator, step: int):
        numbers = tuple(rng.bit_generator.seed_seq.entropy)
        if numbers not in self.known:
            self.known[numbers] = self.make(rng, step)
        return self.known[numbers]


@torch.no_grad()
def scores(model: Path, teaching: Teaching) -> dict[str, float]:
    """Of the windows of held-out patients that the recipe's sampling draws."""
    network = load_model(model).network
    soft, hard = np.zeros(3), np.zeros((len(THRESHOLDS), 3))
    for first in range(0, HELD_OUT_WINDOWS, BATCH):
        made = [teaching.validation(np.random.default_rng([7, number]), 0) for number in range(first, first + BATCH)]
        image, target, known = (torch.stack(each) for each in zip(*made, strict=True))
        probability, target = network(image).sigmoid()[known > 0], target[known > 0]
        soft += counts(probability, target)
        hard += [counts((probability >= threshold).float(), target) for threshold in THRESHOLDS]
    dice = hard[:, 0] * 2 / np.maximum(hard[:, 1] + hard[:, 2], 1e-9)
    half, high = THRESHOLDS.index(0.5), THRESHOLDS.index(0.8)
    both, found, true = hard[half]
    figures = (2 * soft[0] / max(soft[1] + soft[2], 1e-9), dice[half], both / max(found, 1e-9), both / max(true, 1e-9))
    return dict(zip(COLUMNS, map(float, (*figures, dice[high], dice.max())), strict=True))


def counts(found: torch.Tensor, true: torch.Tensor) -> list[float]:
    return [float((found * true).sum()), float(found.sum()), float(true.sum())]


def row(network: str, loss: str, seed: int, nodules: Nodules, given: argparse.Namespace) -> dict[str, float]:
    place = given.out / f"{network}-{loss}-{seed}"
    if (place / "scores.json").is_file():
        return json.loads((place / "scores.json").read_text())
    began = time.process_time()
    teaching = nodules.teaching(recipe_for(network, loss, seed, given.steps))
    if not (place / CARD).is_file():
        learn(teaching, place, None, None, "cpu", unheard, tell)
    found = scores(place, teaching)
    write_whole(place / "scores.json", json.dumps(found).encode())
    tell(f"{place.name}: Dice {found['Dice 0.5']:.3f}, {time.process_time() - began:.0f} s of the processor")
    return found


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f}" + (f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else "")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("nodules", type=Path)
    arguments.add_argument("-o", "--out", type=Path, default=Path("out/losses"))
    arguments.add_argument("--steps", type=int, default=400)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--all", action="store_true")
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    given.out.mkdir(parents=True, exist_ok=True)
    if not (given.out / "prepared").is_dir():
        refuse_bad_data(given.nodules, unheard, tell)
    nodules = Nodules(given.nodules, given.out)
    compared = [(network, loss) for network in NETWORKS for loss in LOSSES] if given.all else SYSTEM_1
    seeds = range(given.seeds)
    found = {(*each, seed): row(*each, seed, nodules, given) for seed in seeds for each in compared}
    print(f"{given.steps} steps, {given.seeds} seeds: mean ± standard deviation over seeds")
    print(f"| network | loss | {' | '.join(COLUMNS)} | Dice 0.5 against {' '.join(FIRST)} | best Dice against it |")
    print("| --- " * (len(COLUMNS) + 4) + "|")
    for each in compared:
        cells = [spread([found[*each, seed][column] for seed in seeds]) for column in COLUMNS]
        for column in ("Dice 0.5", "best Dice"):
            apart = [found[*each, seed][column] - found[*FIRST, seed][column] for seed in seeds]
            cells.append("-" if each == FIRST else spread(apart))
        print(f"| {' | '.join((*each, *cells))} |")


if __name__ == "__main__":
    main()
