"""A recipe's changes to a sample, by MONAI's and scikit-image's transforms, each following from the sample's number."""

from __future__ import annotations

import numpy as np
import torch

from LungTumorSegLib.training.recipe import Augmentation

AXES = {"head-feet": -3, "front-back": -2, "left-right": -1}
KEYS = ("image", "target", "known")


class Transforms:
    """Changes image, target and known alike.

    window : the sample's (k, j, i), or (j, i) of slices, whose neighbours count as channels; axes towards head, back,
        left. What a turn brings in from outside the window continues the image's edge and is not known.
    """

    def __init__(self, settings: Augmentation, window: tuple[int, ...]):
        from monai.transforms import Compose

        self.settings = settings
        self.compose = Compose([*places(settings, window), *intensities(settings)])

    def __call__(
        self, image: torch.Tensor, target: torch.Tensor, known: torch.Tensor, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """All (channels, *window), float32; image 0..1 before and after."""
        if rng.random() < self.settings.clahe_chance:
            image = equalised(image, self.settings.clahe_clip)
        self.compose.set_random_state(seed=int(rng.integers(2**31)))
        changed = self.compose({"image": image, "target": target, "known": known})
        image, target, known = (plain(changed[key]) for key in KEYS)
        return image.clamp(0, 1), target, known


def places(settings: Augmentation, window: tuple[int, ...]) -> list:
    """What moves voxels."""
    from monai.transforms import RandAffined, RandFlipd

    flat = len(window) == 2
    axes = [AXES[side] + len(window) for side in settings.flip]
    steps = [RandFlipd(KEYS, prob=0.5, spatial_axis=axis) for axis in axes if axis >= 0]  # slices have no head
    if settings.affine:
        turn, shear, zoom = np.deg2rad(settings.turn_degrees), settings.shear, settings.zoom
        shift = tuple(settings.shift * side for side in window[-2:])
        # Blocks change within the axial plane alone: slices lie farther apart than pixels.
        steps.append(
            RandAffined(
                KEYS,
                prob=settings.affine,
                rotate_range=turn if flat else (turn, 0.0, 0.0),
                shear_range=(shear, shear) if flat else (0.0, 0.0, 0.0, shear, 0.0, shear),
                scale_range=(zoom, zoom) if flat else (0.0, zoom, zoom),
                translate_range=shift if flat else (0.0, *shift),
                mode=("bilinear", "nearest", "nearest"),
                padding_mode=("border", "zeros", "zeros"),
            )
        )
    return steps


def intensities(settings: Augmentation) -> list:
    """What changes values."""
    from monai.transforms import RandGaussianNoised, RandScaleIntensityd, RandShiftIntensityd

    steps = []
    if settings.scaled_chance:
        steps.append(RandScaleIntensityd("image", factors=settings.scaled, prob=settings.scaled_chance))
    if settings.brighter_chance:
        steps.append(RandShiftIntensityd("image", offsets=settings.brighter, prob=settings.brighter_chance))
    if settings.noise_chance:
        steps.append(RandGaussianNoised("image", prob=settings.noise_chance, std=settings.noise))
    return steps


def equalised(image: torch.Tensor, clip: float) -> torch.Tensor:
    """CLAHE (Zuiderveld 1994) of each slice of each channel."""
    from skimage.exposure import equalize_adapthist

    slices = image.reshape(-1, *image.shape[-2:]).numpy()
    even = [equalize_adapthist(each, clip_limit=clip) if np.ptp(each) else each for each in slices]
    return torch.from_numpy(np.stack(even).astype(np.float32)).reshape(image.shape)


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """Without MONAI's record of what was done to it."""
    return (tensor.as_tensor() if hasattr(tensor, "as_tensor") else tensor).float().contiguous()
