"""What the windows beside the panel need of Slicer, added to the test host: dialogs, settings, `slicer.packaging`."""

import sys
import types

import fake_slicer_python
import host as test_host
import slicer
from PySide6 import QtCore, QtWidgets


def add_to(host, folder):
    """`host.answers`: what file dialogs and questions answer, by the name of their function; True where none is given.
    `host.asked`: the questions. Settings are kept in the folder."""
    QtCore.QCoreApplication.setOrganizationName("test")
    QtCore.QCoreApplication.setApplicationName("host")
    QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
    QtCore.QSettings.setPath(QtCore.QSettings.Format.IniFormat, QtCore.QSettings.Scope.UserScope, str(folder))
    host.answers, host.asked, host.status = {}, [], []
    dialogs = types.SimpleNamespace(
        getExistingDirectory=lambda _parent, _title: host.answers.get("getExistingDirectory", ""),
        getOpenFileName=lambda _parent, _title: host.answers.get("getOpenFileName", ""),
    )
    for qt in qts():
        for name in ("QDialog", "QVBoxLayout", "QSettings"):
            cls = next(getattr(m, name) for m in (QtCore, QtWidgets) if hasattr(m, name))
            qt[name] = test_host.WrappedClass(cls)
        qt["QFileDialog"] = dialogs

    def ask(text, windowTitle=None, **_more):
        host.asked.append(text)
        return host.answers.get("confirm", True)

    slicer.util.confirmOkCancelDisplay = ask
    slicer.util.showStatusMessage = lambda text, _duration=0: host.status.append(text)
    module = types.ModuleType("slicer.packaging")
    exec(fake_slicer_python.PACKAGING, vars(module))
    sys.modules["slicer.packaging"] = slicer.packaging = module


def qts():
    """Of this host, and of an earlier one, which files of the panel that were imported then still hold."""
    ours = [module for name, module in sys.modules.items() if name.startswith("LungTumorSegLib.desktop")]
    found = [sys.modules["qt"], *(module.qt for module in ours if hasattr(module, "qt"))]
    return [vars(qt) for qt in {id(qt): qt for qt in found}.values()]
