"""A sample for fine-tuning the searching model: a block of a corrected scan on the very grid that the search sees.

A block holds a lesion; or what the base suspects wrongly there (a hard negative: the user looked at the scan and left
it out); or lung as it comes, half of the time with a mass made by rule. Of these last nobody outlined anything: the
base's own answer is taught, so that it goes on finding what this site's few scans do not show.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import affine_grid, grid_sample

from LungTumorSegLib.cases.case import Case
from LungTumorSegLib.inference.candidates import candidates
from LungTumorSegLib.inference.channels import channels_on
from LungTumorSegLib.inference.grid import positions
from LungTumorSegLib.inference.lungs import Lungs, find_lungs
from LungTumorSegLib.inference.options import Options
from LungTumorSegLib.inference.runner import Runner
from LungTumorSegLib.inference.scan import Scan
from LungTumorSegLib.inference.search import plan_search
from LungTumorSegLib.networks.model import Model
from LungTumorSegLib.training.augmentation import as_from_another_scanner, scaled
from LungTumorSegLib.training.composition import Scene
from LungTumorSegLib.training.corrected_clicks import Sample
from LungTumorSegLib.training.corrected_files import CorrectedFile, Tensors, prepare_files
from LungTumorSegLib.training.masses import set_mass
from LungTumorSegLib.training.prepared import on_grid, spread_places
from LungTumorSegLib.training.recipe import Recipe
from LungTumorSegLib.volume.geometry import Geometry, Volume

VERSION = 1
FULL = 65535  # 0..1 is kept in 16 bits, as in training.prepared
PLACES = 512  # in the lungs
LOWEST_SUSPICION = 0.1
NEGATIVES = 0.5  # of the blocks without a lesion asked for: around what the base suspects wrongly, where it does
MASS = 0.5  # of the blocks whose content nobody outlined
STRETCH, TURN_DEGREES = (0.87, 1.15), 20.0
MIRRORED = (0.3, 0.2, 0.5)  # as often as in the base's own training


def prepare_blocks(
    cases: list[Case], base: Model, folder: Path, progress: Callable[[float], None]
) -> list[CorrectedFile]:
    """Each case as the base's search sees it, with what it suspects wrongly, as files."""
    card = base.card
    settings = json.dumps(["blocks", VERSION, card.spacing_mm, card.hu_range, card.suspicion, base.digest])
    runner = Runner(base, torch.device("cpu"), half=False)  # the same finds on every machine
    return prepare_files(cases, settings, folder, lambda case: searched(case, base, runner), progress)


def searched(case: Case, base: Model, runner: Runner) -> Tensors:
    """image uint16 (0..65535 = 0..1), labels uint8 [k, j, i]; places, suspects and lungs int32 (n, 3): voxels of
    lesions, in the midst of wrong finds, and in the lungs' air."""
    images, labels, geometry = case.load()
    scan, card, options = Scan(Volume(images[0], geometry)), base.card, Options(half="never")
    lungs = find_lungs(scan.voxels, scan.geometry.spacing[::-1])
    search = plan_search(card, scan.geometry, lungs.start, lungs.stop, runner.fits)
    image = channels_on(search.grid, scan, (), card)
    slid = search.run(image, runner, scan.geometry, lungs, card, options, lambda fraction: None)
    probability = slid.logits.sigmoid_().cpu().numpy()
    outlined = on_grid((scan.orientation.apply(labels) > 0).astype(np.uint8), scan.geometry, search.grid)
    return {
        "image": np.rint(image.numpy() * FULL).astype(np.uint16),
        "labels": outlined,
        "places": spread_places(outlined),
        "suspects": wrong_finds(probability, outlined, search.grid.spacing[::-1], card.suspicion or LOWEST_SUSPICION),
        "lungs": air_on(lungs, scan, search.grid),
    }


def wrong_finds(
    probability: np.ndarray, outlined: np.ndarray, spacing: tuple[float, float, float], suspicion: float
) -> np.ndarray:
    """int32 (n, 3): a voxel deep in each suspected lesion (`inference.candidates`) that touches no outlined one."""
    wrong = [
        candidate.voxel
        for candidate in candidates(probability, spacing, suspicion)
        if not (candidate.inside & (outlined[candidate.box] > 0)).any()
    ]
    return np.array(wrong, np.int32).reshape(-1, 3)


def air_on(lungs: Lungs, scan: Scan, grid: Geometry) -> np.ndarray:
    """At most `PLACES` voxels (n, 3) of the grid in the lungs' air, evenly; anywhere where no lungs were found."""
    if lungs.air is None:
        inside = np.ones(grid.shape, bool)
    else:
        index = [
            np.rint(places / step).astype(int).clip(0, n - 1)
            for places, step, n in zip(positions(grid, scan.geometry), lungs.steps, lungs.air.shape, strict=True)
        ]
        inside = lungs.air[np.ix_(*index)]
    voxels = np.flatnonzero(inside)
    chosen = voxels[np.linspace(0, len(voxels) - 1, min(PLACES, len(voxels))).astype(np.int64)]
    return np.stack(np.unravel_index(chosen, grid.shape), 1).astype(np.int32)


@dataclass(frozen=True)
class CorrectedBlocks:
    """Makes samples: (random generator, step) -> input, target and known (1, d, h, w), as `CorrectedClicks`."""

    files: list[CorrectedFile]
    recipe: Recipe
    hu_range: tuple[float, float]
    changed: bool = True

    def __call__(self, rng: np.random.Generator, step: int) -> Sample:
        with_lesion = [file for file in self.files if file.found]
        if with_lesion and (not self.changed or rng.random() < self.recipe.sampling.positive_share):
            file = with_lesion[rng.integers(len(with_lesion))]
            return self.block(file, file.whole("places"), rng, known=True)
        file = self.files[rng.integers(len(self.files))]
        suspects = file.whole("suspects")
        if len(suspects) and rng.random() < NEGATIVES:
            return self.block(file, suspects, rng, known=True)
        return self.block(file, file.whole("lungs"), rng, known=False)

    def block(self, file: CorrectedFile, places: np.ndarray, rng: np.random.Generator, known: bool) -> Sample:
        """A block that holds one of the places, anywhere but at its rim."""
        image, labels = file.array("image"), file.array("labels")
        edge = np.array(self.recipe.data.window)
        rim = edge // 6
        start = places[rng.integers(len(places))] - rng.integers(rim, edge - rim)
        start = start.clip(np.minimum(0, image.shape - edge), np.maximum(0, image.shape - edge))
        first, stop = np.maximum(start, 0), np.minimum(start + edge, image.shape)
        part = tuple(slice(int(a), int(b)) for a, b in zip(first, stop, strict=True))
        margins = [(int(a), int(b)) for a, b in zip(first - start, start + edge - stop, strict=True)]
        low, high = self.hu_range
        hu = np.pad(image[part].astype(np.float32) / FULL * (high - low) + low, margins, mode="edge")
        target = np.pad(labels[part].astype(np.float32), margins)
        sure = np.pad(np.full(labels[part].shape, float(known), np.float32), margins)
        hu, target, sure = (torch.from_numpy(each) for each in (hu, target, sure))
        if self.changed:
            if not known and rng.random() < MASS:
                within = (abs(places - start - edge / 2) < edge / 2 - rim).all(1)
                hu = with_mass(hu, (places - start)[within], self.recipe.data.spacing_mm, rng)
            hu, target, sure = turned(torch.stack([hu, target, sure]), rng)
            hu = as_from_another_scanner(hu, rng)
        sure = (sure > 0.99).float()
        return scaled(hu, self.hu_range)[None], (target * sure)[None], sure[None]


def turned(block: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """(c, d, h, w) mirrored, and half of the time turned about the body's axis and stretched; outside, its edge."""
    for axis, chance in enumerate(MIRRORED, start=1):
        if rng.random() < chance:
            block = block.flip(axis)
    if rng.random() < 0.5:
        return block
    angle = np.deg2rad(rng.uniform(-TURN_DEGREES, TURN_DEGREES))
    stretch = rng.uniform(*STRETCH, 3)
    matrix = np.zeros((1, 3, 4), np.float32)  # of (x, y, z)
    matrix[0, :2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[0, 2, 2] = 1
    matrix[0, :, :3] /= stretch
    grid = affine_grid(torch.from_numpy(matrix), [1, *block.shape], align_corners=True)
    return grid_sample(block[None], grid, align_corners=True, padding_mode="border")[0]


def with_mass(
    hu: torch.Tensor, places: np.ndarray, spacing: tuple[float, float, float], rng: np.random.Generator
) -> torch.Tensor:
    """A block with a mass made by rule around one of the places (n, 3), which replaces air alone."""
    if not len(places):
        return hu
    scene = Scene(hu, torch.zeros_like(hu), torch.zeros_like(hu), np.diag(spacing))
    air = ((-400.0 - hu) / 200.0).clamp(0, 1)
    set_mass(scene, air, places[rng.integers(len(places))], rng)
    return scene.image
