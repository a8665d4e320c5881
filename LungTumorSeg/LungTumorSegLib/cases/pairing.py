"""Images and masks that belong together by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
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


def paired(images: Iterable[Path], masks: Iterable[Path]) -> tuple[list[tuple[str, Path, Path | None]], list[Problem]]:
    """Case, image and mask of every image, and the problems: what has no counterpart, or too many.

    Names are compared without words such as _image and _mask at their end; where that makes one of several, those that
    are the same with their words belong together. An image of which it stays unknown which mask is its own gets none.
    """
    of_images = by_name(images, lambda name: IMAGE_WORD.sub("", name))
    of_masks = by_name(masks, lambda name: MASK_WORD.sub("", IMAGE_WORD.sub("", name)))
    crowded = [name for files in (of_images, of_masks) for name, paths in files.items() if len(paths) > 1]
    for name in crowded:
        whole = {stem(path) for path in of_images.get(name, ())} & {stem(path) for path in of_masks.get(name, ())}
        for files in (of_images, of_masks) if whole else ():
            for path in files.pop(name, ()):
                files[stem(path)].append(path)
    problems, known = [], {}
    for name in sorted(of_images.keys() | of_masks.keys()):
        these, theirs = of_images.get(name, []), of_masks.get(name, [])
        twice = [several(name, what, files) for what, files in (("images", these), ("masks", theirs)) if len(files) > 1]
        if not twice and these and theirs:
            known[name] = theirs[0]
        problems += twice or ([] if name in known else [missing_mask(name) if these else missing_image(name)])
    return [(name, path, known.get(name)) for name, paths in of_images.items() for path in paths], problems


def by_name(paths: Iterable[Path], plain: Callable[[str], str]) -> dict[str, list[Path]]:
    found = defaultdict(list)
    for path in paths:
        found[plain(stem(path))].append(path)
    return found


def by_stem(paths: Iterable[Path], what: str) -> tuple[dict[str, Path], list[Problem]]:
    """Files by their names without the ending, and a problem for each name that several have: the first is taken."""
    found = by_name(paths, str)
    twice = [several(name, what, files) for name, files in found.items() if len(files) > 1]
    return {name: files[0] for name, files in found.items()}, twice


def several(case: str, what: str, files: list[Path]) -> Problem:
    names = ", ".join(path.name for path in files)
    advice = "leave one, or give each a name of its own"
    return Problem(case, STOPS, "duplicate", f"{len(files)} {what} are called {case}: {names}", advice)


def missing_image(case: str) -> Problem:
    return Problem(case, STOPS, "missing-image", "The image is missing", "add it, or take its mask away")


def missing_mask(case: str) -> Problem:
    return Problem(case, STOPS, "missing-mask", "The mask is missing", "add it (empty if there is no tumour)")
