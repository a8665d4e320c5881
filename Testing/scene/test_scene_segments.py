"""Lesions become segments of our node; whatever the user put there stays."""

import hashlib

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from made_scene import DIRECTIONS, add_ct, geometry, paint, segment_array

from LungTumorSegLib.measurement import terminology
from LungTumorSegLib.scene import segments
from LungTumorSegLib.volume.box import Box

START = (5, 8, 10)


def labels(second=True) -> np.ndarray:
    box = np.zeros((10, 12, 14), np.uint16)
    box[2:6, 3:8, 2:9] = 1
    if second:
        box[7:9, 9:11, 10:13] = 2
    return box


@pytest.fixture
def node(scene, ct):
    node = segments.segmentation_node(scene, ct)
    segments.fill_segments(node, ct, Box(START, labels()))
    return node


def on_grid(box) -> np.ndarray:
    whole = np.zeros(geometry().shape, box.dtype)
    whole[tuple(slice(a, a + n) for a, n in zip(START, box.shape, strict=True))] = box
    return whole


def test_every_lesion_is_one_segment_at_its_place(ct, node):
    assert list(segments.our_segments(node)) == [1, 2]
    for number, segment_id in segments.our_segments(node).items():
        np.testing.assert_array_equal(segment_array(node, segment_id, ct), on_grid(labels() == number))


def test_segments_carry_the_terminology_of_a_lung_neoplasm(node, app):
    entry = slicer.vtkSlicerTerminologyEntry()
    segment = node.GetSegmentation().GetSegment(segments.our_segments(node)[1])
    assert app.terminologies_logic.DeserializeTerminologyEntry(segment.GetTerminology(), entry)
    assert entry.GetCategoryObject().GetCodeValue() == "49755003"
    assert entry.GetTypeObject().GetCodeMeaning() == "Neoplasm"
    assert entry.GetRegionObject().GetCodeMeaning() == "Lung"
    assert app.terminologies_logic.SerializeTerminologyEntry(entry) == terminology.entry(())


def test_segments_are_called_by_what_the_model_shows_but_where_the_user_named_them(ct, node, app):
    segmentation, ids = node.GetSegmentation(), segments.our_segments(node)
    segmentation.GetSegment(ids[2]).SetName("the one at the hilum")
    segments.say_classes(node, ["left lung"])
    assert [segmentation.GetSegment(i).GetName() for i in ids.values()] == ["left lung 1", "the one at the hilum"]
    more = labels()
    more[0, 0, 0] = 3
    segments.fill_segments(node, ct, Box(START, more))
    segments.begin_segment(node, 4)
    made = [segmentation.GetSegment(segments.our_segments(node)[n]) for n in (3, 4)]
    assert [segment.GetName() for segment in made] == ["left lung 3", "left lung 4"]
    entry = slicer.vtkSlicerTerminologyEntry()
    for segment in (segmentation.GetSegment(ids[1]), *made):
        assert app.terminologies_logic.DeserializeTerminologyEntry(segment.GetTerminology(), entry)
        assert entry.GetTypeObject().GetCodeMeaning() == "Tissue"
    segments.say_classes(node, ["left lung", "right lung"])
    assert segmentation.GetSegment(ids[1]).GetName() == "Region 1"
    segments.say_classes(node, ["tumour"])
    assert segmentation.GetSegment(ids[1]).GetName() == "Tumour 1"
    assert segmentation.GetSegment(ids[1]).GetTerminology() == terminology.entry(())


def test_the_reference_grid_is_the_cts(ct, node):
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is ct


def test_fewer_lesions_leave_fewer_segments_and_more_bring_them_back(scene, ct, node):
    segments.fill_segments(node, ct, Box(START, labels(second=False)))
    assert list(segments.our_segments(node)) == [1]
    segments.fill_segments(node, ct, Box(START, np.zeros((4, 4, 4), np.uint16)))
    assert segments.our_segments(node) == {}
    segments.fill_segments(node, ct, Box(START, labels()))
    assert list(segments.our_segments(node)) == [1, 2]
    assert segments.segmentation_node(scene, ct) is node


def test_filling_again_keeps_segments_and_their_names_and_colours(ct, node):
    segment = node.GetSegmentation().GetSegment(segments.our_segments(node)[1])
    segment.SetName("index lesion")
    segment.SetColor(1, 1, 1)
    segments.fill_segments(node, ct, Box(START, np.roll(labels(), 1, axis=0)))
    assert node.GetSegmentation().GetSegment(segments.our_segments(node)[1]) is segment
    assert (segment.GetName(), segment.GetColor()) == ("index lesion", (1.0, 1.0, 1.0))


def test_a_segment_the_user_painted_into_our_node_is_kept_voxel_for_voxel(scene, ct, node):
    """Slicer lays a new segment into the image of the first one: ours."""
    mine = node.GetSegmentation().AddEmptySegment("mine", "mine")
    painted = np.zeros(geometry().shape, np.uint8)
    painted[3:6, 30:35, 30:40] = 1
    paint(node, mine, ct, painted)
    assert node.GetSegmentation().GetSegment(mine).GetRepresentation(
        segments.LABELMAP
    ) is node.GetSegmentation().GetSegment(segments.our_segments(node)[1]).GetRepresentation(segments.LABELMAP)
    for box in (np.roll(labels(), 2, axis=1), labels(second=False), np.zeros((2, 2, 2), np.uint16), labels()):
        segments.fill_segments(node, ct, Box(START, box))
        np.testing.assert_array_equal(segment_array(node, mine, ct), painted)
        for number, segment_id in segments.our_segments(node).items():
            np.testing.assert_array_equal(segment_array(node, segment_id, ct), on_grid(box == number))


def test_other_nodes_are_not_touched(scene, ct):
    foreign = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "CT tumours")
    foreign.CreateDefaultDisplayNodes()
    foreign.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    painted = np.zeros(geometry().shape, np.uint8)
    painted[5:9, 8:20, 10:20] = 1
    segment_id = foreign.GetSegmentation().AddEmptySegment("Tumour 1", "Tumour 1")
    paint(foreign, segment_id, ct, painted)
    line = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Tumour 1 long axis")
    before = [fingerprint(n) for n in (foreign, line, ct)], foreign.GetMTime(), ct.GetImageData().GetMTime()
    ours = segments.segmentation_node(scene, ct)
    segments.fill_segments(ours, ct, Box(START, labels()))
    assert ours is not foreign
    assert ([fingerprint(n) for n in (foreign, line)], foreign.GetMTime(), ct.GetImageData().GetMTime()) == (
        before[0][:2],
        *before[1:],
    )
    np.testing.assert_array_equal(segment_array(foreign, segment_id, ct), painted)


def fingerprint(node) -> str:
    """Everything that Slicer prints of a node and its image."""
    words = [line for line in str(node).splitlines() if "Reference Count" not in line and "Modified Time" not in line]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def test_an_edit_with_the_segment_editor_can_be_undone_and_filled_over(ct, node):
    """A state saved before the change comes back on Undo; the next result then still finds its segments."""
    history = slicer.vtkSegmentationHistory()
    history.SetSegmentation(node.GetSegmentation())
    history.SetMaximumNumberOfStates(5)
    history.SaveState()
    segments.fill_segments(node, ct, Box(START, labels(second=False)))
    assert history.RestorePreviousState()
    assert list(segments.our_segments(node)) == [1, 2]
    np.testing.assert_array_equal(segment_array(node, segments.our_segments(node)[2], ct), on_grid(labels() == 2))
    segments.fill_segments(node, ct, Box(START, np.roll(labels(), 1, axis=2)))
    np.testing.assert_array_equal(
        segment_array(node, segments.our_segments(node)[2], ct), on_grid(np.roll(labels(), 1, axis=2) == 2)
    )


def test_surfaces_are_built_only_when_asked(ct, node):
    assert not segments.has_surface(node)
    segments.show_surface(node, True)
    surface = vtk.vtkPolyData()
    node.GetClosedSurfaceRepresentation(segments.our_segments(node)[1], surface)
    assert surface.GetNumberOfPoints() > 0
    segments.show_surface(node, False)
    assert not segments.has_surface(node)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_an_exported_mask_lies_on_the_cts_grid_for_every_orientation(scene, tmp_path, name):
    ct = add_ct(scene, geometry(name))
    node = segments.segmentation_node(scene, ct)
    segments.fill_segments(node, ct, Box(START, labels()))
    labelmap = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    ids = vtk.vtkStringArray()
    for segment_id in segments.our_segments(node).values():
        ids.InsertNextValue(segment_id)
    assert slicer.vtkSlicerSegmentationsModuleLogic.ExportSegmentsToLabelmapNode(node, ids, labelmap, ct)
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(tmp_path / "mask.nii.gz"))
    assert storage.WriteData(labelmap)
    written = sitk.ReadImage(str(tmp_path / "mask.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(written), on_grid(labels()))
    grid = geometry(name)
    corner = np.array(grid.shape[::-1]) - 1.0
    np.testing.assert_allclose(
        written.TransformContinuousIndexToPhysicalPoint(corner), grid.ijk_to_lps(corner), rtol=0, atol=1e-4
    )


def test_our_surfaces_are_those_that_slicer_makes(ct, node):
    """Each lesion by itself: the same points, and all that Slicer says when it made some."""
    segmentation, heard = node.GetSegmentation(), []
    segmentation.AddObserver(segmentation.ContainedRepresentationNamesModified, lambda *_: heard.append(1))
    segments.show_surface(node, True)
    assert heard
    ours = {number: surface(node, number) for number in (1, 2)}
    node.RemoveClosedSurfaceRepresentation()
    node.CreateClosedSurfaceRepresentation()
    for number, points in ours.items():
        np.testing.assert_allclose(points, surface(node, number), atol=1e-4)


def surface(node, number) -> np.ndarray:
    found = vtk.vtkPolyData()
    assert node.GetClosedSurfaceRepresentation(segments.our_segments(node)[number], found)
    return np.array([found.GetPoint(n) for n in range(found.GetNumberOfPoints())])


def test_a_segment_of_the_users_gets_its_surface_too(ct, node):
    mine = node.GetSegmentation().AddEmptySegment("mine", "mine")
    painted = np.zeros(geometry().shape, np.uint8)
    painted[3:6, 30:35, 30:40] = 1
    paint(node, mine, ct, painted)
    segments.show_surface(node, True)
    for segment_id in node.GetSegmentation().GetSegmentIDs():
        assert node.GetSegmentation().GetSegment(segment_id).GetRepresentation(segments.SURFACE).GetNumberOfPoints()
