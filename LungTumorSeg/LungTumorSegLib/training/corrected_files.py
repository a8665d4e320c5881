"""Corrected scans as files that a training run reads windows from: what is needed of each, prepared once.

As `training.prepared`, whose files hold whole cases on a recipe's grid: memory does not grow with the data, and the
files, which name no patient, go when the run is finished.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from LungTumorSegLib.cases.case import Case
from LungTumorSegLib.training.machines import processes
from LungTumorSegLib.training.prepared import about_of, case_digest, opened
from LungTumorSegLib.volume.whole_file import write_whole

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class CorrectedFile:
    """One case. path : safetensors. patient, digest : as `Prepared`'s. found : how many places of lesions it holds."""

    path: Path
    patient: str
    digest: str
    found: int

    def array(self, name: str) -> StoredArray:
        """Of which a box is read without the rest."""
        return StoredArray(self.path, name)

    def whole(self, name: str) -> np.ndarray:
        return opened(self.path).get_tensor(name)


@dataclass(frozen=True)
class StoredArray:
    path: Path
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(opened(self.path).get_slice(self.name).get_shape())

    def __getitem__(self, box: tuple[slice, ...]) -> np.ndarray:
        return opened(self.path).get_slice(self.name)[box]


def prepare_files(
    cases: list[Case],
    settings: str,
    folder: Path,
    make: Callable[[Case], Tensors],
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[CorrectedFile]:
    """What `make` makes of every case, in that order; "places" among it are counted.

    What lies in `folder` from the same files and settings is kept. Of several processes each makes its share and waits
    for the others'. progress : called with the fraction done; may raise to stop.
    """
    folder.mkdir(parents=True, exist_ok=True)
    here, machines, rank = processes()
    digests = [case_digest(case) for case in cases]
    paths = [folder / f"{number:05}.safetensors" for number in range(len(cases))]
    for number in range(rank, len(cases), here * machines):
        progress(number / len(cases))
        if about_of(paths[number], digests[number], settings) is None:
            tensors = {name: np.ascontiguousarray(each) for name, each in make(cases[number]).items()}
            about = {"digest": digests[number], "settings": settings, "found": str(len(tensors["places"]))}
            write_whole(paths[number], save(tensors, metadata=about))
    opened.cache_clear()
    files = []
    for case, path, digest in zip(cases, paths, digests, strict=True):
        while (about := about_of(path, digest, settings)) is None:
            progress(1.0)
            time.sleep(0.2)
        files.append(CorrectedFile(path, case.patient, digest, int(about["found"])))
    return files
