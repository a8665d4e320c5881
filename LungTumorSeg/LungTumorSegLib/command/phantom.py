"""`lungtumorseg phantom OUT`: the sample CT and its truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def phantom(
    output: Annotated[Path, typer.Argument(help="Folder for ct.nii.gz, truth.nii.gz and tumours.json.")],
    seed: Annotated[int, typer.Option(help="Another seed is another patient.")] = 0,
) -> None:
    """Make a synthetic chest CT with tumours and their true mask: sample data that belongs to nobody."""
    from LungTumorSegLib.volume.sample import write_sample

    ct = write_sample(output, seed)
    print(f"Sample CT (synthetic): {ct}")
