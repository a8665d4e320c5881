"""A choice a channel under the model that reads several images of a case, as the desk guesses and the user says."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "scene"))


@pytest.fixture
def rows():
    import slicer
    from made_scene import add_ct, geometry

    from LungTumorSegLib.web import serving
    from LungTumorSegLib.web.case_images import CaseImageRows
    from LungTumorSegLib.workstation.case_images import CaseImages

    scene = slicer.vtkMRMLScene()
    ct = add_ct(scene, name="thorax")
    add_ct(scene, name="second")
    add_ct(scene, geometry("axial", (12, 40, 44)), name="elsewhere")
    desk = SimpleNamespace(scene=scene, images=CaseImages(scene, lambda: ct))
    rows = CaseImageRows(serving.make_server(), desk)
    yield rows, desk
    scene.Clear()


def shown(rows):
    rows.show()
    return rows._segment.data.images


def test_a_model_of_one_image_asks_for_nothing(rows):
    rows, desk = rows
    assert shown(rows) == []
    desk.images.channels = ("CT", "PET")
    assert [row["channel"] for row in shown(rows)] == ["CT", "PET"]
    desk.images.channels = ("CT",)
    assert shown(rows) == []


def test_volumes_on_the_grid_are_offered_and_the_users_choice_is_kept(rows):
    rows, desk = rows
    desk.images.channels = ("CT", "PET")
    first, second = shown(rows)
    ids = {item["title"]: item["value"] for item in second["items"]}
    assert set(ids) == {"Choose a volume", "thorax", "second"}
    assert (first["node"], second["node"]) == (ids["thorax"], "")
    rows._choose("PET", ids["second"])
    assert [row["node"] for row in shown(rows)] == [ids["thorax"], ids["second"]]
    assert [node.GetName() for node in desk.images.to_send()] == ["thorax", "second"]
    rows._choose("PET", "")
    assert shown(rows)[1]["node"] == ""
