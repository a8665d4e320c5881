"""Enhanced multi-frame images: what each frame states about itself (DICOM PS3.3 A.38, C.7.6.16)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.quiet_dicom import quiet_dicom


@dataclass(frozen=True)
class Frame:
    """None is what a frame does not state.

    position : centre of the first pixel, LPS mm.
    cosines : unit vectors along a row and along a column, LPS.
    spacing : distance of pixel centres along a row and along a column, mm.
    rescale : intercept and slope, HU = slope x stored value + intercept.
    """

    position: tuple[float, float, float] | None
    cosines: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    rescale: tuple[float, float] | None


@quiet_dicom()
def stated_frames(file: str) -> list[Frame]:
    """One for each frame, in the order of the pixel data.

    A functional group stands with each frame, or once for all of them where they share it (PS3.3 C.7.6.16.1.1).
    """
    try:
        dataset = dcmread(file, stop_before_pixels=True, force=True)
        own_groups = list(dataset.PerFrameFunctionalGroupsSequence)
        shared = (*(dataset.get("SharedFunctionalGroupsSequence") or ()), Dataset())[0]
        return [_frame(own, shared) for own in own_groups]
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, EOFError, OSError):
        raise InputRefused(
            "The file does not state where its slices lie in the patient: export the series as single slices."
        ) from None


def _frame(own: Dataset, shared: Dataset) -> Frame:
    def numbers(group: str, name: str, count: int) -> tuple[float, ...] | None:
        values = (*(own.get(group) or shared.get(group) or ()), Dataset())[0].get(name)
        found = np.array([] if values is None else values, float).ravel()
        return tuple(found.tolist()) if len(found) == count and np.isfinite(found).all() else None

    spacing = numbers("PixelMeasuresSequence", "PixelSpacing", 2)  # of rows, of columns (PS3.3 10.7.1.3)
    intercept = numbers("PixelValueTransformationSequence", "RescaleIntercept", 1)
    slope = numbers("PixelValueTransformationSequence", "RescaleSlope", 1)
    return Frame(
        position=numbers("PlanePositionSequence", "ImagePositionPatient", 3),
        cosines=numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6),
        spacing=spacing[::-1] if spacing and min(spacing) > 0 else None,
        rescale=intercept and slope and intercept + slope,
    )
