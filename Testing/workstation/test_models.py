"""The list of models, importing and deleting them. The worker's full check of a model is tested in `networks`."""

import json
import shutil

import pytest

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import registry
from LungTumorSegLib.workstation import models


@pytest.fixture
def own(tmp_path):
    return tmp_path / "own"


@pytest.fixture
def stranger(tmp_path):
    """A model's folder as a colleague sends it."""
    folder = tmp_path / "from-colleague"
    shutil.copytree(models.BUNDLED_FOLDER / "prompted", folder)
    return folder


def names(own):
    return [(model.name, model.place, model.task) for model in models.list_models(own)]


BUNDLED = [("automatic", "bundled", "automatic"), ("prompted", "bundled", "prompted")]


def test_the_bundled_models_are_there_and_stay(own):
    assert names(own) == BUNDLED
    automatic = models.list_models(own)[0]
    assert automatic.address == "automatic"
    assert automatic.size > 6_000_000
    facts = automatic.facts()
    assert facts[0] == "Searches the whole CT for lung tumours."
    assert any("LIDC-IDRI" in fact for fact in facts)
    assert any(fact.startswith("Known failures: ") for fact in facts)
    with pytest.raises(InputRefused, match="comes with the program"):
        models.delete_model(automatic)


def test_an_imported_folder_is_copied_found_and_deleted(own, stranger):
    (stranger / "notes.txt").write_text("not a part of the model")
    model = models.import_folder(stranger, own)
    assert (model.name, model.place, model.task) == ("from-colleague", "imported", "prompted")
    assert sorted(file.name for file in model.folder.iterdir()) == ["model.json", "weights.safetensors"]
    shutil.rmtree(stranger)
    assert names(own) == [*BUNDLED, ("from-colleague", "imported", "prompted")]
    assert model.address == str(own / "imported" / "from-colleague")
    models.delete_model(model)
    assert names(own) == BUNDLED
    assert list((own / "imported").iterdir()) == []


def test_a_name_is_given_once(own, stranger):
    models.import_folder(stranger, own)
    with pytest.raises(InputRefused, match="There is a model from-colleague already"):
        models.import_folder(stranger, own)
    with pytest.raises(InputRefused, match="There is a model automatic already"):
        models.import_folder(models.BUNDLED_FOLDER / "automatic", own)


def broken(stranger, how):
    card, weights = stranger / "model.json", stranger / "weights.safetensors"
    match how:
        case "no card":
            card.unlink()
        case "no JSON":
            card.write_text("{")
        case "other version":
            card.write_text(json.dumps(json.loads(card.read_text()) | {"version": 2}))
        case "no weights":
            weights.unlink()
        case "link":
            weights.rename(stranger / "elsewhere")
            weights.symlink_to(stranger / "elsewhere")
        case "pickle":
            weights.write_bytes(b"\x80\x04\x95" + b"." * 100)
        case "gate":
            card.write_text(json.dumps(json.loads(card.read_text()) | {"task": "gate"}))


@pytest.mark.parametrize("how", ["no card", "no JSON", "other version", "no weights", "link", "pickle", "gate"])
def test_what_is_no_model_is_refused_and_leaves_nothing(own, stranger, how):
    broken(stranger, how)
    with pytest.raises(InputRefused) as refusal:
        models.import_folder(stranger, own)
    assert "\n" not in str(refusal.value)
    assert names(own) == BUNDLED
    assert not list(own.glob("imported/*"))
    assert not list(own.glob("imported/.*"))


def test_promoted_models_are_listed_by_the_name_that_means_them(own, stranger):
    def fill(folder, version):
        for file in stranger.iterdir():
            shutil.copy(file, folder)

    for _ in range(2):
        registry.put_in(own, "site-prompted", fill, "report.json")
    found = {model.name: model for model in models.list_models(own) if model.place == "promoted"}
    assert {name: model.in_use for name, model in found.items()} == {"site-prompted": True, "site-prompted-1": False}
    assert found["site-prompted"].folder.name == "site-prompted-2"
    with pytest.raises(InputRefused, match="roll it back first"):
        models.delete_model(found["site-prompted"])


def test_a_damaged_registry_hides_no_bundled_model(own):
    own.mkdir()
    (own / "current.json").write_text("{")
    assert names(own) == BUNDLED
