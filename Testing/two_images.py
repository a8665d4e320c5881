"""A model of two images of a case, CT and PET, with random weights; and smooth images for it."""

from pathlib import Path

import numpy as np

from LungTumorSegLib.volume.geometry import Geometry, Volume

CHANNELS = ("CT", "PET")
GEOMETRY = Geometry((20, 32, 36), (4.0, 4.0, 4.0))
ELSEWHERE = Geometry((20, 32, 36), (4.0, 4.0, 4.0), (4.0, 0.0, 0.0))


def save_two_image_model(folder: Path) -> Path:
    from small_models import WIDTHS, small_model

    from LungTumorSegLib.networks.model import save_model

    arguments = {"input_channels": 2, "output_channels": 1, "widths": WIDTHS}
    made = small_model(
        "ResidualUNet3D-Summed", arguments=arguments, classes=("tumour",), channels=CHANNELS, hu_range=None
    )
    save_model(folder, made.network, made.card)
    return folder


def smooth(seed: int, geometry: Geometry = GEOMETRY) -> Volume:
    """Noise in blocks of 4 voxels."""
    coarse = np.random.default_rng(seed).uniform(-1000, 400, (5, 8, 9)).astype(np.int16)
    return Volume(np.kron(coarse, np.ones((4, 4, 4), np.int16)), geometry)


def answer(model: Path, *images: Volume) -> np.ndarray:
    """The probability that the model gives to these images, on the grid."""
    from LungTumorSegLib.inference.session import Session

    first, *others = images
    return Session().segment(first, model, others=others).probability.full(GEOMETRY.shape)
