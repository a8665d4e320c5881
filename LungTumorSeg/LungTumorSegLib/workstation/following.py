"""Follow-up: the chosen CT against an earlier one. Registered by a job, matched here, confirmed by the user.

The course itself lives in the scene (`scene.followup`): transform, matches, sums, plot.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.export.handover import read_handover, write_in_steps
from LungTumorSegLib.measurement.terminology import all_tumours
from LungTumorSegLib.response.alignment import Alignment
from LungTumorSegLib.response.table import cell, change, role_in_words, tab_separated
from LungTumorSegLib.scene import ownership, segments
from LungTumorSegLib.scene.followup import DAY, FollowUp
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.scene.volumes import SceneVolumes
from LungTumorSegLib.scene.work import work_of
from LungTumorSegLib.workstation import words
from LungTumorSegLib.workstation.desk import Desk
from LungTumorSegLib.workstation.earlier import just_ct, name_of, show_earlier
from LungTumorSegLib.workstation.job import End
from LungTumorSegLib.workstation.jobs import Jobs


@dataclass(frozen=True)
class Match:
    """A lesion at both dates, in words. number : of the course. doubt : why a person should look, or ""."""

    number: int
    role: str
    earlier: str
    now: str
    change: str
    doubt: str
    confirmed: bool


class Following:
    """
    Parameters
    ----------
    desk : the chosen CT is the later study
    jobs : run the commands
    changed : called when `matches`, `in_words` or `earlier` are others
    """

    def __init__(self, desk: Desk, jobs: Jobs, changed: Callable[[], None] = lambda: None):
        self._desk, self._jobs, self._changed = desk, jobs, changed
        self._followup: FollowUp | None = None
        self._known: dict[str, tuple[tuple, list]] = {}  # earlier CT's id -> what is in its segments, lesions
        self.earlier = None  # the chosen earlier CT's node

    # What a host may look at

    def choices(self) -> list:
        """The CTs of the scene that have a result, besides the chosen one."""
        scene, name = self._desk.scene, "vtkMRMLScalarVolumeNode"
        nodes = [scene.GetNthNodeByClass(n, name) for n in range(scene.GetNumberOfNodesByClass(name))]
        return [ct for ct in nodes if ct is not self._desk.ct and ownership.owned_one(ct, segments.ROLE) is not None]

    @property
    def followup(self) -> FollowUp | None:
        """The nodes to show: `matches_node`, `sums_node`, `chart_node`; None before `compare` was done, while another
        CT is chosen, and where the lesions of either date are others by now: the response would be wrong."""
        found = self._of_chosen
        return found if found is not None and self._holds(found) else None

    @property
    def matches(self) -> list[Match]:
        followup = self.followup
        course = followup.course if followup is not None else None
        return [
            Match(
                track.number,
                role_in_words(course, track),
                cell(course, track, 0),
                cell(course, track, 1),
                change(course, track),
                track.findings[1].doubt,
                track.findings[1].confirmed,
            )
            for track in (course.tracks if course is not None else ())
        ]

    def fates(self, number: int) -> list[tuple[str, str]]:
        """What may have become of a lesion: words for the user, and what `change` takes."""
        followup = self.followup
        if followup is None:
            return []
        track = followup.course.track(number)
        numbers = [lesion.id for lesion in self._desk.lesions]
        if track.new:
            lesions = "+".join(str(n) for n in track.findings[1].lesions)
            earlier = [t.number for t in followup.course.tracks if not t.new]
            return [(words.is_new(), f"{lesions}=new"), *((words.was(t), f"{t}={lesions}") for t in earlier)]
        return [
            *((words.is_lesion(n), f"{number}={n}") for n in numbers),
            *((text, f"{number}={state}") for state, text in words.states().items()),
        ]

    def in_words(self) -> str:
        """The response as a sentence; empty before `compare`. Where the lesions are others by now, that."""
        followup = self.followup
        if followup is not None:
            return " ".join(followup.in_words())
        return words.compare_again() if self._of_chosen is not None and not self._desk.unsettled else ""

    def text(self) -> str:
        """The table of both dates with tabs, to be pasted."""
        followup = self.followup
        return tab_separated(followup.course) if followup is not None else ""

    @property
    def days(self) -> tuple[date | None, date | None]:
        """The dates of the earlier and of the chosen CT, as far as they are known."""
        return tuple(ct and _day(ct) for ct in (self.earlier, self._desk.ct))

    # What the user does

    def choose_earlier(self, ct) -> None:
        """A CT of the scene with a result, or None."""
        if ct is not self.earlier:
            self.earlier, self._followup = ct, None
            self._changed()

    def open_earlier(self, folder: str | Path, done: Callable[[], None] = lambda: None) -> None:
        """Read a result folder, as `segment` or an export wrote it, into the scene, and choose it; `done` is called
        when the folder is read no more."""
        folder, raw = Path(folder), self._jobs.new_folder()

        def read(_end: End) -> None:
            done()
            try:
                given = read_handover(raw)
                self.choose_earlier(show_earlier(self._desk.scene, given, name_of(folder)))
                self._desk.host.said(words.earlier_opened(folder.name))
            except InputRefused as refusal:
                self._desk.host.failed(str(refusal))
            finally:
                shutil.rmtree(raw, ignore_errors=True)

        def not_read(end: End) -> None:
            done()
            self._remove([raw])
            self._jobs.tell(end)

        self._jobs.run(["unpack", folder, "-o", raw, "--progress", "json"], read, not_read)

    def compare(self, earlier_day: date | None = None, day: date | None = None) -> None:
        """Match the lesions of both dates; registers the scans first, in a job, if that is not done yet."""
        if self._desk.ct is None or self.earlier is None or self.earlier is self._desk.ct:
            self._desk.host.failed(words.choose_earlier())
            return
        self._desk.settle()
        days = (earlier_day or _day(self.earlier), day or _day(self._desk.ct))
        for ct in (self.earlier, self._desk.ct):
            shown = segments.classes_of(ownership.owned_one(ct, segments.ROLE))
            if not all_tumours(shown):
                self._desk.host.failed(words.no_tumours(ct.GetName(), shown))
                return
        followup = FollowUp(self._desk.scene, [self.earlier, self._desk.ct], days, self._lesions)
        if followup.registered:
            self._match(followup)
        else:
            self._register(followup)

    def confirm(self, number: int | None = None) -> None:
        """The matches are right as they are shown; of one lesion, or all."""
        self._say(lambda followup: followup.confirm(1, number))

    def change(self, text: str) -> None:
        """What became of a lesion, as of `fates`."""
        self._say(lambda followup: followup.change(text))

    def forget(self) -> None:
        """Drop what the user said: back to the proposal."""
        self._say(lambda followup: followup.forget())

    def scene_closing(self) -> None:
        self.earlier, self._followup = None, None
        self._known.clear()
        self._changed()

    # The rest is private

    @property
    def _of_chosen(self) -> FollowUp | None:
        """What was compared last, where that was the chosen CT."""
        found = self._followup
        return found if found is not None and found.cts[1] is self._desk.ct else None

    def _holds(self, followup: FollowUp) -> bool:
        """Its lesions are those that there are now."""
        matched = [study.lesions for study in followup.course.studies]
        return matched == [tuple(self._lesions(ct)) for ct in followup.cts]

    def _register(self, followup: FollowUp) -> None:
        volumes = [SceneVolumes().volume(ct) for ct in followup.cts]
        folders = [self._jobs.new_folder() for _ in volumes]

        def aligned(end: End) -> None:
            self._remove(folders)
            if self.earlier is not followup.cts[0] or self._desk.ct is not followup.cts[1]:
                self._desk.host.said(words.no_longer_chosen())
                return
            fit = json.loads(end.output.strip().splitlines()[-1])
            matrix = np.array(fit["matrix_lps_followup_to_baseline"])
            alignment = Alignment(matrix, fit["lung_overlap_dice"], fit["lung_surface_mm"], fit["correlation"])
            followup.show_transform(1, alignment)
            self._match(followup)

        def not_aligned(end: End) -> None:
            self._remove(folders)
            self._jobs.tell(end)

        def steps():
            for folder, volume in zip(folders, volumes, strict=True):
                yield from write_in_steps(folder, just_ct(volume.voxels, volume.geometry))

        self._jobs.write(
            steps(), lambda: self._jobs.run(["align", *folders, "--progress", "json"], aligned, not_aligned)
        )

    def _match(self, followup: FollowUp) -> None:
        try:
            followup.match()
        except InputRefused as refusal:
            self._desk.host.failed(str(refusal))
            return
        self._followup = followup
        self._desk.host.said(self.in_words())
        self._changed()

    def _say(self, say: Callable[[FollowUp], object]) -> None:
        """Take the user's word; a CT that was moved since is registered first, and the word is to be said again."""
        followup = self.followup
        if followup is None or not followup.registered:
            self.compare()
            return
        try:
            say(followup)
        except InputRefused as refusal:
            self._desk.host.failed(str(refusal))
            return
        self._desk.host.said(self.in_words())
        self._changed()

    def _lesions(self, ct) -> list:
        if ct is self._desk.ct:
            return self._desk.lesions
        node = ownership.owned_one(ct, segments.ROLE)
        if node is None:
            return []
        work = work_of(node)
        if self._known.get(ct.GetID(), (None,))[0] != work:
            self._known[ct.GetID()] = work, Result(self._desk.scene, ct).read()
        return self._known[ct.GetID()][1]

    @staticmethod
    def _remove(folders: list[Path]) -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _day(ct) -> date | None:
    text = ct.GetAttribute(DAY)
    return date.fromisoformat(text) if text else None
