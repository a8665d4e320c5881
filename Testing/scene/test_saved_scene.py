"""A scene saved and loaded: prompts, corrections, numbers and marks are there, and what was replaced comes back."""

import numpy as np
import pytest
from made_scene import BOTH, FIRST, ONE, SECOND, START, ball, blobs, paint, place, segment_array

from LungTumorSegLib.scene import ownership, prompt_nodes, prompts, segments
from LungTumorSegLib.scene.diameters import diameter_lines
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import to_ras

FAR = (3, 4, 4)
SPOT = np.s_[10:13, 15:19, 26:30]


@pytest.fixture
def worked(scene, ct, result):
    """All that a user does to a result."""
    place(scene, ct, FAR)
    place(scene, ct, SECOND, inside=False)
    place(scene, ct, FIRST)
    near, first = result.follow_prompts()
    result.set_answer(near, ball(FAR, 2.0))
    result.set_answer(first, ball(FIRST, 4.0))
    place(scene, ct, np.add(FAR, (0, 1, 1)))
    prompt_nodes.add_box(scene, ct, [to_ras([-20, -40, -190]), to_ras([-15, -45, -185])])
    node = result.segmentation_node
    voxels = segment_array(node, segments.our_segments(node)[1], ct)
    voxels[SPOT] = 1
    paint(node, segments.our_segments(node)[1], ct, voxels)
    result.measure()
    result.mark_node(3, True)
    line = diameter_lines(ct)[1, "long"]
    line.SetNthControlPointPositionWorld(1, *np.add(line.GetNthControlPointPositionWorld(1), (0, -3, 0)))
    result.measure()
    return result


def save_as_bundle(scene, folder):
    """File, Save as .mrb."""
    assert scene.WriteToMRB(str(folder / "scene.mrb"))
    return folder / "scene.mrb"


def load_bundle(scene, path):
    scene.Clear()
    assert scene.ReadFromMRB(str(path))


def save_as_files(scene, folder, hidden=True):
    """File, Save: every node into a file of its own, then the scene. Slicer writes hidden ones since 2026."""
    scene.SetURL(str(folder / "scene.mrml"))
    scene.SetRootDirectory(str(folder))
    for n in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(n)
        if node.IsA("vtkMRMLStorableNode") and node.GetSaveWithScene() and (hidden or not node.GetHideFromEditors()):
            node.AddDefaultStorageNode()
            storage = node.GetStorageNode()
            if storage is not None:
                storage.SetFileName(str(folder / f"{node.GetID()}.{storage.GetDefaultWriteFileExtension()}"))
                assert storage.WriteData(node)
    scene.Commit()
    return folder / "scene.mrml"


def load_files(scene, path):
    scene.Clear()
    scene.SetURL(str(path))
    assert scene.Connect() == 1


WAYS = {"bundle": (save_as_bundle, load_bundle), "files": (save_as_files, load_files)}


def loaded_ct(scene):
    found = [
        scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode")
        for n in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode"))
    ]
    return next(node for node in found if not ownership.is_ours(node))


@pytest.fixture(params=WAYS)
def saved(request, scene, worked, tmp_path):
    """The scene saved and loaded again: lesions, marks, voxels as they were, and the new result."""
    save, load = WAYS[request.param]
    before = list(worked.lesions)
    ends = lines(worked.ct)
    label = segments.read_voxels(worked.segmentation_node, worked.ct)
    path = save(scene, tmp_path)
    load(scene, path)
    return before, ends, label, Result(scene, loaded_ct(scene))


def lines(ct):
    return {
        key: np.array([line.GetNthControlPointPositionWorld(n) for n in range(2)])
        for key, line in diameter_lines(ct).items()
    }


def test_lesions_numbers_marks_and_lines_are_there(saved):
    before, ends, label, again = saved
    assert [key(x) for x in again.read()] == [key(x) for x in before]
    assert segments.read_voxels(again.segmentation_node, again.ct).same(label)
    assert again.cut.threshold == BOTH
    again.measure()
    for line, place_ in lines(again.ct).items():
        np.testing.assert_allclose(place_, ends[line], atol=1e-4)
    assert [key(x) for x in again.lesions] == [key(x) for x in before]


def key(lesion):
    return lesion.id, lesion.node, lesion.edited, lesion.corrected, lesion.voxel_count


def test_prompts_keep_their_groups_and_need_no_answer_again(saved):
    *_, again = saved
    waiting = again.follow_prompts()
    assert [prompt.key for prompt in waiting] == ["1", "3"], "a point was added to the first; the box was never asked"
    assert [len(prompt.inside) for prompt in prompts.read_prompts(again.ct)] == [2, 1, 0]


def test_a_deleted_prompt_gives_back_what_it_replaced(saved):
    *_, again = saved
    again.drop_prompt("2")
    again.reset_edits()
    voxels = segments.read_voxels(again.segmentation_node, again.ct).of_lesions([1])
    expected = Box(START, blobs()).full(again.ct.GetImageData().GetDimensions()[::-1]) >= BOTH
    expected[:, 22:, 25:] = False  # the second stays taken away
    np.testing.assert_array_equal(voxels.where, np.flatnonzero(expected))


def test_a_correction_stays_at_the_next_threshold(saved):
    *_, again = saved
    again.recompose(ONE, 1.0)
    node = again.segmentation_node
    assert segment_array(node, segments.our_segments(node)[1], again.ct)[SPOT].all()
    again.reset_edits()
    assert not segment_array(node, segments.our_segments(node)[1], again.ct)[SPOT].any()


def test_prompts_placed_after_loading_get_names_of_their_own(scene, saved):
    *_, again = saved
    prompt_nodes.points_inside(scene, again.ct).AddControlPointWorld(300, 300, 300)
    assert [prompt.key for prompt in again.prompts()] == ["1", "2", "3", "4"]


def test_without_the_hidden_files_nothing_that_is_seen_is_lost(scene, worked, tmp_path):
    """An earlier Slicer saved the scene: every prompt is to be asked again."""
    before = [key(x) for x in worked.lesions]
    load_files(scene, save_as_files(scene, tmp_path, hidden=False))
    again = Result(scene, loaded_ct(scene))
    assert [key(x) for x in again.read()] == before
    assert {"1", "2", "3"} <= {prompt.key for prompt in again.follow_prompts()}
    assert [key(x) for x in again.lesions] == before
    again.recompose(ONE, 1.0)
    node = again.segmentation_node
    assert segment_array(node, segments.our_segments(node)[1], again.ct)[SPOT].all()
