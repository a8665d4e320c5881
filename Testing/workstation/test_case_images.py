"""A desk with a model of several images: which volumes are guessed, offered, sent and refused; a real worker."""

import os

import numpy as np
import pytest
from bench import Bench, add_volume
from two_images import CHANNELS, ELSEWHERE, answer, save_two_image_model, smooth

from LungTumorSegLib.cases.sequences import channel_named

BRATS = ("t1", "t1c", "t2", "flair")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_two_image_model(tmp_path_factory.mktemp("models") / "two")


@pytest.fixture
def bench(scene, model, monkeypatch):
    from LungTumorSegLib.worker.launch import worker_command

    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "1")
    bench = Bench(scene, worker_command())
    bench.desk.choose_models(str(model), None, CHANNELS)
    yield bench
    bench.close()


def add(scene, *names):
    return [add_volume(scene, smooth(seed), name) for seed, name in enumerate(names)]


def segment(bench, ct):
    bench.desk.choose_ct(ct)
    bench.desk.segment()
    assert bench.rest()


def shown(bench) -> dict:
    return {channel: node and node.GetName() for channel, node in bench.desk.images.shown().items()}


def map_of(bench) -> np.ndarray:
    import slicer

    return slicer.util.arrayFromVolume(bench.desk.result.probability_node)


def test_names_name_channels():
    assert channel_named("P1_t1ce", BRATS) == ("t1c", "P1_")
    assert channel_named("BraTS-2023-t2f", BRATS) == ("flair", "BraTS-2023-")
    assert channel_named("VSD.Brain.XX.O.MR_T1.54513", BRATS) == ("t1", "VSD.Brain.XX.O.MR_.54513")
    assert channel_named("Chest CT", CHANNELS) == ("CT", "Chest ")
    assert channel_named("CASE_0001", CHANNELS) == ("PET", "CASE")
    assert channel_named("CASE_0002", CHANNELS) is None
    assert channel_named("PETROL", CHANNELS) is None


def test_images_of_the_same_patient_are_guessed_whichever_of_them_is_chosen(bench, scene):
    ct, pet, *_ = add(scene, "P1 CT", "P1 PET", "P2 CT", "P2 PET")
    for chosen in (ct, pet):
        bench.desk.choose_ct(chosen)
        assert shown(bench) == {"CT": "P1 CT", "PET": "P1 PET"}


def test_two_that_fit_are_not_guessed_and_the_users_choice_stands(bench, scene):
    ct, _first, second = add(scene, "P1 CT", "P1 PET", "P1 PET")
    bench.desk.choose_ct(ct)
    assert shown(bench) == {"CT": "P1 CT", "PET": None}
    bench.desk.images.choose("PET", second)
    assert bench.desk.images.shown()["PET"] is second
    bench.desk.images.choose("PET", None)
    assert shown(bench)["PET"] is None


def test_a_choice_is_saved_with_the_scene(bench, scene, tmp_path):
    ct, other = add(scene, "P1 CT", "Uptake")
    bench.desk.choose_ct(ct)
    bench.desk.images.choose("PET", other)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    bench.desk.scene_closing()
    scene.Clear()
    assert scene.Import()
    again = scene.GetFirstNodeByName("P1 CT")
    assert again.GetNodeReference("LungTumorSegImage.PET").GetName() == "Uptake"


def test_each_image_reaches_its_channel(bench, scene, model):
    ct, pet = add(scene, "P1 CT", "P1 PET")
    wanted = answer(model, smooth(0), smooth(1))
    assert np.abs(wanted - answer(model, smooth(1), smooth(0))).max() > 1e-3
    segment(bench, ct)
    assert bench.host.failures == []
    assert np.abs(map_of(bench) - wanted).max() < 1e-5
    segment(bench, pet)
    assert np.abs(map_of(bench) - wanted).max() < 1e-5
    bench.desk.explain()
    assert bench.rest()
    assert bench.host.failures == []
    assert bench.desk.result.heat_node is not None


def test_only_a_ct_has_a_density(bench, scene):
    ct, pet = add(scene, "P1 CT", "P1 PET")
    for chosen in (ct, pet):
        segment(bench, chosen)
        assert bench.desk.lesions
        assert all((lesion.mean_hu is None) == (chosen is pet) for lesion in bench.desk.lesions)
        assert all(lesion.side is None for lesion in bench.desk.lesions if chosen is pet)


def test_a_result_in_an_image_that_is_no_ct_is_exported_as_one(bench, scene, tmp_path):
    from LungTumorSegLib.export.result import read_result
    from LungTumorSegLib.volume.geometry import Volume

    pet = smooth(1)
    add(scene, "P1 CT")
    uptake = add_volume(scene, Volume(np.abs(pet.voxels), pet.geometry), "P1 PET")  # no CT is without negative values
    segment(bench, uptake)
    folders = []
    bench.exporting.result(folders.append)
    assert bench.rest()
    bench.exporting.table(tmp_path / "table.csv")
    assert bench.rest()
    assert bench.host.failures == []
    findings = read_result(folders[0], any_image=True)
    assert (findings.in_hu, findings.classes) == (False, ("tumour",))
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 1 + len(bench.desk.lesions)


def test_what_is_missing_there_twice_or_elsewhere_is_one_line_and_nothing_is_sent(bench, scene):
    ct, uptake = add(scene, "P1 CT", "Uptake")
    far = add_volume(scene, smooth(2, ELSEWHERE), "P1 PET")
    segment(bench, ct)
    bench.desk.images.choose("PET", ct)
    segment(bench, ct)
    bench.desk.images.choose("PET", far)
    segment(bench, ct)
    assert [sentence for sentence, _ in bench.host.failures] == [
        "The model reads CT, PET: choose a volume on the grid of the chosen one for PET.",
        "One volume stands for CT, PET: choose another one for each.",
        "The volume for PET lies on another grid: resample it to the chosen one's.",
    ]
    assert not bench.desk.has_result
    assert [node.GetName() for node in bench.desk.images.choices()] == ["P1 CT", "Uptake", "P1 PET"]
    bench.desk.images.choose("PET", uptake)
    segment(bench, ct)
    assert len(bench.host.failures) == 3
    assert bench.desk.has_result


def test_a_model_of_one_image_asks_for_no_choice(bench, scene):
    (ct,) = add(scene, "P1 CT")
    bench.desk.choose_models("automatic", "prompted")
    bench.desk.choose_ct(ct)
    assert not bench.desk.images.several


def test_the_host_hears_of_volumes_that_come_and_go(bench, scene, monkeypatch):
    (ct,) = add(scene, "P1 CT")
    bench.desk.choose_ct(ct)
    bench.tick()
    heard = []
    monkeypatch.setattr(bench.host, "changed", lambda: heard.append(shown(bench)))
    bench.tick()
    assert heard == []
    pet = add_volume(scene, smooth(1), "P1 PET")
    bench.tick()
    scene.RemoveNode(pet)
    bench.tick()
    assert heard == [{"CT": "P1 CT", "PET": "P1 PET"}, {"CT": "P1 CT", "PET": None}]
