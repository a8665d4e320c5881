"""What of ours is in a scene, told so that it can be compared."""

import pytest
from made_scene import START, add_ct, blobs

from LungTumorSegLib.scene import prompt_nodes
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.scene.work import work_in
from LungTumorSegLib.volume.box import Box


@pytest.fixture
def ct(scene):
    return add_ct(scene)


def test_a_ct_and_lists_without_a_point_are_no_work(scene, ct):
    prompt_nodes.points_inside(scene, ct)
    prompt_nodes.points_outside(scene, ct)
    prompt_nodes.add_box(scene, ct)
    assert work_in(scene) == ()


def test_every_point_and_box_that_is_placed_or_moved_is_other_work(scene, ct):
    seen = {work_in(scene)}
    points = prompt_nodes.points_inside(scene, ct)
    points.AddControlPoint(1.0, 2.0, 3.0)
    seen.add(work_in(scene))
    points.SetNthControlPointPosition(0, 1.0, 2.0, 4.0)
    seen.add(work_in(scene))
    box = prompt_nodes.add_box(scene, ct, ((0.0, 0.0, 0.0), (9.0, 9.0, 9.0)))
    seen.add(work_in(scene))
    box.SetSizeWorld(9.0, 9.0, 12.0)
    seen.add(work_in(scene))
    assert len(seen) == 5


def test_how_a_result_is_shown_is_no_work_and_what_the_user_does_to_it_is(scene, ct):
    result = Result(scene, ct)
    result.show(Box(START, blobs()), 0.4, 1.0)
    before = work_in(scene)
    result.segmentation_node.SetDisplayVisibility(False)
    result.segmentation_node.AddDefaultStorageNode()  # as saving does
    assert work_in(scene) == before
    result.mark_node(1, True)
    marked = work_in(scene)
    result.move_threshold(0.45, 1.0)
    assert len({before, marked, work_in(scene)}) == 3
