"""A chest of ellipsoids, made in code."""

import numpy as np

from LungTumorSegLib.volume.geometry import Geometry, Volume


def ball(geometry: Geometry, centre_lps, radius_mm: float) -> np.ndarray:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij"), -1)[..., ::-1]
    return np.linalg.norm(geometry.ijk_to_lps(index) - np.array(centre_lps), axis=-1) <= radius_mm


def made_chest(
    shape=(40, 64, 80), spacing=(5.0, 5.0, 5.0), tumours=((60.0, 0.0, 0.0, 14.0),), direction=None
) -> Volume:
    """A body of 40 HU in air with two lungs of -850 HU, 240 mm high, and tumours (x, y, z from the middle, radius; mm).

    The default is canonical; the middle of the scan lies at the origin.
    """
    direction = np.eye(3) if direction is None else np.asarray(direction, float)
    middle = (np.array(shape[::-1]) - 1) / 2 * spacing
    geometry = Geometry(shape, spacing, tuple(-direction @ middle), direction)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)[..., ::-1]
    x, y, z = np.moveaxis(geometry.ijk_to_lps(index), -1, 0)
    voxels = np.full(shape, -1000, np.int16)
    voxels[(x / 180) ** 2 + (y / 125) ** 2 <= 1] = 40
    for side in (-80, 80):
        voxels[((x - side) / 60) ** 2 + (y / 85) ** 2 + (z / 120) ** 2 <= 1] = -850
    for *centre, radius in tumours:
        voxels[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2 <= radius**2] = 40
    return Volume(voxels, geometry)
