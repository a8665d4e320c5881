"""The extension's package holds every file of the module's folder: Slicer installs what CMakeLists.txt names."""

import json
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


# slicer-extension-catalog-entry-schema-v1.0.2.json: no other keys; the first three are required.
SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.2.json#"
)
KEYS = {"$schema", "category", "scm_url", "scm_revision", "build_dependencies", "build_subdirectory", "tier"}


def test_the_entry_for_the_extension_index_says_what_cmake_says():
    entry = json.loads((REPOSITORY / "Resources" / "LungTumorSeg.json").read_text())
    cmake = dict(re.findall(r'set\(EXTENSION_(\w+) "?(.*?)"?\)', (REPOSITORY / "CMakeLists.txt").read_text()))
    assert set(entry) == KEYS
    assert entry["$schema"] == SCHEMA
    assert entry["build_dependencies"] == cmake["DEPENDS"].split(";")
    assert entry["category"] == cmake["CATEGORY"]
    assert entry["scm_url"] == cmake["HOMEPAGE"] + ".git"
    assert entry["tier"] in range(1, 6)


def test_pictures_that_the_index_shows_exist():
    text = (REPOSITORY / "CMakeLists.txt").read_text()
    addresses = re.findall(r"raw\.githubusercontent\.com/lungtumorseg/LungTumorSeg/main/([^ \"]+)", text)
    assert len(addresses) >= 3
    assert [address for address in addresses if not (REPOSITORY / address).exists()] == []


def test_slicers_requirements_are_those_of_pyproject_without_what_slicer_brings():
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]

    def lines(name):
        text = (MODULE / "Resources" / name).read_text().splitlines()
        return {line for line in text if line and line[0] != "#"}

    bundled = ("numpy", "scipy", "SimpleITK", "pydicom", "highdicom", "torch>")
    wanted = {line for line in project["dependencies"] if not line.startswith(bundled)}
    assert lines("requirements.txt") == wanted
    training = {line for line in project["optional-dependencies"]["training"] if not line.startswith("tensorboard")}
    assert lines("requirements-training.txt") == training
