"""What the automatic model finds in whole scans: lesions found and missed, their Dice, and what it finds wrongly."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from LungTumorSegLib.training.augmentation import scaled
from LungTumorSegLib.training.automatic_samples import ADJACENT, HU_RANGE, SPACING_MM
from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.sampling import sample, window_positions

TOUCHING = np.ones((3, 3, 3), bool)
SMALLEST_MM = 3.0
MARGIN_MM = 15.0


@dataclass(frozen=True)
class ScanOutcome:
    """found : of `lesions`, those with a Dice above 0 against the components that touch them; false_positives :
    components of at least 3 mm that touch no lesion; dice : of the whole scan's mask; lesion_dice : of each lesion."""

    name: str
    lesions: int
    found: int
    false_positives: int
    dice: float
    lesion_dice: tuple[float, ...]

    def as_dict(self) -> dict:
        return asdict(self)


def score(name: str, found: np.ndarray, lesions: np.ndarray, spacing: tuple[float, float, float]) -> ScanOutcome:
    """found : bool [k, j, i]; lesions : their numbers from 1, 0 elsewhere, on the same grid; spacing : mm (k, j, i).

    A found component belongs to every lesion that it touches.
    """
    labels, count = ndimage.label(found, TOUCHING)
    boxes = ndimage.find_objects(labels)
    wide = [max((s.stop - s.start) * mm for s, mm in zip(box[1:], spacing[1:], strict=True)) for box in boxes]
    kept = np.array([False] + [mm >= SMALLEST_MM for mm in wide])
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    right = np.zeros(count + 1, bool)
    right[np.unique(labels[lesions > 0])] = True
    dice = [_dice_of(labels, kept, sizes, lesions == lesion) for lesion in range(1, int(lesions.max()) + 1)]
    marked = kept[labels]
    return ScanOutcome(
        name=name,
        lesions=len(dice),
        found=sum(d > 0 for d in dice),
        false_positives=int((kept & ~right).sum()),
        dice=round(float(2 * (marked & (lesions > 0)).sum() / max(1, marked.sum() + (lesions > 0).sum())), 3),
        lesion_dice=tuple(dice),
    )


def _dice_of(labels: np.ndarray, kept: np.ndarray, sizes: np.ndarray, lesion: np.ndarray) -> float:
    """Dice of one lesion against the kept components that touch it."""
    inside = labels[lesion]
    inside = inside[kept[inside]]
    return round(float(2 * len(inside) / (sizes[np.unique(inside)].sum() + lesion.sum())), 3)


@torch.no_grad()
def whole_scan_probability(network: nn.Module, scan: Background, batch: int = 8) -> np.ndarray:
    """Probability [k, j, i] float32 on the scan's own grid, 0 outside the box around the lungs."""
    low, high = scan.lungs_box
    low = np.maximum(low - MARGIN_MM, 0)
    high = np.minimum(high + MARGIN_MM, (np.array(scan.image.shape) - 1) * scan.spacing)
    shape = np.floor((high - low) / SPACING_MM).astype(int) + 1
    shape[1:] = np.ceil(shape[1:] / 8) * 8
    centre = low + (shape - 1) / 2 * SPACING_MM
    linear = np.diag(SPACING_MM)
    image = scaled(sample([scan.image], scan.spacing, window_positions(tuple(shape), centre, linear))[0], HU_RANGE)
    around = np.clip(np.arange(len(image))[:, None] + np.arange(ADJACENT) - ADJACENT // 2, 0, len(image) - 1)
    found = torch.cat(
        [torch.sigmoid(network(image[rows]))[:, 0] for rows in np.array_split(around, -(-len(around) // batch))]
    )
    probability = np.zeros(scan.image.shape, np.float32)
    first = np.ceil(low / scan.spacing).astype(int)
    last = np.minimum(np.floor((low + (shape - 1) * SPACING_MM) / scan.spacing).astype(int) + 1, scan.image.shape)
    size = last - first
    at = (first + last - 1) / 2 * scan.spacing - low
    back = sample([found.numpy()], SPACING_MM, window_positions(tuple(size), at, np.diag(scan.spacing)))[0]
    probability[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] = back.numpy()
    return probability
