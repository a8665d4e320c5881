"""The recipe of the prompted model: one click inside a lesion, that lesion comes out.

``python -m LungTumorSegLib.training.prompted --data lidc-nodules --backgrounds scans -o run --steps 2000``
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import torch
from torch import nn

from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.model import load_model
from LungTumorSegLib.training.backgrounds import read_backgrounds
from LungTumorSegLib.training.clicks import corrected
from LungTumorSegLib.training.crops import read_nodules
from LungTumorSegLib.training.loop import Plan, train
from LungTumorSegLib.training.loss import known_loss
from LungTumorSegLib.training.prompted_samples import PromptedSamples
from LungTumorSegLib.training.split import part_of

NETWORK = "ResidualUNet3D"
INPUT_CHANNELS = 4  # the CT, points inside, points outside, a box
WINDOWS = (32, 32, 32, 32, 48)  # edges in voxels, in turn


def train_prompted(
    data: Path, backgrounds: Path, out: Path, plan: Plan, start: Path | None = None, stop_at: int | None = None
) -> nn.Module:
    """Trains on the training patients of `data`, set into the scans of `backgrounds`; `out` is the run's folder.

    start : a model to begin with, which stays as it is; without it, random weights.
    """
    nodules = [nodule for nodule in read_nodules(data) if part_of(nodule.patient) == "train"]
    samples = PromptedSamples(nodules, read_backgrounds(backgrounds), WINDOWS)
    torch.manual_seed(plan.seed)
    network = load_model(start).network if start else catalogue.build(NETWORK, input_channels=INPUT_CHANNELS)
    loss = partial(known_loss, entropy=5.0, dice=1.0)
    return train(network, samples, loss, plan, Path(out), stop_at, revise=corrected)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, required=True, help="nodule crops, laid out as lidc-nodules")
    arguments.add_argument("--backgrounds", type=Path, required=True, help="whole scans to set the nodules into")
    arguments.add_argument("-o", "--out", type=Path, required=True, help="folder of the run; resumed if it has begun")
    arguments.add_argument("--start", type=Path, help="a model's folder to begin with")
    arguments.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    arguments.add_argument("--steps", type=int, default=2000)
    arguments.add_argument("--batch", type=int, default=8)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--half", action="store_true", help="bfloat16, where the processor has it")
    arguments.add_argument("--threads", type=int, default=2)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    plan = Plan(given.steps, given.batch, given.rate, seed=given.seed, half=given.half)
    train_prompted(given.data, given.backgrounds, given.out, plan, given.start)


if __name__ == "__main__":
    main()
