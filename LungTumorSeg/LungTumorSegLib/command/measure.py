"""`lungtumorseg measure MASK`: volumes, diameters and densities of a mask, and how far it is from a reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from LungTumorSegLib.command.asked import refuse_size
from LungTumorSegLib.errors import InputRefused


def measure(
    mask: Annotated[Path, typer.Argument(help="Mask: NIfTI, NRRD or MHA file.")],
    ct: Annotated[
        Path | None, typer.Option(help="The CT of the mask's grid: adds density, side and distance to the pleura.")
    ] = None,
    probability: Annotated[
        Path | None, typer.Option(help="Probability on the mask's grid: adds what thresholds 0.3 to 0.7 would give.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Mask to compare with: relative errors of volume and diameters.")
    ] = None,
    label: Annotated[int | None, typer.Option(help="Measure this label alone [all above 0].")] = None,
    node: Annotated[list[int] | None, typer.Option(help="This lesion is a lymph node. Repeatable.")] = None,
    keep: Annotated[bool, typer.Option(help="Each value of the mask is one lesion, as in lesions.nii.gz.")] = False,
    smallest: Annotated[float, typer.Option(help="Leave out lesions whose long axis is shorter, mm.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure every lesion of a mask: volume, long and short axis, largest 3D diameter, density, place."""
    import sys

    from LungTumorSegLib.measurement.challenge_metrics import challenge_metrics
    from LungTumorSegLib.measurement.lesions import lesion_labels
    from LungTumorSegLib.measurement.lung_fields import find_lung_fields
    from LungTumorSegLib.measurement.measure import CONVENTION
    from LungTumorSegLib.measurement.measure import measure as measure_lesions
    from LungTumorSegLib.volume.reading import read_ct, read_map, read_mask

    refuse_size(smallest)
    scan = None if ct is None else read_ct(ct)
    volume = read_mask(mask, scan, label=label, most_foreground=None)
    grid = volume.geometry
    sure = None if probability is None else read_map(probability)
    truth = None if reference is None else read_mask(reference, grid, most_foreground=None)
    if sure is not None and not grid.same_grid(sure.geometry):
        raise InputRefused("The probability lies on another grid than the mask: name those of one result.")
    for warning in dict.fromkeys(w for v in (scan, volume, sure, truth) if v is not None for w in v.warnings):
        print(f"note: {warning}", file=sys.stderr)

    labels = volume.voxels if keep else lesion_labels(volume.voxels > 0, grid, smallest_mm=smallest)
    lesions = measure_lesions(
        labels,
        grid,
        None if sure is None else sure.voxels,
        ct=None if scan is None else scan.voxels,
        lungs=None if scan is None else find_lung_fields(scan.voxels, grid),
        nodes=node or (),
    )
    if keep:
        lesions = [lesion for lesion in lesions if lesion.long_axis_mm >= smallest]
    unknown = set(node or ()) - {lesion.id for lesion in lesions}
    if unknown:
        raise InputRefused(f"--node {min(unknown)}: there is no such lesion; the first column names them")
    metrics = None if truth is None else challenge_metrics(volume.voxels, truth.voxels, grid)
    if as_json:
        printed = {"convention": CONVENTION, "lesions": [lesion.as_dict() for lesion in lesions]}
        print(json.dumps(printed | ({} if metrics is None else {"challenge": metrics.as_dict()}), indent=2))
        return
    from rich.console import Console

    from LungTumorSegLib.command.lesion_table import lesion_table

    Console().print(lesion_table(lesions))
    if metrics is not None:
        print(in_words(metrics))
    print(CONVENTION)


def in_words(metrics) -> str:
    """The comparison with the reference, a line a measure."""
    rows = (
        ("volume", "mL", metrics.volume_ml, metrics.relative_volume_error),
        ("longest axial diameter", "mm", metrics.axial_diameter_mm, metrics.recist_error_axial),
        ("largest 3D diameter", "mm", metrics.diameter_3d_mm, metrics.recist_error_3d),
    )
    lines = [f"Against the reference (Dice {metrics.dice:.3f}):"]
    for name, unit, (found, true), error in rows:
        lines.append(f"  {name:24}{found:9.2f} {unit} of {true:9.2f} {unit}   relative error {error:.4f}")
    return "\n".join(lines) + "\n"
