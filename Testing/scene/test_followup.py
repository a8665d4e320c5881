"""A course in a real MRML scene: transform, matches, sums, plot; the user's word; saved and loaded."""

import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import slicer

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.response.lungs import lungs_of
from LungTumorSegLib.response.registration import register
from LungTumorSegLib.scene import ownership
from LungTumorSegLib.scene.followup import FollowUp
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import to_ras
from LungTumorSegLib.volume.phantom import make_phantom

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "response"))
from moved_phantom import at, moved, true_matrix
from planted import plant

LARGE, SMALL = (-84, -18, 178), (83, 42, 112)
DAYS = [date(2026, 1, 5), date(2026, 3, 2)]
MOVED = true_matrix((0.0, 0.0, 5.0), (12.0, -8.0, 21.0))


@pytest.fixture(scope="module")
def chests():
    before = make_phantom(shape=(62, 90, 90), spacing=(4.0, 4.0, 4.5), tumours=())[0]
    after = moved(before, MOVED, before.geometry)
    first = plant(before, {1: (LARGE, 34), 2: (SMALL, 26)})
    return first, plant(after, {1: (at(MOVED, SMALL), 17), 2: (at(MOVED, LARGE), 21)})


def add(scene, volume, labels, name):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.geometry.ijk_to_ras_matrix))
    slicer.util.updateVolumeFromArray(node, volume.voxels)
    node.CreateDefaultDisplayNodes()
    Result(scene, node).show(Box((0, 0, 0), (labels > 0).astype(np.float32)), 0.5, 3.0)
    return node


@pytest.fixture
def cts(scene, chests):
    return [add(scene, *chest, f"CT {n}") for n, chest in enumerate(chests)]


@pytest.fixture(scope="module")
def alignment(chests):
    (before, _), (after, _) = chests
    return register(before, lungs_of(before), after, lungs_of(after))


@pytest.fixture
def followup(scene, cts, alignment):
    found = FollowUp(scene, cts, DAYS)
    found.show_transform(1, alignment)
    found.match()
    return found


def column(node, name: str) -> list:
    values = node.GetTable().GetColumnByName(name)
    return [values.GetValue(n) for n in range(values.GetNumberOfValues())]


def test_lesions_are_registered_matched_and_judged(scene, cts):
    followup = FollowUp(scene, cts, DAYS)
    followup.match()
    assert followup.course.responses[1].overall == "PR"
    [words] = followup.in_words()
    assert words.startswith("2026-03-02: partial response (PR)")


def test_the_transform_brings_the_follow_up_onto_the_baseline(followup):
    node = followup.transform_node(1)
    there = [*to_ras(at(MOVED, LARGE)), 1]
    matrix = slicer.util.arrayFromVTKMatrix(node.GetMatrixTransformToParent())
    assert np.linalg.norm((matrix @ there)[:3] - to_ras(LARGE)) < 2.5
    assert followup.cts[1].GetTransformNodeID() is None, "no CT is moved unasked"


def test_the_table_shows_the_pairs_and_that_nobody_confirmed_them(followup):
    table = followup.matches_node
    assert column(table, "lesion") == ["1", "2", "sum", "response"]
    assert [cell.split()[0] for cell in column(table, "2026-03-02")[:2]] == ["#1", "#2"]
    assert column(table, "confirmed")[:2] == ["no", "no"]


def test_sums_stand_in_a_table_that_the_plot_shows(followup):
    table, chart = followup.sums_node, followup.chart_node
    assert column(table, "Days since baseline") == [0, 56]
    assert column(table, "Sum")[1] == pytest.approx(float(followup.course.responses[1].sum_mm))
    series = [chart.GetNthPlotSeriesNode(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    names = ["Sum", "Lesion 1", "Lesion 2", "Baseline -30 %", "Nadir +20 % and +5 mm"]
    assert [node.GetYColumnName() for node in series] == names
    assert all(node.GetTableNode() is table for node in series)


def test_the_user_confirms_and_changes(followup):
    followup.confirm(1)
    assert column(followup.matches_node, "confirmed")[:2] == ["yes", "yes"]
    assert followup.course.doubts() == []
    followup.change("2=gone")
    assert column(followup.matches_node, "2026-03-02")[1] == "gone"
    followup.change("1=gone")
    assert followup.course.responses[1].overall == "PD", "both segments of the follow-up are now new lesions"
    followup.forget()
    assert followup.course.responses[1].overall == "PR"


def test_a_find_that_is_no_tumour_can_be_left_out(followup):
    followup.ignore(1, 2)
    assert column(followup.matches_node, "2026-03-02")[1] == "gone"


def test_a_word_that_cannot_be_followed_changes_nothing(followup):
    before = column(followup.matches_node, "2026-03-02")
    with pytest.raises(InputRefused, match="no lesion 9"):
        followup.change("1=9")
    assert column(followup.matches_node, "2026-03-02") == before
    assert followup.marks().changes == ()


def test_matching_again_fills_the_same_nodes(scene, followup):
    count = scene.GetNumberOfNodes()
    followup.match()
    followup.confirm(1)
    assert scene.GetNumberOfNodes() == count


def test_another_object_on_the_same_scene_knows_what_was_said(scene, cts, followup, monkeypatch):
    followup.change("2=small")
    again = FollowUp(scene, cts)
    monkeypatch.setattr(again, "register", lambda: pytest.fail("it is registered already"))
    assert again.match().track(2).findings[1].state == "too small"
    assert [study.day for study in again.course.studies] == DAYS


def test_a_ct_that_was_moved_is_registered_anew(followup, cts):
    origin = cts[1].GetOrigin()
    cts[1].SetOrigin(origin[0] + 5, *origin[1:])
    assert followup.alignment(1) is None


def test_our_nodes_belong_to_the_baseline(followup):
    assert all(ownership.is_ours(node) for node in (followup.matches_node, followup.sums_node, followup.chart_node))


def test_one_ct_alone_has_no_course(scene, cts):
    with pytest.raises(InputRefused, match="at least one other"):
        FollowUp(scene, [cts[0], cts[0]])
