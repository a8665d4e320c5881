"""`lungtumorseg export RESULT`: what was found, in the formats that others read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LungTumorSegLib.command.version import version
from LungTumorSegLib.errors import InputRefused

if TYPE_CHECKING:
    from LungTumorSegLib.export.findings import Findings


def export(
    result: Annotated[
        Path, typer.Argument(help="Folder that segment wrote; or a mask: NIfTI, NRRD, MHA, RTSTRUCT or DICOM SEG.")
    ],
    ct: Annotated[
        Path | None, typer.Option(help="CT: file or DICOM folder [the one noted in the result]. A mask needs it.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the files ['export' in or beside RESULT].")
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", help="nifti, nrrd, rle, csv, json, html, pdf, seg, sr; several with commas [all that can be]."
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Of a mask: this label alone, by number; in DICOM also by name.")
    ] = None,
    series: Annotated[str | None, typer.Option(help="Series UID or number, where --ct holds several.")] = None,
    hu_offset: Annotated[
        int | None, typer.Option(help="0 or -1024: what to add where the HU offset of --ct is in doubt.")
    ] = None,
) -> None:
    """Write the lesions as NIfTI, NRRD, run lengths, DICOM SEG and SR, tables and a report for printing."""
    from LungTumorSegLib.command.staging import refuse_own_input, staged
    from LungTumorSegLib.export.formats import FORMATS, choose
    from LungTumorSegLib.export.former import contradicted, older
    from LungTumorSegLib.export.result import read_mask_findings, read_result
    from LungTumorSegLib.measurement.wording import DISCLAIMER
    from LungTumorSegLib.volume.reading import read_ct

    if not result.exists():
        raise InputRefused("There is no result or mask of that name.")
    folder = output or (result if result.is_dir() else result.parent) / "export"
    if result.is_dir() and folder.resolve() == result.resolve():
        raise InputRefused("The export would overwrite the result: name another folder with -o.")
    if result.is_dir():
        if label is not None:
            raise InputRefused("--label chooses from a mask; a result is exported with all its lesions.")
        findings = read_result(result, ct, series, hu_offset, any_image=True)
    elif ct is None:
        raise InputRefused("A mask is exported on the grid of its CT: name the CT with --ct.")
    else:
        scan = read_ct(ct, series=series, hu_offset=hu_offset)
        findings = read_mask_findings(result, scan, version(), label)
    asked = [name.strip().lower() for text in formats or [] for name in text.split(",") if name.strip()]
    wanted, notes = choose(asked, findings)

    for note in (*findings.ct.warnings, *notes):
        print(f"note: {note}", file=sys.stderr)
    written = [file for name in wanted for file in FORMATS[name].files]
    gone = [file for file in contradicted(folder, findings) if file not in written]
    refuse_own_input(folder, [*written, *gone], [result, *([ct] if ct else []), *source_of(result, findings)])
    kept = older(folder, findings, [*written, *gone])
    with staged(folder, gone=gone) as staging:
        for name in wanted:
            FORMATS[name].write(staging, findings)
    if gone:
        print(f"note: {', '.join(gone)} of an earlier result: taken away", file=sys.stderr)
    if kept:
        print(f"note: {', '.join(kept)} in the folder: older than this result, export again", file=sys.stderr)
    if not findings.lesions:
        print("No lesion: the masks are empty, the tables have headings only, and the report says so.")
    for name in wanted:
        for file in FORMATS[name].files:
            print(f"{name:>6}  {folder / file}")
    print(DISCLAIMER)


def source_of(result: Path, findings: Findings) -> list[Path]:
    """The files of the CT, as far as they are known by name."""
    noted = json.loads((result / "run.json").read_text(encoding="utf-8")).get("image_path") if result.is_dir() else None
    series = findings.ct.series
    return [Path(file) for file in (*([noted] if noted else []), *(series.files if series else ()))]
