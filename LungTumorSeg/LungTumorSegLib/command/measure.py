"""`lungtumorseg measure MASK`: volumes and diameters of a mask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def measure(
    mask: Annotated[Path, typer.Argument(help="Mask: NIfTI, NRRD or MHA file.")],
    label: Annotated[int | None, typer.Option(help="Measure this label alone [all above 0].")] = None,
    smallest: Annotated[float, typer.Option(help="Leave out lesions whose long axis is shorter, mm.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure every lesion of a mask: volume, long and short axis, largest 3D diameter."""
    import sys

    from LungTumorSegLib.measurement.lesions import lesion_labels
    from LungTumorSegLib.measurement.measure import CONVENTION
    from LungTumorSegLib.measurement.measure import measure as measure_lesions
    from LungTumorSegLib.volume.reading import read_mask

    volume = read_mask(mask, label=label)
    for warning in volume.warnings:
        print(f"note: {warning}", file=sys.stderr)
    labels = lesion_labels(volume.voxels > 0, volume.geometry, smallest_mm=smallest)
    lesions = measure_lesions(labels, volume.geometry)
    if as_json:
        print(json.dumps({"convention": CONVENTION, "lesions": [lesion.as_dict() for lesion in lesions]}, indent=2))
        return
    from rich.console import Console

    from LungTumorSegLib.command.lesion_table import lesion_table

    Console().print(lesion_table(lesions))
    print(CONVENTION)
