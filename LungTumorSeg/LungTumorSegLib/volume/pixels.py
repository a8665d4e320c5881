"""SimpleITK's voxels as a numpy array without a second copy."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk


class _Owner:
    """What numpy keeps alive as an array's base: the image, and with it the memory that the array shows."""

    def __init__(self, image: sitk.Image):
        self.image = image
        image.MakeUnique()
        memory = sitk.GetArrayViewFromImage(image).__array_interface__
        self.__array_interface__ = memory | {"data": (memory["data"][0], False)}


def pixels(image: sitk.Image) -> np.ndarray:
    """The image's own memory as a writable array (k, j, i). It outlives the image object.

    `sitk.GetArrayFromImage` would copy; `sitk.GetArrayViewFromImage` is read-only and dangles once the image is gone.
    """
    if image.GetNumberOfPixels() == 0:
        return sitk.GetArrayFromImage(image)
    return np.asarray(_Owner(image))
