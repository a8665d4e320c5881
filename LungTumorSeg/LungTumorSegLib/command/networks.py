"""`lungtumorseg networks`: the catalogue with its costs."""

from __future__ import annotations

import json
from typing import Annotated

import typer

LIMIT = {True: "yes", False: "no", None: "-"}


def networks(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the README's table.")] = False,
) -> None:
    """List the networks: parameters, multiply-adds, and whether each keeps the 700 M limit of a slice."""
    from LungTumorSegLib.networks.counting import printed, table

    rows = table()
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    if markdown:
        print(markdown_table(rows))
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
        limit = LIMIT[row["within_limit"]]
        work = printed(row["multiply_adds"])
        view.add_row(row["name"], f"{row['parameters']:,}", work, row["input"], limit)
    console = Console()
    console.print(view)
    for row in rows:
        console.print(f"{row['name']}: {row['sentence']}", highlight=False)


def markdown_table(rows: list[dict]) -> str:
    from LungTumorSegLib.networks.counting import printed

    lines = ["| network | input | parameters | multiply-adds | <= 700 M |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        cells = (row["name"], row["input"], f"{row['parameters']:,}", printed(row["multiply_adds"]))
        lines.append(f"| {' | '.join(cells)} | {LIMIT[row['within_limit']]} |")
    return "\n".join(lines)
