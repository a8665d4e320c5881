"""The recipe of the automatic model: a block of lung in, the probability of tumour for each of its voxels out.

``python -m LungTumorSegLib.training.searching --data lidc-nodules --backgrounds scans -o run --steps 3000``
"""

from __future__ import annotations

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
from LungTumorSegLib.training.plain_run import from_command_line
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


if __name__ == "__main__":
    from_command_line(train_searching, __doc__, steps=3000, batch=4)
