"""What the desk and the jobs tell, as the page shows it: the `Host` of both."""

from __future__ import annotations

from collections.abc import Callable

from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.web.measure_tab import row, sums
from LungTumorSegLib.web.state import ExportState, MeasureState, PageState, SegmentState


class PageHost:
    """Desk and jobs are made with a host: `know` tells it of them before they speak."""

    def __init__(self, server):
        state = server.state
        self._page, self._segment = TypedState(state, PageState), TypedState(state, SegmentState)
        self._measure, self._export = TypedState(state, MeasureState), TypedState(state, ExportState)
        self._desk = self._jobs = None
        self._also_changed = self._first_lesions = self._map_came = self._set_cut = lambda *_: None

    def know(
        self,
        desk,
        jobs,
        also_changed: Callable[[], None],
        first_lesions: Callable[[int], None],
        map_came: Callable[[], None],
        set_cut: Callable[[Cut], None],
    ) -> None:
        """
        Parameters
        ----------
        also_changed : called at each `changed`
        first_lesions : called with the number of the first lesion when there were none before
        map_came : called when another overlay is on
        set_cut : puts the sliders somewhere
        """
        self._desk, self._jobs = desk, jobs
        self._also_changed, self._first_lesions = also_changed, first_lesions
        self._map_came, self._set_cut = map_came, set_cut

    def changed(self) -> None:
        desk, data = self._desk, self._segment.data
        data.has_ct = desk.ct is not None
        data.ready, data.busy, data.has_result = desk.ready, desk.busy, desk.has_result
        data.can_prompt, data.has_prompts, data.has_edits = desk.can_prompt, any(desk.prompt_counts), desk.has_edits
        self._page.data.working = desk.busy or self._jobs.under_way
        if not self._page.data.working:
            self._page.data.fraction = 0.0
        if not self._jobs.under_way:
            self._export.data.busy = ""
        self._also_changed()

    def progress(self, sentence: str, fraction: float) -> None:
        self._page.data.fraction = round(100 * fraction, 1)
        self.said(sentence)

    def said(self, sentence: str) -> None:
        self._page.data.failed = False
        self._page.data.said = sentence

    def failed(self, sentence: str, details: str = "") -> None:
        self._page.data.said, self._page.data.details, self._page.data.failed = sentence, details, True

    def lesions(self, lesions: list) -> None:
        data = self._measure.data
        first = lesions and not data.rows
        data.rows = [row(lesion) for lesion in lesions]
        data.sums, data.copied = sums(lesions), self._desk.table_text()
        if data.chosen not in [lesion.id for lesion in lesions]:
            data.chosen = 0
        if first:
            self._first_lesions(lesions[0].id)

    def threshold(self, value: float) -> None:
        with self._segment.suppress_change_listeners():
            self._segment.data.threshold = value

    def cut(self, cut: Cut) -> None:
        self._set_cut(cut)

    def overlay(self, name: str) -> None:
        self._segment.data.overlay = name
        self._map_came()
