"""Cases on the grid that the network sees, each in one file from which a window is read without the rest.

The memory of a training run therefore does not grow with its data: workers read the windows that they need. The files
are the run's own, hold no name of a patient, and go when the run is finished.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from LungTumorSegLib.cases.case import Case
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.grid import positions, to_network
from LungTumorSegLib.training.file_digests import file_digests
from LungTumorSegLib.training.recipe import Data
from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.model_grid import model_grid
from LungTumorSegLib.volume.orientation import canonical
from LungTumorSegLib.volume.whole_file import write_whole

FULL = 65535  # 0..1 is kept in 16 bits: steps of 0.06 HU over the widest range of CT
PLACES_A_SLICE = 16
VERSION = 1
OPEN_FILES = 16
OURS = re.compile(r"\d{5}\.safetensors|\.\d{5}\.safetensors\.unfinished")  # as `prepare` and `whole_file` name them


@dataclass(frozen=True)
class Prepared:
    """One case.

    path : safetensors of image uint16 [c, k, j, i] (0..65535 = 0..1), labels uint8 [k, j, i] and places int32 (n, 3):
        up to 16 voxels of the target in each slice that holds it.
    shape : (k, j, i). found : number of places. digest : SHA-256 of the source's files.
    """

    path: Path
    patient: str
    shape: tuple[int, int, int]
    found: int
    digest: str

    def image(self, box: tuple[slice, slice, slice]) -> np.ndarray:
        """float32 0..1 [c, k, j, i] of that box, which lies inside the case."""
        return opened(self.path).get_slice("image")[(slice(None), *box)].astype(np.float32) / FULL

    def labels(self, box: tuple[slice, slice, slice]) -> np.ndarray:
        return opened(self.path).get_slice("labels")[box]

    def places(self) -> np.ndarray:
        return opened(self.path).get_tensor("places")


@lru_cache(maxsize=OPEN_FILES)
def opened(path: Path):
    return safe_open(path, framework="numpy")


def prepare(
    cases: list[Case],
    data: Data,
    folder: Path,
    progress: Callable[[float], None] = lambda fraction: None,
    rank: int = 0,
    processes: int = 1,
) -> list[Prepared]:
    """Every case on the recipe's grid, in that order. What lies in `folder` already from the same files is kept.

    progress : called with the fraction done; may raise to stop.
    rank, processes : each of several processes prepares its share and waits for the others'.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = json.dumps([VERSION, data.spacing_mm, data.hu_range])
    digests = [case_digest(case) for case in cases]
    paths = [folder / f"{number:05}.safetensors" for number in range(len(cases))]
    for number in range(rank, len(cases), processes):
        progress(number / len(cases))
        if about_of(paths[number], digests[number], settings) is None:
            write_case(paths[number], cases[number], data, digests[number], settings)
    opened.cache_clear()
    prepared = []
    for case, path, digest in zip(cases, paths, digests, strict=True):
        while (about := about_of(path, digest, settings)) is None:
            progress(1.0)
            time.sleep(0.2)
        prepared.append(Prepared(path, case.patient, tuple(json.loads(about["shape"])), int(about["found"]), digest))
    return prepared


def about_of(path: Path, digest: str, settings: str) -> dict[str, str] | None:
    """What a prepared file says of itself; None where it is not there or was made from something else."""
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
    except (SafetensorError, OSError):
        return None
    return about if (about.get("digest"), about.get("settings")) == (digest, settings) else None


def write_case(path: Path, case: Case, data: Data, digest: str, settings: str) -> None:
    images, labels, geometry = case.load()
    orientation = canonical(geometry)
    source = orientation.geometry(geometry)
    grid = model_grid(source, data.spacing_mm)
    channels = [to_network(orientation.apply(image), source, grid, data.hu_range).numpy() for image in images]
    labels = on_grid(orientation.apply(labels), source, grid)
    places = spread_places(labels)
    tensors = {"image": np.rint(np.stack(channels) * FULL).astype(np.uint16), "labels": labels, "places": places}
    about = {"digest": digest, "settings": settings, "shape": json.dumps(list(labels.shape)), "found": str(len(places))}
    write_whole(path, save(tensors, metadata=about))


def on_grid(labels: np.ndarray, source: Geometry, grid: Geometry) -> np.ndarray:
    """uint8 labels on another grid with parallel axes: of the nearest voxel."""
    index = [
        np.rint(places).astype(int).clip(0, n - 1)
        for places, n in zip(positions(grid, source), labels.shape, strict=True)
    ]
    return np.ascontiguousarray(labels[np.ix_(*index)]).astype(np.uint8)


def spread_places(labels: np.ndarray) -> np.ndarray:
    """int32 (n, 3) voxels of the target, evenly over its slices, at most `PLACES_A_SLICE` in each."""
    found = [np.zeros((0, 3), np.int32)]
    for k in np.flatnonzero(labels.any((1, 2))):
        voxels = np.argwhere(labels[k] > 0)
        chosen = voxels[np.linspace(0, len(voxels) - 1, min(PLACES_A_SLICE, len(voxels))).astype(int)]
        found.append(np.column_stack([np.full(len(chosen), k), chosen]).astype(np.int32))
    return np.concatenate(found)


def case_digest(case: Case) -> str:
    """SHA-256 over the contents of the case's files (`file_digests`): names, which may be patients', do not matter."""
    digest = hashlib.sha256()
    for path in [*case.images, *([case.mask] if case.mask else [])]:
        for each in file_digests(case, path):
            digest.update(each)
    digest.update(json.dumps([case.codes, case.label]).encode())
    return digest.hexdigest()


def holds_more(folder: Path) -> bool:
    """True where the folder is none, or holds anything but prepared files, whole or not yet: it is not ours alone."""
    return not folder.is_dir() or any(not OURS.fullmatch(path.name) for path in folder.iterdir())


def take_away(folder: Path) -> None:
    """The prepared files, and the folder where it held nothing else."""
    for path in folder.glob("*"):
        if OURS.fullmatch(path.name):
            with suppress(OSError):  # as where another program reads it, on Windows
                path.unlink()
    with suppress(OSError):
        folder.rmdir()


def data_digest(prepared: list[Prepared]) -> str:
    """SHA-256 over the cases' digests, whatever their order."""
    return hashlib.sha256("".join(sorted(case.digest for case in prepared)).encode()).hexdigest()


def split_by_patient(cases: list[Prepared], share: float, seed: int) -> tuple[list[Prepared], list[Prepared]]:
    """Training and validation cases. No patient is in both; patients with a target and without are shared alike.

    Patients follow a hash of seed and name, so a patient who is added moves few others. At least one patient
    validates where the share is not 0. `InputRefused` where that leaves nobody to train on.
    """
    with_target: dict[str, bool] = {}
    for case in cases:
        with_target[case.patient] = with_target.get(case.patient, False) or case.found > 0
    chosen: set[str] = set()
    for held in (True, False):
        stratum = sorted(
            (patient for patient, found in with_target.items() if found == held),
            key=lambda patient: hashlib.sha256(f"{seed}:{patient}".encode()).digest(),
        )
        count = round(share * len(stratum))
        if held and share and not count and len(stratum) > 1:
            count = 1
        chosen.update(stratum[:count])
    training = [case for case in cases if case.patient not in chosen]
    if not any(case.found for case in training):
        raise InputRefused("no case to train on holds the target: give more patients, or set data.validation_share=0")
    return training, [case for case in cases if case.patient in chosen]
