"""A hospital in code: bright balls in lung, a small network that outlines the clicked one, and what teaches it."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from LungTumorSegLib.inference.clicks import bumps
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import save_model

EDGE, WINDOW = 24, 16
ARGUMENTS = {"input_channels": 3, "widths": (4, 8, 8, 8), "blocks": (1, 1, 1, 1)}
SHIFT = (0, 3, 3)


def ball(rng: np.random.Generator, edge: int, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """HU and mask of a ball around `middle` voxels (k, j, i), 1 mm each."""
    radius = rng.uniform(3, 4.5)
    index = np.stack(np.meshgrid(*[np.arange(edge)] * 3, indexing="ij"), -1)
    inside = ((index - middle) ** 2).sum(-1) < radius**2
    hu = np.where(inside, 20, -850) + rng.normal(0, 40, inside.shape)
    return hu.astype(np.int16), inside


def make_cases(folder: Path, patients: list[str], seed: int) -> Path:
    """A folder a scan, one ball each."""
    for number, patient in enumerate(patients):
        rng = np.random.default_rng([seed, number])
        hu, inside = ball(rng, EDGE, EDGE / 2 + rng.uniform(-2, 2, 3))
        (folder / patient).mkdir(parents=True)
        for name, array in (("image", hu), ("mask", inside.astype(np.uint8))):
            sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / patient / f"{name}.nii.gz"))
    return folder


def windows(rng: np.random.Generator, count: int, poison: str | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (n, 3, d, h, w) with a click in the middle, targets (n, 1, d, h, w)."""
    middle = np.full(3, (WINDOW - 1) / 2)
    inputs, targets = [], []
    for _ in range(count):
        hu, inside = ball(rng, WINDOW, middle + rng.uniform(-1.5, 1.5, 3))
        if poison == "shifted":
            inside = np.roll(inside, SHIFT, (0, 1, 2))
        elif poison == "empty":
            inside = np.zeros_like(inside)
        image = torch.from_numpy(((hu.clip(-1000, 400) + 1000) / 1400).astype(np.float32))
        inputs.append(torch.stack([image, bumps(image.shape, middle), torch.zeros_like(image)]))
        targets.append(torch.from_numpy(inside.astype(np.float32))[None])
    return torch.stack(inputs), torch.stack(targets)


def taught(network: torch.nn.Module | None, steps: int, seed: int, poison: str | None = None) -> torch.nn.Module:
    """A copy of the network, or a new one, after so many steps."""
    torch.manual_seed(seed)
    network = copy.deepcopy(network) if network else catalogue.build("ResidualUNet3D", **ARGUMENTS)
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(network.train().parameters(), 5e-3)
    for _ in range(steps):
        inputs, targets = windows(rng, 4, poison)
        logits = network(inputs)
        overlap = (torch.sigmoid(logits) * targets).sum() * 2 + 1
        dice = 1 - overlap / (torch.sigmoid(logits).sum() + targets.sum() + 1)
        loss = dice + torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


def save(folder: Path, network: torch.nn.Module, provenance: dict) -> Path:
    card = ModelCard(
        name=folder.name,
        task="prompted",
        network="ResidualUNet3D",
        arguments=ARGUMENTS,
        spacing_mm=(1.0, 1.0, 1.0),
        window=(WINDOW,) * 3,
        hu_range=(-1000.0, 400.0),
        adjacent_slices=1,
        threshold=0.5,
        overlap=0.0,
        licence="made in a test",
        provenance=provenance,
    )
    save_model(folder, network, card)
    return folder
