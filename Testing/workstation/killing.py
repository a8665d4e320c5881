"""The loop of a radiologist's work, in which the worker is killed at random moments: for a test and a benchmark."""

import os
import random
import signal
import time
from dataclasses import dataclass

import numpy as np

from LungTumorSegLib.scene import segments
from LungTumorSegLib.scene.cut import Cut

ACTIONS = ("segment", "explain", "place a point", "move a point", "segment and drag", "nothing")


@dataclass(frozen=True)
class Round:
    """One kill. after : seconds from the action to the kill. told : what the user was told. seconds : from the next
    click, a point, to its lesion on the screen. kept : prompts, brush strokes and mask are as they were."""

    action: str
    after: float
    told: str
    seconds: float
    kept: bool


class Loop:
    """
    Parameters
    ----------
    bench : with a CT chosen
    first, second : LPS mm: a lesion that is asked for by a point and stays, and one that the next click asks for
    longest : seconds after an action at which the worker is killed at the latest
    """

    def __init__(self, bench, first, second, longest: float, seed: int = 0):
        self.bench, self.desk = bench, bench.desk
        self.second, self.longest = second, longest
        self.random = random.Random(seed)
        self.desk.segment()
        assert bench.rest()
        self.points = self.desk.points()
        self.first = np.multiply(first, (-1, -1, 1))
        self.points.AddControlPointWorld(*self.first)
        assert bench.rest()
        self._paint()
        assert bench.rest()
        assert not bench.host.failures, bench.host.failures
        self.mask, self.prompts = self._mask(), self._prompts()

    def round(self) -> Round:
        """Act, kill, look, click again, look."""
        action, after = self.random.choice(ACTIONS), self.random.uniform(0, self.longest)
        self.bench.host.failures.clear()
        self._act(action)
        until = time.monotonic() + after
        while time.monotonic() < until:
            self.bench.tick()
            if action == "segment and drag":
                self.desk.drag_threshold(self.random.uniform(0.3, 0.7))
        if self.bench.worker is not None:
            os.kill(self.bench.worker.pid, signal.SIGKILL)
        assert self.bench.rest()
        told = "; ".join(sentence for sentence, _ in self.bench.host.failures)
        started = time.monotonic()
        self.points.AddControlPointWorld(*np.multiply(self.second, (-1, -1, 1)))
        assert self.bench.until(self._answered, 120)
        seconds = time.monotonic() - started
        self._back()
        kept = self._prompts() == self.prompts and np.array_equal(self._mask(), self.mask)
        return Round(action, after, told, seconds, kept)

    def _act(self, action: str) -> None:
        match action:
            case "segment" | "segment and drag":
                self.desk.segment()
            case "explain":
                self.desk.explain()
            case "place a point":
                self.points.AddControlPointWorld(*np.multiply(self.second, (-1, -1, 1)))
            case "move a point":
                self.points.SetNthControlPointPositionWorld(0, *np.add(self.first, (0.0, 0.0, 2.0)))

    def _back(self) -> None:
        """To the points and the threshold of the beginning."""
        while self.points.GetNumberOfControlPoints() > 1:
            self.points.RemoveNthControlPoint(1)
        self.points.SetNthControlPointPositionWorld(0, *self.first)
        self.desk.rest(Cut(self.bench.host.slider))
        self.desk.segment()
        assert self.bench.rest()

    def _answered(self) -> bool:
        """Every point has the answer for where it is."""
        return not (self.desk.busy or self.desk.unsettled or self.desk.result.follow_prompts())

    def _paint(self) -> None:
        """A cube beside all lesions into the first lesion, as the Segment Editor does."""
        from made_scene import paint

        node, ct = self.desk.result.segmentation_node, self.desk.ct
        number, segment_id = next(iter(segments.our_segments(node).items()))
        labels = self._mask()
        ours = labels == number
        free = [tuple(slice(n, n + 3) for n in at) for at in ((1, 2, 2), (1, 2, 20), (1, 20, 2))]
        cube = next(place for place in free if not labels[place].any())
        ours[cube] = True
        paint(node, segment_id, ct, ours.astype(np.uint8))

    def _mask(self) -> np.ndarray:
        shape = self.desk.ct.GetImageData().GetDimensions()[::-1]
        return segments.read_labels(self.desk.result.segmentation_node).full(shape)

    def _prompts(self) -> list:
        return [(prompt.key, np.round(prompt.inside, 6).tolist()) for prompt in self.desk.result.prompts()]
