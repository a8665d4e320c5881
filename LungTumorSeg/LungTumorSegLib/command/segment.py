"""`lungtumorseg segment CT -o OUT`: the main job.

The command line is a host like the panel: it starts the worker, reads the CT while the worker warms up, asks, and
writes what comes back.
"""

from __future__ import annotations

import time
from functools import reduce
from pathlib import Path
from typing import Annotated

import typer

from LungTumorSegLib.errors import InputRefused


def segment(
    ct: Annotated[Path, typer.Argument(help="CT: NIfTI, NRRD or MHA file, or a DICOM folder.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")],
    model: Annotated[
        str | None, typer.Option(help="Model by name or folder [automatic; with --point prompted].")
    ] = None,
    point: Annotated[
        list[str] | None, typer.Option(metavar="X,Y,Z", help="A point in a lesion, LPS mm. Repeatable.")
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y,Z,X,Y,Z", help="Two corners of a box around a lesion, LPS mm. Repeatable."),
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="Probability from which a voxel is tumour [model's].")] = None,
    overlap: Annotated[float | None, typer.Option(help="Overlap of neighbouring windows, 0..0.95 [model's].")] = None,
    smallest: Annotated[float, typer.Option(help="Leave out lesions whose long axis is shorter, mm.")] = 3.0,
    largest_only: Annotated[bool, typer.Option(help="Keep the largest lesion alone.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    explain: Annotated[bool, typer.Option(help="Also write the Grad-CAM heat map.")] = False,
    series: Annotated[str | None, typer.Option(help="Series UID or number, where a folder holds several.")] = None,
    hu_offset: Annotated[
        int | None, typer.Option(help="0 or -1024: what to add where the HU offset is in doubt.")
    ] = None,
    resample: Annotated[bool, typer.Option(help="Resample slices that are unevenly spaced.")] = False,
    worker: Annotated[
        str | None, typer.Option(help='Command that starts the worker, e.g. "ssh gpu lungtumorseg worker".')
    ] = None,
) -> None:
    """Find the lung tumours in a CT: probability, mask, lesions and diameters, a picture."""
    from rich.console import Console

    from LungTumorSegLib.command.lesion_table import lesion_table
    from LungTumorSegLib.command.outputs import DISCLAIMER, run_facts, write_results
    from LungTumorSegLib.command.progress import ProgressLine
    from LungTumorSegLib.measurement.lesions import lesion_labels
    from LungTumorSegLib.measurement.lung_fields import find_lung_fields
    from LungTumorSegLib.measurement.measure import measure
    from LungTumorSegLib.volume.box import Box
    from LungTumorSegLib.volume.reading import read_ct
    from LungTumorSegLib.worker.client import WorkerClient
    from LungTumorSegLib.worker.launch import worker_command

    points = [numbers("--point", text, 3) for text in point or []]
    boxes = [(corners[:3], corners[3:]) for corners in (numbers("--box", text, 6) for text in box or [])]
    prompts = [{"points_inside": [point]} for point in points] + [{"box": corners} for corners in boxes]
    model = model or ("prompted" if prompts else "automatic")
    asked = {"threshold": threshold, "overlap": overlap, "device": device}
    options = {name: value for name, value in asked.items() if value is not None}
    if output.exists() and not output.is_dir():
        raise InputRefused(f"{output} is a file; name a folder for the results with -o")

    clock = Stopwatch()
    with ProgressLine() as progress, WorkerClient(worker_command(worker)) as client:
        client.start()
        progress("reading", 0.0)
        volume = read_ct(ct, series=series, hu_offset=hu_offset, resample=resample)
        clock.lap("reading")
        for warning in volume.warnings:
            progress.say(f"note: {warning}")
        answers, heats = [], []
        for prompt in prompts or [None]:
            if prompt is None:
                request = client.segment(volume, model, options, on_progress=progress)
            else:
                request = client.prompt(volume, model, options=options, on_progress=progress, **prompt)
            answers.append(client.wait(request))
            clock.lap("segmentation")
            if explain:
                heats.append(client.wait(client.explain(volume, model, options, on_progress=progress)).box)
                clock.lap("explanation")
        probability = reduce(Box.larger, (answer.box for answer in answers))
        geometry = volume.geometry.box(probability.start, probability.stop)
        cut = answers[0].meta["threshold"]
        labels = lesion_labels(probability.values, geometry, cut, smallest_mm=smallest, largest_only=largest_only)
        lesions = measure(
            labels,
            geometry,
            probability.values,
            start=probability.start,
            ct=volume.voxels[probability.slices],
            lungs=find_lung_fields(volume.voxels, volume.geometry) if labels.any() else None,
        )
        clock.lap("measurement")
        heat = reduce(Box.larger, heats) if heats else None
        progress("writing", 0.0)
        metas = [answer.meta for answer in answers]
        run = run_facts(ct, volume, metas, clock.laps, prompts=prompts, hu_offset=hu_offset, resample=resample)
        write_results(output, volume, probability, Box(probability.start, labels), lesions, heat, run)

    for note in dict.fromkeys(note for answer in answers for note in answer.meta["notes"]):
        progress.say(f"note: {note}")
    if lesions:
        Console().print(lesion_table(lesions))
    print(f"{count_in_words(len(lesions))} in {clock.laps['segmentation']:.1f} s on the {run['device'].upper()}.")
    print(f"Overview: {output / 'overview.png'}")
    print(DISCLAIMER)


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


def numbers(option: str, text: str, many: int) -> tuple[float, ...]:
    """`"62.5,-30,-142"` -> (62.5, -30.0, -142.0), LPS mm; `many` is 3 for a point, 6 for two corners."""
    try:
        values = tuple(float(part) for part in text.split(","))
        if len(values) != many:
            raise ValueError
    except ValueError:
        wanted, example = ("X,Y,Z", "62.5,-30,-142") if many == 3 else ("X,Y,Z,X,Y,Z", "50,-40,-150,75,-20,-130")
        raise InputRefused(f"{option} {text}: write {wanted} (LPS mm), for example {example}") from None
    return values
