"""Images and masks that belong together by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from LungTumorSegLib.cases.naming import IMAGE_WORD, MASK_WORD, stem
from LungTumorSegLib.cases.problem import STOPS, Problem

IMAGE_FOLDERS = ("images", "image", "imagesTr", "ct", "scans", "imgs")
MASK_FOLDERS = ("masks", "mask", "labelsTr", "labels", "segmentations", "lesions")


def find_folders(folder: Path) -> tuple[Path, Path] | None:
    """The folder of images and that of masks, by their usual names."""
    there = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    images = [there[name.lower()] for name in IMAGE_FOLDERS if name.lower() in there]
    masks = [there[name.lower()] for name in MASK_FOLDERS if name.lower() in there]
    return (images[0], masks[0]) if images and masks else None


def paired(images: Iterable[Path], masks: Iterable[Path]) -> tuple[dict[str, tuple[Path, Path | None]], list[Problem]]:
    """Case name -> image and mask, and the problems: masks without an image, images without a mask.

    Names are compared without words such as _image and _mask at their end.
    """
    by_name = {IMAGE_WORD.sub("", stem(path)): path for path in images}
    labels = {MASK_WORD.sub("", IMAGE_WORD.sub("", stem(path))): path for path in masks}
    problems = [missing_image(name) for name in sorted(labels.keys() - by_name.keys())]
    problems += [missing_mask(name) for name in sorted(by_name.keys() - labels.keys())]
    return {name: (path, labels.get(name)) for name, path in by_name.items()}, problems


def missing_image(case: str) -> Problem:
    return Problem(case, STOPS, "missing-image", "The image is missing", "add it, or take its mask away")


def missing_mask(case: str) -> Problem:
    return Problem(case, STOPS, "missing-mask", "The mask is missing", "add it (empty if there is no tumour)")
