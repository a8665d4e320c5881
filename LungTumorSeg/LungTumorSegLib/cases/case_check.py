"""One case looked at: what is wrong with its image and its mask, and what has to be remembered of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from LungTumorSegLib.cases.case import Case, Dataset, check_same_grid
from LungTumorSegLib.cases.problem import STOPS, WARNING, Problem, said
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.checking import MOST_FOREGROUND, check_mask_against, is_copy
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.orientation import Orientation, canonical

NEARLY_ALL = 0.999
THIN_TISSUE = -100.0  # HU: every chest holds fat, muscle and blood above it
NOT_OF_ONE_CASE = ("The mask is empty", "labels (")  # lines of the mask's reader that are judged here by the dataset


@dataclass(frozen=True)
class Trace:
    """What is kept of a case once its voxels are gone.

    pixels : SHA-256 of the voxels in canonical order, so that a mirrored or renamed copy is known again; None where
        they could not be read.
    orientation : how the scan is stored; None for pictures.
    """

    name: str
    patient: str
    part: str | None
    pixels: bytes | None = None
    orientation: Orientation | None = None


def check_case(case: Case, dataset: Dataset) -> tuple[list[Problem], Trace]:
    """Everything that can be said of one case alone. Its voxels are read once and let go."""
    problems: list[Problem] = []
    trace = Trace(case.name, case.patient, case.part)
    if len(case.images) != len(dataset.channels):
        problems.append(
            Problem(
                case.name,
                STOPS,
                "channels",
                f"{len(case.images)} of {len(dataset.channels)} channels ({', '.join(dataset.channels)})",
                "add the missing images, or leave the case out",
            )
        )
    digest, first = hashlib.sha256(), None
    for number in range(len(case.images)):
        try:
            volume = case.read_channel(number)
        except InputRefused as refusal:
            kind = "hu" if "--hu-offset" in str(refusal) else "constant" if "same value" in str(refusal) else "image"
            line = str(refusal).replace("say --hu-offset -1024; if these are true HU, say --hu-offset 0", OFFSET_ADVICE)
            problems.append(said(case.name, STOPS, kind, line))
            return problems, trace
        problems += _of_image(case, volume, dataset) if first is None else []
        if first is not None:
            try:
                check_same_grid(first.geometry, volume)
            except InputRefused as refusal:
                problems.append(said(case.name, STOPS, "grid", refusal))
        _hash_voxels(digest, volume)
        if first is None:
            first = volume
        elif case.has_mask:
            problems += _of_mask(case, volume, dataset, copies_only=True)
        del volume
    problems += _of_mask(case, first, dataset) if case.has_mask else []
    seen = canonical(first.geometry) if case.kind == "volume" else None
    return problems, Trace(case.name, case.patient, case.part, digest.digest(), seen)


OFFSET_ADVICE = "take it away from the voxels; if these are true HU, leave the case out"


def _of_image(case: Case, image: Volume, dataset: Dataset) -> list[Problem]:
    problems = []
    for line in image.warnings if case.kind == "volume" else ():
        kind = "spacing" if " mm apart" in line else "slice" if "single slice" in line else "note"
        kind = "orientation" if "orientation" in line or "positions" in line else kind
        problems.append(Problem(case.name, WARNING, kind, line.rstrip("."), "nothing, if that is true of the scan"))
    if _share_of_commonest(image.voxels) > NEARLY_ALL:
        problems.append(
            Problem(case.name, STOPS, "constant", "Nearly all voxels have the same value", "export the image again")
        )
    if case.channels[0] == "CT" and dataset.most_foreground == MOST_FOREGROUND and image.voxels.max() < THIN_TISSUE:
        what = f"No voxel is above {image.voxels.max():.0f} HU: 1024 may have been taken away twice"
        problems.append(Problem(case.name, STOPS, "hu", what, "export the image again in HU"))
    return problems


def _of_mask(case: Case, image: Volume, dataset: Dataset, copies_only: bool = False) -> list[Problem]:
    """`copies_only` for the further channels of a case."""
    try:
        mask = case.read_labels(image)
    except InputRefused as refusal:
        line = str(refusal)
        copy, grid = (
            "copy of the image" in line,
            "CT's grid" in line or "voxels, the CT" in line or "pixels, the" in line,
        )
        if copies_only and not copy:
            return []
        return [said(case.name, STOPS, "copy" if copy else "grid" if grid else "mask", line)]
    if is_copy(image.voxels, mask.voxels) or is_copy(image.voxels, mask.voxels != 0):
        return [said(case.name, STOPS, "copy", "The mask is a copy of the image: choose the file with the outline")]
    if copies_only:
        return []
    problems = [said(case.name, WARNING, "note", w) for w in mask.warnings if not any(n in w for n in NOT_OF_ONE_CASE)]
    marked = np.count_nonzero(mask.voxels) / mask.voxels.size
    if not marked:
        what = "The mask is empty" + ("" if case.codes is None else " (-1)")
        problems.append(Problem(case.name, WARNING, "empty", what, "leave it if there is no tumour; else outline it"))
    present = [int(label) for label in np.flatnonzero(np.bincount(mask.voxels.ravel(), minlength=1)) if label]
    unknown = [label for label in present if label not in dataset.classes]
    if unknown:
        some = ", ".join(map(str, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
        known = ", ".join(f"{number} {name}" for number, name in dataset.classes.items())
        problems.append(
            Problem(case.name, STOPS, "labels", f"Labels {some} are none of the classes", f"the classes are {known}")
        )
    most = dataset.most_foreground
    if most is not None and any("lung" in name.lower() for name in dataset.classes.values()):
        most = 0.95  # lungs may fill half of a scan
    if most is not None and marked > most:
        problems.append(
            Problem(
                case.name,
                STOPS,
                "foreground",
                f"The mask marks {100 * marked:.1f} % of all voxels, at most {100 * most:.0f} % are believed",
                "choose the tumour's mask",
            )
        )
    return problems + _of_votes(case, image)


def _of_votes(case: Case, image: Volume) -> list[Problem]:
    try:
        votes = case.read_votes()
        if votes is not None:
            check_mask_against(image.geometry, votes, most_foreground=None)
    except InputRefused as refusal:
        return [said(case.name, STOPS, "mask", str(refusal).replace("The mask", "The readers' votes"))]
    if votes is not None and votes.voxels.max() > case.readers:
        what = f"{votes.voxels.max()} votes in a voxel, but {case.readers} readers"
        return [Problem(case.name, STOPS, "labels", what, "mend nodules.csv or the votes")]
    return []


def _share_of_commonest(voxels: np.ndarray) -> float:
    """Share of voxels with the value of the median, judged on about a million of them."""
    step = max(1, round((voxels.size / 1e6) ** (1 / 3)))
    some = voxels[:: 1 if voxels.shape[0] == 1 else step, ::step, ::step]
    return float(np.count_nonzero(some == np.median(some)) / some.size)


def _hash_voxels(digest: hashlib._Hash, volume: Volume) -> None:
    """Slice by slice, since turning a scan makes a copy of what is hashed."""
    voxels = volume.voxels if volume.voxels.shape[0] == 1 else canonical(volume.geometry).apply(volume.voxels)
    digest.update(repr((str(voxels.dtype), voxels.shape)).encode())
    for layer in voxels:
        digest.update(np.ascontiguousarray(layer).data)
