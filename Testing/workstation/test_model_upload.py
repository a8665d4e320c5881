"""A model comes as a folder within folders, as a zip, as loose files; what is none leaves nothing."""

import json
import shutil
import zipfile

import pytest

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.workstation import models
from LungTumorSegLib.workstation.model_upload import holds_model, import_given

SOURCE = models.BUNDLED_FOLDER / "prompted"
FILES = ("model.json", "weights.safetensors")


@pytest.fixture
def own(tmp_path):
    return tmp_path / "own"


@pytest.fixture
def drop(tmp_path):
    """Where the page lays what the user gave."""
    folder = tmp_path / "drop-1"
    folder.mkdir()
    return folder


def pack(path, names: dict):
    """names : in the zip -> file on disk, or bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, what in names.items():
            file.writestr(name, what if isinstance(what, bytes) else what.read_bytes())
    return path


def test_a_folder_within_the_drop_keeps_its_name(own, drop):
    shutil.copytree(SOURCE, drop / "from-colleague")
    assert holds_model(drop)
    model = import_given(drop, own)
    assert (model.name, model.place, model.task) == ("from-colleague", "imported", "prompted")
    assert model.folder == own / "imported" / "from-colleague"


def test_a_zip_of_a_folder_and_a_zip_of_the_files_are_imported(own, drop, tmp_path):
    inner = {f"from-colleague/{name}": SOURCE / name for name in FILES} | {"from-colleague/readme.txt": b"hello"}
    pack(drop / "anything.zip", inner)
    assert holds_model(drop)
    model = import_given(drop, own)
    assert model.name == "from-colleague"
    assert sorted(file.name for file in model.folder.iterdir()) == sorted(FILES)
    loose = pack(tmp_path / "second-one.zip", {name: SOURCE / name for name in FILES})
    assert import_given(loose, own).name == "second-one"
    assert (model.folder / FILES[1]).read_bytes() == (SOURCE / FILES[1]).read_bytes()


def test_loose_files_are_named_by_the_card(own, drop):
    for name in FILES:
        shutil.copy(SOURCE / name, drop / name)
    card = json.loads((drop / "model.json").read_text())
    (drop / "model.json").write_text(json.dumps(card | {"name": "ward-7"}))
    assert import_given(drop, own).name == "ward-7"


def test_a_name_that_leads_out_of_the_zip_writes_nothing_there(own, drop):
    names = {f"m/{name}": SOURCE / name for name in FILES} | {"m/../../evil/model.json": b"{}"}
    pack(drop / "m.zip", names)
    folder = import_given(drop, own).folder
    assert sorted(file.name for file in folder.rglob("*")) == sorted(FILES)
    assert not list(drop.parent.rglob("evil"))


@pytest.mark.parametrize("wrong", ["a bomb", "two models", "no weights", "not a zip", "no card"])
def test_what_is_no_model_is_refused_in_one_line_and_leaves_nothing(own, drop, wrong):
    if wrong == "a bomb":
        pack(drop / "m.zip", {"m/model.json": b"0" * (models.LARGEST_CARD + 1), "m/weights.safetensors": b""})
    elif wrong == "two models":
        for name in ("one", "other"):
            shutil.copytree(SOURCE, drop / name)
    elif wrong == "no weights":
        pack(drop / "m.zip", {"m/model.json": SOURCE / "model.json"})
    elif wrong == "not a zip":
        (drop / "m.zip").write_bytes(b"PK\x03\x04 and then nothing")
    else:
        pack(drop / "m.zip", {"m/weights.safetensors": SOURCE / "weights.safetensors"})
    with pytest.raises(InputRefused) as refusal:
        import_given(drop, own)
    assert "\n" not in str(refusal.value)
    assert [model.place for model in models.list_models(own)] == ["bundled", "bundled"]
    assert not list(own.glob("imported/*"))


def test_a_scan_is_no_model(drop):
    (drop / "chest.nii.gz").write_bytes(b"\x1f\x8b")
    assert not holds_model(drop)
