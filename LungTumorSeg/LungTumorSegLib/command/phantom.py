"""`lungtumorseg phantom OUT`: the sample CT and its truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def phantom(
    output: Annotated[Path, typer.Argument(help="Folder for ct.nii.gz, truth.nii.gz and tumours.json.")],
    seed: Annotated[int, typer.Option(help="Another seed is another patient.")] = 0,
) -> None:
    """Make a synthetic chest CT with tumours and their true mask: sample data that belongs to nobody."""
    from LungTumorSegLib.volume.phantom import make_phantom
    from LungTumorSegLib.volume.writing import write_volume

    ct, truth, tumours = make_phantom(seed=seed)
    output.mkdir(parents=True, exist_ok=True)
    write_volume(output / "ct.nii.gz", ct)
    write_volume(output / "truth.nii.gz", truth)
    (output / "tumours.json").write_text(json.dumps(tumours, indent=2) + "\n")
    print(f"Sample CT (synthetic): {output / 'ct.nii.gz'}")
