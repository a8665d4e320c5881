"""What the resident process computes with: the only part of the worker that knows torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.options import Options
from LungTumorSegLib.inference.prediction import Prediction
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.networks.fingerprint import fingerprint
from LungTumorSegLib.volume.box import EMPTY, Box
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.worker.conversation import Answer
from LungTumorSegLib.worker.messages import Explain, Load, Prompt, Segment


class SessionEngine:
    """`inference`'s Session behind the worker's messages: a `serving.Engine`."""

    def __init__(self):
        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(physical_cores())
        self.devices = ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",)
        self._session = Session()
        # model and images -> what was last predicted, for Grad-CAM; one entry
        self._predicted: dict[tuple[str, ...], Prediction] = {}

    def compute(
        self,
        work: Load | Segment | Prompt | Explain,
        images: tuple[Volume, ...],
        progress: Callable[[str, float], None],
        cancelled: Callable[[], bool],
    ) -> Answer:
        """See `serving.Engine`."""
        if isinstance(work, Load):
            model = self._session.load(work.model)
            return Answer({"fingerprint": fingerprint(work.model), "channels": list(model.card.channels)}, EMPTY)
        unknown = set(work.options) - {f.name for f in fields(Options)}
        if unknown:
            raise InputRefused(f"unknown option {sorted(unknown)[0]!r}: update LungTumorSeg on the worker's side")
        options, (volume, *others) = Options(**work.options), images
        match work:
            case Segment():
                prediction = self._session.segment(volume, work.model, options, progress, cancelled, others)
            case Prompt():
                marks = work.points_inside, work.points_outside, work.box
                prediction = self._session.prompt(volume, work.model, *marks, options, progress, cancelled)
            case Explain():
                return self._explained(work, volume, others, options, progress, cancelled)
        self._predicted = {asked_of(work): prediction}
        meta = {f.name: getattr(prediction, f.name) for f in fields(prediction) if f.name != "probability"}
        return Answer(meta, prediction.probability)

    def _explained(
        self, work: Explain, volume: Volume, others: list[Volume], options: Options, progress, cancelled
    ) -> Answer:
        prediction = self._predicted.get(asked_of(work))
        lesion = None if work.mask is None else Box(work.start, work.mask.load())
        of = prediction, options, lesion, work.layer
        explained = self._session.explain(volume, work.model, *of, progress, cancelled, others)
        return Answer({"device": explained.device, "notes": explained.notes}, explained.heat)


def asked_of(work: Segment | Prompt | Explain) -> tuple[str, ...]:
    """Model and images."""
    return work.model, work.volume, *getattr(work, "others", ())


def physical_cores() -> int:
    """The cores that this process may use, each counted once: two threads on one core get into each other's way."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    try:
        return len({Path(siblings.format(cpu)).read_text() for cpu in allowed})
    except OSError:  # not Linux: most have two threads a core
        return max(1, len(allowed) // 2)
