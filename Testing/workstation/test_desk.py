"""A desk with a real scene and a worker process that pretends: Segment, threshold, lines, brush, faults."""

import os
import signal

import numpy as np
import pytest

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.scene.segments import read_labels
from LungTumorSegLib.workstation.display import Display


def nodes(scene) -> dict:
    """What stands in the scene, and when it was last changed."""
    return {scene.GetNthNode(n).GetID(): scene.GetNthNode(n).GetMTime() for n in range(scene.GetNumberOfNodes())}


def held(scene) -> dict:
    """As `nodes`, however it is drawn."""
    return {name: changed for name, changed in nodes(scene).items() if "Display" not in name}


def voxels(desk, lesion: int) -> int:
    """As its segment holds now."""
    return int((read_labels(desk.result.segmentation_node).values == lesion).sum())


def test_segment_shows_lesions_and_tells_the_host(segmented):
    host, desk = segmented.host, segmented.desk
    assert host.failures == []
    assert host.sentences[-1].startswith("2 lesions found in ")
    assert host.sentences[-1].endswith(" s on the CPU.")
    assert host.slider == 0.4
    assert host.shown == desk.lesions
    assert [lesion.id for lesion in host.shown] == [1, 2]
    assert any(sentence.startswith("Finding lungs") for sentence, _ in host.steps)
    assert desk.has_result
    assert desk.ready
    assert not desk.busy


def test_cancel_changes_nothing_in_the_scene(bench, ct, scene):
    desk = bench.desk
    desk.choose_models("slow", "prompted")
    desk.choose_ct(ct)
    before = nodes(scene)
    desk.segment()
    assert bench.until(lambda: any("lungs" in sentence for sentence, _ in bench.host.steps))
    assert desk.busy
    desk.cancel()
    assert bench.rest()
    assert bench.host.sentences[-1] == "Cancelled."
    assert bench.host.failures == []
    assert nodes(scene) == before


def kill(bench):
    os.kill(bench.worker.pid, signal.SIGKILL)


def test_a_dead_worker_changes_nothing_and_the_next_click_works(segmented, scene):
    desk = segmented.desk
    desk.choose_models("slow", "prompted")
    before = nodes(scene)
    segmented.host.steps.clear()
    desk.segment()
    assert segmented.until(lambda: any("lungs" in sentence for sentence, _ in segmented.host.steps))
    kill(segmented)
    assert segmented.rest()
    assert len(segmented.host.failures) == 1
    assert segmented.host.failures[0][0].startswith("The worker was killed")
    assert nodes(scene) == before
    desk.choose_models("automatic", "prompted")
    desk.segment()
    assert segmented.rest()
    assert len(segmented.host.failures) == 1
    assert "2 lesions found" in segmented.host.sentences[-1]


def test_a_drag_moves_the_mask_and_rest_measures(segmented):
    desk = segmented.desk
    measured = desk.lesions
    desk.drag_threshold(0.81)
    assert segmented.host.sentences[-1] == "1 lesion at threshold 0.81."
    assert segmented.host.shown == measured
    desk.rest(Cut(0.81))
    assert [lesion.id for lesion in segmented.host.shown] == [1]


def test_widgets_that_stand_where_the_scene_does_change_nothing(segmented, scene):
    before = nodes(scene)
    segmented.desk.rest(Cut(0.4))
    assert nodes(scene) == before


def test_the_largest_lesion_alone(segmented):
    segmented.desk.rest(Cut(0.4, 3.0, largest_only=True))
    assert [lesion.id for lesion in segmented.desk.lesions] == [1]
    segmented.desk.rest(Cut(0.4, 3.0))
    assert [lesion.id for lesion in segmented.desk.lesions] == [1, 2]


def test_another_ct_is_another_result_and_coming_back_changes_nothing(segmented, ct, scene):
    from made_scene import add_ct

    other = add_ct(scene, name="Other")
    before, lesions = nodes(scene), segmented.desk.lesions
    segmented.desk.choose_ct(other)
    assert segmented.desk.lesions == []
    assert not segmented.desk.has_result
    segmented.desk.choose_ct(ct)
    assert segmented.rest()
    assert segmented.desk.lesions == lesions
    assert segmented.host.shown == lesions
    assert nodes(scene) == before


def cut_elsewhere(scene, cut: Cut):
    """A CT whose result was cut there, in the scene."""
    from made_scene import START, add_ct, blobs

    from LungTumorSegLib.scene.result import Result
    from LungTumorSegLib.volume.box import Box

    ct = add_ct(scene, name="Other")
    Result(scene, ct).show(Box(START, blobs()), cut.threshold, cut.smallest_mm, cut.largest_only)
    return ct


def test_the_widgets_follow_to_where_the_chosen_ct_was_cut(segmented, ct, scene):
    desk, cuts = segmented.desk, segmented.host.cuts
    here, there = Cut(0.5, 3.0), Cut(0.3, 1.0, largest_only=True)
    other = cut_elsewhere(scene, there)
    desk.rest(here)
    assert segmented.rest()
    before = held(scene)
    desk.choose_ct(other, here)
    assert (cuts, desk.cut) == ([there], there)
    desk.rest(there)
    assert segmented.rest()
    desk.choose_ct(ct, there)
    assert (cuts, desk.cut) == ([there, here], here)
    assert segmented.rest()
    assert held(scene) == before


def test_a_ct_without_a_result_leaves_the_widgets_where_they_are(segmented, scene):
    from made_scene import add_ct

    segmented.desk.choose_ct(add_ct(scene, name="Other"), Cut(0.6, 2.0))
    assert segmented.host.cuts == []
    assert segmented.desk.cut == Cut(0.6, 2.0)


def test_a_threshold_that_no_slider_reaches_changes_nothing_of_what_was_cut_there(segmented, scene):
    other = cut_elsewhere(scene, Cut(0.01, 1.0))
    before = held(scene)
    segmented.desk.choose_ct(other)
    assert segmented.host.cuts == [Cut(0.02, 1.0)]
    segmented.desk.rest(Cut(0.02, 1.0))
    assert segmented.rest()
    assert held(scene) == before


def test_what_is_still_in_the_hand_when_another_ct_is_chosen_is_this_ones(segmented, ct, scene, monkeypatch):
    from LungTumorSegLib.scene import segments
    from LungTumorSegLib.workstation.measuring import Measuring

    monkeypatch.setattr(Measuring.go_on, "__defaults__", (0.0,))
    desk, other = segmented.desk, cut_elsewhere(scene, Cut(0.3, 1.0))
    desk.drag_threshold(0.7)
    mask = segments.read_labels(desk.result.segmentation_node)
    desk.settling = lambda: desk.rest(Cut(0.7))  # as a host whose slider has not rested
    desk.choose_ct(other)
    desk.settling = lambda: None
    assert desk.cut == Cut(0.3, 1.0)
    desk.choose_ct(ct)
    assert segmented.rest()
    assert desk.cut == Cut(0.7)
    assert not desk.result.edits
    again = segments.read_labels(desk.result.segmentation_node)
    assert again.start == mask.start
    np.testing.assert_array_equal(again.values, mask.values)
    assert sum(lesion.voxel_count for lesion in segmented.host.shown) == (mask.values > 0).sum()


def test_a_ct_that_was_deleted_gets_no_measures(segmented, ct, scene, monkeypatch):
    from LungTumorSegLib.workstation.measuring import Measuring

    monkeypatch.setattr(Measuring.go_on, "__defaults__", (0.0,))
    segmented.desk.rest(Cut(0.5))
    assert segmented.desk.unsettled
    scene.RemoveNode(ct)
    before = set(nodes(scene))
    segmented.desk.choose_ct(None)
    assert segmented.rest()
    assert set(nodes(scene)) == before
    assert segmented.host.failures == []


def test_an_answer_for_a_ct_that_is_no_longer_chosen_is_dropped(bench, ct, scene):
    bench.desk.choose_ct(ct)
    bench.desk.segment()
    bench.desk.choose_ct(None)
    before = nodes(scene)
    assert bench.rest()
    assert bench.host.sentences[-1] == "The answer was for a CT that is no longer chosen."
    assert nodes(scene) == before


def half_shown(bench, ct, monkeypatch):
    """Segment, up to where the map is being written and no lesion is cut yet."""
    from LungTumorSegLib.workstation import errands

    monkeypatch.setattr(errands, "MOMENT", 0.0)
    bench.desk.choose_ct(ct)
    bench.desk.segment()
    assert bench.until(lambda: bench.desk.has_result)
    assert bench.desk.busy
    assert bench.desk.result.segmentation_node is None


def test_an_answer_that_is_being_shown_stands_whole_when_another_ct_is_chosen(bench, ct, monkeypatch):
    half_shown(bench, ct, monkeypatch)
    bench.desk.choose_ct(None)
    assert not bench.desk.busy
    bench.desk.choose_ct(ct)
    assert bench.rest()
    assert [lesion.id for lesion in bench.desk.lesions] == [1, 2]
    assert bench.host.failures == []


def test_the_threshold_may_be_dragged_while_an_answer_is_being_shown(bench, ct, monkeypatch):
    half_shown(bench, ct, monkeypatch)
    bench.desk.drag_threshold(0.81)
    assert bench.rest()
    bench.desk.rest(Cut(0.81))
    assert bench.rest()
    assert [lesion.id for lesion in bench.desk.lesions] == [1]
    assert bench.host.failures == []


def test_a_scene_that_closes_while_an_answer_is_being_shown_is_left_alone(bench, ct, scene, monkeypatch):
    half_shown(bench, ct, monkeypatch)
    bench.desk.scene_closing()
    scene.Clear()
    for _ in range(20):
        bench.tick()
    assert not bench.desk.busy
    assert bench.host.failures == []
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_closing_the_scene_drops_what_is_under_way(bench, ct, scene):
    bench.desk.choose_ct(ct)
    bench.desk.segment()
    bench.desk.scene_closing()
    scene.Clear()
    assert bench.until(lambda: not bench.desk.busy)
    for _ in range(50):
        bench.tick()
    assert bench.host.failures == []
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def painted_cube(bench, ct, lesion):
    from made_scene import paint

    from LungTumorSegLib.scene import segments

    node = bench.desk.result.segmentation_node
    cube = np.zeros((30, 60, 64), np.uint8)
    cube[4:7, 50:56, 4:12] = 1
    labels = segments.read_labels(node).full(cube.shape)
    paint(node, segments.our_segments(node)[lesion], ct, np.where(labels == lesion, 1, cube).astype(np.uint8))
    return cube


def test_what_is_painted_is_measured_when_the_brush_rests_and_stays_at_another_threshold(segmented, ct):
    from LungTumorSegLib.scene import segments

    desk = segmented.desk
    cube = painted_cube(segmented, ct, 2)
    assert desk.unsettled
    assert segmented.rest()
    assert desk.has_edits
    desk.rest(Cut(0.6))
    desk.segment()
    assert segmented.rest()
    labels = segments.read_labels(desk.result.segmentation_node).full(cube.shape)
    assert (labels[cube > 0] == 2).all()
    desk.reset_edits()
    assert not desk.has_edits
    labels = segments.read_labels(desk.result.segmentation_node).full(cube.shape)
    assert (labels[cube > 0] == 0).all()


def test_explain_tells_the_host_which_map_to_show(segmented):
    segmented.desk.explain(2)
    assert segmented.rest()
    assert segmented.host.failures == []
    assert segmented.host.overlays == ["heat"]
    assert segmented.desk.result.heat_node is not None
    assert "Grad-CAM made in" in segmented.host.sentences[-1]


def test_a_new_answer_leaves_no_grad_cam_of_the_one_before(segmented, tmp_path):
    desk, host = segmented.desk, segmented.host
    desk.explain()
    assert segmented.rest()
    desk.show(Display("heat"))
    desk.segment()
    assert segmented.rest()
    assert desk.result.heat_node is None
    assert host.overlays == ["heat", "probability"]
    folders = []
    segmented.exporting.result(folders.append)
    assert segmented.rest()
    assert host.failures == []
    assert not (folders[0] / "gradcam.nii.gz").exists()


def test_a_ct_without_grad_cam_shows_its_probability_instead(segmented, ct, scene):
    from made_scene import START, add_ct, blobs

    from LungTumorSegLib.scene.result import Result
    from LungTumorSegLib.volume.box import Box

    desk, host = segmented.desk, segmented.host
    desk.explain()
    assert segmented.rest()
    desk.show(Display("heat"))
    other = add_ct(scene, name="Other")
    desk.choose_ct(other)
    desk.choose_ct(ct)
    assert host.overlays == ["heat"], "there is nothing to show in the other, and in this one there is"
    Result(scene, other).show(Box(START, blobs()), 0.4, 1.0)
    desk.choose_ct(other)
    assert host.overlays == ["heat", "probability"]


def test_the_display_follows_the_switches(segmented):
    from LungTumorSegLib.scene import segments

    node = segmented.desk.result.segmentation_node
    segmented.desk.show(Display(None, surface=True, fill=False))
    assert segments.has_surface(node)
    assert not node.GetDisplayNode().GetVisibility2DFill()
    segmented.desk.show(Display(None, surface=False))
    assert not segments.has_surface(node)


def test_a_ct_that_cannot_be_read_is_one_sentence(bench, scene):
    from made_scene import add_ct, parent_transform

    node = add_ct(scene)
    parent_transform(scene, node, "bending")
    bench.desk.choose_ct(node)
    bench.desk.segment()
    assert [sentence for sentence, _ in bench.host.failures] == [
        "The volume is under a non-linear transform: harden it (Data module), then segment."
    ]
    assert not bench.desk.busy


def test_a_result_of_a_job_that_cannot_be_shown_is_told_of(bench):
    def broken(end):
        raise ValueError(f"{end.output!r} is not what was expected")

    bench.jobs.run(["models", "--json"], broken)
    assert bench.rest()
    sentence, details = bench.host.failures[-1]
    assert sentence == "The result could not be shown."
    assert "is not what was expected" in details


def test_files_whose_making_fails_are_told_of_and_not_taken_for_whole(bench):
    def steps():
        yield 0.5
        raise KeyError("by a fault of ours")

    whole = []
    bench.jobs.write(steps(), lambda: whole.append(True))
    assert bench.rest()
    assert [sentence for sentence, _ in bench.host.failures] == [
        "The files could not be made (KeyError); the log tells more."
    ]
    assert not whole
    assert not bench.jobs.under_way


def test_a_fault_while_lesions_are_measured_is_told_and_no_old_numbers_leave(segmented, monkeypatch, tmp_path):
    from LungTumorSegLib.scene.measured import MeasuredLesions

    def broken(self, voxels):
        raise MemoryError
        yield

    whole = MeasuredLesions.measuring
    monkeypatch.setattr(MeasuredLesions, "measuring", broken)
    segmented.desk.drag_threshold(0.6)
    segmented.desk.rest(Cut(0.6))
    assert segmented.rest()
    assert [told.split(":")[0] for told, _ in segmented.host.failures] == ["The lesions could not be measured"]
    segmented.host.failures.clear()
    files = []
    segmented.exporting.nifti(tmp_path / "mask.nii.gz", files.append)
    assert segmented.rest()
    assert files == []
    assert "could not be measured" in segmented.host.failures[-1][0]
    monkeypatch.setattr(MeasuredLesions, "measuring", whole)
    segmented.exporting.nifti(tmp_path / "mask.nii.gz", files.append)
    assert segmented.rest()
    assert len(files) == 1
    assert (
        segmented.desk.lesions[0].voxel_count
        == (read_labels(segmented.desk.result.segmentation_node).values == 1).sum()
    )


def test_a_cut_that_could_not_be_written_is_none(segmented, monkeypatch):
    from LungTumorSegLib.scene.written import WrittenSegments

    def full(self, node):
        raise InputRefused("too many lesions")

    before = segmented.desk.result.cut
    with monkeypatch.context() as patch:
        patch.setattr(WrittenSegments, "write", full)
        with pytest.raises(InputRefused):
            segmented.desk.drag_threshold(0.6)
    assert segmented.desk.result.cut == before
    segmented.desk.rest(Cut(0.6))
    assert segmented.rest()
    assert (
        segmented.desk.lesions[0].voxel_count
        == (read_labels(segmented.desk.result.segmentation_node).values == 1).sum()
    )
