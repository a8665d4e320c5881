"""The extension's package holds every file of the module's folder: Slicer installs what CMakeLists.txt names."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "LungTumorSeg"


def listed(variable: str) -> list[str]:
    text = (MODULE / "CMakeLists.txt").read_text().replace("${MODULE_NAME}", "LungTumorSeg")
    return re.search(rf"set\({variable}\s+(.*?)\s*\)", text, re.DOTALL)[1].split()


def in_folder() -> set[str]:
    files = (path.relative_to(MODULE) for path in MODULE.rglob("*") if path.is_file())
    kept = (f for f in files if "__pycache__" not in f.parts and f.name != "CMakeLists.txt" and f.name[0] != ".")
    return {file.as_posix() for file in kept}


@pytest.mark.parametrize(("variable", "python"), [("MODULE_PYTHON_SCRIPTS", True), ("MODULE_PYTHON_RESOURCES", False)])
def test_every_file_is_listed_once_and_exists(variable, python):
    names = listed(variable)
    wanted = {name for name in in_folder() if name.endswith(".py") == python}
    assert len(names) == len(set(names))
    assert (sorted(wanted - set(names)), sorted(set(names) - wanted)) == ([], []), "(missing, too many) in the list"


def test_the_extension_says_what_slicers_index_asks_for():
    text = (REPOSITORY / "CMakeLists.txt").read_text()
    assert "project(LungTumorSeg)" in text
    for fact in ("HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"):
        assert re.search(rf"set\(EXTENSION_{fact} \S+", text), fact
    assert (REPOSITORY / "LungTumorSeg.png").exists()
