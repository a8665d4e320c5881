"""Which names of Qt, CTK and Slicer the desktop part uses, read from its code."""

import ast
import xml.etree.ElementTree as ElementTree
from pathlib import Path

MODULE = Path(__file__).resolve().parents[2] / "LungTumorSeg"
DESKTOP = MODULE / "LungTumorSegLib" / "desktop"
# What a variable or the result of a call holds, by file: Python cannot tell.
RECEIVERS = {
    "LungTumorSeg.py": {"slicer.app": "qSlicerApplication"},
    "case_images.py": {
        "label": "QLabel",
        "box": "QComboBox",
        "self._widget": "QWidget",
        "self._widget.layout()": "QFormLayout",
    },
    "child_process.py": {
        "process": "QProcess",
        "self._process": "QProcess",
        "variables": "QProcessEnvironment",
        "self._process.readAllStandardOutput()": "QByteArray",
    },
    "dicom_database.py": {
        "self._indexer": "ctkDICOMIndexer",
        "database": "ctkDICOMDatabase",
        "slicer.app.dicomDatabase()": "ctkDICOMDatabase",
    },
    "export_tab.py": {"button": "QPushButton", "qt.QSettings()": "QSettings"},
    "follow_up.py": {
        "table": "QTableWidget",
        "item": "QTableWidgetItem",
        "box": "QComboBox",
        "table.horizontalHeader()": "QHeaderView",
        "table.verticalHeader()": "QHeaderView",
    },
    "lesion_table.py": {
        "widget": "QTableWidget",
        "self._widget": "QTableWidget",
        "item": "QTableWidgetItem",
        "widget.horizontalHeaderItem()": "QTableWidgetItem",
        "widget.horizontalHeader()": "QHeaderView",
        "widget.verticalHeader()": "QHeaderView",
    },
    "computation.py": {"self.dialog": "QDialog", "self._timer": "QTimer", "qt.QSettings()": "QSettings"},
    "first_run.py": {"self.computation.dialog": "QDialog", "self.models.dialog": "QDialog", "window.dialog": "QDialog"},
    "models_dialog.py": {"self.dialog": "QDialog"},
    "packages.py": {"qt.QSettings()": "QSettings"},
    "panel.py": {"self._timer": "QTimer"},
    "placing.py": {
        "widget": "qSlicerMarkupsPlaceWidget",
        "self._widget": "qSlicerMarkupsPlaceWidget",
        "button": "QPushButton",
        "self._active": "QPushButton",
    },
    "sample_data.py": {"logic": "SampleData.SampleDataLogic"},
    "settings.py": {"qt.QSettings()": "QSettings"},
    "segment_editor.py": {"widget.editor": "qMRMLSegmentEditorWidget", "editor": "qMRMLSegmentEditorWidget"},
    "segment_tab.py": {"box": "QComboBox", "button": "QPushButton"},
    "shortcuts.py": {"shortcut": "QShortcut"},
    "train_tab.py": {"item": "QListWidgetItem", "qt.QSettings()": "QSettings", "widget": "QWidget"},
    "window.py": {"dialog": "QDialog", "layout": "QVBoxLayout"},
    "measure_tab.py": {"slicer.app.clipboard()": "QClipboard"},
}


def widget_classes() -> dict[str, str]:
    """The class of each widget of our .ui files."""
    files = (MODULE / "Resources" / "UI").glob("*.ui")
    return {w.get("name"): w.get("class") for file in files for w in ElementTree.parse(file).iter("widget")}


def names_used() -> set[str]:
    """ "qt.QTimer", "slicer.util.loadUI", "ctkSliderWidget.valueIsChanging(double)", ..."""
    names = set()
    for file in [MODULE / "LungTumorSeg.py", *DESKTOP.glob("*.py")]:
        receivers = dict(RECEIVERS.get(file.name, {}))
        receivers |= {f"{ui}.{w}": c for w, c in widget_classes().items() for ui in ("ui", "self.ui", "widget.ui")}
        for node in ast.walk(ast.parse(file.read_text())):
            names |= set(names_of(node, receivers))
    return {name for name in names if not any(other.startswith((name + ".", name + "()")) for other in names)}


def names_of(node: ast.AST, receivers: dict[str, str]):
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "slicer":
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "connect":
        yield f"{receivers[dotted(node.func.value)]}.{node.args[0].value}"
    elif isinstance(node, ast.Attribute):
        name, owner = dotted(node), dotted(node.value)
        if owner in receivers:
            if node.attr != "connect":
                yield f"{receivers[owner]}.{node.attr}"
        elif name.split(".")[0] in ("qt", "ctk", "slicer") and "()" not in name:
            yield name


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return f"{dotted(node.func)}()"
    return node.id if isinstance(node, ast.Name) else "?"
