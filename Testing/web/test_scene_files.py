"""A scene written in steps, with voxels by a thread, read back by Slicer's own core."""

import time

import numpy as np
import pytest
import slicer

from LungTumorSegLib.scene import segments
from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.web import scene_files
from LungTumorSegLib.web.opening import add_ct
from LungTumorSegLib.web.scene_bundle import bundling
from LungTumorSegLib.web.scene_files import SceneFiles

SHAPE = 20, 40, 48
OBLIQUE = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
BALLS = ((8, 15, 14, 6.0), (12, 28, 36, 5.0))


@pytest.fixture
def work(tmp_path):
    """A scene with an oblique CT and its result, two lesions of which one is named and painted into."""
    scene = slicer.vtkMRMLScene()
    rng = np.random.default_rng(0)
    grid = Geometry(SHAPE, (0.7, 0.8, 2.5), (-20.0, 30.0, -100.0), OBLIQUE)
    ct = add_ct(scene, Volume(rng.integers(-1000, 400, SHAPE).astype(np.int16), grid), tmp_path / "chest.nrrd")
    kji = np.indices(SHAPE)
    whole = np.zeros(SHAPE, np.float32)
    for *middle, radius in BALLS:
        apart = np.sqrt(sum((axis - m) ** 2 for axis, m in zip(kji, middle, strict=True)))
        np.maximum(whole, np.clip(1 - apart / radius / 2, 0, 1), out=whole, casting="unsafe")
    result = Result(scene, ct)
    result.show(Box((0, 0, 0), whole), 0.5, 1.0)
    return scene, result


def written(scene, folder, files=None, mark=""):
    """The scene in a folder, loaded anew."""
    folder.mkdir(exist_ok=True)
    files = files or SceneFiles(scene, folder)
    for _ in files.writing(folder / "scene.mrml", mark):
        time.sleep(0.001)
    loaded = slicer.vtkMRMLScene()
    loaded.SetURL(str(folder / "scene.mrml"))
    assert loaded.Connect()
    return loaded


def by_name(scene, kind, name):
    count = scene.GetNumberOfNodesByClass(kind)
    found = [scene.GetNthNodeByClass(n, kind) for n in range(count)]
    return next(node for node in found if node.GetName() == name)


def test_voxels_and_grids_of_all_volumes_are_the_same(work, tmp_path):
    scene, _result = work
    loaded = written(scene, tmp_path / "kept")
    count = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    assert count >= 3  # CT, map, what the worker answered
    for n in range(count):
        node = scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode")
        same = by_name(loaded, "vtkMRMLScalarVolumeNode", node.GetName())
        assert np.array_equal(slicer.util.arrayFromVolume(same), slicer.util.arrayFromVolume(node))
        assert slicer.util.arrayFromVolume(same).dtype == slicer.util.arrayFromVolume(node).dtype
        assert np.allclose(geometry_of(same).ijk_to_lps_matrix, geometry_of(node).ijk_to_lps_matrix, atol=1e-9)


def test_segments_are_the_same_in_voxels_names_colours_and_tags(work, tmp_path):
    scene, result = work
    node = result.segmentation_node
    node.GetSegmentation().GetNthSegment(0).SetName("Mass: left | upper")
    node.GetSegmentation().GetNthSegment(0).SetColor(0.1, 0.2, 0.3)
    loaded = written(scene, tmp_path / "kept")
    same = by_name(loaded, "vtkMRMLSegmentationNode", node.GetName())
    assert segments.our_segments(same) == segments.our_segments(node)
    before, after = segments.read_labels(node), segments.read_labels(same)
    assert after.start == before.start
    assert np.array_equal(after.values, before.values)
    first, last = node.GetSegmentation().GetNthSegment(0), same.GetSegmentation().GetNthSegment(0)
    assert last.GetName() == first.GetName()
    assert np.allclose(last.GetColor(), first.GetColor())


def test_the_maps_colours_are_the_same(work, tmp_path):
    scene, result = work
    loaded = written(scene, tmp_path / "kept")
    same = by_name(loaded, "vtkMRMLScalarVolumeNode", result.probability_node.GetName())
    tables = [node.GetDisplayNode().GetColorNode().GetLookupTable() for node in (result.probability_node, same)]
    assert tables[1].GetNumberOfTableValues() == tables[0].GetNumberOfTableValues()
    for n in (0, 1, 128, 255):
        assert np.allclose(tables[1].GetTableValue(n), tables[0].GetTableValue(n), atol=1 / 255)


def test_a_bundle_is_one_that_slicer_opens(work, tmp_path):
    scene, result = work
    shares = list(bundling(scene, tmp_path / "chest.mrb"))
    assert all(0 < share < 1 for share in shares)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chest.mrb"]
    loaded, cache, data = slicer.vtkMRMLScene(), slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    cache.SetRemoteCacheDirectory(str(tmp_path))
    data.SetCacheManager(cache)
    loaded.SetDataIOManager(data)
    assert loaded.ReadFromMRB(str(tmp_path / "chest.mrb"))
    same = by_name(loaded, "vtkMRMLSegmentationNode", result.segmentation_node.GetName())
    assert np.array_equal(segments.read_labels(same).values, segments.read_labels(result.segmentation_node).values)


def test_a_bundle_that_is_cancelled_leaves_the_scene_as_it_was(work, tmp_path):
    scene, result = work
    steps = bundling(scene, tmp_path / "chest.mrb")
    next(steps)
    steps.close()
    assert not (tmp_path / "chest.mrb").exists()
    assert [lesion.id for lesion in result.measure()] == [1, 2]


def test_a_loaded_result_goes_on_where_it_was(work, tmp_path):
    scene, result = work
    loaded = written(scene, tmp_path / "kept")
    again = Result(loaded, by_name(loaded, "vtkMRMLScalarVolumeNode", result.ct.GetName()))
    assert [lesion.volume_ml for lesion in again.read()] == pytest.approx([x.volume_ml for x in result.lesions])
    again.recompose(0.7, 1.0)
    result.recompose(0.7, 1.0)
    assert [x.long_axis_mm for x in again.lesions] == pytest.approx([x.long_axis_mm for x in result.lesions])
    assert again.cut == Cut(0.7, 1.0, False)


def test_voxels_that_did_not_change_are_not_written_again(work, tmp_path):
    scene, result = work
    files = SceneFiles(scene, tmp_path / "kept")
    written(scene, tmp_path / "kept", files, "-1")
    result.recompose(0.7, 1.0)
    loaded = written(scene, tmp_path / "kept", files, "-2")
    names = sorted(path.name for path in (tmp_path / "kept").glob("*.nrrd"))
    assert [name for name in names if "Volume" in name and "-2" in name] == []
    assert len([name for name in names if "Segmentation" in name]) == 2
    same = by_name(loaded, "vtkMRMLSegmentationNode", result.segmentation_node.GetName())
    assert np.array_equal(segments.read_labels(same).values, segments.read_labels(result.segmentation_node).values)


def test_the_scenes_own_files_are_left_as_they_are_named(work, tmp_path):
    scene, result = work
    result.ct.AddDefaultStorageNode()
    result.ct.GetStorageNode().SetFileName("/somewhere/chest.nrrd")
    scene.SetURL("/somewhere/scene.mrml")
    written(scene, tmp_path / "kept")
    assert result.ct.GetStorageNode().GetFileName() == "/somewhere/chest.nrrd"
    assert scene.GetURL() == "/somewhere/scene.mrml"


def test_voxels_that_change_while_they_are_written_are_written_as_they_are_then(work, tmp_path, monkeypatch):
    scene, result = work
    put, changed = scene_files._put, []

    def put_and_change(file, voxels):
        put(file, voxels)
        if voxels.values.dtype == np.int16 and not changed:
            changed.append(True)
            slicer.util.arrayFromVolume(result.ct)[...] = 7
            slicer.util.arrayFromVolumeModified(result.ct)

    monkeypatch.setattr(scene_files, "_put", put_and_change)
    loaded = written(scene, tmp_path / "kept")
    assert (slicer.util.arrayFromVolume(by_name(loaded, "vtkMRMLScalarVolumeNode", result.ct.GetName())) == 7).all()
