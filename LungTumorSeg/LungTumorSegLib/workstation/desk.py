"""One user's work on the CTs of a scene: what every host does between its widgets and the scene.

A host (Slicer's panel, the page in a browser) binds widgets to these methods, tells the desk what its widgets say, and
shows what the desk tells it (`Host`). Its timer calls `tick` every 50 to 200 ms. Nothing in here waits.

Nothing is lost with the worker: answers, points, boxes and corrections stand in the scene; what the worker did not
answer is asked again by the next click.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.measurement.steps import Steps
from LungTumorSegLib.scene import segments, views
from LungTumorSegLib.scene.cut import Cut, kept_cut
from LungTumorSegLib.scene.diameters import highlight
from LungTumorSegLib.scene.measured import take_for_ct
from LungTumorSegLib.scene.prompts import Prompt
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.scene.watching import Watch
from LungTumorSegLib.worker.conversation import Answer, Request, Transport
from LungTumorSegLib.workstation import words
from LungTumorSegLib.workstation.asking import Asking
from LungTumorSegLib.workstation.case_images import ONE, CaseImages
from LungTumorSegLib.workstation.display import Display, show_display
from LungTumorSegLib.workstation.host import HEAT, PROBABILITY, Host
from LungTumorSegLib.workstation.lesion_text import lesion_text
from LungTumorSegLib.workstation.measuring import Measuring
from LungTumorSegLib.workstation.prompting import Prompting
from LungTumorSegLib.workstation.run_facts import keep_run

REST = 0.4  # seconds after the last stroke of a brush, before lesions are measured
SLIDER = 0.02, 0.98  # the thresholds that a slider reaches
SAME = 0.005  # half a step of it


class Desk:
    """
    Parameters
    ----------
    scene : vtkMRMLScene
    process : runs the worker; its `last_words` (text of stderr) are the details of a failure
    inline : the worker shares no files with us (see `worker.launch.Launch`)
    host : hears what there is to show
    save_undo : called with our segmentation node before a click or drag changes it
    clock : monotonic seconds

    Attributes
    ----------
    images : of the case, for an automatic model that reads several; a host shows a choice a channel where `several`
    """

    def __init__(
        self,
        scene,
        process: Transport,
        inline: bool,
        host: Host,
        save_undo: Callable[[object], None] = lambda node: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.scene, self.host = scene, host
        self.cut = Cut()
        self.settling: Callable[[], None] = lambda: None  # a host that shows values later than they come shows them now
        self._save_undo, self._clock = save_undo, clock
        self.images = CaseImages(scene, lambda: self.ct)
        self._asking = Asking(process, inline, host, lambda: self.ct, self.images)
        self._measuring = Measuring(self._measured, lambda details: host.failed(words.not_measured(), details))
        self._result: Result | None = None
        self._watch: Watch | None = None
        self._prompting: Prompting | None = None
        self._threshold_of_model = True  # the next result begins at its model's threshold
        self._drawn: Cut | None = None  # what the scene shows, measured; None while a hand drags
        self._display = Display()
        self._painted_at: float | None = None
        self._has_edits = False

    # What a host may look at

    @property
    def ct(self):
        """The chosen vtkMRMLScalarVolumeNode, or None."""
        return self._result.ct if self._result is not None else None

    @property
    def result(self) -> Result | None:
        return self._result

    @property
    def lesions(self) -> list[Lesion]:
        return self._result.lesions if self._result is not None else []

    @property
    def busy(self) -> bool:
        """The worker computes for us: Segment is Cancel."""
        return self._asking.under_way

    @property
    def unsettled(self) -> bool:
        """The user painted or placed a point a moment ago, or lesions are being measured: `tick` goes on with it."""
        pending = self._prompting is not None and self._prompting.pending
        return pending or self._painted_at is not None or self._measuring.under_way

    @property
    def ready(self) -> bool:
        """Segment may be pressed."""
        return self._result is not None and self._asking.automatic is not None

    @property
    def has_result(self) -> bool:
        return self._result is not None and self._result.probability_node is not None

    @property
    def can_prompt(self) -> bool:
        """Points and boxes may be placed."""
        return self._result is not None and self._asking.prompted is not None

    @property
    def prompt_counts(self) -> tuple[int, int, int]:
        """Points inside, points outside and boxes of the chosen CT, as the user placed them."""
        return self._prompting.counts if self._prompting is not None else (0, 0, 0)

    @property
    def has_edits(self) -> bool:
        """The user painted or erased, and `reset_edits` would take that back."""
        return self._has_edits

    # What is chosen

    def choose_models(self, automatic: str | None, prompted: str | None, channels: tuple[str, ...] = ONE) -> None:
        """Names or folders, as the worker loads them; the images of a case that the automatic one reads. They are
        loaded ahead of the first click once `start` was called; the next result of another automatic model begins at
        that model's threshold."""
        self.images.channels = channels
        if automatic != self._asking.automatic:
            self._threshold_of_model = True
        self._asking.choose(automatic, prompted)
        self.host.changed()

    def start(self) -> None:
        """The user came: have the worker and the model ready before the first click."""
        self._asking.start()

    def restart(self, inline: bool) -> None:
        """The host's process starts another worker from now on; `inline` as in the constructor."""
        self._asking.restart(inline)

    def choose_ct(self, ct, cut: Cut | None = None) -> None:
        """Take up the CT's result as it stands in the scene, without changing it, and have the host's widgets follow to
        where it was cut; None to follow none. What is still under way in the CT before is settled.

        cut : where the host's widgets stand
        """
        if ct is not self.ct and self.ct is not None:
            if self.ct.GetScene() is not None:
                self.settle()
            else:  # it was deleted
                self._asking.drop()
        self._take_up(ct, cut)

    def _take_up(self, ct, cut: Cut | None = None) -> None:
        self.cut = cut or self.cut
        if ct is self.ct:
            return
        self._painted_at = None
        self._measuring.drop()
        if self._result is not None:
            self._watch.stop()
            self._prompting.stop()
        self._result = self._watch = self._prompting = None
        if ct is not None:
            self._result = Result(self.scene, ct, self._save_undo)
            self._result.measures_later = True
            self._watch = Watch(self._result, self._lesions_changed, self._painted)
            self._prompting = Prompting(self._result, self._ask_prompt, self._followed, self._clock)
        self._drawn = _within_slider(self._result.cut) if self.has_result else self.cut
        if self.has_result:
            self._measuring.begin(self._result.reading)
            if kept_cut(ct) is not None:
                self._follow_cut()
        self._note_edits()
        self.host.lesions(self.lesions)
        show_display(self.scene, self._result, self._display)
        self._leave_heat()
        self.host.changed()

    # The worker

    def segment(self) -> None:
        """Find all lesions of the chosen CT; points and boxes that have no answer are asked for again, too."""
        started, model, is_ct = self._clock(), self._asking.automatic, self.images.chosen_is_ct

        def done(answer: Answer) -> Steps[None]:
            take_for_ct(self.ct, is_ct)
            if self._threshold_of_model or not self.has_result:
                self._take_threshold(answer.meta["threshold"])
            if not self.has_result:
                self._result.cut = self.cut
            views.show_ct(views.composite_nodes(self.scene), self.ct)
            yield
            yield from self._result.taking(answer.box)
            self._result.recompose(*_values(self.cut))
            self._keep_run(answer, model)
            self._drawn_anew(lambda: self._say_found(started, answer), at_once=False)
            self._leave_heat()

        if self._asking.segment(done) is not None and self.can_prompt:
            self._prompting.follow()

    def cancel(self) -> None:
        self._asking.cancel()

    def explain(self, lesion: int | None = None) -> None:
        """Grad-CAM of what the automatic model found, or of one lesion."""
        started, chosen = self._clock(), None
        if lesion is not None:
            labels = segments.read_labels(self._result.segmentation_node)
            chosen = labels.start, labels.values == lesion

        def done(answer: Answer) -> Steps[None]:
            yield from self._result.showing_heat(answer.box)
            self.host.overlay(HEAT)
            show_display(self.scene, self._result, self._display)
            self.host.said(words.explained(self._clock() - started, answer.meta["device"]))

        self._asking.explain(chosen, done)

    # Prompts

    def points(self, inside: bool = True):
        """The vtkMRMLMarkupsFiducialNode into which the user's next click goes; made at first use."""
        return self._prompting.points(inside)

    def new_box(self):
        """A vtkMRMLMarkupsROINode without corners, for the user to draw in the views; asked for when it is whole."""
        return self._prompting.new_box()

    def add_box(self, corners_lps):
        """Ask for the lesion in a box between two corners, LPS mm (x, y, z)."""
        return self._prompting.new_box(corners_lps)

    def placing_ended(self) -> None:
        """The host's place mode has ended, also by Escape: a box that is not whole goes."""
        if self._prompting is not None:
            self._prompting.placing_ended()

    def delete_prompts(self) -> None:
        """Delete all points and boxes of the chosen CT; what they replaced comes back."""
        self._prompting.delete_all()

    # The cut

    def drag_threshold(self, threshold: float) -> None:
        """The hand drags the slider: the mask follows, nothing is measured, unless the slider is back where it was.

        What a slider says when the program moves it is no hand's: nothing happens.
        """
        back = abs(threshold - self.cut.threshold) < SAME
        if self.has_result and not (back and self._drawn == self.cut):
            self._drawn = None
            self._measuring.drop()
            self._result.move_threshold(threshold, self.cut.smallest_mm, self.cut.largest_only)
            count = len(segments.our_segments(self._result.segmentation_node))
            self.host.said(words.at_threshold(count, threshold))
            if back:  # a slider that is let go there says nothing more
                self.rest(self.cut)

    def rest(self, cut: Cut) -> None:
        """The widgets stand at these values: cut and measure, unless the scene shows just that."""
        self.cut = cut
        if self.has_result and self._drawn != cut:
            if self._result.cut != cut:  # else the drag has cut it: Undo is not to find a change that changed nothing
                self._result.recompose(*_values(cut))
            self._drawn_anew(self._say_threshold)

    # Lesions and views

    def show(self, display: Display) -> None:
        """The switches of overlay, outline, fill and 3D stand like this."""
        self._display = display
        self._show(surface_later=self._measuring.under_way)

    def jump(self, lesion: Lesion) -> None:
        """Cut the views at the middle of the lesion's long axis, so that its line is seen, and draw that bold."""
        middle = tuple(sum(ends) / 2 for ends in zip(*lesion.long_axis_points_lps, strict=True))
        views.jump(views.slice_nodes(self.scene), middle)
        highlight(self.ct, lesion.id)

    def table_text(self) -> str:
        """The table with tabs between the columns, as spreadsheets paste it."""
        return lesion_text(self.lesions)

    def mark_node(self, lesion: int, node: bool) -> None:
        """Take a lesion for a lymph node, or for none."""
        self._measuring.finish()
        self._result.mark_node(lesion, node)
        self._lesions_changed()

    def reset_lines(self, lesion: int | None = None) -> None:
        """Put the diameter lines of a lesion, or of all, back to where they are measured."""
        self._measuring.finish()
        self._result.reset_lines(lesion)
        self._lesions_changed()

    def new_lesion(self) -> int:
        """Begin a lesion without a voxel, which the host's brush fills; returns its number. One that is still empty is
        given again. Needs a chosen CT, no result."""
        if not self.has_result:
            self._result.cut = self.cut
            views.show_ct(views.composite_nodes(self.scene), self.ct)
        number = self._result.begin_lesion()
        self._painted_at = None
        self._drawn_anew(lambda: self.host.said(words.paint_lesion(number)))
        return number

    @contextmanager
    def undoing(self) -> Iterator[None]:
        """Around the host's own Undo and Redo, where these put whole segmentations back: segments that come and go
        meanwhile were removed by nobody."""
        if self._result is None:
            yield
            return
        self.settling()  # else the slider would rest after the Undo, and cut anew what that gave back
        self._rest_where_dragged()
        self._result.at_work = True
        try:
            yield
        finally:
            self._result.at_work = False
            self._painted()
            if self.has_result:
                self._result.take_undone()
                self._follow_cut()

    def reset_edits(self, lesion: int | None = None) -> None:
        """Take back what the user painted and erased in a lesion, or in all."""
        self._painted_at = None
        self._result.reset_edits(lesion)
        self._drawn_anew(self._say_measured)

    # What timers and scenes tell

    def tick(self) -> None:
        """Call every 50 to 200 ms."""
        self._asking.tick()
        self._measuring.go_on()
        if self.images.changed():
            self.host.changed()
        if self._painted_at is not None and self._clock() - self._painted_at >= REST:
            self._take_painted()
        if self._prompting is not None:
            try:
                self._prompting.tick()
            except InputRefused as refusal:  # the CT was put under a transform that bends, say
                self.host.failed(str(refusal))

    def settle(self) -> None:
        """Measure now what `tick` would measure, or `rest` after a drag, before the result is exported or the scene is
        saved."""
        self.settling()
        self._asking.settle()
        self._rest_where_dragged()
        if self._painted_at is not None:
            self._take_painted()
        self._measuring.finish()

    def scene_closing(self) -> None:
        """Nodes are about to vanish: what still comes for them is not wanted any more."""
        self._asking.forget()
        self.host.said("")
        self._take_up(None)

    def close(self) -> None:
        """The user goes: end the worker. The host closes the process."""
        self._asking.drop()
        self._take_up(None)
        self._asking.close()

    # The rest is private

    def _ask_prompt(self, prompt: Prompt, not_done) -> Request | None:
        started, model, prompting = self._clock(), self._asking.prompted, self._prompting
        if model is None:
            return None

        def done(answer: Answer) -> Steps[None]:
            yield
            if not self.has_result:
                self._take_threshold(answer.meta["threshold"])
                self._result.cut = self.cut
                views.show_ct(views.composite_nodes(self.scene), self.ct)
            self._result.set_answer(prompt, answer.box)
            self._keep_run(answer, model, first=False)
            prompting.answered(prompt)
            self._drawn_anew(lambda: self._say_found(started, answer), at_once=False)

        return self._asking.prompt(prompt, done, lambda: prompting.is_wanted(prompt), not_done)

    def _keep_run(self, answer: Answer, model: str, first: bool = True) -> None:
        with self._result.working():
            keep_run(self._result.segmentation_node, answer.meta, self._asking.fingerprints.get(model), first)

    def _followed(self, changed: bool) -> None:
        """Points and boxes were looked at, and the scene may have changed with them."""
        if changed and self.has_result:
            self._drawn_anew(lambda: None if self.busy else self._say_threshold(), at_once=False)
        self.host.changed()

    def _drawn_anew(self, then: Callable[[], None], at_once: bool = True) -> None:
        """The segments are others: measure them, `then` say so."""
        self._drawn = self._result.cut
        self._watch.follow()  # the brush may come before the measures
        self._show(surface_later=True)
        self._measuring.begin(self._result.measuring, then, at_once)
        self.host.changed()

    def _show(self, surface_later: bool) -> None:
        """surface_later : a surface takes long; measuring ends with it, in steps."""
        if surface_later and self._result is not None:
            self._result.want_surface(self._display.surface)
        show_display(self.scene, self._result, self._display, surface_later)

    def _measured(self) -> None:
        """The lesions of what is seen are known."""
        self._watch.follow()
        self._note_edits()
        self.host.lesions(self.lesions)
        show_display(self.scene, self._result, self._display)
        self.host.changed()

    def _take_threshold(self, threshold: float) -> None:
        """Move the slider without drawing the old result once more."""
        self._threshold_of_model = False
        self.cut = _within_slider(Cut(threshold, self.cut.smallest_mm, self.cut.largest_only))
        self._drawn = self.cut
        self.host.threshold(self.cut.threshold)

    def _leave_heat(self) -> None:
        """Grad-CAM is to be seen, and this result has none (any more): its probability instead."""
        if self._display.overlay == HEAT and self.has_result and self._result.heat_node is None:
            self.host.overlay(PROBABILITY)

    def _rest_where_dragged(self) -> None:
        if self.has_result and self._drawn is None:
            self.rest(self._result.cut)

    def _painted(self) -> None:
        self._painted_at = self._clock()
        self._measuring.drop()
        self._result.end_drag()

    def _take_painted(self) -> None:
        """The brush rests."""
        self._painted_at = None
        if self.has_result:
            self._measuring.begin(self._result.measuring, self._say_painted)

    def _say_painted(self) -> None:
        self._follow_cut()
        self._say_measured()

    def _follow_cut(self) -> None:
        """The scene shows another cut, of another CT or from before an Undo: the host's widgets stand there."""
        cut = _within_slider(self._result.cut)
        if cut != self.cut:
            self.cut = self._drawn = cut
            self.host.cut(cut)

    def _note_edits(self) -> None:
        self._has_edits = self._result is not None and self.has_result and bool(self._result.edits)

    def _lesions_changed(self) -> None:
        """The user moved a line, removed a lesion, marked one: show what is measured now."""
        self._measuring.restart()
        self.host.lesions(self.lesions)
        self._say_measured()
        self.host.changed()

    def _say_found(self, started: float, answer: Answer) -> None:
        self.host.said(words.found(len(self.lesions), self._clock() - started, answer.meta["device"]))

    def _say_threshold(self) -> None:
        self.host.said(words.at_threshold(len(self.lesions), self.cut.threshold))

    def _say_measured(self) -> None:
        self.host.said(words.measured(len(self.lesions), sum(lesion.edited for lesion in self.lesions)))


def _within_slider(cut: Cut) -> Cut:
    return replace(cut, threshold=min(max(cut.threshold, SLIDER[0]), SLIDER[1]))


def _values(cut: Cut) -> tuple[float, float, bool]:
    return cut.threshold, cut.smallest_mm, cut.largest_only
