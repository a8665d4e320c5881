"""Points and boxes that the user places become prompts; each stays with its lesion."""

import numpy as np
import pytest
from made_scene import BOTH, FIRST, SECOND, START, add_ct, ball, blobs, geometry, lps, parent_transform, place

from LungTumorSegLib.scene import prompt_nodes, prompts
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import to_ras

FAR = (3, 4, 4)  # k, j, i: more than 5 mm from both blobs


@pytest.fixture
def bare(scene, ct):
    """No result yet."""
    return Result(scene, ct)


def keys(ct):
    return [prompt.key for prompt in prompts.read_prompts(ct)]


def answered(result, prompt, around=FAR, radius_mm=3.0):
    """The worker's answer: a ball."""
    return result.set_answer(prompt, ball(around, radius_mm))


def test_nodes_are_made_once_and_their_points_lie_where_the_views_show_them(scene, ct):
    parent_transform(scene, ct)
    node = prompt_nodes.points_inside(scene, ct)
    assert prompt_nodes.points_inside(scene, ct) is node
    node.AddControlPointWorld(1.0, 2.0, 3.0)
    [prompt] = prompts.read_prompts(ct)
    np.testing.assert_allclose(prompt.inside, [(-1.0, -2.0, 3.0)], atol=1e-9)
    assert prompt_nodes.all_nodes(ct) == [node]
    assert node.GetUndoEnabled()


def test_a_point_that_hangs_at_the_mouse_is_no_prompt(scene, ct):
    node = prompt_nodes.points_inside(scene, ct)
    node.AddControlPointWorld(1.0, 2.0, 3.0)
    preview = node.AddControlPointWorld(7.0, 8.0, 9.0)
    node.SetNthControlPointPosition(preview, 7.0, 8.0, 9.0, node.PositionPreview)
    assert len(prompts.read_prompts(ct)) == 1


def test_points_far_apart_are_two_lesions_and_keep_their_names(scene, ct):
    place(scene, ct, FAR)
    place(scene, ct, FIRST)
    assert keys(ct) == ["1", "2"]
    prompt_nodes.points_inside(scene, ct).RemoveNthControlPoint(0)
    place(scene, ct, SECOND)
    assert keys(ct) == ["2", "3"], "a name is not given twice"


def test_a_point_in_a_prompts_lesion_joins_it(scene, ct, bare):
    place(scene, ct, FAR)
    [prompt] = bare.follow_prompts()
    answered(bare, prompt)
    place(scene, ct, np.add(FAR, (0, 1, 1)))
    place(scene, ct, SECOND)
    first, second = prompts.read_prompts(ct)
    assert (len(first.inside), len(second.inside)) == (2, 1)


def test_a_moved_point_stays_with_its_lesion(scene, ct, bare):
    place(scene, ct, FAR)
    place(scene, ct, FIRST)
    node = prompt_nodes.points_inside(scene, ct)
    keys(ct)
    node.SetNthControlPointPositionWorld(0, *to_ras(lps(SECOND)))
    first, second = prompts.read_prompts(ct)
    assert (first.key, second.key) == ("1", "2")
    np.testing.assert_allclose(first.inside, [lps(SECOND)], atol=1e-9)


def test_a_box_is_a_prompt_and_a_point_in_it_joins_it(scene, ct):
    low, high = sorted_corners(lps(np.add(FIRST, -4)), lps(np.add(FIRST, 4)))
    prompt_nodes.add_box(scene, ct, [high, low])
    place(scene, ct, FIRST)
    [prompt] = prompts.read_prompts(ct)
    np.testing.assert_allclose(prompt.box, [low, high], atol=1e-9)
    assert len(prompt.inside) == 1


def sorted_corners(a, b):
    return np.sort([a, b], axis=0)


def test_a_box_is_moved_and_deleted_by_the_user(scene, ct):
    node = prompt_nodes.add_box(scene, ct, [lps(FIRST), lps(SECOND)])
    [before] = prompts.read_prompts(ct)
    node.SetCenterWorld(*np.add(node.GetCenterWorld(), (5, 0, 0)))
    [after] = prompts.read_prompts(ct)
    assert after.key == before.key
    np.testing.assert_allclose(np.subtract(after.box, before.box), [(-5, 0, 0)] * 2, atol=1e-9)
    scene.RemoveNode(node)
    assert prompts.read_prompts(ct) == []


def test_a_box_that_is_still_drawn_is_none(scene, ct):
    prompt_nodes.add_box(scene, ct)
    assert prompts.read_prompts(ct) == []


def test_a_point_outside_joins_the_prompt_in_or_near_whose_lesion_it_lies(scene, ct, bare):
    place(scene, ct, FAR)
    [prompt] = bare.follow_prompts()
    answered(bare, prompt)
    place(scene, ct, np.add(FAR, (0, 1, 1)), inside=False)
    place(scene, ct, SECOND, inside=False)
    [prompt] = prompts.read_prompts(ct)
    assert len(prompt.outside) == 2
    assert prompts.read_taken_away(ct) == []


def test_a_point_outside_farther_than_30_mm_from_every_lesion_belongs_to_none(scene):
    ct = add_ct(scene, geometry(shape=(24, 120, 120)))
    place(scene, ct, (3, 4, 4))
    place(scene, ct, (3, 100, 100), inside=False)
    [prompt] = prompts.read_prompts(ct)
    assert prompt.outside == ()
    node = prompt_nodes.points_inside(scene, ct)
    node.AddControlPointWorld(*to_ras(geometry().ijk_to_lps((90, 90, 3))))
    assert [len(prompt.outside) for prompt in prompts.read_prompts(ct)] == [0, 1], "now there is one"


def test_a_point_outside_in_an_automatic_lesion_takes_it_away(scene, ct, result):
    place(scene, ct, SECOND, inside=False)
    [away] = prompts.read_taken_away(ct)
    np.testing.assert_allclose(away.point, lps(SECOND), atol=1e-9)
    assert away.threshold == BOTH
    assert prompts.read_prompts(ct) == []


def test_points_outside_of_a_deleted_prompt_do_not_take_the_automatic_lesion_away(scene, ct, result):
    place(scene, ct, FIRST)
    [prompt] = result.follow_prompts()
    answered(result, prompt, FIRST, 3.0)
    place(scene, ct, np.add(FIRST, (0, 1, 2)), inside=False)
    result.follow_prompts()
    prompt_nodes.points_inside(scene, ct).RemoveAllControlPoints()
    assert result.follow_prompts() == []
    assert prompts.read_taken_away(ct) == []
    assert [lesion.id for lesion in result.lesions] == [1, 2]
    place(scene, ct, np.add(FIRST, (0, -2, 0)))
    [prompt] = result.follow_prompts()
    assert len(prompt.outside) == 1, "it serves the next prompt there"


def test_reading_twice_changes_nothing(scene, ct, result):
    for where in (FIRST, SECOND, FAR):
        place(scene, ct, where)
        place(scene, ct, np.add(where, (0, 1, 1)), inside=False)
    first = prompts.read_prompts(ct)
    changed = []
    for node in prompt_nodes.all_nodes(ct):
        node.AddObserver("AnyEvent", lambda *_: changed.append(1))
    assert prompts.read_prompts(ct) == first
    assert changed == []


def test_each_ct_has_its_own_prompts(scene, ct):
    other = add_ct(scene, name="CT")
    place(scene, ct, FIRST)
    assert prompts.read_prompts(other) == []


def test_a_deleted_prompt_goes_with_points_and_box(scene, ct, result):
    place(scene, ct, FAR)
    place(scene, ct, SECOND)
    prompt_nodes.add_box(scene, ct, [lps(FAR) - 2, lps(FAR) + 2])
    [box, second] = result.follow_prompts()
    assert (len(box.inside), box.box is None) == (1, False)
    result.drop_prompt(box.key)
    assert keys(ct) == [second.key]
    assert prompt_nodes.boxes(ct) == []


def test_the_same_marks_are_known_in_a_scene_that_moved(scene, ct, result):
    place(scene, ct, FAR)
    [prompt] = result.follow_prompts()
    answered(result, prompt)
    assert result.follow_prompts() == []
    parent_transform(scene, ct)
    for node in prompt_nodes.all_nodes(ct):
        node.SetAndObserveTransformNodeID(ct.GetTransformNodeID())
    assert result.follow_prompts() == [], "the answer is in voxels"


def test_an_answer_for_points_that_moved_since_is_asked_for_again(scene, ct, result):
    place(scene, ct, FAR)
    [prompt] = result.follow_prompts()
    prompt_nodes.points_inside(scene, ct).SetNthControlPointPositionWorld(0, *to_ras(lps(np.add(FAR, (0, 1, 0)))))
    answered(result, prompt)
    [again] = result.follow_prompts()
    assert again.key == prompt.key
    answered(result, again)
    assert result.follow_prompts() == []


def test_the_map_of_prompts_alone_needs_no_automatic_answer(scene, ct, bare):
    place(scene, ct, FAR)
    [prompt] = bare.follow_prompts()
    [lesion] = answered(bare, prompt)
    assert lesion.voxel_count == np.count_nonzero(ball(FAR, 3.0).values >= 0.5)
    bare.show(Box(START, blobs()), BOTH, 1.0)
    assert len(bare.lesions) == 3
