"""`lungtumorseg download msd-lung -o DIR`: a public dataset to train on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def download(
    name: Annotated[str, typer.Argument(help="msd-lung: Medical Segmentation Decathlon, Task06_Lung (CC BY-SA 4.0).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to put the dataset's folder into.")],
    source: Annotated[
        str | None, typer.Option("--from", help="The archive, as a file or a URL [where MONAI knows it].")
    ] = None,
    md5: Annotated[str | None, typer.Option(help="MD5 of another archive than the published one.")] = None,
) -> None:
    """Download a public dataset with MONAI's downloader, verify its checksum and unpack it."""
    from LungTumorSegLib.cases.layouts import read_dataset
    from LungTumorSegLib.cases.public_archive import download as bring

    place = bring(name, output, source, md5, bar=sys.stderr.isatty())
    dataset = read_dataset(place)
    print(f"{place}: {len(dataset.cases)} cases ({dataset.layout}). Next: lungtumorseg check {place}")
