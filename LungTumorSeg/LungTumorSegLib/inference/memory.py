"""How much memory a network takes, how much there is, and how running out of it looks."""

from __future__ import annotations

import torch
from torch import nn

CPU_BUDGET = 2 << 30  # a scan of 512 x 512 x 600 with its grid and its probability adds less than 2 GiB to this


class OutOfMemory(MemoryError):
    """Not even a single window fits."""


def budget(device: torch.device) -> int:
    """Bytes that one forward pass may take."""
    if device.type == "cuda":
        return int(0.8 * torch.cuda.mem_get_info(device)[0])
    return CPU_BUDGET


def bytes_per_voxel(network: nn.Module, example: torch.Tensor) -> float:
    """What the outputs of all layers take for each voxel of the input: more than is ever alive at once."""
    total = 0

    def add(_module, _inputs, output) -> None:
        nonlocal total
        for tensor in output if isinstance(output, tuple) else (output,):
            total += tensor.nbytes

    layers = [module for module in network.modules() if next(module.children(), None) is None]
    handles = [layer.register_forward_hook(add) for layer in layers]
    with torch.no_grad():
        network(example)
    for handle in handles:
        handle.remove()
    return total / (example.shape[0] * example[0, 0].numel())


def is_out_of_memory(error: BaseException) -> bool:
    """True for every way in which torch and numpy say that there is no memory."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    words = ("out of memory", "can't allocate memory", "not enough memory", "could not create a memory")
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)
