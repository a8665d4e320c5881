"""Every Qt, CTK and Slicer name that the desktop part uses was looked up in the sources that declare it.

slicer_names.json says where: "Qt: signal" (or property, slot, enum) is asked of Qt itself here; "PythonQt" is a wrapper
in generated_cpp_515/ of MeVisLab/pythonqt; "CTK" and "Slicer" are files of their repositories, read in August 2026.
A name that is new fails until somebody has looked it up.
"""

import json
from pathlib import Path

import pytest
import slicer_sources

QtCore = pytest.importorskip("PySide6.QtCore")
QtGui = pytest.importorskip("PySide6.QtGui")
QtWidgets = pytest.importorskip("PySide6.QtWidgets")

DECLARED = json.loads((Path(__file__).parent / "slicer_names.json").read_text())


def test_every_name_in_use_is_looked_up_and_no_other_is_kept():
    used = slicer_sources.names_used()
    assert (sorted(used - set(DECLARED)), sorted(set(DECLARED) - used)) == ([], []), "(not looked up, unused)"


def qt_knows(name: str) -> bool:
    class_name, _, member = name.removeprefix("qt.").partition(".")
    meta = next(getattr(m, class_name) for m in (QtCore, QtGui, QtWidgets) if hasattr(m, class_name)).staticMetaObject
    match DECLARED[name]:
        case "Qt: signal":
            return meta.indexOfSignal(member) >= 0
        case "Qt: property":
            return meta.indexOfProperty(member) >= 0
        case "Qt: slot":
            return member in {meta.method(n).name().data().decode() for n in range(meta.methodCount())}
        case "Qt: enum":
            enums = [meta.enumerator(n) for n in range(meta.enumeratorCount())]
            return member in {e.key(k) for e in enums for k in range(e.keyCount())}
    return False


# Asked before any test runs: PySide drops its meta objects when a test host's windows go.
KNOWN = {name: qt_knows(name) for name, where in DECLARED.items() if where.startswith("Qt: ")}


@pytest.mark.parametrize("name", KNOWN)
def test_qt_knows_the_signals_properties_and_slots(name):
    assert KNOWN[name]
