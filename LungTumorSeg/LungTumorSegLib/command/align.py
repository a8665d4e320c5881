"""`lungtumorseg align BASELINE FOLLOWUP`: how one CT lies over another, as JSON, for a host's follow-up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from LungTumorSegLib.command.progress import STYLE


def align(
    baseline: Annotated[Path, typer.Argument(help="CT: file or DICOM folder, or a folder that a host wrote.")],
    followup: Annotated[Path, typer.Argument(help="The later CT, likewise.")],
    style: Annotated[str | None, STYLE] = None,
) -> None:
    """Register two chest CTs by their lungs; prints the rigid movement as one line of JSON."""
    import json

    from LungTumorSegLib.command.progress import ProgressLine
    from LungTumorSegLib.response.lungs import lungs_of
    from LungTumorSegLib.response.registration import register

    with ProgressLine(style) as progress:
        progress("reading", 0.0)
        first, second = read(baseline), read(followup)
        progress("finding lungs", 0.2)
        lungs = lungs_of(first), lungs_of(second)
        progress("registering", 0.4)
        alignment = register(first, lungs[0], second, lungs[1])
        progress("done", 1.0)
    print(json.dumps(alignment.as_dict()))


def read(place: Path):
    import numpy as np

    from LungTumorSegLib.export.handover import FACTS, read_handover
    from LungTumorSegLib.volume.geometry import Volume
    from LungTumorSegLib.volume.reading import read_ct

    if (place / FACTS).exists():
        given = read_handover(place)
        return Volume(np.array(given.voxels), given.geometry)
    return read_ct(place)
