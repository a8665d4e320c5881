"""A sample for fine-tuning the prompted model: a window around a simulated click or box in a corrected scan.

Windows are read as the product reads them (the model's grid, edges going on outward), turned, stretched and made noisy
as in the base's own training. Beside the user's lesions, other places of the same scans are clicked: nobody outlined
what is there, and the base's own answer is taught instead (learning without forgetting, Li and Hoiem,
https://doi.org/10.1109/TPAMI.2017.2773081).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from LungTumorSegLib.cases.case import Case
from LungTumorSegLib.inference.clicks import bumps
from LungTumorSegLib.inference.looks import FINE, SMALL_MM, ZOOMS
from LungTumorSegLib.inference.scan import Scan
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.training.augmentation import as_from_another_scanner, scaled
from LungTumorSegLib.training.clicks import click_inside, drawn_around
from LungTumorSegLib.training.corrected_files import CorrectedFile, StoredArray, Tensors, prepare_files
from LungTumorSegLib.training.prompted_samples import ASTRAY, ASTRAY_MM, BOXED, FINER
from LungTumorSegLib.training.recipe import Recipe
from LungTumorSegLib.training.sampling import sample, turn, window_positions
from LungTumorSegLib.volume.geometry import Volume

VERSION = 1
SMALLEST_MM = 3.0
STRETCH = (0.85, 1.2)  # how much larger or smaller a lesion appears
TILT_DEGREES = 12.0
FILLS = 0.75  # of a window's side, at most, by a lesion: else the next zoom shows it
TISSUE_HU = -500.0
PLACES = 64  # elsewhere in a lesion's surroundings
OWN_WINDOW_EVERY = 5  # steps: the others see the recipe's smaller window, which most lesions fit, three times as fast
MARGIN = 1.75  # of half a window: its diagonal

Shape = tuple[int, int, int]
Sample = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Region:
    """A lesion and what lies around it in its scan, canonical order, the scan's own voxels.

    image (int16 HU), labels (uint16): [k, j, i], read box by box. number : of the lesion in `labels`. voxels (n, 3) and
    depth_mm (n,) : its voxels and their distance to the outside. elsewhere (m, 3) : tissue that is no lesion.
    zoom : of the window that holds it.
    """

    image: StoredArray
    labels: StoredArray
    number: int
    spacing: tuple[float, float, float]
    voxels: np.ndarray
    depth_mm: np.ndarray
    elsewhere: np.ndarray
    zoom: int

    @property
    def is_small(self) -> bool:
        """The product sees it on a finer grid (`inference.looks`)."""
        return len(self.voxels) * np.prod(self.spacing) <= 4 / 3 * np.pi * SMALL_MM**3


@dataclass(frozen=True)
class Numbered:
    """The array of one lesion's number as a mask, read box by box."""

    labels: StoredArray
    number: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.labels.shape

    def __getitem__(self, box: tuple[slice, ...]) -> np.ndarray:
        return (self.labels[box] == self.number).astype(np.uint8)


def prepare_clicks(
    cases: list[Case], card: ModelCard, folder: Path, progress: Callable[[float], None]
) -> list[CorrectedFile]:
    """The surroundings of each case's lesions as files. card : of the model to be fine-tuned."""
    settings = json.dumps(["clicks", VERSION, card.spacing_mm, card.window])
    return prepare_files(cases, settings, folder, lambda case: surroundings(case, card), progress)


def surroundings(case: Case, card: ModelCard) -> Tensors:
    """For each lesion n of the case: image_n, labels_n, voxels_n, elsewhere_n, about_n (number, zoom, spacing)."""
    images, labels, geometry = case.load()
    scan = Scan(Volume(images[0], geometry))
    lesions = lesion_labels(scan.orientation.apply(labels) > 0, scan.geometry, smallest_mm=SMALLEST_MM)
    spacing = np.array(scan.geometry.spacing[::-1])
    side = np.multiply(card.window, [mm or own for mm, own in zip(card.spacing_mm, spacing, strict=True)])
    tensors: Tensors = {"places": np.zeros((int(lesions.max(initial=0)), 1), np.int32)}
    for number, box in enumerate(ndimage.find_objects(lesions), start=1):
        extent = [b.stop - b.start for b in box] * spacing
        zoom = next((zoom for zoom in ZOOMS if (extent <= FILLS * zoom * side).all()), ZOOMS[-1])
        margin = np.ceil(MARGIN * max(STRETCH) * zoom * side / 2 / spacing).astype(int)
        first = np.maximum(0, [b.start for b in box] - margin)
        stop = np.minimum(lesions.shape, [b.stop for b in box] + margin)
        part = tuple(slice(a, b) for a, b in zip(first, stop, strict=True))
        image, around = np.ascontiguousarray(scan.voxels[part]), np.ascontiguousarray(lesions[part])
        tensors |= {
            f"image_{number}": image.astype(np.int16),
            f"labels_{number}": around,
            f"voxels_{number}": np.argwhere(around == number).astype(np.int32),
            f"elsewhere_{number}": other_tissue(image, around),
            f"about_{number}": np.array([number, zoom, *spacing]),
        }
    return tensors


def other_tissue(image: np.ndarray, lesions: np.ndarray) -> np.ndarray:
    """int32 (n, 3) voxels that are neither lung's air nor lesion, spread over the surroundings; none may be there."""
    voxels = np.flatnonzero((image > TISSUE_HU) & (lesions == 0))
    chosen = voxels[np.linspace(0, len(voxels) - 1, min(PLACES, len(voxels))).astype(np.int64)]
    return np.stack(np.unravel_index(chosen, image.shape), 1).astype(np.int32)


def regions_of(files: list[CorrectedFile]) -> list[Region]:
    regions = []
    for file in files:
        for n in range(1, file.found + 1):
            number, zoom, *spacing = file.whole(f"about_{n}").tolist()
            labels, voxels = file.array(f"labels_{n}"), file.whole(f"voxels_{n}")
            mask = Numbered(labels, int(number))
            inside = mask[tuple(slice(int(a), int(b) + 1) for a, b in zip(voxels.min(0), voxels.max(0), strict=True))]
            depth = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
            regions.append(
                Region(
                    file.array(f"image_{n}"),
                    labels,
                    int(number),
                    tuple(spacing),
                    voxels,
                    depth[inside > 0].astype(np.float32),
                    file.whole(f"elsewhere_{n}"),
                    int(zoom),
                )
            )
    return regions


@dataclass(frozen=True)
class CorrectedClicks:
    """Makes samples: (random generator, step) -> input (c, d, h, w), target and known (1, d, h, w).

    Where `known` is 0 nobody outlined anything: outside the scan, and in the whole window of a click elsewhere.
    changed : turned, stretched and noisy; without it the plain window around one click, as the product sees it.
    """

    files: list[CorrectedFile]
    card: ModelCard
    recipe: Recipe
    changed: bool = True

    @cached_property
    def regions(self) -> list[Region]:
        return regions_of(self.files)

    def __call__(self, rng: np.random.Generator, step: int) -> Sample:
        small = self.changed and step % OWN_WINDOW_EVERY
        shape = self.recipe.data.window if small else self.card.window
        region = self.regions[rng.integers(len(self.regions))]
        if self.changed and len(region.elsewhere) and rng.random() >= self.recipe.sampling.positive_share:
            return self.elsewhere(region, shape, rng)
        boxed = self.changed and rng.random() < BOXED and self.card.arguments["input_channels"] > 3
        if boxed:
            anchor = (region.voxels.min(0) + region.voxels.max(0)) / 2
        else:
            clicked = click_on(region, rng)
            anchor = clicked + rng.uniform(-0.5, 0.5, 3)
            if self.changed and rng.random() < ASTRAY:
                anchor = anchor + rng.normal(0, ASTRAY_MM, 3) / region.spacing
        image, target, known = self.window(region, anchor, shape, rng)
        middle = (np.array(image.shape) - 1) / 2
        inside, box = middle[None], torch.zeros_like(image)
        if boxed and (drawn := drawn_around(target > 0.5, rng)):
            inside, box[drawn] = np.zeros((0, 3)), 1.0
        return self.inputs(image, inside, box, rng), target[None], known[None]

    def elsewhere(self, region: Region, shape: Shape, rng: np.random.Generator) -> Sample:
        """A click on other tissue; nothing of it is known."""
        place = region.elsewhere[rng.integers(len(region.elsewhere))]
        image, target, _ = self.window(region, place, shape, rng)
        middle = (np.array(image.shape) - 1) / 2
        inputs = self.inputs(image, middle[None], torch.zeros_like(image), rng)
        return inputs, torch.zeros_like(target)[None], torch.zeros_like(target)[None]

    def window(
        self, region: Region, anchor: np.ndarray, shape: Shape, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """HU, target and known (d, h, w) around the anchor, a position in the region's voxels."""
        own = zip(self.card.spacing_mm, region.spacing, strict=True)
        linear = np.diag([mm or here for mm, here in own]) * region.zoom
        if self.changed:
            if region.is_small and rng.random() < FINER:
                linear = linear * FINE
            stretched = np.exp(rng.uniform(*np.log(STRETCH))) * rng.uniform(0.95, 1.05, 3)
            linear = turn(rng, TILT_DEGREES) @ linear @ np.diag(stretched)
        positions = window_positions(shape, anchor * np.array(region.spacing), linear)
        lesion = Numbered(region.labels, region.number)
        image = sample([region.image], region.spacing, positions)[0]
        target = sample([lesion], region.spacing, positions)[0]
        index = positions / torch.tensor(region.spacing)
        known = ((index >= -0.5) & (index <= torch.tensor(lesion.shape) - 0.5)).all(-1).float()
        return image, target * known, known

    def inputs(
        self, image: torch.Tensor, inside: np.ndarray, box: torch.Tensor, rng: np.random.Generator
    ) -> torch.Tensor:
        image = scaled(as_from_another_scanner(image, rng) if self.changed else image, self.card.hu_range)
        nothing = torch.zeros_like(image)
        channels = [image, bumps(image.shape, inside), nothing, box]
        return torch.stack(channels[: self.card.arguments["input_channels"]])


def click_on(region: Region, rng: np.random.Generator) -> np.ndarray:
    """A voxel (3,) of the lesion, as `clicks.click_inside` draws it."""
    first, last = region.voxels.min(0), region.voxels.max(0)
    inside, depth = np.zeros(last - first + 1, bool), np.zeros(last - first + 1, np.float32)
    at = tuple((region.voxels - first).T)
    inside[at], depth[at] = True, region.depth_mm
    return click_inside(inside, depth, rng) + first
