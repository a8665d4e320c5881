"""A ward in miniature, so that a real training takes seconds: balls of tissue in air, and a small network as base."""

from pathlib import Path

import numpy as np

from LungTumorSegLib.cases.adding import add_case
from LungTumorSegLib.networks import registry
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.writing import write_volume

SIDE, BALL_MM = 24, 4.0


def patient(seed: int) -> tuple[Volume, np.ndarray]:
    rng = np.random.default_rng(seed)
    index = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), -1)
    inside = ((index - SIDE / 2 - rng.uniform(-2, 2, 3)) ** 2).sum(-1) < BALL_MM**2
    hu = np.where(inside, 20, -850) + rng.normal(0, 40, inside.shape)
    return Volume(hu.astype(np.int16), Geometry((SIDE,) * 3, (1.0, 1.0, 1.0))), inside.astype(np.uint8)


def add_patients(dataset: Path, seeds) -> None:
    for seed in seeds:
        add_case(dataset, *patient(seed), f"Patient {seed}")


def write_frozen(folder: Path, seeds) -> Path:
    for seed in seeds:
        case = folder / f"Frozen-{seed}"
        case.mkdir(parents=True)
        ct, mask = patient(seed)
        write_volume(case / "image.nii.gz", ct)
        write_volume(case / "mask.nii.gz", Volume(mask, ct.geometry))
    return folder


def put_base(models: Path) -> Path:
    """A prompted model that has learnt nothing yet, promoted as `site-prompted`; its folder."""
    import torch

    from LungTumorSegLib.networks import catalogue
    from LungTumorSegLib.networks.card import ModelCard
    from LungTumorSegLib.networks.model import save_model

    arguments = {"input_channels": 3, "widths": (4, 8, 8, 8), "blocks": (1, 1, 1, 1)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = catalogue.build("ResidualUNet3D", **arguments)

    def fill(folder: Path, version: str) -> None:
        card = ModelCard(
            version, "prompted", "ResidualUNet3D", arguments, (1.0, 1.0, 1.0), (32, 32, 32), (-1000.0, 400.0), 1, 0.5,
            0.0, "made in a test",
        )  # fmt: skip
        save_model(folder / version, network, card)
        for file in (folder / version).iterdir():
            file.rename(folder / file.name)
        (folder / version).rmdir()

    return models / registry.put_in(models, "site-prompted", fill, "report")
