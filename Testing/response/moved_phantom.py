"""The synthetic chest at another date: the patient lies otherwise, and the scanner cuts other slices."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from LungTumorSegLib.response.registration import image_of
from LungTumorSegLib.volume.geometry import Geometry, Volume

TURN_DEGREES = (3.0, -4.0, 6.0)
SHIFT_MM = (14.0, -22.0, 31.0)


def true_matrix(turn_degrees=TURN_DEGREES, shift_mm=SHIFT_MM, about=(0.0, 0.0, 137.0)) -> np.ndarray:
    """4 x 4, LPS mm of the baseline to LPS mm of the follow-up."""
    turn = sitk.Euler3DTransform(about, *np.radians(turn_degrees), shift_mm)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(turn.GetMatrix()).reshape(3, 3)
    centre = np.array(about)
    matrix[:3, 3] = centre + np.array(shift_mm) - matrix[:3, :3] @ centre
    return matrix


def moved(scan: Volume, matrix: np.ndarray, grid: Geometry, outside: float = -1000.0) -> Volume:
    """The scan as another one shows it, whose patient lies where `matrix` brings him."""
    back = np.linalg.inv(matrix)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(back[:3, :3].ravel().tolist())
    transform.SetTranslation(back[:3, 3].tolist())
    reference = image_of(Volume(np.zeros(grid.shape, np.uint8), grid))
    image = sitk.Resample(image_of(scan), reference, transform, sitk.sitkLinear, outside, sitk.sitkInt16)
    return Volume(sitk.GetArrayFromImage(image), grid)


def at(matrix: np.ndarray, points) -> np.ndarray:
    return np.asarray(points, float) @ matrix[:3, :3].T + matrix[:3, 3]
