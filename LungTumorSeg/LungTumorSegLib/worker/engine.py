"""What the resident process computes with: the only part of the worker that knows torch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.options import Options
from LungTumorSegLib.inference.prediction import Prediction, ProbabilityBox
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.measurement.measure import measure
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.worker.conversation import Answer
from LungTumorSegLib.worker.messages import Explain, Load, Prompt, Segment


class SessionEngine:
    """`inference`'s Session and `measurement` behind the worker's messages: a `serving.Engine`."""

    def __init__(self):
        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(physical_cores())
        self.devices = ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",)
        self._session = Session()
        self._predicted: dict[
            tuple[str, str], Prediction
        ] = {}  # (volume's hash, model) -> what was last predicted, for Grad-CAM; one entry

    def compute(
        self,
        work: Load | Segment | Prompt | Explain,
        volume: Volume | None,
        progress: Callable[[str, float], None],
        cancelled: Callable[[], bool],
    ) -> Answer:
        """See `serving.Engine`."""
        if isinstance(work, Load):
            self._session.load(work.model)
            return Answer({}, (0, 0, 0), np.empty((0, 0, 0), np.float32), ())
        unknown = set(work.options) - {f.name for f in fields(Options)}
        if unknown:
            raise InputRefused(f"unknown option {sorted(unknown)[0]!r}: update LungTumorSeg on the worker's side")
        options = Options(**work.options)
        match work:
            case Segment():
                prediction = self._session.segment(volume, work.model, options, progress, cancelled)
            case Prompt():
                inside, outside = list(work.points_inside), list(work.points_outside)
                prediction = self._session.prompt(volume, work.model, inside, outside, options, progress, cancelled)
            case Explain():
                return self._explained(work, volume, options, progress, cancelled)
        self._predicted = {(work.volume, work.model): prediction}
        return measured(prediction, volume, work.smallest_mm, work.largest_only)

    def _explained(self, work: Explain, volume: Volume, options: Options, progress, cancelled) -> Answer:
        prediction = self._predicted.get((work.volume, work.model))
        lesion = None if work.mask is None else ProbabilityBox(work.start, work.mask.load())
        heat = self._session.explain(volume, work.model, prediction, options, lesion, work.layer, progress, cancelled)
        return Answer({}, heat.start, heat.values, ())


def measured(prediction: Prediction, volume: Volume, smallest_mm: float, largest_only: bool) -> Answer:
    """A prediction with its lesions, measured at its own threshold."""
    began, box = time.perf_counter(), prediction.probability
    stop = tuple(int(a) + n for a, n in zip(box.start, box.values.shape, strict=True))
    geometry = volume.geometry.box(box.start, stop)
    labels = lesion_labels(box.values, geometry, prediction.threshold, smallest_mm, largest_only)
    lesions = measure(labels, geometry, box.values, box.start)
    meta = {f.name: getattr(prediction, f.name) for f in fields(prediction) if f.name != "probability"}
    meta["seconds"] = prediction.seconds | {"measuring": time.perf_counter() - began}
    return Answer(meta, tuple(int(n) for n in box.start), box.values, tuple(lesion.as_dict() for lesion in lesions))


def physical_cores() -> int:
    """The cores that this process may use, each counted once: two threads on one core get into each other's way."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    try:
        return len({Path(siblings.format(cpu)).read_text() for cpu in allowed})
    except OSError:  # not Linux: most have two threads a core
        return max(1, len(allowed) // 2)
