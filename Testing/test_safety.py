"""No code path reads anything that could execute."""

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = sorted((REPOSITORY / "LungTumorSeg").rglob("*.py"))

MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "jsonpickle", "yaml"}
BUILT_IN = {"eval", "exec", "compile", "__import__"}
# Dotted ends: torch.load, numpy.load(allow_pickle=...), MONAI's bundles and checkpoint loader, TorchScript archives.
CALLS = {
    "torch.load",
    "torch.jit.load",
    "torch.hub.load",
    "torch.package.PackageImporter",
    "monai.bundle.load",
    "bundle.load",
    "ConfigParser.parse",
    "CheckpointLoader",
    "Trainer.load_from_checkpoint",
    "pandas.read_pickle",
    "pd.read_pickle",
    "os.system",
    "os.popen",
}
METHODS = {"load_from_checkpoint", "read_pickle"}


def dotted(node: ast.AST) -> str:
    """`a.b.c` for a chain of names; what is not a name stands as `?`."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def dangers(source: str) -> list[str]:
    """What the source imports or calls that could execute data, with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [f"{node.lineno}: import {each.name}" for each in node.names if each.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{each.name}" for each in node.names}
            if (node.module or "").split(".")[0] in MODULES or names & CALLS or (node.module or "") == "monai.bundle":
                found.append(f"{node.lineno}: from {node.module} import ...")
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in BUILT_IN or name in CALLS or name.split(".")[-1] in METHODS:
                found.append(f"{node.lineno}: {name}(...)")
            for keyword in node.keywords:
                permits = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
                if keyword.arg in ("allow_pickle", "shell") and permits:
                    found.append(f"{node.lineno}: {name}({keyword.arg}=True)")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_no_source_file_can_execute_what_it_reads(path):
    assert dangers(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import joblib as j",
        "from marshal import loads",
        "def f():\n    from yaml import load",
        "import torch\ntorch.load('x')",
        "from torch import load",
        "eval('1')",
        "exec('x = 1')",
        "numpy.load(p, allow_pickle=True)",
        "subprocess.run(c, shell=True)",
        "from monai.bundle import ConfigParser",
        "Net.load_from_checkpoint('x')",
        "self.trainer.load_from_checkpoint('x')",
    ],
)
def test_the_check_itself_finds(source):
    assert dangers(source)


@pytest.mark.parametrize(
    "source", ["network.eval()", "build(x).eval()", "re.compile('x')", "torch.compile(n)", "np.load(p)", "json.load(f)"]
)
def test_the_check_itself_lets_pass(source):
    assert dangers(source) == []
