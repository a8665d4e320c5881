"""`lungtumorseg assemble HANDOVER -o RESULT`: what a scene shows, as the folder that `segment` writes. For hosts.

The CT that the result then refers to is the file or DICOM series that the scene loaded it from, if that still holds
the very voxels; else the scene's own voxels are written beside the result.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LungTumorSegLib.command.progress import STYLE
from LungTumorSegLib.errors import InputRefused

if TYPE_CHECKING:
    from LungTumorSegLib.export.handover import Handover
    from LungTumorSegLib.volume.geometry import Volume

CT = "ct.nrrd"


def assemble(
    handover: Annotated[Path, typer.Argument(help="Folder that a host wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the result.")],
    formats: Annotated[str | None, typer.Option("--format", help="Export this, too, as `export` does.")] = None,
    to: Annotated[Path | None, typer.Option(help="Folder for the exported files.")] = None,
    style: Annotated[str | None, STYLE] = None,
) -> None:
    """Write a scene's result as `segment` writes one, and export it."""
    from LungTumorSegLib.command.export import export
    from LungTumorSegLib.command.outputs import write_results
    from LungTumorSegLib.command.progress import ProgressLine
    from LungTumorSegLib.export.handover import read_handover
    from LungTumorSegLib.export.result import lesion_from
    from LungTumorSegLib.volume.box import EMPTY

    with ProgressLine(style) as progress:
        progress("reading", 0.0)
        given = read_handover(handover)
        output.mkdir(parents=True, exist_ok=True)
        place, ct, offset = ct_of(given, output)
        progress("writing", 0.4)
        lesions = [lesion_from(lesion) for lesion in given.lesions]
        run = facts(given, place, ct, offset)
        in_hu = run.get("in_hu", True)
        write_results(output, ct, given.probability or EMPTY, given.labels, lesions, given.heat, run, in_hu)
        if formats:
            progress("exporting", 0.7)
            export(output, output=to, formats=[formats])
        progress("done", 1.0)


def ct_of(given: Handover, output: Path) -> tuple[Path, Volume, int | None]:
    """Where the result's CT lies, the CT, and the HU offset to read it with."""
    from dataclasses import replace

    import numpy as np

    from LungTumorSegLib.volume.geometry import Volume
    from LungTumorSegLib.volume.reading import read_ct, read_image
    from LungTumorSegLib.volume.writing import write_volume

    in_hu = given.run.get("in_hu", True)
    if given.source:
        try:
            scan = read_ct(given.source, series=given.series) if in_hu else read_image(given.source)
            same = scan.geometry.same_grid(given.geometry.straightened())  # a host shows axes as the files state them
            if same and np.array_equal(scan.voxels, np.maximum(given.voxels, -1024) if in_hu else given.voxels):
                return Path(given.source), scan, None
        except InputRefused:
            pass  # the scene's own voxels do as well
    own = output / CT
    write_volume(own, Volume(np.array(given.voxels), given.geometry), compressed=False)
    scan = read_ct(own, hu_offset=0) if in_hu else read_image(own)  # the user has seen them as they are
    return own, replace(scan, source=given.run.get("source_name") or scan.source), 0


def facts(given: Handover, place: Path, ct: Volume, offset: int | None) -> dict:
    """run.json, with the same keys as `segment` writes."""
    from LungTumorSegLib.command.version import version
    from LungTumorSegLib.measurement.wording import DISCLAIMER

    run = {name: value for name, value in given.run.items() if name != "source_name"}
    return {
        "lungtumorseg": version(),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": None,  # all of it was painted by hand
        "model_fingerprint": None,
        "threshold": None,
        **run,
        "image_path": str(place.absolute()),
        "series_uid": ct.series and ct.series.uid,
        "study_date": (ct.series and ct.series.study_date) or run.get("study_date"),
        "hu_offset": offset,
        "resample": False,
        "image_sha256": ct.content_hash,
        "image_sha256_of": "voxel type, grid and voxels as read",
        "shape_kji": list(ct.geometry.shape),
        "spacing_mm_ijk": list(ct.geometry.spacing),
        "notes": [*ct.warnings, *run.get("notes", ())],
        "note": DISCLAIMER,
    }
