"""`lungtumorseg train --recipe NAME --data DATA -o OUT`: a model of one's own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from LungTumorSegLib.command.progress import STYLE
from LungTumorSegLib.errors import Cancelled, InputRefused


def train(
    recipe: Annotated[str, typer.Option(help="Recipe by name, or a TOML file.")],
    data: Annotated[Path, typer.Option(help="Folder of images with masks, as `lungtumorseg check` reads it.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the run; finished it is the model's.")],
    start: Annotated[str | None, typer.Option("--from", help="Model to begin with, by name or folder.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Over the recipe: run.steps=100. Repeatable.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads [all].")] = None,
    style: Annotated[str | None, STYLE] = None,
) -> None:
    """Train a model by a recipe. Ctrl-C stops it; --resume goes on."""
    from LungTumorSegLib.command.progress import ProgressLine
    from LungTumorSegLib.training.recipe_file import read_recipe

    chosen = read_recipe(recipe, settings or ())
    for package, name in (("lightning", "lightning"), ("skimage", "scikit-image")):
        if find_spec(package) is None:
            raise InputRefused(f"training needs {name}: pip install 'lungtumorseg[training]'")
    with ProgressLine(style) as progress:
        progress("starting", 0.0)
        from LungTumorSegLib.training import training_run

        try:
            training_run.train(chosen, data, output, start, resume, device, threads, progress, progress.say)
        except Cancelled:
            progress.say(f"stopped; go on with the same command and --resume ({output.name})")
            raise typer.Exit(130) from None
    print(f"Model: {output}")
    print(f"Curves: {output / 'curves.png'}")
