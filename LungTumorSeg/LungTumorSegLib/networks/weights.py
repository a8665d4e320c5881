"""A network's weights as a safetensors file: nothing in it can execute, and all of it is checked."""

from __future__ import annotations

import json
import math

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from LungTumorSegLib.errors import InputRefused

LARGEST_BYTES = 256 << 20  # the largest network of the catalogue, SwinUNETR with 48 features, takes 237 MiB
LEAST_BYTES_A_WEIGHT = 2  # half precision
LARGEST_HEADER_BYTES = 1 << 20
MOST_TENSORS = 4096
TYPES = ("F32", "F16", "BF16")


def weights_of(network: nn.Module) -> dict[str, torch.Tensor]:
    """What is stored: parameters and batch norm's statistics, float32, by dotted name.

    Whole numbers are not: batch norm's count of training steps matters to no result, and an attention window's table
    of neighbours follows from its size and must not come from a stranger.
    """
    return {
        name: tensor.detach().float().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point()
    }


def refuse_before_building(content: bytes, network: nn.Module) -> None:
    """`InputRefused` where a safetensors file cannot be this network's, which may be one without memory ("meta").

    A card can ask for a network of gigabytes; a file that does not hold its weights is refused before it is built.
    """
    wanted = {name: list(each.shape) for name, each in network.state_dict().items() if each.is_floating_point()}
    refuse_header(header(content), wanted)
    if sum(map(math.prod, wanted.values())) * LEAST_BYTES_A_WEIGHT > len(content):
        raise InputRefused("model weights: the file is damaged; get it again")


def encode(network: nn.Module) -> bytes:
    """The network's weights as the content of a safetensors file; refuses what `fill` would refuse."""
    weights = weights_of(network)
    refuse_values(weights)
    return safetensors.torch.save(weights)


def fill(network: nn.Module, content: bytes) -> None:
    """Put a safetensors file's weights into `network`, as float32.

    Header, names, types and shapes are checked before a tensor is made. `InputRefused` says in one line what does
    not fit.
    """
    wanted = {name: list(tensor.shape) for name, tensor in weights_of(network).items()}
    refuse_header(header(content), wanted)
    try:
        weights = safetensors.torch.load(content)
    except SafetensorError:
        raise InputRefused("model weights: the file is damaged; get it again") from None
    refuse_values(weights)
    network.load_state_dict(weights, strict=False)  # the names were compared above; whole numbers are left alone


def header(content: bytes) -> dict[str, dict]:
    """The entry of each tensor, by name."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > LARGEST_HEADER_BYTES or 8 + length > len(content):
        raise InputRefused("model weights: not a safetensors file, or cut off, or with too long a header")
    try:
        entries = json.loads(content[8 : 8 + length])
    except (ValueError, RecursionError):
        raise InputRefused("model weights: not a safetensors file") from None
    if not isinstance(entries, dict):
        raise InputRefused("model weights: not a safetensors file")
    entries.pop("__metadata__", None)
    if len(entries) > MOST_TENSORS:
        raise InputRefused(f"model weights: {len(entries)} tensors, more than {MOST_TENSORS}")
    return entries


def refuse_header(entries: dict[str, dict], wanted: dict[str, list[int]]) -> None:
    for name, entry in entries.items():
        if name not in wanted:
            raise InputRefused(f"model weights: the network has no {name[:60]!r}")
        if not isinstance(entry, dict) or entry.get("dtype") not in TYPES:
            raise InputRefused(f"model weights: {name} must be one of {', '.join(TYPES)}")
        if entry.get("shape") != wanted[name]:
            raise InputRefused(f"model weights: {name} must have the shape {wanted[name]}")
    if missing := wanted.keys() - entries.keys():
        raise InputRefused(f"model weights: {min(missing)} missing ({len(missing)} of {len(wanted)} tensors)")


def refuse_values(weights: dict[str, torch.Tensor]) -> None:
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise InputRefused(f"model weights: {name} holds NaN or infinite values")
        if name.endswith("running_var") and (tensor < 0).any():
            raise InputRefused(f"model weights: {name} holds negative variances")
