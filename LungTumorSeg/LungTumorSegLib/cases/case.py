"""A case: the images and the mask of one patient at one time, and where they lie on the disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from LungTumorSegLib.cases.problem import Problem
from LungTumorSegLib.cases.scan import CT
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.checking import MOST_FOREGROUND, check_mask_against, is_copy
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.picture import read_picture, read_picture_mask
from LungTumorSegLib.volume.reading import read_ct, read_image, read_mask
from LungTumorSegLib.volume.run_length import decode

TUMOUR = {1: "tumour"}
MOST_LABELS = 255


@dataclass(frozen=True)
class Case:
    """One training or test case.

    images : one path a channel, in the order of `channels`; of a DICOM series its folder.
    mask : an image file, or a DICOM RTSTRUCT or SEG; None where there is none.
    part : what the dataset itself says; None where it does not.
    kind : "volume", or "slice" for a flat picture, which is a volume of one slice.
    channels : what each image shows; "CT" is read in HU, anything else on its own scale.
    series : of several DICOM series in the folder, the UID of the one to read.
    label : of several structures or labels in the mask, the one that is the tumour.
    codes : the mask as run-length codes, all of them together one mask; () for a picture without a target; None where
        the mask is not given so.
    votes, readers : an image of how many of `readers` radiologists marked each voxel, where there is one.
    """

    name: str
    patient: str
    images: tuple[Path, ...]
    mask: Path | None = None
    part: Literal["train", "test"] | None = None
    kind: Literal["volume", "slice"] = "volume"
    channels: tuple[str, ...] = (CT,)
    series: str | None = None
    label: int | str | None = None
    codes: tuple[str, ...] | None = None
    votes: Path | None = None
    readers: int = 0

    @property
    def has_mask(self) -> bool:
        return self.mask is not None or self.codes is not None

    def load(self, hu_offset: int | None = None) -> tuple[np.ndarray, np.ndarray | None, Geometry]:
        """Voxels (c, k, j, i), labels (k, j, i) and their grid.

        Voxels are int16 where every channel's are, else float32; CT in HU (`hu_offset` answers the question of
        `check_ct`). Labels are uint8, 0 = background, or None for a case without a mask. InputRefused, one line, for
        what cannot be read, for channels or a mask on another grid, and for a mask that is a copy of an image.
        """
        channels = [self.read_channel(n, hu_offset) for n in range(len(self.images))]
        if len(channels) != len(self.channels):
            raise InputRefused(f"{len(channels)} of {len(self.channels)} channels are there: add the missing images.")
        grid = channels[0].geometry
        for other in channels[1:]:
            check_same_grid(grid, other)
        labels = self.read_labels(channels[0])
        if labels is not None and any(is_copy(c.voxels, labels.voxels) for c in channels):
            raise InputRefused("The mask is a copy of the image: choose the file with the tumour's outline.")
        kind = np.result_type(*(c.voxels.dtype for c in channels))
        return np.stack([c.voxels.astype(kind, copy=False) for c in channels]), labels and labels.voxels, grid

    def read_channel(self, channel: int, hu_offset: int | None = None) -> Volume:
        path = self.images[channel]
        if self.kind == "slice":
            return read_picture(path)
        if self.channels[channel] == CT:
            return read_ct(path, self.series, hu_offset=hu_offset)
        return read_image(path)

    def read_labels(self, image: Volume) -> Volume | None:
        """The labels, uint8, on the grid of `image` (the first channel); None for a case without a mask."""
        if self.codes is not None:
            return self._decoded(image.geometry)
        if self.mask is None:
            return None
        if self.kind == "slice":
            mask = read_picture_mask(self.mask)
            if mask.voxels.shape != image.voxels.shape:
                sizes = (f"{v.voxels.shape[2]} x {v.voxels.shape[1]}" for v in (mask, image))
                raise InputRefused("The mask has {} pixels, the image {}: export it again.".format(*sizes))
            if is_copy(image.voxels, mask.voxels):
                raise InputRefused("The mask is a copy of the image: choose the file with the tumour's outline.")
            return Volume(mask.voxels, image.geometry, mask.warnings)
        mask = read_mask(self.mask, image, self.label, most_foreground=None)
        if mask.voxels.dtype != np.uint8 and mask.voxels.max() > MOST_LABELS:
            raise InputRefused(f"The mask has labels up to {mask.voxels.max()}: at most {MOST_LABELS} can be learned.")
        return Volume(mask.voxels.astype(np.uint8, copy=False), mask.geometry, mask.warnings, mask.source)

    def read_votes(self) -> Volume | None:
        """How many readers marked each voxel, uint8; None where that is not known."""
        return None if self.votes is None else read_mask(self.votes)

    def _decoded(self, geometry: Geometry) -> Volume:
        labels = np.zeros(geometry.shape, bool)
        for code in self.codes:
            try:
                labels[0] |= decode(code, geometry.shape[1:])
            except ValueError:
                raise InputRefused(
                    "The run-length code does not fit the picture: export it again at the picture's size."
                ) from None
        return Volume(labels.view(np.uint8), geometry)


def check_same_grid(grid: Geometry, other: Volume) -> None:
    """Refuse a channel that lies on another grid than the first."""
    try:
        check_mask_against(grid, other, most_foreground=None)
    except InputRefused as refusal:
        line = (
            str(refusal).replace("The mask", "A channel").replace("the CT", "the first one").replace("mask", "channel")
        )
        raise InputRefused(line) from None


@dataclass(frozen=True)
class Dataset:
    """Cases of one layout.

    classes : label -> name, without the background. channels : what each image of a case shows.
    problems : what was found wrong while the folder was listed.
    most_foreground : share of voxels that a mask may mark; None for no limit.
    """

    layout: str
    cases: tuple[Case, ...]
    classes: dict[int, str] = field(default_factory=lambda: dict(TUMOUR))
    channels: tuple[str, ...] = (CT,)
    problems: tuple[Problem, ...] = ()
    most_foreground: float | None = MOST_FOREGROUND
