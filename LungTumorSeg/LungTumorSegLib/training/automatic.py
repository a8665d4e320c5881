"""The recipe of the automatic model: a whole scan in, a probability of tumour for every voxel out, slice by slice.

``python -m LungTumorSegLib.training.automatic --data lidc-nodules --backgrounds scans -o run --steps 1500``
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.model import load_model
from LungTumorSegLib.training.automatic_samples import ADJACENT, THINNED_MM, AutomaticSamples
from LungTumorSegLib.training.backgrounds import Background, read_backgrounds
from LungTumorSegLib.training.crops import read_nodules
from LungTumorSegLib.training.loop import Plan, train
from LungTumorSegLib.training.loss import known_loss
from LungTumorSegLib.training.split import part_of

NETWORK = "ENet-CBAM-Skip-Fine"


def train_automatic(
    data: Path, backgrounds: Path, out: Path, plan: Plan, start: Path | None = None, stop_at: int | None = None
) -> nn.Module:
    """Trains on the training patients of `data`, set into the scans of `backgrounds`; `out` is the run's folder.

    start : a model to begin with, which stays as it is; without it, random weights.
    """
    nodules = [nodule for nodule in read_nodules(data) if part_of(nodule.patient) == "train"]
    scans = [scan.thinned(THINNED_MM) for scan in read_backgrounds(backgrounds)]
    torch.manual_seed(plan.seed)
    network = load_model(start).network if start else catalogue.build(NETWORK, input_channels=ADJACENT)
    samples = AutomaticSamples(nodules, scans, by_slices(scans))
    return train(network, samples, partial(known_loss, entropy=5.0, dice=1.0), plan, Path(out), stop_at)


def by_slices(scans: list[Background]) -> tuple[float, ...]:
    """How often each scan is drawn: by the root of its slices, since thick ones hold less to learn from."""
    weights = np.sqrt([len(scan.image) for scan in scans])
    return tuple(weights / weights.sum())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, required=True, help="nodule crops, laid out as lidc-nodules")
    arguments.add_argument("--backgrounds", type=Path, required=True, help="whole scans to set the nodules into")
    arguments.add_argument("-o", "--out", type=Path, required=True, help="folder of the run; resumed if it has begun")
    arguments.add_argument("--start", type=Path, help="a model's folder to begin with")
    arguments.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    arguments.add_argument("--steps", type=int, default=1500)
    arguments.add_argument("--batch", type=int, default=12)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--half", action="store_true", help="bfloat16, where the processor has it")
    arguments.add_argument("--threads", type=int, default=2)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    plan = Plan(given.steps, given.batch, given.rate, seed=given.seed, half=given.half)
    train_automatic(given.data, given.backgrounds, given.out, plan, given.start)


if __name__ == "__main__":
    main()
