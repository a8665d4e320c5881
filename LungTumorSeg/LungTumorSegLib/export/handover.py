"""A scene's result on its way to a child process: raw arrays and facts in a folder, written in small steps.

The host's thread writes it piece by piece between two clicks; `lungtumorseg assemble` makes the folder of it that
`segment` would have written, and `lungtumorseg unpack` goes the other way. Private to one machine, removed afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry

FACTS = "handover.json"
CT, LABELS, PROBABILITY, HEAT = "ct", "labels", "probability", "heat"
CHUNK = 16 << 20  # bytes a step: some 10 ms into the system's cache


@dataclass(frozen=True, eq=False)
class Handover:
    """
    Attributes
    ----------
    voxels : the CT, [k, j, i], int16 or float32 HU, as the scene holds it. geometry : its grid.
    labels : box of lesion numbers, uint16. probability, heat : boxes of float32 0..1, or None.
    lesions : `Lesion.as_dict` of each, the user's lines included.
    run : what is known of how they were made, for run.json.
    source : file or DICOM file that the CT was loaded from, where that is known; it may have changed since.
    series : UID of the series at the source, where one folder holds several.
    """

    voxels: np.ndarray
    geometry: Geometry
    labels: Box
    probability: Box | None = None
    heat: Box | None = None
    lesions: list[dict] = field(default_factory=list)
    run: dict = field(default_factory=dict)
    source: str | None = None
    series: str | None = None


def write_in_steps(folder: Path, handover: Handover) -> Iterator[float]:
    """Write it into an existing folder; yields the fraction done after each step. Raises OSError."""
    boxes = {LABELS: handover.labels, PROBABILITY: handover.probability, HEAT: handover.heat}
    arrays = {CT: handover.voxels} | {name: box.values for name, box in boxes.items() if box is not None}
    whole, done = max(1, sum(values.nbytes for values in arrays.values())), 0
    for name, values in arrays.items():
        with (folder / f"{name}.npy").open("wb") as file:
            flat = np.ascontiguousarray(values)
            np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(flat))
            data = memoryview(flat).cast("B") if flat.size else b""
            for at in range(0, len(data), CHUNK):
                file.write(data[at : at + CHUNK])
                done += len(data[at : at + CHUNK])
                yield done / whole
    facts = {
        "geometry": handover.geometry.as_dict(),
        "starts": {name: list(box.start) for name, box in boxes.items() if box is not None},
        "lesions": handover.lesions,
        "run": handover.run,
        "source": handover.source,
        "series": handover.series,
    }
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")
    yield 1.0


def read_handover(folder: Path) -> Handover:
    """What `write_in_steps` wrote; the CT stays on the disk (memory-mapped, read-only)."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        boxes = {
            name: Box(tuple(start), np.load(folder / f"{name}.npy", allow_pickle=False))
            for name, start in facts["starts"].items()
        }
        voxels = np.load(folder / f"{CT}.npy", mmap_mode="r", allow_pickle=False)
        return Handover(
            voxels,
            Geometry(**facts["geometry"]),
            boxes[LABELS],
            boxes.get(PROBABILITY),
            boxes.get(HEAT),
            facts["lesions"],
            facts["run"],
            facts["source"],
            facts["series"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise InputRefused("The folder is no whole handover of a scene's result: do it again.") from None
