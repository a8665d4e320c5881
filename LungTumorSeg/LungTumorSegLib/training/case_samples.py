"""A training sample of prepared cases: a window, around the target or anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from LungTumorSegLib.training.prepared import Prepared
from LungTumorSegLib.training.recipe import Recipe
from LungTumorSegLib.training.sampling import Sample
from LungTumorSegLib.training.transforms import Transforms


@dataclass(frozen=True)
class CaseSamples:
    """Makes the samples of a recipe: (random generator, step) -> input (c, ...), target (classes, ...), known (1, ...).

    labels : of the data's classes, in the card's order. changed : with the recipe's augmentation.
    A gate's sample has one target (1,): whether the window's slice holds the target.
    """

    cases: list[Prepared]
    labels: tuple[int, ...]
    recipe: Recipe
    changed: bool = True

    @cached_property
    def window(self) -> tuple[int, int, int]:
        window = self.recipe.data.window
        return window if len(window) == 3 else (self.recipe.data.adjacent_slices, *window)

    @cached_property
    def with_target(self) -> list[Prepared]:
        return [case for case in self.cases if case.found]

    @cached_property
    def transforms(self) -> Transforms:
        return Transforms(self.recipe.augmentation, self.recipe.data.window)

    def __call__(self, rng: np.random.Generator, step: int) -> Sample:
        positive = rng.random() < self.recipe.sampling.positive_share and bool(self.with_target)
        cases = self.with_target if positive else self.cases
        case = cases[rng.integers(len(cases))]
        start = self.start(case, rng, positive)
        image, labels, known = windowed(case, start, self.window)
        if self.recipe.dimensions == 2:
            middle = len(labels) // 2
            image, labels, known = image.reshape(-1, *image.shape[-2:]), labels[middle], known[middle]
        target = torch.from_numpy(self.target(labels))
        sample = torch.from_numpy(image), target, torch.from_numpy(known[None].astype(np.float32))
        if self.changed:
            sample = self.transforms(*sample, rng)
        if self.recipe.task == "gate":
            held = ((sample[1] > 0) & (sample[2] > 0)).any()
            return sample[0], held.float()[None], torch.ones(1)
        return sample

    def start(self, case: Prepared, rng: np.random.Generator, positive: bool) -> np.ndarray:
        """First voxel (k, j, i) of the window.

        Where the case is smaller than the window, it lies anywhere within. With `positive` one voxel of the target is
        in the window, anywhere; of a slice network, in its middle slice.
        """
        window, shape = np.array(self.window), np.array(case.shape)
        low, high = np.minimum(0, shape - window), np.maximum(0, shape - window)
        place = None
        if positive:
            places = case.places()
            place = places[rng.integers(len(places))]
            start = (place - rng.integers(window)).clip(low, high)
        else:
            start = rng.integers(low, high + 1)
        if self.recipe.dimensions == 2:
            middle = rng.integers(shape[0]) if place is None else place[0]
            start[0] = middle - window[0] // 2
        return start

    def target(self, labels: np.ndarray) -> np.ndarray:
        """float32 (classes, ...), with softmax the background first."""
        data = self.recipe.data
        if data.classes == "union":
            found = np.isin(labels, self.labels)[None]
        else:
            found = np.stack([labels == label for label in self.labels])
        if data.activation == "softmax":
            found = np.concatenate([~found.any(0)[None], found])
        return found.astype(np.float32)


def windowed(
    case: Prepared, start: np.ndarray, window: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image [c, k, j, i], labels, known (bool) [k, j, i] of a window. Outside the case its edge continues, unknown."""
    stop = start + window
    first = np.minimum(np.maximum(start, 0), np.array(case.shape) - 1)
    last = np.maximum(np.minimum(stop, case.shape), first + 1)
    box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    margins = [(int(max(0, a - s)), int(max(0, e - b))) for a, s, b, e in zip(first, start, last, stop, strict=True)]
    image, labels = case.image(box), case.labels(box)
    known = np.ones(labels.shape, bool)
    if any(map(any, margins)):
        image = np.pad(image, [(0, 0), *margins], mode="edge")
        labels, known = np.pad(labels, margins), np.pad(known, margins)
    return image, labels, known
