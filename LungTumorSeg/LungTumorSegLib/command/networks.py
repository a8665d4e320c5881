"""`lungtumorseg networks`: the catalogue with its costs."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def networks(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the networks: parameters, multiply-adds, and whether each keeps the 700 M limit of a slice."""
    from LungTumorSegLib.networks.counting import printed, table

    rows = table()
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    view = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    view.add_column("network", no_wrap=True)
    view.add_column("parameters", justify="right", no_wrap=True)
    view.add_column("multiply-adds", justify="right", no_wrap=True)
    view.add_column("input", no_wrap=True)
    view.add_column("<= 700 M", no_wrap=True)
    for row in rows:
        limit = {True: "yes", False: "no", None: "-"}[row["within_limit"]]
        work = printed(row["multiply_adds"])
        view.add_row(row["name"], f"{row['parameters']:,}", work, row["input"], limit)
    console = Console()
    console.print(view)
    for row in rows:
        console.print(f"{row['name']}: {row['sentence']}", highlight=False)
