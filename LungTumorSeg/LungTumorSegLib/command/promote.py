"""`lungtumorseg promote CANDIDATE --base MODEL --site DATA --frozen DATA`: may a fine-tuned model be used?

`lungtumorseg rollback NAME` goes back to the one before, `lungtumorseg models` lists what there is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from LungTumorSegLib.command.progress import STYLE
from LungTumorSegLib.errors import InputRefused

NOT_PROMOTED = 3  # the exit code
PICTURES = "pictures"
REGISTRY = typer.Option("-o", "--registry", help="Folder of your models [LUNGTUMORSEG_MODELS, or the user's own].")


def promote(
    candidate: Annotated[str, typer.Argument(help="The fine-tuned model's folder.")],
    base: Annotated[str, typer.Option(help="Model that it would stand in for, by name or folder.")],
    site: Annotated[Path | None, typer.Option(help="The site's outlined cases, held out from training.")] = None,
    frozen: Annotated[
        Path | None,
        typer.Option(help="Outlined cases that the base was judged by: they stay the same [synthetic scans]."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What it is called then [site-prompted or site-automatic].")] = None,
    registry: Annotated[Path | None, REGISTRY] = None,
    pictures: Annotated[Path | None, typer.Option(help="Folder for pictures: base beside candidate.")] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Promote nothing: comparison.json and pictures into this folder.")
    ] = None,
    compared: Annotated[Path | None, typer.Option(help="Promote by the comparison made into this folder.")] = None,
    style: Annotated[str | None, STYLE] = None,
) -> None:
    """Promote a fine-tuned model, if it is no worse for the site and has forgotten nothing.

    It is then found as `--model site-prompted` (or site-automatic). The models that come with the program stay the
    defaults, and the base stays as it is.
    """
    from LungTumorSegLib.networks import registry as registries
    from LungTumorSegLib.networks.model import available_models, load_card
    from LungTumorSegLib.training.promotion_report import copy_model, read_comparison, write_comparison, write_report

    registry = registry or registries.registry_folder()
    called = name or f"site-{load_card(candidate).task}"
    if called in available_models():
        raise InputRefused(f"{called} comes with the program and stays what it is: choose another --name")
    if not registries.NAME.fullmatch(called):
        raise InputRefused(f"{called[:60]!r} cannot name a model: use letters, digits, dots, dashes or underscores")
    if compare and compared:
        raise InputRefused("--compare and --compared exclude each other: first compare, then promote")
    registries.read_state(registry)  # what cannot be written to later is refused now
    if compared:
        verdict = read_comparison(compared, candidate, base)
    else:
        verdict = judged(candidate, base, site, frozen, pictures or (compare and compare / PICTURES), style)
    show(verdict)
    if compare:
        write_comparison(compare, verdict)
        print(f"Comparison: {compare}")
        print(f"would not be promoted: {'; '.join(verdict.reasons)}" if verdict.reasons else "would be promoted")
        return
    report = write_report(registry / registries.REPORTS, called, verdict)
    print(f"Report: {registry / registries.REPORTS / report}")
    if not verdict.promoted:
        typer.echo(f"lungtumorseg: not promoted: {'; '.join(verdict.reasons)}", err=True)
        raise typer.Exit(NOT_PROMOTED)

    def fill(folder: Path, version: str) -> None:
        copy_model(candidate, verdict, report, folder, version)

    version = registries.put_in(registry, called, fill, report)
    print(f"Promoted: --model {called} is {version} from now on; lungtumorseg rollback {called} goes back.")
    if registry != registries.registry_folder():
        print(f"The name is found where {registries.VARIABLE} is {registry.absolute()}.")


def judged(candidate: str, base: str, site: Path | None, frozen: Path | None, pictures: Path | None, style: str | None):
    from LungTumorSegLib.command.progress import ProgressLine
    from LungTumorSegLib.training.promotion import judge, unwatched
    from LungTumorSegLib.training.promotion_pictures import Pictures

    if site is None:
        raise InputRefused("name the site's held-out cases: --site FOLDER")
    with ProgressLine(style) as progress:
        if frozen is None:
            progress.say("note: no --frozen cases: synthetic scans stand in, which show gross forgetting alone")
        return judge(candidate, base, site, frozen, progress, Pictures(pictures) if pictures else unwatched)


def rollback(
    name: Annotated[str | None, typer.Argument(help="Name of a promoted model [the only one].")] = None,
    registry: Annotated[Path | None, REGISTRY] = None,
) -> None:
    """Go back to the model that a name meant before the last promotion."""
    from LungTumorSegLib.networks import registry as registries

    registry = registry or registries.registry_folder()
    names = sorted(registries.names_in_use(registry))
    if name is None and len(names) != 1:
        raise InputRefused(
            f"say which to roll back: {', '.join(names)}" if names else "nothing is promoted: nothing to roll back"
        )
    left, now = registries.roll_back(registry, name or names[0])
    if now:
        print(f"--model {name or names[0]} is {now} again, no longer {left}, which stays in {registry / left}.")
    else:
        print(f"{left} is no longer in use and nothing was before it: choose a model that comes with the program.")


def models(
    name: Annotated[str | None, typer.Argument(help="Print this model's whole card.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: every card.")] = False,
    registry: Annotated[Path | None, REGISTRY] = None,
) -> None:
    """List the models that come with the program and those that were promoted."""
    from LungTumorSegLib.networks import registry as registries
    from LungTumorSegLib.networks.model import available_models, load_card

    registry = registry or registries.registry_folder()
    places = {bundled: bundled for bundled in available_models()}
    in_use = registries.names_in_use(registry)
    places |= {promoted: str(registry / version) for promoted, version in in_use.items()}
    if name is not None:
        found = registries.folder_of(name, registry)
        print(load_card(places.get(name) or str(found or name)).to_json(), end="")
        return
    cards = {called: load_card(place) for called, place in places.items()}
    if as_json:
        print(json.dumps({called: json.loads(card.to_json()) for called, card in cards.items()}, indent=2))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    view = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("model", "is", "task", "Dice, site", "Dice, frozen"):
        view.add_column(column, no_wrap=True)
    for called, card in cards.items():
        told = card.provenance.get("promotion", {})
        dice = [
            f"{told[part]['dice_base']:.3f} -> {told[part]['dice_candidate']:.3f}" if told else "-"
            for part in ("site", "frozen")
        ]
        view.add_row(called, in_use.get(called, "with the program"), card.task, *dice)
    Console().print(view)
    print("The whole card: lungtumorseg models NAME")


def show(verdict) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    view = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("cases", "number", "patients", "Dice, base", "Dice, candidate", "newly missed"):
        view.add_column(column, no_wrap=True, justify="left" if column == "cases" else "right")
    for part, what in ((verdict.site, "site, held out"), (verdict.frozen, "frozen")):
        dice = f"{part.base:.4f}", f"{part.candidate:.4f}"
        view.add_row(what, str(part.cases), str(part.patients), *dice, str(part.newly_missed))
    Console().print(view)
