"""The table "Who may import what" of the README, run against the code."""

import ast
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "LungTumorSeg" / "LungTumorSegLib"
EVERYBODY = {"errors"}


def read_rules() -> dict[str, set[str]]:
    """Part or file (path below the package, no trailing slash) -> names it may import."""
    rows = (REPOSITORY / "README.md").read_text().split("## Who may import what")[1].split("\n## ")[0].splitlines()
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows if row.startswith("| `")]
    return {
        part.strip("`").rstrip("/"): {name.strip(" `") for name in names.split(",") if name} for part, names in cells
    }


def rule_for(file: Path, rules: dict[str, set[str]]) -> tuple[str, set[str]]:
    """The most specific row that covers the file."""
    path = file.relative_to(PACKAGE).as_posix()
    covering = [part for part in rules if path == part or path.startswith(part + "/")]
    assert covering, f"the README's table has no row for {path}"
    part = max(covering, key=len)
    return part, rules[part]


def imported_names(source: str) -> set[str]:
    """Every import in the file, at any depth: `torch`, or `volume/geometry` for one of our own modules."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            # `from LungTumorSegLib.volume import geometry` names a module too
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def breaches(file: Path, rules: dict[str, set[str]]) -> list[str]:
    _part, allowed = rule_for(file, rules)
    own_folder = file.relative_to(PACKAGE).parts[0]
    found = []
    for name in imported_names(file.read_text()):
        top, *rest = name.split(".")
        if top == "LungTumorSegLib":
            inside = "/".join(rest)
            fine = rest[0] in EVERYBODY | {own_folder} | allowed or any(
                entry.endswith(".py") and (inside + "/").startswith(entry[:-3] + "/") for entry in allowed
            )
        else:
            fine = top in allowed or top in sys.stdlib_module_names
        if not fine:
            found.append(f"{file.relative_to(PACKAGE)} imports {name}")
    return found


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda f: f.relative_to(PACKAGE).as_posix())
def test_every_file_imports_only_what_its_row_allows(file):
    assert breaches(file, read_rules()) == []


def test_a_breach_is_noticed(tmp_path):
    file = PACKAGE / "volume" / "geometry.py"
    rules = read_rules() | {"volume/geometry.py": {"scipy"}}
    assert any("numpy" in line for line in breaches(file, rules))


def test_every_row_of_the_table_names_something_that_exists():
    assert [part for part in read_rules() if not (PACKAGE / part).exists()] == []
