"""`lungtumorseg unpack RESULT -o HANDOVER`: what `segment` wrote, raw, for a host that puts it into its scene."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from LungTumorSegLib.command.progress import STYLE


def unpack(
    result: Annotated[Path, typer.Argument(help="Folder that segment wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Empty folder for the raw arrays.")],
    ct: Annotated[Path | None, typer.Option(help="The CT [the one noted in the result].")] = None,
    style: Annotated[str | None, STYLE] = None,
) -> None:
    """Lay a result out for a host's scene."""
    import json

    from LungTumorSegLib.command.progress import ProgressLine
    from LungTumorSegLib.export.handover import Handover, write_in_steps
    from LungTumorSegLib.export.result import read_result
    from LungTumorSegLib.measurement.components import bounding_box
    from LungTumorSegLib.volume.box import EMPTY, Box
    from LungTumorSegLib.volume.reading import read_map

    def cropped(values) -> Box:
        used = bounding_box(values)
        return EMPTY if used is None else Box(tuple(part.start for part in used), values[used])

    with ProgressLine(style) as progress:
        progress("reading", 0.0)
        found = read_result(result, ct)
        for warning in found.ct.warnings:
            progress.say(f"note: {warning}")
        probability = None
        if (result / "probability.nii.gz").exists():
            probability = cropped(read_map(result / "probability.nii.gz").voxels)
        run = json.loads((result / "run.json").read_text(encoding="utf-8"))
        labels = cropped(found.labels)
        given = Handover(
            found.ct.voxels,
            found.ct.geometry,
            Box(labels.start, labels.values.astype("uint16")),
            probability,
            lesions=[lesion.as_dict() for lesion in found.lesions],
            run=run,
            source=run.get("image_path"),
        )
        output.mkdir(parents=True, exist_ok=True)
        for fraction in write_in_steps(output, given):
            progress("writing", 0.5 + fraction / 2)
