"""`lungtumorseg case add|list|remove`: the user's own dataset of corrected scans, from which models are fine-tuned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from LungTumorSegLib.cases.words import counted
from LungTumorSegLib.command.progress import STYLE
from LungTumorSegLib.errors import InputRefused

case = typer.Typer(
    help="Your own dataset of corrected scans, from which models are fine-tuned.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
DATASET = typer.Argument(help="Folder of the dataset.")


@case.command()
def add(
    source: Annotated[Path, typer.Argument(help="A result's folder as `segment` writes it, or a CT.")],
    to: Annotated[Path, typer.Option(help="Folder of the dataset; made where it is not there.")],
    mask: Annotated[Path | None, typer.Option(help="Mask of a CT, or another one than the result's.")] = None,
    ct: Annotated[Path | None, typer.Option(help="CT of a result, where it was moved.")] = None,
    series: Annotated[str | None, typer.Option(help="Of several DICOM series: its UID.")] = None,
    hu_offset: Annotated[int | None, typer.Option(help="What to add to get HU, where that is asked.")] = None,
    patient: Annotated[str | None, typer.Option(help="Who it is [DICOM's patient ID]; kept as a hash alone.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="A scan that is in already gets this mask.")] = False,
    progress_style: Annotated[str | None, STYLE] = None,
) -> None:
    """Copy a CT and its corrected mask into the dataset. Refused with the reason where it cannot be taught."""
    from LungTumorSegLib.cases.adding import add_case
    from LungTumorSegLib.command.progress import ProgressLine
    from LungTumorSegLib.export.result import read_result
    from LungTumorSegLib.volume.reading import read_ct, read_mask

    with ProgressLine(progress_style) as progress:
        progress("reading", 0.0)
        if (source / "run.json").is_file():
            found = read_result(source, ct, series, hu_offset)
            scan, labels = found.ct, found.labels
        elif mask is None:
            raise InputRefused("a CT needs the mask of its lesions: name it with --mask, or give a result's folder")
        else:
            scan = read_ct(source, series=series, hu_offset=hu_offset)
        for warning in scan.warnings:
            progress.say(f"note: {warning}")
        if mask is not None:
            labels = read_mask(mask, scan).voxels
        added = add_case(to, scan, labels, patient, replace, progress)
    print(f"{added.name}: {counted(added.lesions, 'lesion')}, {added.volume_ml:.2f} mL")
    for note in added.notes:
        print(f"note: {note}")
    if added.patient == added.name:
        print("note: the scan does not say whose it is and counts as a patient of its own; --patient says it")


@case.command("list")
def list_(
    dataset: Annotated[Path, DATASET],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the dataset's cases."""
    from LungTumorSegLib.cases.local import list_cases

    if not dataset.is_dir():
        raise InputRefused("there is no folder of that name: name the dataset's own folder, as `case add --to` made it")
    cases = list_cases(dataset)
    if as_json:
        print(json.dumps([case.as_dict() for case in cases], indent=2))
        return
    for each in cases:
        print(f"{each.name}  {each.patient:<24}  {counted(each.lesions, 'lesion'):<10} {each.volume_ml:>8.2f} mL")
    patients = len({each.patient for each in cases})
    print(f"{counted(len(cases), 'case')} of {counted(patients, 'patient')}")


@case.command()
def remove(dataset: Annotated[Path, DATASET], name: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Remove a case from the dataset."""
    from LungTumorSegLib.cases.local import remove_case

    remove_case(dataset, name)
    print(f"{name} is removed.")
