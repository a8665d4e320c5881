"""A desk with a real scene and a real worker process, without widgets: for tests and benchmarks."""

import os
import sys
import time
from pathlib import Path

from LungTumorSegLib.worker.launch import Launch

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY / "LungTumorSeg")}
PRETENDING = Launch([sys.executable, str(HERE / "pretending_worker.py")], ENVIRONMENT)


class RecordingHost:
    """Writes down what a desk says."""

    def __init__(self):
        self.sentences, self.failures, self.overlays, self.shown, self.steps = [], [], [], [], []
        self.slider, self.cuts = None, []

    def changed(self):
        pass

    def progress(self, sentence, fraction):
        self.steps.append((sentence, fraction))

    def said(self, sentence):
        self.sentences.append(sentence)

    def failed(self, sentence, details=""):
        self.failures.append((sentence, details))

    def lesions(self, lesions):
        self.shown = lesions

    def threshold(self, value):
        self.slider = value

    def cut(self, cut):
        self.slider = cut.threshold
        self.cuts.append(cut)

    def overlay(self, name):
        self.overlays.append(name)


class Bench:
    """A desk with its timer, jobs and exports. launch : of the worker."""

    def __init__(self, scene, launch):
        from LungTumorSegLib.worker.child import Child
        from LungTumorSegLib.worker.launch import job_command
        from LungTumorSegLib.worker.process import WorkerProcess
        from LungTumorSegLib.workstation.desk import Desk
        from LungTumorSegLib.workstation.exporting import Exporting
        from LungTumorSegLib.workstation.jobs import Jobs

        self.host = RecordingHost()
        self.process = WorkerProcess(launch, Child())
        self.desk = Desk(scene, self.process, False, self.host)
        self._children = []

        def new_process():
            self._children.append(Child())
            return self._children[-1]

        self.jobs = Jobs(job_command(), new_process, self.host)
        self.exporting = Exporting(self.desk, self.jobs)
        self.desk.choose_models("automatic", "prompted")

    @property
    def worker(self):
        """The worker's `subprocess.Popen`, or None."""
        return self.process.child.process

    def tick(self, seconds=0.01):
        self.process.child.deliver(seconds)
        for child in self._children:
            child.deliver()
        self.desk.tick()
        self.jobs.tick()

    def until(self, condition, seconds=60.0):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self.tick()
        return condition()

    def rest(self):
        """Until nothing is under way any more."""
        return self.until(lambda: not (self.desk.busy or self.desk.unsettled or self.jobs.under_way))

    def close(self):
        self.desk.close()
        self.jobs.close()
        self.process.close()


def add_volume(scene, volume, name):
    """A CT node with the voxels of a `Volume`."""
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.geometry.ijk_to_ras_matrix))
    slicer.util.updateVolumeFromArray(node, volume.voxels)
    return node
