"""The recipe of the prompted model: one click inside a lesion, that lesion comes out.

``python -m LungTumorSegLib.training.prompted --data lidc-nodules --backgrounds scans -o run --steps 2000``
"""

from __future__ import annotations

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
from LungTumorSegLib.training.plain_run import from_command_line
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


if __name__ == "__main__":
    from_command_line(train_prompted, __doc__, steps=2000, batch=8)
