"""A test host: enough of Slicer's desktop to load the module file and its .ui unchanged and to click in them.

The scene, nodes and `slicer.util` are Slicer's own (slicer-core); Qt is real (PySide6, without a screen). Stand-ins are
the ctk and qMRML widgets, the parameter node wrapper, the application object, and PythonQt: widgets reach the code
through `PythonQtObject`, which knows Qt properties as attributes and `connect("signal(type)", f)`, and raises on any
name that Qt does not know, as PythonQt does.

What passes here is wired together; it is **not** tested in Slicer. This cannot prove that PythonQt converts a value as
PySide6 does, that ctk and qMRML widgets behave as their stand-ins, how the panel looks in Slicer's style, or that a
layout's views redraw. There are no views: place mode is a stand-in that moves points as the mouse would, painting is
the Segment Editor's own logic without its effects, a plot is a node. The DICOM database takes names of files and reads
none; dialogs answer themselves. Exceptions that Slicer would print in its Python console are kept (`Host.console`).
Names are checked against Slicer's, CTK's and PythonQt's sources in slicer_names.json.
"""

import ctypes
import json
import os
import sys
import tempfile
import traceback
import types
import typing
import xml.etree.ElementTree as ElementTree
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import slicer
import slicer.util
import vtk
from packaging.requirements import Requirement
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets
from trame_slicer.core import SlicerApp

if sys.version_info < (3, 12):
    # Many calls of PySide6 (seen with 6.12) take one reference to None too many away, which ends the process after some
    # minutes: "deallocating None". From Python 3.12 on None lives for ever; here it is given references enough.
    ctypes.c_ssize_t.from_address(id(None)).value += 1 << 40

MODULE_FILE = Path(__file__).resolve().parents[2] / "LungTumorSeg" / "LungTumorSeg.py"


def qt_property(kind, name, changed=None):
    """A Qt property kept in the stand-in; telling `changed` where that is a signal's name."""

    def write(self, value):
        before, self.__dict__[f"_{name}"] = self.__dict__.get(f"_{name}"), value
        if changed and before != value:
            getattr(self, changed).emit(value)

    default = {int: 0, float: 0.0, bool: True, str: ""}.get(kind)
    return QtCore.Property(kind, lambda self: self.__dict__.get(f"_{name}", default), write)


class qMRMLWidget(QtWidgets.QWidget):
    def setMRMLScene(self, scene):
        for child in self.scene_receivers:
            child.setMRMLScene(scene)


class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """Always open."""


class ctkPathLineEdit(QtWidgets.QWidget):
    """A line to type a path in; without browsing and history."""

    currentPathChanged = QtCore.Signal(str)
    currentPath = qt_property(str, "currentPath", "currentPathChanged")
    settingKey = qt_property(str, "settingKey")

    def __init__(self, parent=None):
        super().__init__(parent)
        row, line, browse = QtWidgets.QHBoxLayout(self), QtWidgets.QLineEdit(), QtWidgets.QToolButton()
        browse.setText("...")
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(line)
        row.addWidget(browse)
        self.currentPathChanged.connect(line.setText)
        line.editingFinished.connect(lambda: self.setProperty("currentPath", line.text()))


class ctkSliderWidget(QtWidgets.QWidget):
    """With `tracking` off: `valueIsChanging` while dragged, `valueChanged` at rest, unless it is back where it was;
    both where the program moves it (ctkSliderWidget.cpp: setSpinBoxValue, stopChanging)."""

    valueChanged = QtCore.Signal(float)
    valueIsChanging = QtCore.Signal(float)
    value = qt_property(float, "value", "valueChanged")
    minimum, maximum = qt_property(float, "minimum"), qt_property(float, "maximum")
    singleStep, pageStep = qt_property(float, "singleStep"), qt_property(float, "pageStep")
    decimals, tracking = qt_property(int, "decimals"), qt_property(bool, "tracking")

    def __init__(self, parent=None):
        super().__init__(parent)
        row, slider = QtWidgets.QHBoxLayout(self), QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        number = QtWidgets.QLabel()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(slider)
        row.addWidget(number)
        self.dragged = False
        self.valueChanged.connect(lambda value: self.dragged or self.valueIsChanging.emit(value))
        self.valueChanged.connect(lambda value: (slider.setValue(round(100 * value)), number.setText(f"{value:.2f}")))

    def drag(self, *values):
        self.dragged = True
        for value in values:
            self.valueIsChanging.emit(value)
        self.setProperty("value", values[-1])
        self.dragged = False


class qMRMLNodeComboBox(QtWidgets.QComboBox):
    """Offers the scene's scalar volumes that are not hidden, and none."""

    currentNodeChanged = QtCore.Signal(object)
    nodeTypes = QtCore.Property("QStringList", lambda self: [], lambda self, names: None)
    showChildNodeTypes, noneEnabled = qt_property(bool, "showChildNodeTypes"), qt_property(bool, "noneEnabled")
    addEnabled, removeEnabled = qt_property(bool, "addEnabled"), qt_property(bool, "removeEnabled")
    noneDisplay = qt_property(str, "noneDisplay")
    SIGNATURES: typing.ClassVar = {"currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged"}
    node = None

    def __init__(self, parent=None):
        super().__init__(parent)
        self.activated.connect(lambda index: self.setCurrentNode(self.nodes[index]))

    def setMRMLScene(self, scene):
        self.scene = scene
        later = QtCore.QTimer(self, singleShot=True)
        later.timeout.connect(self.fill)
        tags = [
            scene.AddObserver(event, lambda *_: later.start())
            for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent)
        ]
        self.destroyed.connect(lambda: [scene.RemoveObserver(tag) for tag in tags])
        self.fill()

    def fill(self):
        count = self.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
        nodes = [self.scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode") for n in range(count)]
        self.nodes = [None, *(node for node in nodes if not node.GetHideFromEditors())]
        self.clear()
        self.addItems([node.GetName() if node else self.property("noneDisplay") or "None" for node in self.nodes])
        if self.node is not None and self.node not in self.nodes:
            self.setCurrentNode(None)
        self.setCurrentIndex(self.nodes.index(self.node))

    def setCurrentNode(self, node):
        changed, self.node = node is not self.node, node
        if changed:
            self.fill()
            self.currentNodeChanged.emit(node)

    def currentNode(self):
        return self.node


class qSlicerMarkupsPlaceWidget(QtWidgets.QWidget):
    """`click` is the mouse in a slice view: a point follows it from `hover` on, and becomes defined by the click."""

    ForcePlaceSingleMarkup = 2
    activeMarkupsPlaceModeChanged = QtCore.Signal(bool)
    placeMultipleMarkups = qt_property(int, "placeMultipleMarkups")
    placeModeEnabled = qt_property(bool, "placeModeEnabled", "activeMarkupsPlaceModeChanged")
    node = None

    def setMRMLScene(self, scene):
        self.scene = scene

    def setButtonsVisible(self, visible):
        pass

    def setCurrentNode(self, node):
        if node is not self.node and self.property("placeModeEnabled"):
            self.setProperty("placeModeEnabled", False)  # another list is not the active one
        self.node = node

    def setPlaceModeEnabled(self, on):
        assert self.node is not None or not on
        if not on:
            self.remove_preview()
        self.setProperty("placeModeEnabled", on)

    def preview(self):
        statuses = map(self.node.GetNthControlPointPositionStatus, range(self.node.GetNumberOfControlPoints()))
        return next((n for n, status in enumerate(statuses) if status == self.node.PositionPreview), None)

    def remove_preview(self):
        if self.node is not None and self.node.GetScene() and self.preview() is not None:
            self.node.RemoveNthControlPoint(self.preview())

    def hover(self, *ras):
        assert self.property("placeModeEnabled"), "no place mode: the mouse moves the view"
        if self.preview() is None:
            modified = self.node.StartModify()
            n = self.node.AddControlPointWorld(*ras)
            self.node.SetNthControlPointPositionWorld(n, ras, self.node.PositionPreview)
            self.node.EndModify(modified)
        else:
            self.node.SetNthControlPointPositionWorld(self.preview(), ras, self.node.PositionPreview)

    def click(self, *ras):
        self.hover(*(x - 5 for x in ras))
        self.hover(*ras)
        self.node.SetNthControlPointPositionWorld(self.preview(), ras, self.node.PositionDefined)
        if self.node.GetMaximumNumberOfControlPoints() < 0 or self.node.GetControlPointPlacementComplete():
            self.setPlaceModeEnabled(False)


class ctkDICOMIndexer(QtCore.QObject):
    """Takes the names of the files; reads nothing."""

    indexingComplete = QtCore.Signal(int, int, int, int)
    backgroundImportEnabled = qt_property(bool, "backgroundImportEnabled")

    def setDatabase(self, database):
        self.database = database

    def addDirectory(self, folder, copy):
        files = sorted(path.name for path in Path(folder).iterdir())
        self.database.files += files
        QtCore.QTimer.singleShot(0, lambda: self.indexingComplete.emit(0, 0, len(files), len(files)))


class ctkDICOMDatabase(QtCore.QObject):
    isOpen = qt_property(bool, "isOpen")

    def __init__(self):
        super().__init__()
        self.files = []

    def fileForInstance(self, uid):
        return ""


class SegmentEditor:
    """The Segment Editor module's `editor`: Slicer's own logic of it, with its undo, without the widget."""

    def __init__(self, scene):
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(scene)
        node = slicer.vtkMRMLSegmentEditorNode()
        node.SetSingletonTag("SegmentEditor")  # stays when the scene closes
        self.logic.SetSegmentEditorNode(scene.AddNode(node))
        self.logic.SetMaximumNumberOfUndoStates(10)

    def setSegmentationNode(self, node):
        self.logic.SetSegmentationNode(node)

    def segmentationNode(self):
        return self.logic.GetSegmentEditorNode().GetSegmentationNode()

    def setSourceVolumeNode(self, node):
        self.logic.SetSourceVolumeNode(node)

    def setCurrentSegmentID(self, segment_id):
        self.logic.GetSegmentEditorNode().SetSelectedSegmentID(segment_id)

    def currentSegmentID(self):
        return self.logic.GetSegmentEditorNode().GetSelectedSegmentID()

    def saveStateForUndo(self):
        self.logic.SaveStateForUndo()


STAND_INS = (
    qMRMLWidget,
    ctkCollapsibleGroupBox,
    ctkPathLineEdit,
    ctkSliderWidget,
    qMRMLNodeComboBox,
    qSlicerMarkupsPlaceWidget,
)


class PythonQtObject:
    """A QObject as PythonQt shows it."""

    def __init__(self, q):
        object.__setattr__(self, "q", q)

    def __getattr__(self, name):
        if self.q.metaObject().indexOfProperty(name) >= 0:
            return self.q.property(name)
        member = getattr(self.q, name)
        if isinstance(member, QtCore.SignalInstance):
            return member
        return lambda *arguments: wrapped(member(*(getattr(a, "q", a) for a in arguments)))

    def __setattr__(self, name, value):
        if self.q.metaObject().indexOfProperty(name) < 0:
            raise AttributeError(f"{type(self.q).__name__} has no property {name!r}")
        assert self.q.setProperty(name, value), f"{name} does not take {value!r}"

    def connect(self, signature, receiver):
        name = getattr(self.q, "SIGNATURES", {}).get(signature)
        if name is None and self.q.metaObject().indexOfSignal(signature) < 0:
            raise ValueError(f"{type(self.q).__name__} has no signal {signature!r}")
        getattr(self.q, name or signature.partition("(")[0]).connect(receiver)


def wrapped(value):
    return PythonQtObject(value) if isinstance(value, QtCore.QObject) else value


class WrappedClass:
    """`qt.QTimer()` and `qt.QTimer.singleShot`."""

    def __init__(self, cls):
        self._cls = cls

    def __call__(self, *arguments):
        return wrapped(self._cls(*(getattr(a, "q", a) for a in arguments)))

    def __getattr__(self, name):
        for enum in vars(self._cls).values():  # PythonQt has an enum's values on the class
            if isinstance(enum, type) and hasattr(enum, "__members__") and name in enum.__members__:
                return enum.__members__[name]
        return getattr(self._cls, name)


def load_ui(path):
    """The .ui with the stand-ins for its custom widgets, and its connections of the scene."""
    tree = ElementTree.parse(path)
    receivers = [c.findtext("receiver") for c in tree.getroot().find("connections")]
    tree.getroot().find("connections").clear()  # in C++ types; made by hand below
    for element in tree.getroot().iter("widget"):  # of ctkPathLineEdit, a set of C++ values; the stand-in has none
        for filters in element.findall("property[@name='filters']"):
            element.remove(filters)
    loader = QtUiTools.QUiLoader()
    for cls in STAND_INS:
        loader.registerCustomWidget(cls)
    text = QtCore.QByteArray(ElementTree.tostring(tree.getroot()))
    widget = loader.load(QtCore.QBuffer(text))
    widget.scene_receivers = [widget.findChild(QtCore.QObject, name) for name in receivers]
    return wrapped(widget)


def child_variables(widget):
    children = widget.q.findChildren(QtWidgets.QWidget)
    return types.SimpleNamespace(**{child.objectName(): wrapped(child) for child in children if child.objectName()})


def parameter_node_wrapper(cls):
    """Stands in for slicer.parameterNodeWrapper: typed values in the node and in widgets with a SlicerParameterName."""

    def is_node(name):
        return isinstance(cls.__annotations__[name], type) and issubclass(cls.__annotations__[name], vtk.vtkObject)

    class Wrapper:
        def __init__(self, node):
            object.__setattr__(self, "node", node)

        def __getattr__(self, name):
            if is_node(name):
                return self.node.GetNodeReference(name)
            text = self.node.GetParameter(name)
            return json.loads(text) if text else getattr(cls, name)

        def __setattr__(self, name, value):
            if name not in cls.__annotations__:
                raise AttributeError(name)
            for limits in getattr(cls.__annotations__[name], "__metadata__", ())[:1]:
                assert limits[0] <= value <= limits[1], f"{name} = {value}"
            if is_node(name):
                self.node.SetNodeReferenceID(name, value.GetID() if value else None)
            else:
                assert type(value) is type(getattr(cls, name)), f"{name} = {value!r}"
                self.node.SetParameter(name, json.dumps(value))

        def StartModify(self):
            return self.node.StartModify()

        def EndModify(self, was_modifying):
            self.node.EndModify(was_modifying)

        def AddObserver(self, *arguments):
            return self.node.AddObserver(*arguments)

        def RemoveObserver(self, tag):
            self.node.RemoveObserver(tag)

        def connectGui(self, ui):
            widgets = {w.q.property("SlicerParameterName"): w.q for w in vars(ui).values()}
            widgets.pop(None)
            assert set(widgets) <= set(cls.__annotations__), "the .ui names a parameter that is not there"
            signals = {qMRMLNodeComboBox: "currentNodeChanged", QtWidgets.QCheckBox: "toggled"}
            slots = []
            for name, q in widgets.items():
                signal = getattr(q, signals.get(type(q), "valueChanged"))
                slots.append((signal, lambda value, name=name: setattr(self, name, value)))
                signal.connect(slots[-1][1])

            def show(*_):
                for name, q in widgets.items():
                    if isinstance(q, qMRMLNodeComboBox):
                        q.setCurrentNode(getattr(self, name))
                    else:
                        q.setProperty("checked" if isinstance(q, QtWidgets.QCheckBox) else "value", getattr(self, name))

            show()
            tag = self.node.AddObserver(vtk.vtkCommand.ModifiedEvent, show)
            connected[tag] = slots
            return tag

        def disconnectGui(self, tag):
            self.node.RemoveObserver(tag)
            for signal, slot in connected.pop(tag):
                signal.disconnect(slot)

    connected = {}
    return Wrapper


class ModuleWidget:
    """Stands in for ScriptedLoadableModuleWidget."""

    def __init__(self, parent=None):
        self.parent = types.SimpleNamespace(isEntered=False)
        self.widget = QtWidgets.QWidget()
        self.layout = QtWidgets.QVBoxLayout(self.widget)
        self.layout = PythonQtObject(self.layout)

    def setup(self):
        pass

    def resourcePath(self, name):
        return str(MODULE_FILE.parent / "Resources" / name)


class ModuleLogic:
    def getParameterNode(self):
        node = slicer.mrmlScene.GetSingletonNode("LungTumorSeg", "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag("LungTumorSeg")
            node = slicer.mrmlScene.AddNode(node)
        return node


def load_requirements(path):
    """As slicer.packaging has it (Slicer 5.11), which slicer-core lacks."""
    lines = [line.strip() for line in Path(path).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


QT_NAMES = (
    "QComboBox",
    "QDesktopServices",
    "QDialog",
    "QFileDialog",
    "QHeaderView",
    "QIcon",
    "QKeySequence",
    "QLabel",
    "QListWidgetItem",
    "QProcess",
    "QProcessEnvironment",
    "QSettings",
    "QShortcut",
    "QTableWidgetItem",
    "QTimer",
    "QUrl",
    "QVBoxLayout",
)


class Strict(types.SimpleNamespace):
    """What has no such attribute raises, and no new one is set."""

    def __setattr__(self, name, value):
        if name not in vars(self):
            raise AttributeError(name)
        super().__setattr__(name, value)


class Host:
    """Slicer as far as the module sees it.

    errors : what would have been shown in a dialog. agrees : what the user answers where he is asked.
    console : exceptions that Slicer would print in its Python console. module : the one that is shown, by name.
    settings : the folder of Qt's settings, empty at first.
    """

    def __init__(self):
        self.qt = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
        self.app = SlicerApp()
        self.settings = tempfile.TemporaryDirectory()
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
        for scope in QtCore.QSettings.Scope:
            QtCore.QSettings.setPath(QtCore.QSettings.Format.IniFormat, scope, self.settings.name)
        self.qt.setOrganizationName("test host")
        self.errors: list[tuple[str, str]] = []
        self.console: list[str] = []
        self.agrees = True
        sys.excepthook = lambda *raised: self.console.append("".join(traceback.format_exception(*raised)))
        self.module, self.widget = "", None
        self.window = QtWidgets.QMainWindow()
        self.database = ctkDICOMDatabase()
        self.database.setProperty("isOpen", True)
        found = {n: next(getattr(m, n) for m in (QtCore, QtGui, QtWidgets) if hasattr(m, n)) for n in QT_NAMES}
        sys.modules["qt"] = Strict(**{n: WrappedClass(cls) for n, cls in found.items()})
        sys.modules["ctk"] = Strict(ctkDICOMIndexer=WrappedClass(ctkDICOMIndexer))
        slicer.mrmlScene = self.app.scene
        slicer.app = Strict(
            clipboard=lambda: wrapped(QtGui.QGuiApplication.clipboard()),
            dicomDatabase=lambda: wrapped(self.database),
            defaultScenePath=self.settings.name,
        )
        plots = slicer.vtkSlicerPlotsLogic()
        plots.SetMRMLApplicationLogic(self.app.app_logic)
        plots.SetMRMLScene(self.app.scene)
        self.app.scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())  # as the module Colors does
        slicer.modules = Strict(
            colors=Strict(logic=lambda: slicer.vtkSlicerColorLogic),
            plots=Strict(logic=lambda: plots),
            SegmentEditorWidget=Strict(editor=SegmentEditor(self.app.scene)),
        )
        slicer.qSlicerMarkupsPlaceWidget = qSlicerMarkupsPlaceWidget
        slicer.util.loadUI, slicer.util.childWidgetVariables = load_ui, child_variables
        slicer.util.mainWindow = lambda: wrapped(self.window)
        slicer.util.selectModule = self.select_module
        slicer.util.startupEnvironment = lambda: dict(os.environ)
        slicer.util.errorDisplay = lambda text, detailedText="": self.errors.append((text, detailedText))
        slicer.util.confirmOkCancelDisplay = lambda text: self.agrees
        slicer.util.showStatusMessage = lambda text, duration=0: None
        slicer.packaging = self._module(
            "slicer.packaging", Requirement=Requirement, load_requirements=load_requirements
        )
        self._module("slicer.i18n", tr=lambda text: text, translate=lambda context, text: text)
        self._module(
            "slicer.ScriptedLoadableModule",
            ScriptedLoadableModule=object,
            ScriptedLoadableModuleWidget=ModuleWidget,
            ScriptedLoadableModuleLogic=ModuleLogic,
            ScriptedLoadableModuleTest=object,
        )
        self._module(
            "slicer.parameterNodeWrapper",
            parameterNodeWrapper=parameter_node_wrapper,
            WithinRange=lambda low, high: (low, high),
            SingleStep=lambda step: step,
        )

    def _module(self, name, **members):
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(members)
        return sys.modules[name]

    def open_module(self):
        """The module's widget, set up and entered, as Slicer does when the user chooses the module."""
        import LungTumorSeg

        self.widget = LungTumorSeg.LungTumorSegWidget()
        self.widget.setup()
        self.window.setCentralWidget(self.widget.widget)
        self.widget.widget.show()
        self.select_module("LungTumorSeg")
        self.window.resize(420, 760)
        self.window.show()
        self.window.activateWindow()
        return self.widget

    def select_module(self, name):
        """The user, or the module itself, goes to a module."""
        if self.module == "LungTumorSeg" and name != self.module:
            self.widget.parent.isEntered = False
            self.widget.exit()
        if name == "LungTumorSeg":
            self.widget.parent.isEntered = True
            self.widget.enter()
        self.module = name

    def reload_module(self):
        """As the button Reload does: the old instance is cleaned up, a new one set up in its stead and not entered
        (slicer.util.reloadScriptedModule)."""
        import LungTumorSeg

        self.widget.cleanup()
        parent, self.widget = self.widget.parent, LungTumorSeg.LungTumorSegWidget()
        self.widget.parent = parent
        self.widget.setup()
        self.window.setCentralWidget(self.widget.widget)
        self.widget.widget.show()
        return self.widget

    def close_module(self):
        """Slicer quits."""
        self.module = ""
        self.widget.cleanup()

    def until(self, condition, seconds=60.0):
        """Let Qt run until the condition holds; True if it came to hold."""
        loop, watch = QtCore.QEventLoop(), QtCore.QTimer()
        watch.timeout.connect(lambda: condition() and loop.quit())
        watch.start(5)
        QtCore.QTimer.singleShot(int(1000 * seconds), loop.quit)
        loop.exec()
        return condition()
