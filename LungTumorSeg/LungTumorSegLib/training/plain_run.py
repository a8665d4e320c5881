"""The arguments that both recipes of the plain loop take on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from LungTumorSegLib.training.loop import Plan


def from_command_line(train: Callable, about: str, steps: int, batch: int) -> None:
    """Calls ``train(data, backgrounds, out, plan, start)``. about : its first line is the help's; steps, batch : the
    recipe's own numbers."""
    arguments = argparse.ArgumentParser(description=about.splitlines()[0])
    arguments.add_argument("--data", type=Path, required=True, help="nodule crops, laid out as lidc-nodules")
    arguments.add_argument("--backgrounds", type=Path, required=True, help="whole scans to set the nodules into")
    arguments.add_argument("-o", "--out", type=Path, required=True, help="folder of the run; resumed if it has begun")
    arguments.add_argument("--start", type=Path, help="a model's folder to begin with")
    arguments.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    arguments.add_argument("--steps", type=int, default=steps)
    arguments.add_argument("--batch", type=int, default=batch)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--half", action="store_true", help="bfloat16, where the processor has it")
    arguments.add_argument("--threads", type=int, default=2)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    plan = Plan(given.steps, given.batch, given.rate, seed=given.seed, half=given.half)
    train(given.data, given.backgrounds, given.out, plan, given.start)
