"""The loop: batches made in another process, AdamW with warm-up and cosine decay, an average of the weights.

Every random choice follows from (seed, step, place in the batch) and none from what happened before, so a run that is
killed and resumed ends with the very weights of one that was not.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.training.checkpoint import State, read_checkpoint, write_checkpoint

CHECKPOINT = "checkpoint.safetensors"
LOG = "log.csv"
LARGEST_GRADIENT = 5.0
REVISED_EVERY = 3

Sample = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # input (c, ...), target (1, ...), known (1, ...)


@dataclass(frozen=True)
class Plan:
    """steps : optimiser steps in all. half : bfloat16 autocast, worth it only on processors that have it.
    keep : share of the averaged weights kept at each step. workers : processes that make batches (0 = this one)."""

    steps: int
    batch: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warm_up: int = 100
    keep: float = 0.99
    seed: int = 0
    half: bool = False
    workers: int = 1
    checkpoint_every: int = 50


class Samples(Dataset):
    """Training samples by number; sample `step * batch + n` always comes out the same."""

    def __init__(self, make: Callable[[np.random.Generator, int], Sample], plan: Plan):
        self.make = make
        self.plan = plan

    def __len__(self) -> int:
        return self.plan.steps * self.plan.batch

    def __getitem__(self, number: int) -> Sample:
        return self.make(np.random.default_rng([self.plan.seed, number]), number // self.plan.batch)


def train(
    network: nn.Module,
    make_sample: Callable[[np.random.Generator, int], Sample],
    loss_of: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    plan: Plan,
    run: Path,
    stop_at: int | None = None,
    revise: Callable[[nn.Module, torch.Tensor, torch.Tensor, np.random.Generator], torch.Tensor] | None = None,
) -> nn.Module:
    """Trains the network and returns its averaged twin in evaluation mode.

    make_sample : (random generator, step) -> sample; all samples of one step have one shape.
    run : folder of the checkpoint and the log; a checkpoint found there is resumed (its plan must be this one, but
    for the number of steps). stop_at : leave after this step with a checkpoint, as if killed there.
    revise : (network, inputs, targets, random generator) -> inputs; looked at in every third step, with the network
    as it is then: how a user's next clicks follow from what the network got wrong.
    """
    run.mkdir(parents=True, exist_ok=True)
    layout = torch.channels_last_3d if _is_3d(network) else torch.channels_last
    network = network.to(memory_format=layout).train()
    average = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    done = _resume(run / CHECKPOINT, plan, network, average, optimiser)
    last = min(plan.steps, stop_at or plan.steps)
    loader = DataLoader(
        Samples(make_sample, plan),
        batch_size=plan.batch,
        sampler=range(done * plan.batch, last * plan.batch),
        num_workers=plan.workers,
        prefetch_factor=4 if plan.workers else None,
    )
    started, losses = time.perf_counter(), []
    for step, (image, target, known) in enumerate(loader, start=done):
        torch.manual_seed(plan.seed * 1_000_003 + step)  # dropout
        if revise and step % REVISED_EVERY == REVISED_EVERY - 1:
            with torch.autocast("cpu", torch.bfloat16, enabled=plan.half):
                image = revise(network.eval(), image, target, np.random.default_rng([plan.seed, step, 1]))
            network.train()
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * _rate(step, plan)
        with torch.autocast("cpu", torch.bfloat16, enabled=plan.half):
            logits = network(image.to(memory_format=layout))
        loss = loss_of(logits, target, known)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        _follow(average, network, min(plan.keep, (1 + step) / (10 + step)))
        losses.append(loss.item())
        finished = step + 1
        if finished % plan.checkpoint_every == 0 or finished == last:
            write_checkpoint(run / CHECKPOINT, _state(finished, plan, network, average, optimiser))
            _log(run / LOG, finished, float(np.mean(losses)), time.perf_counter() - started)
            losses = []
    network.load_state_dict(average)
    return network.eval()


def averaged(network: nn.Module, run: Path) -> nn.Module:
    """The network with the averaged weights of a run's last checkpoint, in evaluation mode."""
    tensors = read_checkpoint(run / CHECKPOINT).tensors
    network.load_state_dict({name[8:]: tensor for name, tensor in tensors.items() if name.startswith("average.")})
    return network.eval()


def _is_3d(network: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv3d) for module in network.modules())


def _rate(step: int, plan: Plan) -> float:
    if step < plan.warm_up:
        return (step + 1) / plan.warm_up
    return 0.01 + 0.99 * (1 + cos(pi * (step - plan.warm_up) / max(1, plan.steps - plan.warm_up))) / 2


@torch.no_grad()
def _follow(average: dict[str, torch.Tensor], network: nn.Module, keep: float) -> None:
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            average[name].lerp_(tensor, 1 - keep)
        else:
            average[name].copy_(tensor)


def _state(step: int, plan: Plan, network: nn.Module, average: dict, optimiser: torch.optim.Optimizer) -> State:
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.items()}
    for number, values in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in values.items()}
    return State(step, asdict(plan), tensors)


def _resume(path: Path, plan: Plan, network: nn.Module, average: dict, optimiser: torch.optim.Optimizer) -> int:
    if not path.is_file():
        return 0
    state = read_checkpoint(path)
    free = {"steps", "keep", "workers", "checkpoint_every"}
    for name, value in asdict(plan).items():
        if name not in free and state.plan.get(name) != value:
            raise InputRefused(f"the run in {path.parent.name} had {name} = {state.plan.get(name)}, not {value}")
    parts: dict[str, dict] = {"network": {}, "average": {}, "optimiser": {}}
    for name, tensor in state.tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    network.load_state_dict(parts["network"])
    for name, tensor in parts["average"].items():
        average[name].copy_(tensor)
    moments: dict[int, dict] = {}
    for name, tensor in parts["optimiser"].items():
        number, _, key = name.partition(".")
        moments.setdefault(int(number), {})[key] = tensor
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
    return state.step


def _log(path: Path, step: int, loss: float, seconds: float) -> None:
    new = not path.is_file()
    with path.open("a", newline="") as file:
        rows = csv.writer(file)
        if new:
            rows.writerow(["step", "loss", "seconds"])
        rows.writerow([step, f"{loss:.4f}", f"{seconds:.0f}"])
