"""Follow-up of real nodes, registered by a real job."""

import sys

import numpy as np
import pytest
from bench import REPOSITORY, add_volume

from LungTumorSegLib.scene import ownership, segments
from LungTumorSegLib.scene.cut import Cut, kept_cut
from LungTumorSegLib.scene.diameters import diameter_lines
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.scene.views import show_result_alone
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.phantom import make_phantom
from LungTumorSegLib.workstation.earlier import cut_of
from LungTumorSegLib.workstation.following import Following

LARGE, SMALL = (-84, -18, 178), (83, 42, 112)


@pytest.fixture(scope="module")
def chests():
    sys.path[:0] = [str(REPOSITORY / "Testing" / "response")]
    from moved_phantom import at, moved, true_matrix
    from planted import plant

    movement = true_matrix((0.0, 0.0, 5.0), (12.0, -8.0, 21.0))
    before = make_phantom(shape=(62, 90, 90), spacing=(4.0, 4.0, 4.5), tumours=())[0]
    after = moved(before, movement, before.geometry)
    first = plant(before, {1: (LARGE, 34), 2: (SMALL, 26)})
    return first, plant(after, {1: (at(movement, SMALL), 17), 2: (at(movement, LARGE), 21)})


@pytest.fixture
def nodes(scene, chests):
    cts = []
    for name, (volume, labels) in zip(("Before", "After"), chests, strict=True):
        cts.append(add_volume(scene, volume, name))
        Result(scene, cts[-1]).show(Box((0, 0, 0), (labels > 0).astype(np.float32)), 0.5, 3.0)
    return cts


@pytest.fixture
def following(bench, nodes):
    bench.desk.choose_ct(nodes[1])
    return Following(bench.desk, bench.jobs)


@pytest.fixture
def compared(bench, nodes, following):
    following.choose_earlier(nodes[0])
    following.compare()
    assert bench.rest()
    assert bench.host.failures == []
    return following


def test_lesions_of_two_dates_are_matched_and_judged_and_the_user_has_the_last_word(bench, compared):
    assert [match.number for match in compared.matches] == [1, 2]
    assert [match.now.split()[0] for match in compared.matches] == ["#1", "#2"]
    assert "partial response (PR)" in compared.in_words()
    assert bench.host.sentences[-1] == compared.in_words()
    assert compared.followup.chart_node is not None
    assert not any(match.confirmed for match in compared.matches)
    compared.confirm()
    assert all(match.confirmed for match in compared.matches)
    fates = dict(compared.fates(2))
    assert fates == {
        "is lesion 1 now": "2=1",
        "is lesion 2 now": "2=2",
        "is gone": "2=gone",
        "is too small to measure": "2=small",
        "was not evaluated": "2=missing",
    }
    compared.change(fates["is gone"])
    assert compared.matches[1].now == "gone"
    new = compared.matches[2].number
    assert ("was lesion 2", "2=2") in compared.fates(new)
    compared.forget()
    assert "partial response (PR)" in compared.in_words()
    assert compared.text().startswith("lesion\trole\t")
    assert bench.host.failures == []
    before = compared.matches
    compared.change("7=1")
    assert len(bench.host.failures) == 1
    assert compared.matches == before


@pytest.mark.parametrize("date", ["earlier", "chosen"])
def test_what_is_no_tumour_is_not_judged(bench, nodes, following, date):
    ct = nodes[date == "chosen"]
    segments.say_classes(ownership.owned_one(ct, segments.ROLE), ["left lung", "right lung"])
    following.choose_earlier(nodes[0])
    following.compare()
    assert bench.rest()
    said = "the model shows left lung, right lung, not tumours alone: RECIST judges tumours."
    assert bench.host.failures == [(f"{ct.GetName()}: {said}", "")]
    assert following.followup is None


def test_a_response_stands_only_beside_the_ct_that_was_compared(bench, scene, nodes, compared, ct):
    matches, response = compared.matches, compared.in_words()
    for other in (ct, nodes[0], None):
        bench.desk.choose_ct(other)
        assert bench.rest()
        assert compared.followup is None
        assert (compared.matches, compared.in_words(), compared.text(), compared.fates(1)) == ([], "", "", [])
    bench.desk.choose_ct(nodes[1])
    assert not compared.in_words().endswith("press Compare.")  # its lesions may not be read yet
    assert bench.rest()
    assert (compared.matches, compared.in_words()) == (matches, response)


def test_lesions_that_changed_since_are_to_be_compared_again(bench, nodes, compared):
    before = compared.in_words()
    line = diameter_lines(nodes[1])[1, "long"]
    first, last = (np.array(line.GetNthControlPointPositionWorld(n)) for n in range(2))
    line.SetNthControlPointPositionWorld(1, *(first + 2 * (last - first)))
    assert compared.followup is None
    assert compared.matches == []
    assert compared.in_words().endswith("press Compare.")
    compared.compare()
    assert bench.host.failures == []
    assert len(compared.matches) == 2
    assert compared.in_words() != before


def test_an_earlier_study_that_was_changed_since_is_to_be_compared_again(bench, nodes, compared):
    bench.desk.choose_ct(nodes[0])
    assert bench.rest()
    bench.desk.mark_node(2, True)
    bench.desk.choose_ct(nodes[1])
    assert bench.rest()
    assert compared.in_words().endswith("press Compare.")
    compared.confirm()  # of what is no longer shown: compared anew instead
    assert not any(match.confirmed for match in compared.matches)
    assert len(compared.matches) == 2


def test_a_response_is_gone_with_the_result_of_the_earlier_study(bench, scene, nodes, compared):
    ownership.remove(scene, Result(scene, nodes[0]).segmentation_node)
    assert compared.followup is None


def test_an_earlier_result_is_opened_from_its_folder_with_the_users_marks(bench, scene, nodes, following, tmp_path):
    import shutil

    desk = bench.desk
    desk.choose_ct(nodes[0])
    desk.mark_node(2, True)
    lesions, folders = desk.lesions, []
    bench.exporting.result(folders.append)
    assert bench.rest()
    desk.choose_ct(nodes[1])
    shutil.copytree(folders[0], tmp_path / "january")
    read = []
    following.open_earlier(tmp_path / "january", lambda: read.append("january"))
    assert bench.rest()
    assert bench.host.failures == []
    assert read == ["january"]
    earlier = following.earlier
    assert earlier.GetName() == "Earlier CT (january)"
    assert seen(scene) == {"Before": {True}, "After": {True}, "Earlier CT (january)": {False}}
    show_result_alone(scene, earlier)
    assert seen(scene) == {"Before": {False}, "After": {False}, "Earlier CT (january)": {True}}
    assert earlier in following.choices()
    found = Result(scene, earlier).read()
    assert [lesion.id for lesion in found] == [1, 2]
    for ours, theirs in zip(found, lesions, strict=True):
        assert ours.long_axis_mm == pytest.approx(theirs.long_axis_mm, abs=1e-6)
        assert ours.node == theirs.node
        assert ours.side == theirs.side


def test_a_folder_that_is_no_result_is_read_no_more_either(bench, following, tmp_path):
    read = []
    following.open_earlier(tmp_path, lambda: read.append("nothing"))
    assert bench.rest()
    assert len(bench.host.failures) == 1
    assert read == ["nothing"]
    assert following.earlier is None


def seen(scene):
    """CT's name -> whether its segments and lines are seen."""
    found = {}
    for node in filter(ownership.is_ours, scene.GetNodes()):
        if node.IsA("vtkMRMLSegmentationNode") or node.IsA("vtkMRMLMarkupsNode"):
            name = node.GetNodeReference(ownership.CT).GetName()
            found.setdefault(name, set()).add(bool(node.GetDisplayVisibility()))
    return found


def test_scans_that_do_not_fit_are_refused_in_one_line(bench, scene, nodes, following, ct):
    Result(scene, ct).show(Box((0, 0, 0), np.full((9, 9, 9), 0.9, np.float32)), 0.5, 1.0)
    following.choose_earlier(ct)
    following.compare()
    assert bench.rest()
    assert len(bench.host.failures) == 1
    assert "too little lung" in bench.host.failures[0][0]
    assert following.matches == []


def test_without_an_earlier_study_the_user_is_told(bench, following):
    following.compare()
    assert bench.host.failures[0][0].startswith("Choose an earlier CT")


@pytest.mark.parametrize(("smallest", "largest"), [(0.0, False), (12.0, False), (3.0, True)])
def test_an_earlier_study_is_cut_as_it_was(bench, scene, nodes, following, tmp_path, smallest, largest):
    desk = bench.desk
    desk.choose_ct(nodes[0])
    desk.rest(Cut(0.5, smallest, largest))
    assert bench.rest()
    folders = []
    bench.exporting.result(folders.append)
    assert bench.rest()
    following.open_earlier(folders[0])
    assert bench.rest()
    assert kept_cut(following.earlier) == Cut(0.5, smallest, largest)
    assert not Result(scene, following.earlier).edits


def test_by_the_commands_run_json_too_or_what_it_shows_is_kept_whatever_the_threshold():
    assert cut_of({"threshold": 0.4, "asked": {"smallest": 0.0, "largest_only": True}}) == Cut(0.4, 0.0, True)
    assert cut_of({"threshold": 0.4}) is None
