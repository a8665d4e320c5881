"""`lungtumorseg segment CT -o OUT`: the main job. For a folder of scans see `cohort`.

The command line is a host like the panel: it starts the worker, reads the CT while the worker warms up, asks, and
writes what comes back.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LungTumorSegLib.errors import InputRefused

if TYPE_CHECKING:
    from LungTumorSegLib.cases.scan import Scan
    from LungTumorSegLib.command.asked import Asked


def segment(
    ct: Annotated[
        Path,
        typer.Argument(
            help="CT: NIfTI, NRRD or MHA file, or a DICOM folder; a folder of these, or a dataset; for a model of "
            "pictures a PNG or X-ray, or a dataset of them."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")],
    model: Annotated[
        str | None, typer.Option(help="Model by name or folder [automatic; with --point or --box prompted].")
    ] = None,
    point: Annotated[
        list[str] | None, typer.Option(metavar="X,Y,Z", help="A point in a lesion, LPS mm. Repeatable.")
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y,Z,X,Y,Z", help="Two corners of a box around a lesion, LPS mm. Repeatable."),
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="Probability from which a voxel is tumour [model's].")] = None,
    shown: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Show one class of a model that knows several [all].")
    ] = None,
    overlap: Annotated[float | None, typer.Option(help="Overlap of neighbouring windows, 0..0.95 [model's].")] = None,
    smallest: Annotated[float, typer.Option(help="Leave out lesions whose long axis is shorter, mm.")] = 3.0,
    largest_only: Annotated[bool, typer.Option(help="Keep the largest lesion alone.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    explain: Annotated[bool, typer.Option(help="Also write the Grad-CAM heat map.")] = False,
    image: Annotated[
        list[Path] | None,
        typer.Option(help="Further image of the case, for a model that reads several, in its order. Repeatable."),
    ] = None,
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
    from LungTumorSegLib.cases.scan import Scan
    from LungTumorSegLib.command.asked import Asked

    points = [numbers("--point", text, 3) for text in point or []]
    boxes = [(corners[:3], corners[3:]) for corners in (numbers("--box", text, 6) for text in box or [])]
    prompts = [{"points_inside": [point]} for point in points] + [{"box": corners} for corners in boxes]
    if shown is not None and prompts:
        raise InputRefused("--class goes with a model that searches the whole scan, not with --point or --box")
    wanted = {"threshold": threshold, "overlap": overlap, "device": device, "shown": shown}
    asked = Asked(
        model=model or ("prompted" if prompts else "automatic"),
        options={name: value for name, value in wanted.items() if value is not None},
        prompts=tuple(prompts),
        smallest=smallest,
        largest_only=largest_only,
        explain=explain,
        series=series,
        hu_offset=hu_offset,
        resample=resample,
    )
    if output.exists() and not output.is_dir():
        raise InputRefused(f"{output} is a file; name a folder for the results with -o")
    scan = Scan(ct.name, ct, others=tuple(image or ()))
    if ct.is_dir():
        from LungTumorSegLib.cases.cohort import find_cohort

        cohort = find_cohort(ct, leave_out=output)
        if cohort.scans:
            from LungTumorSegLib.command.cohort import segment_cohort

            refuse_for_many(ct, output, asked, scan)
            segment_cohort(cohort, ct, output, asked, worker)
            return
        if cohort.looks:
            print(f"note: {cohort.looks}", file=sys.stderr)
        if cohort.case:
            if scan.others:
                raise InputRefused("the folder is a whole case: leave --image out, or name its images one by one")
            scan = cohort.case
    segment_one(scan, output, asked, worker)


def refuse_for_many(folder: Path, output: Path, asked: Asked, scan: Scan) -> None:
    """What can be said of one scan alone."""
    if asked.prompts or asked.series is not None or scan.others:
        raise InputRefused(
            "--point, --box, --series and --image belong to one scan, and the folder holds several: name one"
        )
    if output.resolve() == folder.resolve():
        raise InputRefused("the results would lie among the scans: name another folder with -o")


def segment_one(scan: Scan, output: Path, asked: Asked, worker: str | None) -> None:
    """One scan, told on the terminal."""
    from rich.console import Console

    from LungTumorSegLib.cases.channels import as_read
    from LungTumorSegLib.command.lesion_table import lesion_table
    from LungTumorSegLib.command.one_scan import Stopwatch, count_in_words, read_images, segment_scan
    from LungTumorSegLib.command.outputs import MAPS
    from LungTumorSegLib.command.progress import ProgressLine
    from LungTumorSegLib.command.staging import refuse_own_input
    from LungTumorSegLib.measurement.wording import DISCLAIMER
    from LungTumorSegLib.volume.picture import is_picture
    from LungTumorSegLib.volume.writing import check_place
    from LungTumorSegLib.worker.client import WorkerClient
    from LungTumorSegLib.worker.launch import worker_command

    check_place(output)  # before the work
    refuse_own_input(output, MAPS, scan.images)
    clock = Stopwatch()
    with ProgressLine() as progress, WorkerClient(worker_command(worker)) as client:
        client.start()  # torch loads while the CT is read
        scan = replace(scan, flat=is_picture(scan.path))
        if scan.others:  # which of them are read, and how, is the model's to say
            unnamed = not scan.channels
            scan = as_read(scan, client.wait(client.load(asked.model, on_progress=progress)).meta["channels"])
            if unnamed:
                progress.say(f"note: the images are taken for {', '.join(scan.channels)}, in this order")
            clock.lap("starting")
        progress("reading", 0.0)
        images = read_images(scan, asked)
        clock.lap("reading")
        for warning in dict.fromkeys(warning for image in images for warning in image.warnings):
            progress.say(f"note: {warning}")
        done = segment_scan(client, scan, images, output, asked, progress, clock)
    for note in done.notes:
        progress.say(f"note: {note}")
    if done.lesions:
        Console().print(lesion_table(done.lesions))
    print(
        f"{count_in_words(len(done.lesions))} in {clock.laps['segmentation']:.1f} s on the "
        f"{done.run['device'].upper()}."
    )
    print(f"Overview: {output / 'overview.png'}")
    print(DISCLAIMER)


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
