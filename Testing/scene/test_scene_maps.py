"""Probability and Grad-CAM maps: on the CT's grid, coloured from 0 to 1, made once."""

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
from made_scene import DIRECTIONS, add_ct, blobs, geometry

from LungTumorSegLib.scene import maps, ownership
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.volume.box import EMPTY, Box

START = (5, 8, 10)


def test_the_box_lies_at_its_place_and_the_rest_is_zero(scene, ct):
    node = maps.show_map(scene, ct, maps.PROBABILITY, Box(START, blobs()))
    expected = np.zeros(geometry().shape, np.float32)
    expected[5:19, 8:32, 10:36] = blobs()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), expected)
    box = maps.map_box(node)
    assert box.start == START
    assert np.shares_memory(box.values, slicer.util.arrayFromVolume(node))


def test_a_second_result_fills_the_same_node_and_leaves_nothing_of_the_first(scene, ct):
    node = maps.show_map(scene, ct, maps.PROBABILITY, Box(START, blobs()))
    image = node.GetImageData()
    again = maps.show_map(scene, ct, maps.PROBABILITY, Box((0, 0, 0), np.full((2, 2, 2), 0.5, np.float32)))
    assert again is node
    assert again.GetImageData() is image
    assert slicer.util.arrayFromVolume(node).sum() == 4.0


def test_an_empty_box_is_a_map_of_zeros(scene, ct):
    node = maps.show_map(scene, ct, maps.PROBABILITY, EMPTY)
    assert maps.map_box(node).values.size == 0
    assert not slicer.util.arrayFromVolume(node).any()


def test_colours_go_from_transparent_0_to_1_whatever_the_values(scene, ct):
    node = maps.show_map(scene, ct, maps.PROBABILITY, Box(START, blobs() * 0.1))
    display = node.GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0.0, 1.0)
    assert not display.GetAutoWindowLevel()
    table = display.GetColorNode().GetLookupTable()
    assert table.GetTableValue(0)[3] == 0.0
    assert table.GetTableValue(1)[3] == 1.0


def test_the_users_display_settings_survive_the_next_result(scene, ct):
    node = maps.show_map(scene, ct, maps.PROBABILITY, Box(START, blobs()))
    node.GetDisplayNode().SetWindowLevelMinMax(0.2, 0.8)
    node.SetName("mine now")
    maps.show_map(scene, ct, maps.PROBABILITY, Box(START, blobs()))
    assert node.GetDisplayNode().GetWindowLevelMin() == pytest.approx(0.2)
    assert node.GetName() == "mine now"


def test_two_cts_share_the_colours_but_nothing_else(scene, ct):
    other = add_ct(scene, name="CT")
    one = maps.show_map(scene, ct, maps.HEAT, Box(START, blobs()))
    two = maps.show_map(scene, other, maps.HEAT, Box(START, blobs()))
    assert one is not two
    assert one.GetDisplayNode().GetColorNode() is two.GetDisplayNode().GetColorNode()


def test_a_clone_of_the_ct_does_not_take_over_its_results(scene, ct):
    node = maps.show_map(scene, ct, maps.PROBABILITY, Box(START, blobs()))
    clone = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    clone.CopyContent(ct)
    clone.CopyReferences(ct)
    assert ownership.owned_one(clone, maps.PROBABILITY) is None
    assert maps.show_map(scene, clone, maps.PROBABILITY, Box(START, blobs())) is not node
    assert len(ownership.owned(clone, maps.PROBABILITY)) == 1


def test_results_are_known_again_in_a_scene_saved_and_loaded(scene, ct, app):
    maps.show_map(scene, ct, maps.PROBABILITY, Box(START, blobs()))
    scene.SetSaveToXMLString(1)
    scene.Commit()
    text = scene.GetSceneXMLString()
    from trame_slicer.core import SlicerApp

    loaded = SlicerApp().scene
    loaded.SetLoadFromXMLString(1)
    loaded.SetSceneXMLString(text)
    loaded.Import()
    node = ownership.owned_one(loaded.GetFirstNodeByName("CT"), maps.PROBABILITY)
    assert node.GetAttribute(maps.BOX) == "5 8 10 19 32 36"


@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_saved_map_lies_on_the_cts_grid_for_every_orientation(scene, tmp_path, name):
    node = maps.show_map(scene, add_ct(scene, geometry(name)), maps.PROBABILITY, Box(START, blobs()))
    for ending in (".nrrd", ".nii.gz"):
        path = tmp_path / f"map{ending}"
        storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
        storage.SetFileName(str(path))
        assert storage.WriteData(node)
        written = sitk.ReadImage(str(path))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(written), slicer.util.arrayFromVolume(node))
        np.testing.assert_allclose(
            grid_of(written), grid_of(round_trip(geometry(name), tmp_path / f"r{ending}")), **CLOSE
        )
        assert geometry_of(node).same_grid(geometry(name), tolerance_mm=1e-9)


# The same numbers pass through the same file formats; two multiplications by the spacing apart, hence not bitwise.
CLOSE = {"rtol": 0, "atol": 1e-6}


def grid_of(image) -> np.ndarray:
    return np.array([*image.GetSpacing(), *image.GetOrigin(), *image.GetDirection()])


def round_trip(grid, path):
    """What SimpleITK itself makes of this grid in this file format."""
    image = sitk.Image([int(n) for n in grid.shape[::-1]], sitk.sitkFloat32)
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.axes.ravel().tolist())
    sitk.WriteImage(image, str(path))
    return sitk.ReadImage(str(path))
