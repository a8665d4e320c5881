"""System 1's comparison on real nodules, with several seeds: which loss, which network, and how sure is that?

    ci/benchmark losses NODULES [-o OUT] [--steps N] [--seeds N] [--threads N] [--only NETWORK] [--loss LOSS]

NODULES: crops laid out as lidc-nodules. Each of ENet, ENet-Skip and ENet-CBAM-Skip learns with BCE, Dice and focal loss
by the recipe energy-efficient-enet on windows of 64 x 64 pixels. A seed decides the weights, the samples and which
fifth of the patients is held out, alike for every network and loss, so that differences can be taken in pairs. Scores
are of all held-out windows together: "pure probabilities" (soft counts), and masks at 0.5 and 0.8.

What is done in OUT is not done again, so the run can be stopped and begun anew at any time.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import numpy as np
import torch

from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.networks.model import CARD, load_model
from LungTumorSegLib.training import training_run
from LungTumorSegLib.training.recipe import Recipe
from LungTumorSegLib.training.recipe_file import read_recipe
from LungTumorSegLib.training.teaching import of_cases
from LungTumorSegLib.training.watching import unheard

NETWORKS = ("ENet", "ENet-Skip", "ENet-CBAM-Skip")
LOSSES = ("bce", "dice", "focal")
COLUMNS = ("soft Dice", "Dice 0.5", "precision 0.5", "recall 0.5", "Dice 0.8")
HELD_OUT_WINDOWS = 1000
BATCH = 50


def recipe_for(network: str, loss: str, seed: int, steps: int) -> Recipe:
    settings = [f"network.name={network}", f"loss.name={loss}", f"run.seed={seed}", f"run.steps={steps}"]
    settings += [f"run.steps_an_epoch={max(1, steps // 10)}", "run.choose=last", "run.patience=0", "run.workers=0"]
    settings += ["run.validation_windows=64", "data.window=[64,64]", "data.spacing_mm=['own',1.0,1.0]"]
    settings += ["optimiser.learning_rate=1e-3", "schedule.warm_up=20"]
    return read_recipe("energy-efficient-enet", settings)


@torch.no_grad()
def scores(model: Path, recipe: Recipe, data: Path, prepared: Path) -> dict[str, float]:
    """Of the windows of held-out patients that the recipe's sampling draws."""
    validation = of_cases(recipe, read_dataset(data), prepared, unheard).validation
    network = load_model(model).network
    soft, half, high = np.zeros(3), np.zeros(3), np.zeros(3)
    for first in range(0, HELD_OUT_WINDOWS, BATCH):
        made = [validation(np.random.default_rng([7, number]), 0) for number in range(first, first + BATCH)]
        image, target, known = (torch.stack(each) for each in zip(*made, strict=True))
        probability = network(image).sigmoid() * known
        for counts, found in ((soft, probability), (half, (probability >= 0.5).float()), (high, probability >= 0.8)):
            found = found.float()
            counts += [float((found * target).sum()), float(found.sum()), float(target.sum())]
    dice = [2 * both / max(found + true, 1e-9) for both, found, true in (soft, half, high)]
    return dict(
        zip(
            COLUMNS,
            [dice[0], dice[1], half[0] / max(half[1], 1e-9), half[0] / max(half[2], 1e-9), dice[2]],
            strict=True,
        )
    )


def row(network: str, loss: str, seed: int, given: argparse.Namespace) -> dict[str, float]:
    place = given.out / f"{network}-{loss}-{seed}"
    if (place / "scores.json").is_file():
        return json.loads((place / "scores.json").read_text())
    recipe = recipe_for(network, loss, seed, given.steps)
    if not (place / CARD).is_file():
        training_run.train(recipe, given.nodules, place, resume=True, device="cpu", threads=given.threads)
    found = scores(place, recipe, given.nodules, given.out / "prepared")
    (place / "scores.json").write_text(json.dumps(found))
    return found


def spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f}" + (f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else "")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("nodules", type=Path)
    arguments.add_argument("-o", "--out", type=Path, default=Path("out/losses"))
    arguments.add_argument("--steps", type=int, default=600)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--only", choices=NETWORKS)
    arguments.add_argument("--loss", choices=LOSSES)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    print(f"{given.steps} steps, {given.seeds} seeds: mean ± standard deviation over seeds")
    print(f"| network | loss | {' | '.join(COLUMNS)} | Dice 0.5 against BCE |")
    print("| --- " * (len(COLUMNS) + 3) + "|", flush=True)
    for network in [given.only] if given.only else NETWORKS:
        with_bce = None
        for loss in [given.loss] if given.loss else LOSSES:
            found = [row(network, loss, seed, given) for seed in range(given.seeds)]
            with_bce = with_bce or found
            apart = [one["Dice 0.5"] - other["Dice 0.5"] for one, other in zip(found, with_bce, strict=True)]
            cells = [spread([each[column] for each in found]) for column in COLUMNS]
            print(f"| {network} | {loss} | {' | '.join(cells)} | {spread(apart)} |", flush=True)


if __name__ == "__main__":
    main()
