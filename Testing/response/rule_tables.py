"""The tables of rules.md, row by row."""

from pathlib import Path


def rows(heading: str) -> list[dict[str, str]]:
    """The table under a heading: a dictionary a row, by column."""
    section = (Path(__file__).with_name("rules.md")).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    names, _, *body = lines
    return [dict(zip(names, line, strict=True)) for line in body]


def dates(cell: str) -> list[list[str]]:
    """Dates parted by `;`, each a list of words."""
    return [part.split() for part in cell.split(";")]


def size(word: str) -> float | None:
    return None if word == "-" else float(word.rstrip("n"))


def non_target(word: str) -> str | None:
    return {"": None, "non": "non-CR/non-PD", "nodes": "non-CR/non-PD"}.get(word, word)


def ids(table: list[dict[str, str]]) -> list[str]:
    return [row["case"] for row in table]
