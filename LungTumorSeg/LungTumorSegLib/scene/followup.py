"""Two or more dates of a patient in the scene: how they lie over each other, which lesion is which, the response.

What belongs to the whole course belongs to the baseline CT: a table of the matches, a table of the sums with its plot.
Each follow-up CT has a linear transform to the baseline (not applied: the CT and its results stay where they are; put
what you like under it). The user's word on matches and the registrations live in the nodes, so a loaded scene goes on
where it was saved.

    followup = FollowUp(scene, [baseline_ct, followup_ct], [date(2026, 1, 5), date(2026, 3, 2)])
    followup.match()                    # registers what is not registered yet
    followup.change("1:1=gone")         # as on the command line; confirm(1) says that a proposal is right
    followup.in_words()                 # one sentence a follow-up
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import slicer
import vtk

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.colours import lesion_colour
from LungTumorSegLib.response.alignment import Alignment
from LungTumorSegLib.response.course import Course, course
from LungTumorSegLib.response.study import Study
from LungTumorSegLib.response.table import overview, study_name
from LungTumorSegLib.response.tracks import MEASURED, MERGED, Change, Marks, parse_change
from LungTumorSegLib.scene import ownership
from LungTumorSegLib.scene.result import Result, batch
from LungTumorSegLib.scene.volumes import SceneVolumes, geometry_of
from LungTumorSegLib.volume.geometry import LPS_TO_RAS

TO_BASELINE, MATCHES, SUMS, SERIES, CHART = "ToBaseline", "Matches", "Sums", "SumsSeries", "SumsChart"
FIT, SAID, DAY = ownership.PREFIX + "Fit", ownership.PREFIX + "Said", ownership.PREFIX + "Day"
DAYS = "Days since baseline"


class FollowUp:
    """Our nodes of a course.

    Parameters
    ----------
    scene : vtkMRMLScene
    cts : the CT nodes (vtkMRMLScalarVolumeNode) by date, the baseline first; their segments are the lesions.
    days : their dates, where known. They are remembered with the CTs.
    lesions : gives a CT node's lesions, where somebody knows them [measured anew, some tenths of a second a CT]
    """

    def __init__(
        self, scene, cts: Sequence, days: Sequence[date | None] = (), lesions: Callable[[object], list] | None = None
    ):
        if len(cts) < 2 or len({ct.GetID() for ct in cts}) < len(cts):
            raise InputRefused("Choose a baseline CT and at least one other: the follow-up.")
        self.scene, self.cts = scene, list(cts)
        self._lesions = lesions or (lambda ct: Result(scene, ct).read())
        for ct, day in zip(self.cts, days, strict=False):
            ct.SetAttribute(DAY, str(day) if day else None)
        self.course: Course | None = None

    @property
    def baseline(self):
        return self.cts[0]

    @property
    def matches_node(self):
        return ownership.owned_one(self.baseline, MATCHES)

    @property
    def sums_node(self):
        return ownership.owned_one(self.baseline, SUMS)

    @property
    def chart_node(self):
        return ownership.owned_one(self.baseline, CHART)

    def transform_node(self, n: int):
        """The transform of follow-up n (1 = first) to the baseline, or None."""
        return next((node for node in ownership.owned(self.cts[n], TO_BASELINE) if self._is_to_baseline(node)), None)

    @property
    def registered(self) -> bool:
        """`match` and all that changes it take no more than tenths of a second."""
        return all(self.alignment(n) is not None for n in range(1, len(self.cts)))

    def register(self) -> None:
        """Lay every follow-up over the baseline, anew, here and now: some seconds a follow-up. Hosts whose user waits
        let a job do that (`lungtumorseg align`) and call `show_transform`. Raises `InputRefused`."""
        from LungTumorSegLib.response.lungs import lungs_of
        from LungTumorSegLib.response.registration import register  # SimpleITK, only where it is needed

        volumes = SceneVolumes()
        first = volumes.volume(self.baseline)
        lungs = lungs_of(first)
        for n, ct in enumerate(self.cts[1:], 1):
            volume = volumes.volume(ct)
            self.show_transform(n, register(first, lungs, volume, lungs_of(volume)))

    def show_transform(self, n: int, alignment: Alignment) -> None:
        """Keep follow-up n's alignment as a transform node, in RAS as Slicer has it."""
        node = self.transform_node(n)
        if node is None:
            ct = self.cts[n]
            node = ownership.make(
                self.scene, ct, TO_BASELINE, "vtkMRMLLinearTransformNode", f"{ct.GetName()} to baseline"
            )
            node.SetAndObserveTransformNodeID(None)  # it is made of world coordinates
            node.SetNodeReferenceID(ownership.PREFIX + "Baseline", self.baseline.GetID())
        matrix = np.eye(4)
        matrix[:3, :3] = LPS_TO_RAS @ alignment.matrix[:3, :3] @ LPS_TO_RAS
        matrix[:3, 3] = LPS_TO_RAS @ alignment.matrix[:3, 3]
        node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
        fit = alignment.as_dict() | {"grids": self._grids(n)}
        node.SetAttribute(FIT, json.dumps(fit))

    def alignment(self, n: int) -> Alignment | None:
        """Follow-up n's alignment, or None where it is not registered or a CT was moved since."""
        node = self.transform_node(n)
        if node is None:
            return None
        fit = json.loads(node.GetAttribute(FIT))
        if fit["grids"] != self._grids(n):
            return None
        matrix = np.array(fit["matrix_lps_followup_to_baseline"])
        return Alignment(matrix, fit["lung_overlap_dice"], fit["lung_surface_mm"], fit["correlation"])

    def match(self, **asked) -> Course:
        """Match the lesions as they are segmented now, and show the tables.

        asked : targets, progressed, immune, larger as of `response.course.course`.
        """
        if not self.registered:
            self.register()
        studies = []
        for n, ct in enumerate(self.cts):
            day = ct.GetAttribute(DAY)
            lesions = tuple(self._lesions(ct))
            alignment = self.alignment(n) if n else Alignment()
            studies.append(Study(lesions, geometry_of(ct), date.fromisoformat(day) if day else None, alignment))
        self._asked = asked
        self.course = course(studies, self.marks(), **asked)
        with batch(self.scene):
            self._show_matches()
            self._show_sums()
        return self.course

    def marks(self) -> Marks:
        """The user's word, as it is kept in the table node."""
        said = json.loads((self.matches_node.GetAttribute(SAID) if self.matches_node else None) or "{}")
        changes = tuple(
            Change(c["study"], tuple(c["tracks"]), tuple(c["lesions"]), c["state"]) for c in said.get("changes", ())
        )
        ignored = frozenset((n, number) for n, number in said.get("ignored", ()))
        return Marks(changes, ignored, frozenset(said.get("nodes", ())))

    def change(self, text: str) -> Course:
        """Say what became of a lesion: ``[N:]A=B`` as on the command line. What was said of it before is dropped."""
        change = parse_change(text, len(self.cts) - 1)
        return self._say([change])

    def confirm(self, n: int, number: int | None = None) -> Course:
        """Say that the matches of follow-up n (or of one lesion there) are right as they are shown."""
        tracks = [track for track in self._matched().tracks if number in (None, track.number)]
        if number is not None and not tracks:
            raise InputRefused(f"There is no lesion {number}: choose one of the table.")
        said = []
        for track in tracks:
            finding = track.findings[n]
            if track.first == n:
                said.append(Change(n, (), finding.lesions))
            elif finding.state == MEASURED:
                joined = [other for other in self.course.tracks if other.findings[n].into in finding.lesions]
                said.append(Change(n, (track.number, *(other.number for other in joined)), finding.lesions))
            elif finding.state != MERGED and track.first < n:
                said.append(Change(n, (track.number,), (), finding.state))
        return self._say(said)

    def ignore(self, n: int, number: int) -> Course:
        """Say that a segment of study n (0 = baseline) is no tumour; it stays in the scene."""
        marks = self.marks()
        changes = tuple(c for c in marks.changes if c.study != n or number not in c.lesions)
        return self._keep(replace(marks, changes=changes, ignored=marks.ignored | {(n, number)}))

    def forget(self) -> Course:
        """Drop all that the user said: back to the proposal."""
        return self._keep(Marks())

    def in_words(self) -> list[str]:
        """The response, a sentence a follow-up."""
        found = self._matched()
        return [f"{study_name(found, n)}: {found.in_words(n)}" for n in range(1, len(self.cts))]

    def _matched(self) -> Course:
        return self.course or self.match()

    def _say(self, said: list[Change]) -> Course:
        marks = self.marks()

        def overruled(old: Change) -> bool:
            return any(
                old.study == new.study and (set(old.tracks) & set(new.tracks) or set(old.lesions) & set(new.lesions))
                for new in said
            )

        kept = tuple(change for change in marks.changes if not overruled(change))
        return self._keep(replace(marks, changes=(*kept, *said)))

    def _keep(self, marks: Marks) -> Course:
        """Take the marks if they can be followed, else leave all as it was."""
        before = self.marks()
        self._matched()
        self._write(marks)
        try:
            return self.match(**self._asked)
        except InputRefused:
            self._write(before)
            raise

    def _write(self, marks: Marks) -> None:
        said = {
            "changes": [
                {"study": c.study, "tracks": c.tracks, "lesions": c.lesions, "state": c.state} for c in marks.changes
            ],
            "ignored": sorted(marks.ignored),
            "nodes": sorted(marks.nodes),
        }
        self.matches_node.SetAttribute(SAID, json.dumps(said))

    def _show_matches(self) -> None:
        node = self._table(MATCHES, "lesions over time")
        headings, rows = overview(self.course)
        confirmed = [
            "yes" if all(x.confirmed for x in track.findings[max(1, track.first) :]) else "no"
            for track in self.course.tracks
        ]
        table = vtk.vtkTable()
        columns = [*zip(*rows, strict=True), [*confirmed, *[""] * (len(rows) - len(confirmed))]]
        for heading, values in zip([*headings, "confirmed"], columns, strict=True):
            add_column(table, vtk.vtkStringArray(), heading, values)
        node.SetAndObserveTable(table)

    def _show_sums(self) -> None:
        """Numbers a study a row, and a line a column in the chart: the sum, the targets, what they are held against."""
        found, node = self.course, self._table(SUMS, "sums over time")
        days = [study.day for study in found.studies]
        x = [(day - days[0]).days for day in days] if None not in days else range(len(days))
        last = found.responses[-1]
        baseline, nadir = float(last.baseline_mm), float(last.nadir_mm)
        lines = {"Sum": [float("nan") if r.sum_mm is None else float(r.sum_mm) for r in found.responses]}
        for number in found.selection.targets:
            sizes = [found.track(number).size_mm(found.studies, n) for n in range(len(days))]
            lines[f"Lesion {number}"] = [float("nan") if mm is None else mm for mm in sizes]
        lines["Baseline -30 %"] = [0.7 * baseline] * len(days)
        lines["Nadir +20 % and +5 mm"] = [max(1.2 * nadir, nadir + 5)] * len(days)
        table = vtk.vtkTable()
        add_column(table, vtk.vtkDoubleArray(), DAYS if None not in days else "Study", x)
        for heading, values in lines.items():
            add_column(table, vtk.vtkDoubleArray(), heading, values)
        node.SetAndObserveTable(table)
        self._show_chart(node, table.GetColumnName(0), list(lines))

    def _show_chart(self, table, across: str, names: list[str]) -> None:
        for old in ownership.owned(self.baseline, SERIES)[len(names) :]:
            ownership.remove(self.scene, old)
        chart = self.chart_node
        if chart is None:
            chart = ownership.make(self.scene, self.baseline, CHART, "vtkMRMLPlotChartNode", "Response over time")
            chart.SetTitle("Sum of diameters (RECIST 1.1)")
            chart.SetYAxisTitle("mm")
        chart.SetXAxisTitle(across)
        chart.RemoveAllPlotSeriesNodeIDs()
        ours = ownership.owned(self.baseline, SERIES)
        for place, name in enumerate(names):
            node = (
                ours[place]
                if place < len(ours)
                else ownership.make(self.scene, self.baseline, SERIES, "vtkMRMLPlotSeriesNode", name)
            )
            node.SetName(name)
            node.SetAndObserveTableNodeID(table.GetID())
            node.SetXColumnName(across)
            node.SetYColumnName(name)
            node.SetPlotType(node.PlotTypeScatter)
            limit = place >= len(names) - 2
            node.SetLineStyle(node.LineStyleDash if limit else node.LineStyleSolid)
            node.SetMarkerStyle(node.MarkerStyleNone if limit else node.MarkerStyleCircle)
            node.SetLineWidth(4 if place == 0 else 2)
            node.SetColor(*((0.5, 0.5, 0.5) if place == 0 or limit else lesion_colour(place)))
            chart.AddAndObservePlotSeriesNodeID(node.GetID())

    def _table(self, role: str, name: str):
        node = ownership.owned_one(self.baseline, role)
        if node is None:
            node = ownership.make(
                self.scene, self.baseline, role, "vtkMRMLTableNode", f"{self.baseline.GetName()} {name}"
            )
            node.SetLocked(True)
            node.SetUseColumnTitleAsColumnHeader(True)
        return node

    def _is_to_baseline(self, node) -> bool:
        return node.GetNodeReference(ownership.PREFIX + "Baseline") is self.baseline

    def _grids(self, n: int) -> list[dict]:
        """Where both CTs lie: a registration holds as long as they do."""
        return [json.loads(json.dumps(geometry_of(ct).as_dict())) for ct in (self.baseline, self.cts[n])]


def add_column(table, array, name: str, values) -> None:
    array.SetName(name)
    for value in values:
        array.InsertNextValue(value)
    table.AddColumn(array)
