"""The recipe of the automatic model: a block of lung in, the probability of tumour for each of its voxels out.

``python -m LungTumorSegLib.training.searching --data lidc-nodules --backgrounds scans -o run --steps 3000``
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
from LungTumorSegLib.training.crops import read_nodules
from LungTumorSegLib.training.loop import Plan, train
from LungTumorSegLib.training.loss import known_loss
from LungTumorSegLib.training.searching_samples import THINNED_MM, SearchingSamples, by_slices
from LungTumorSegLib.training.split import part_of

NETWORK = "ResidualUNet3D"


def train_searching(
    data: Path, backgrounds: Path, out: Path, plan: Plan, start: Path | None = None, stop_at: int | None = None
) -> nn.Module:
    """Trains on the training patients of `data`, set into the scans of `backgrounds`; `out` is the run's folder."""
    nodules = [nodule for nodule in read_nodules(data) if part_of(nodule.patient) == "train"]
    scans = [scan.thinned(THINNED_MM) for scan in read_backgrounds(backgrounds)]
    torch.manual_seed(plan.seed)
    network = load_model(start).network if start else catalogue.build(NETWORK, input_channels=1)
    samples = SearchingSamples(nodules, scans, by_slices(scans))
    return train(network, samples, partial(known_loss, entropy=5.0, dice=1.0), plan, Path(out), stop_at)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, required=True, help="nodule crops, laid out as lidc-nodules")
    arguments.add_argument("--backgrounds", type=Path, required=True, help="whole scans to set the nodules into")
    arguments.add_argument("-o", "--out", type=Path, required=True, help="folder of the run; resumed if it has begun")
    arguments.add_argument("--start", type=Path, help="a model's folder to begin with")
    arguments.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    arguments.add_argument("--steps", type=int, default=3000)
    arguments.add_argument("--batch", type=int, default=4)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--half", action="store_true", help="bfloat16, where the processor has it")
    arguments.add_argument("--threads", type=int, default=2)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    plan = Plan(given.steps, given.batch, given.rate, seed=given.seed, half=given.half)
    train_searching(given.data, given.backgrounds, given.out, plan, given.start)


if __name__ == "__main__":
    main()
