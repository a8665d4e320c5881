"""What a network costs: parameters and multiply-adds, by torchinfo's convention.

torchinfo counts a convolution's weights and biases once for each output voxel, and every other layer's weights and
biases once for each item of the batch; ptflops and thop count differently. The published table was counted so.
"""

from __future__ import annotations

import json
import math
from functools import cache

import torch
from torch import nn

from LungTumorSegLib.networks import catalogue

# System 1's own limit for an energy-efficient network: multiply-adds of one 256 x 256 slice.
SLICE_LIMIT = 700_000_000
SLICE_SHAPE = (256, 256)
WINDOW_SHAPE = (48, 48, 48)
COARSE_WINDOW_SHAPE = (64, 64, 64)  # where a side of 48 is no multiple of the downsampling


def count(name: str, **arguments) -> tuple[int, int]:
    """(parameters, multiply-adds) by torchinfo, of one slice or cube of `reference_shape`."""
    import torchinfo  # here only: counting in the hot path goes without it

    entry = catalogue.entry(name)
    channels = {**entry.arguments, **arguments}["input_channels"]
    with torch.device("meta"):  # shapes alone are needed: nothing is computed
        network = catalogue.build(name, **arguments)
        image = torch.empty(1, channels, *reference_shape(entry))
    summary = torchinfo.summary(network.to("meta"), input_data=image, device="meta", verbose=0)
    return summary.total_params, summary.total_mult_adds


def multiply_adds(name: str, shape: tuple[int, ...], **arguments) -> int:
    """What torchinfo would count for an input of `shape` (n, c, h, w) or (n, c, d, h, w), without torchinfo.

    Cheap enough to ask at every window: each network is looked at once, at its smallest input. Sides must be
    multiples of the entry's `downsampling`; a network's convolutions then cost the same for every voxel.
    """
    entry = catalogue.entry(name)
    sides = shape[2:]
    if len(sides) != entry.dimensions or any(side % entry.downsampling for side in sides):
        raise ValueError(f"{name} takes {entry.dimensions}D inputs with sides of {entry.downsampling}n, not {shape}")
    cells = math.prod(side // entry.downsampling for side in sides)
    if not entry.even:
        return shape[0] * costs(name, json.dumps(arguments), sides)[0]
    per_item, per_cell = costs(name, json.dumps(arguments), entry.smallest)
    return shape[0] * (per_item + per_cell // entry.least_cells * cells)


@cache
def costs(name: str, arguments: str, sides: tuple[int, ...]) -> tuple[int, int]:
    """Multiply-adds of one input with these sides.

    Of an even network: (of the item whatever its size, of the voxels). Of another: (all, 0), since its attention
    windows, which torchinfo counts as items, do not grow with the voxels. What attention multiplies besides its
    weights torchinfo does not count.
    """
    entry = catalogue.entry(name)
    arguments = {**entry.arguments, **json.loads(arguments)}
    # Small inputs are computed in earnest: torch's shape-only mode would load half a second of compiler.
    device = "cpu" if entry.even else "meta"
    with torch.random.fork_rng(devices=[]):
        network = catalogue.build(name, **arguments).to(device).eval()
    total = {"item": 0, "voxels": 0}

    def add(layer: nn.Module, _, output: torch.Tensor) -> None:
        weights = sum(parameter.numel() for parameter in layer.parameters())
        if not weights:
            return
        if isinstance(layer, nn.modules.conv._ConvNd):
            total["voxels"] += weights * math.prod(output.shape[2:])
        else:
            total["item"] += weights * output.shape[0]

    for layer in network.modules():
        if next(layer.children(), None) is None:
            layer.register_forward_hook(add)
    with torch.inference_mode():
        network(torch.empty(1, arguments["input_channels"], *sides, device=device))
    if not entry.even:
        return total["item"] + total["voxels"], 0
    return total["item"], total["voxels"]


def table() -> list[dict]:
    """A row a network: name, parameters, multiply_adds, input, within_limit, sentence.

    within_limit is None for a 3D network: the limit is about slices.
    """
    rows = []
    for name in catalogue.names():
        entry = catalogue.entry(name)
        parameters, work = count(name)
        sides = (entry.arguments["input_channels"], *reference_shape(entry))
        rows.append(
            {
                "name": name,
                "parameters": parameters,
                "multiply_adds": work,
                "input": " x ".join(map(str, sides)),
                "within_limit": work <= SLICE_LIMIT if entry.dimensions == 2 else None,
                "sentence": entry.sentence,
            }
        )
    return rows


def printed(work: float) -> str:
    """Multiply-adds as the published table prints them: '42.35 G', '549.04 M'."""
    return f"{work / 1e9:.2f} G" if work >= 1e9 else f"{work / 1e6:.2f} M"


def reference_shape(entry: catalogue.CatalogueEntry) -> tuple[int, ...]:
    """Sides of the input that a network is counted with: one slice, or one window."""
    if entry.dimensions == 2:
        return SLICE_SHAPE
    return COARSE_WINDOW_SHAPE if any(side % entry.downsampling for side in WINDOW_SHAPE) else WINDOW_SHAPE
