"""The average of a run's weights, by Lightning's own callback."""

from __future__ import annotations

from collections.abc import Callable

import torch
from lightning.pytorch.callbacks import WeightAveraging

from LungTumorSegLib.training.recipe import Recipe


def averaging_of(recipe: Recipe) -> list[WeightAveraging]:
    """The callback that the recipe asks for, if any. Validation and the finished model see the average."""
    chosen = recipe.averaging
    if chosen.name == "none":
        return []
    if chosen.name == "ema":
        return [WeightAveraging(avg_fn=floats_only(lambda done: 1 - min(chosen.keep, (1 + done) / (10 + done))))]
    start = int(chosen.start * recipe.run.steps)
    return [WeightAveraging(avg_fn=floats_only(lambda done: 1 / max(1, done - start + 1)))]


def floats_only(share: Callable[[int], float]):
    """share : averages taken before -> weight of the newest. Whole numbers (counts, tables) are copied: an average
    would round them."""

    def average(old: torch.Tensor, new: torch.Tensor, done: torch.Tensor | int) -> torch.Tensor:
        return torch.lerp(old, new, share(int(done))) if old.is_floating_point() else new

    return average
