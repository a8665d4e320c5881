"""One scan through the worker: read, segmented, measured, written."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from LungTumorSegLib.errors import InputRefused

if TYPE_CHECKING:
    from LungTumorSegLib.cases.scan import Scan
    from LungTumorSegLib.command.asked import Asked
    from LungTumorSegLib.command.progress import ProgressLine
    from LungTumorSegLib.measurement.measure import Lesion
    from LungTumorSegLib.volume.geometry import Volume
    from LungTumorSegLib.worker.client import WorkerClient


@dataclass(frozen=True)
class Segmented:
    """What was written: the lesions, the facts of run.json, and the worker's notes.

    unexplained : among the notes, that and why there is no heat map, where one was wanted.
    """

    lesions: list[Lesion]
    run: dict
    notes: list[str]
    unexplained: str = ""


def read_images(scan: Scan, asked: Asked) -> tuple[Volume, ...]:
    """The CT, read as the user wants it, or the flat picture; of a case of several images all, on one grid."""
    from LungTumorSegLib.cases.scan import CT
    from LungTumorSegLib.volume.picture import read_picture
    from LungTumorSegLib.volume.reading import read_ct, read_image

    if scan.flat:
        return (read_picture(scan.path),)
    wanted = {"series": asked.series, "hu_offset": asked.hu_offset, "resample": asked.resample}
    if not scan.others:
        return (read_ct(scan.path, **wanted),)
    from LungTumorSegLib.cases.case import check_same_grid

    of_each = zip(scan.channels, scan.images, strict=True)
    images = [read_ct(path, **wanted) if channel == CT else read_image(path) for channel, path in of_each]
    for other in images[1:]:
        check_same_grid(images[0].geometry, other)
    return tuple(images)


def segment_scan(
    client: WorkerClient,
    scan: Scan,
    images: tuple[Volume, ...],
    output: Path,
    asked: Asked,
    progress: ProgressLine,
    clock: Stopwatch,
) -> Segmented:
    """Segment a scan, whose images were read, and write the result folder, without a heat map where that one fails.

    Raises `InputRefused`, `Cancelled` or `WorkerFault`; nothing is written then.
    """
    from LungTumorSegLib.cases.channels import as_read
    from LungTumorSegLib.command.outputs import run_facts, write_results
    from LungTumorSegLib.measurement.lesions import lesion_labels
    from LungTumorSegLib.measurement.lung_fields import find_lung_fields
    from LungTumorSegLib.measurement.measure import measure
    from LungTumorSegLib.volume.box import Box, hull
    from LungTumorSegLib.worker.client import WorkerFault

    loaded = client.wait(client.load(asked.model, on_progress=progress)).meta
    as_read(scan, loaded["channels"])
    volume, *others = images
    answers, heats, notes, unexplained = [], [], [], ""
    for prompt in asked.prompts or [None]:
        if prompt is None:
            request = client.segment(volume, asked.model, asked.options, others=others, on_progress=progress)
        else:
            request = client.prompt(volume, asked.model, options=asked.options, on_progress=progress, **prompt)
        answers.append(client.wait(request))
        notes += answers[-1].meta["notes"]
        clock.lap("segmentation")
        if asked.explain:
            request = client.explain(volume, asked.model, asked.options, others=others, on_progress=progress)
            try:
                explained = client.wait(request)
                heats.append(explained.box)
                notes += [f"Grad-CAM: {note}" for note in explained.meta["notes"]]
            except (InputRefused, WorkerFault) as failure:  # the lesions, which took the time, are there
                unexplained = f"no Grad-CAM: {failure}"
                notes.append(unexplained)
            clock.lap("explanation")
    probability = hull(answer.box for answer in answers)
    geometry = volume.geometry.box(probability.start, probability.stop)
    cut = answers[0].meta["threshold"]
    labels = lesion_labels(
        probability.values, geometry, cut, smallest_mm=asked.smallest, largest_only=asked.largest_only
    )
    lesions = measure(
        labels,
        geometry,
        probability.values,
        start=probability.start,
        ct=volume.voxels[probability.slices] if scan.in_hu else None,
        lungs=find_lung_fields(volume.voxels, volume.geometry) if scan.in_hu and labels.any() else None,
    )
    clock.lap("measurement")
    progress("writing", 0.0)
    notes = list(dict.fromkeys(notes))
    run = run_facts(scan, images, [answer.meta for answer in answers], clock.laps, asked, loaded["fingerprint"], notes)
    heat = hull(heats) if heats else None
    write_results(output, volume, probability, Box(probability.start, labels), lesions, heat, run, scan.in_hu)
    return Segmented(lesions, run, notes, unexplained)


class Stopwatch:
    """Seconds between laps, by name."""

    def __init__(self):
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(self.laps.get(name, 0.0) + now - self._last, 3)
        self._last = now


def count_in_words(lesions: int) -> str:
    return {0: "No lesion found", 1: "1 lesion"}.get(lesions, f"{lesions} lesions")
