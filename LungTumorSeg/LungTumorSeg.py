"""LungTumorSeg for 3D Slicer: the four classes that Slicer asks for. What they do stands in LungTumorSegLib."""

import sys

import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class LungTumorSeg(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Lung Tumor Segmentation")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Markups", "Segmentations", "Tables", "Volumes"]
        parent.contributors = ["LungTumorSeg contributors"]
        parent.helpText = _(
            "<p>Finds lung tumours on chest CT, shows where the network looked, and measures them: segments, "
            "probability, Grad-CAM, RECIST diameters. Choose a CT and press <b>Segment</b>; move the threshold; "
            "add a missed lesion by a point, paint in the Segment Editor, compare with an earlier date, export, train."
            "</p><p>No CT at hand? <b>Sample Data</b> makes a synthetic chest with tumours, at two dates.</p>"
            "<p><b>Research software, not a medical device.</b></p>"
        )
        parent.acknowledgementText = _(
            "<p>Built on 3D Slicer, PyTorch, MONAI, SimpleITK and highdicom.</p>"
            "<p>The models that come with it were trained on public collections of The Cancer Imaging Archive: "
            "LIDC-IDRI (Armato et al.), NSCLC Radiogenomics (Bakr et al.), Lung-PET-CT-Dx (Li et al.) and others; "
            "<b>Manage models...</b> shows each model's card with its data, licence and known failures.</p>"
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Offer our sample scans in the Sample Data module, once Slicer has started."""
    from LungTumorSegLib.desktop import sample_data

    sample_data.register()


class LungTumorSegWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Loads the panel and hands it Slicer's events."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        try:
            from LungTumorSegLib.desktop.panel import Panel
        except ModuleNotFoundError as lacking:
            if lacking.name != "slicer.packaging":
                raise
            self.layout.addWidget(qt.QLabel(_("This module needs 3D Slicer 5.12 or later.")))
            return
        widget = slicer.util.loadUI(self.resourcePath("UI/LungTumorSeg.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = LungTumorSegLogic()
        self.panel = Panel(self.ui, slicer.mrmlScene)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndClose)
        if self.parent.isEntered:  # loaded anew while it is shown: Slicer does not say `enter` again
            self.enter()
        else:
            self.followParameterNode()

    def cleanup(self):
        """Slicer quits, or the module is loaded anew."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.close()

    def enter(self):
        if self.panel is not None:
            self.followParameterNode()
            self.panel.enter()

    def exit(self):
        if self.panel is not None:
            self.panel.leave()

    def onSceneStartClose(self, caller, event):
        self.panel.scene_closing()

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.followParameterNode()

    def followParameterNode(self):
        parameters = self.logic.getParameterNode()
        if not parameters.ct:
            parameters.ct = self.logic.firstCT()
        self.panel.set_parameters(parameters)

    def onReload(self):
        """In developer mode: read the library anew, too."""
        for name in [name for name in sys.modules if name.split(".")[0] == "LungTumorSegLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class LungTumorSegLogic(ScriptedLoadableModuleLogic):
    """The module's parameters in the scene. For segmenting without the panel see `lungtumorseg --help`."""

    def getParameterNode(self):
        from LungTumorSegLib.desktop.parameters import Parameters

        return Parameters(super().getParameterNode())

    def firstCT(self):
        """The first scalar volume that is not one of our results; None where there is none."""
        from LungTumorSegLib.scene.ownership import is_ours

        scene, name = slicer.mrmlScene, "vtkMRMLScalarVolumeNode"
        nodes = [scene.GetNthNodeByClass(n, name) for n in range(scene.GetNumberOfNodesByClass(name))]
        return next((node for node in nodes if node.GetClassName() == name and not is_ours(node)), None)


class LungTumorSegTest(ScriptedLoadableModuleTest):
    """Runs inside Slicer: what becomes of a result, points and corrections in the scene; then the panel with the
    worker, where its Python has what it needs."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        for test in (self.test_result, self.test_point, self.test_correction, self.test_panel):
            self.setUp()
            test()
        self.delayDisplay("All tests passed")

    def phantom(self):
        """A cuboid of soft tissue with two air-filled lungs and a ball of tissue in the left one: a node and the
        ball's probability."""
        import numpy as np

        k, j, i = np.indices((48, 128, 160))
        voxels = np.full(k.shape, 40, np.int16)
        for middle in (45, 115):
            voxels[((k - 24) / 20) ** 2 + ((j - 64) / 45) ** 2 + ((i - middle) / 28) ** 2 < 1] = -850
        probability = self.ball(115)
        voxels[probability.values > 0.5] = 30
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Phantom")
        node.SetSpacing(2.0, 2.0, 2.5)
        slicer.util.updateVolumeFromArray(node, voxels)
        node.CreateDefaultDisplayNodes()
        return node, probability

    def ball(self, column):
        """Probability 0.5 at 12 mm from the middle of this column, more inside."""
        import numpy as np

        from LungTumorSegLib.volume.box import Box

        k, j, i = np.indices((48, 128, 160))
        distance = np.sqrt(((k - 24) * 2.5) ** 2 + ((j - 64) * 2.0) ** 2 + ((i - column) * 2.0) ** 2)
        return Box((0, 0, 0), np.clip(1 - distance / 24, 0, 1).astype(np.float32))

    def shown(self):
        """The phantom with its ball as a prediction."""
        from LungTumorSegLib.scene.result import Result

        node, probability = self.phantom()
        result = Result(slicer.mrmlScene, node)
        result.show(probability, 0.5, 3.0)
        return node, result

    def mask(self, node, result):
        """The only segment on the CT's grid."""
        from LungTumorSegLib.scene.segments import our_segments

        (segment,) = our_segments(result.segmentation_node).values()
        return slicer.util.arrayFromSegmentBinaryLabelmap(result.segmentation_node, segment, node)

    def test_result(self):
        node, result = self.shown()
        assert len(result.lesions) == 1
        assert abs(result.lesions[0].long_axis_mm - 24) < 3
        count = slicer.mrmlScene.GetNumberOfNodes()
        result.show(self.ball(115), 0.5, 3.0)
        assert slicer.mrmlScene.GetNumberOfNodes() == count
        before = self.mask(node, result).sum()
        result.move_threshold(0.7, 3.0)
        assert self.mask(node, result).sum() < before
        self.delayDisplay("A result is shown, shown again, and follows the threshold")

    def test_point(self):
        from LungTumorSegLib.scene.prompt_nodes import points_inside

        node, result = self.shown()
        points = points_inside(slicer.mrmlScene, node)
        points.AddControlPointWorld(90.0, 128.0, 60.0)
        (prompt,) = result.follow_prompts()
        assert len(result.set_answer(prompt, self.ball(45))) == 2
        points.RemoveNthControlPoint(0)
        result.follow_prompts()
        assert len(result.lesions) == 1
        self.delayDisplay("A point brings a lesion, and takes it along")

    def test_correction(self):
        from LungTumorSegLib.scene.segments import our_segments

        node, result = self.shown()
        painted = self.mask(node, result).copy()
        painted[24, 40:44, 100:120] = 1
        (segment,) = our_segments(result.segmentation_node).values()
        slicer.util.updateSegmentBinaryLabelmapFromArray(painted, result.segmentation_node, segment, node)
        result.take_edits()
        result.recompose(0.7, 3.0)
        assert self.mask(node, result)[24, 40:44, 100:120].all()
        assert self.mask(node, result).sum() < painted.sum()
        result.reset_edits()
        assert not self.mask(node, result)[24, 40:44, 100:120].any()
        self.delayDisplay("What is painted stays painted when the threshold moves")

    def test_panel(self):
        """Segment, a point, NIfTI: by the panel's own widgets and the real worker."""
        import tempfile
        from pathlib import Path

        node, _probability = self.phantom()
        slicer.util.selectModule("LungTumorSeg")
        widget = slicer.modules.LungTumorSegWidget
        ui, desk = widget.ui, widget.panel.desk
        widget.logic.getParameterNode().ct = node
        if not desk.ready:
            self.delayDisplay("No model is installed: the worker is not tried")
            return
        ui.segmentButton.click()
        self.wait(lambda: not desk.busy and not desk.unsettled)
        if not desk.has_result:
            self.delayDisplay("The worker is not tried: " + ui.statusLabel.text)
            return
        assert " s on " in ui.statusLabel.text, ui.statusLabel.text
        desk.points().AddControlPointWorld(230.0, 128.0, 60.0)
        desk.tick()
        self.wait(lambda: not desk.busy and not desk.unsettled)
        assert desk.lesions, ui.statusLabel.text
        with tempfile.TemporaryDirectory() as folder:
            path, jobs = Path(folder) / "tumours.nii.gz", widget.panel.jobs
            widget.panel.exporting.nifti(path)
            self.wait(lambda: not jobs.under_way)
            assert path.exists(), ui.statusLabel.text
        self.delayDisplay("Segmented, a point placed, exported")

    def wait(self, condition, seconds=180):
        """Let Slicer run until the condition holds."""
        import time

        until = time.monotonic() + seconds
        while not condition() and time.monotonic() < until:
            self.delayDisplay("Computing...", 200)
        assert condition()
