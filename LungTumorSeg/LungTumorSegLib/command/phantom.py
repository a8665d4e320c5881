"""`lungtumorseg phantom OUT`: the sample CT and its truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from LungTumorSegLib.errors import InputRefused


def phantom(
    output: Annotated[Path, typer.Argument(help="Folder for ct.nii.gz, truth.nii.gz and tumours.json.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another patient.")] = 0,
) -> None:
    """Make a synthetic chest CT with tumours and their true mask: sample data that belongs to nobody."""
    from LungTumorSegLib.command.staging import staged
    from LungTumorSegLib.volume.sample import FACTS, FILES, write_sample
    from LungTumorSegLib.volume.writing import check_place

    check_place(output)
    foreign = [name for name in FILES if (output / name).exists()] if not (output / FACTS).exists() else []
    if foreign:
        raise InputRefused(f"{output} holds a {foreign[0]} that is no sample CT's: choose another folder")
    with staged(output, last=FACTS) as folder:
        ct = write_sample(folder, seed)
    print(f"Sample CT (synthetic): {output / ct.name}")
