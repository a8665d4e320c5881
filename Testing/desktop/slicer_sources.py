"""Which names of Qt, CTK and Slicer the desktop part uses, read from its code."""

import ast
import xml.etree.ElementTree as ElementTree
from pathlib import Path

MODULE = Path(__file__).resolve().parents[2] / "LungTumorSeg"
DESKTOP = MODULE / "LungTumorSegLib" / "desktop"
# What a variable holds, by file: Python cannot tell.
RECEIVERS = {
    "worker_process.py": {"process": "QProcess", "self._process": "QProcess", "environment": "QProcessEnvironment"},
    "lesion_table.py": {"widget": "QTableWidget", "self._widget": "QTableWidget"},
    "panel.py": {"self._timer": "QTimer"},
    "segment_editor.py": {"widget.editor": "qMRMLSegmentEditorWidget"},
}


def widget_classes() -> dict[str, str]:
    ui = ElementTree.parse(MODULE / "Resources" / "UI" / "LungTumorSeg.ui")
    return {w.get("name"): w.get("class") for w in ui.iter("widget")}


def names_used() -> set[str]:
    """ "qt.QTimer", "slicer.util.loadUI", "ctkSliderWidget.valueIsChanging(double)", ..."""
    names = set()
    for file in [MODULE / "LungTumorSeg.py", *DESKTOP.glob("*.py")]:
        receivers = RECEIVERS.get(file.name, {})
        receivers |= {f"{ui}.{w}": c for w, c in widget_classes().items() for ui in ("ui", "self.ui", "widget.ui")}
        for node in ast.walk(ast.parse(file.read_text())):
            names |= set(names_of(node, receivers))
    return {name for name in names if not any(other.startswith(name + ".") for other in names)}


def names_of(node: ast.AST, receivers: dict[str, str]):
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "slicer":
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "connect":
        yield f"{receivers[dotted(node.func.value)]}.{node.args[0].value}"
    elif isinstance(node, ast.Attribute):
        name, owner = dotted(node), dotted(node.value)
        if name.split(".")[0] in ("qt", "ctk", "slicer"):
            yield name
        elif owner in receivers and node.attr != "connect":
            yield f"{receivers[owner]}.{node.attr}"


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"
