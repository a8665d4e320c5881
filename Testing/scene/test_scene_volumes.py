"""A CT node becomes a Volume: same memory, same place in the patient."""

import numpy as np
import pytest
import slicer
import vtk
from made_scene import DIRECTIONS, add_ct, geometry, parent_transform

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.scene import maps
from LungTumorSegLib.scene.volumes import SceneVolumes, change_token, geometry_of
from LungTumorSegLib.volume.box import Box


@pytest.mark.parametrize("name", DIRECTIONS)
def test_the_grid_is_that_of_the_node(scene, name):
    assert geometry_of(add_ct(scene, geometry(name))).same_grid(geometry(name), tolerance_mm=1e-9)


def test_voxels_are_the_nodes_own_memory(ct):
    volume = SceneVolumes().volume(ct)
    assert np.shares_memory(volume.voxels, slicer.util.arrayFromVolume(ct))


def test_an_unchanged_node_is_read_and_hashed_once(ct):
    volumes = SceneVolumes()
    first = volumes.volume(ct)
    first_hash = first.content_hash
    ct.SetName("renamed")
    assert volumes.volume(ct) is first
    slicer.util.arrayFromVolume(ct)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(ct)
    second = volumes.volume(ct)
    assert second is not first
    assert second.content_hash != first_hash


def test_a_moved_node_has_another_token(scene, ct):
    before = change_token(ct)
    parent_transform(scene, ct)
    assert change_token(ct) != before


def test_other_voxel_types_become_float(scene, ct):
    slicer.util.updateVolumeFromArray(ct, np.full((3, 4, 5), 7.0, np.float64))
    assert SceneVolumes().volume(ct).voxels.dtype == np.float32


def test_a_linear_parent_transform_moves_the_grid(scene, ct):
    alone = geometry_of(ct)
    parent = parent_transform(scene, ct)
    moved = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(moved)
    corner = [3.0, 5.0, 7.0]
    expected = moved.MultiplyPoint([*(alone.ijk_to_lps(corner) * [-1, -1, 1]), 1.0])[:3]
    np.testing.assert_allclose(geometry_of(ct).ijk_to_lps(corner) * [-1, -1, 1], expected, atol=1e-9)
    ct.HardenTransform()
    np.testing.assert_allclose(geometry_of(ct).ijk_to_lps(corner) * [-1, -1, 1], expected, atol=1e-9)


def test_a_bending_parent_transform_is_refused_with_what_to_do(scene, ct):
    parent_transform(scene, ct, "bending")
    with pytest.raises(InputRefused, match="harden"):
        geometry_of(ct)


def test_a_sheared_grid_is_refused(scene, ct):
    shear = slicer.util.vtkMatrixFromArray(np.array([[0.7, 0.1, 0, 0], [0, 0.7, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1]]))
    ct.SetIJKToRASMatrix(shear)
    with pytest.raises(InputRefused, match="right angles"):
        geometry_of(ct)


def test_one_of_our_own_maps_is_refused(scene, ct):
    node = maps.show_map(scene, ct, maps.PROBABILITY, Box((0, 0, 0), np.ones((2, 2, 2), np.float32)))
    with pytest.raises(InputRefused, match="is a result"):
        SceneVolumes().volume(node)


def test_an_empty_node_and_a_colour_picture_are_refused(scene):
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    with pytest.raises(InputRefused, match="no voxels"):
        SceneVolumes().volume(empty)
    with pytest.raises(InputRefused, match="no voxels"):
        SceneVolumes().volume(None)
    colour = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode")
    slicer.util.updateVolumeFromArray(colour, np.zeros((3, 4, 5, 3), np.uint8))
    with pytest.raises(InputRefused, match="several values"):
        SceneVolumes().volume(colour)
