"""`lungtumorseg phantom`: all of a sample or nothing, and nothing of the user's lost."""

import json

import pytest

from LungTumorSegLib.command.phantom import phantom
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume import sample as sample_files
from LungTumorSegLib.volume.phantom import make_phantom
from LungTumorSegLib.volume.sample import write_sample

FILES = ("ct.nii.gz", "truth.nii.gz", "tumours.json")


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    def made(**chosen):
        return make_phantom(shape=(24, 64, 64), spacing=(5.6, 5.6, 11.0), **chosen)

    monkeypatch.setattr(sample_files, "make_phantom", made)


@pytest.fixture
def full_disk(monkeypatch):
    """Full when the second file comes: what `write_volume` says of it then, at its seam."""
    write = sample_files.write_volume

    def refused(path, volume):
        if path.name != "ct.nii.gz":
            raise InputRefused("The file could not be written whole: is the disk full?")
        write(path, volume)

    return lambda: monkeypatch.setattr(sample_files, "write_volume", refused)


def test_a_sample_takes_the_place_of_another_and_of_nothing_else(tmp_path):
    phantom(tmp_path / "mine", 0)
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    before = (tmp_path / "mine" / "ct.nii.gz").read_bytes()
    phantom(tmp_path / "mine", 1)
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {*FILES, "notes.txt"}
    assert (tmp_path / "mine" / "ct.nii.gz").read_bytes() != before


@pytest.mark.parametrize("name", ["ct.nii.gz", "truth.nii.gz"])
def test_a_users_scan_of_the_same_name_is_not_overwritten(tmp_path, name):
    (tmp_path / name).write_bytes(b"a patient's")
    with pytest.raises(InputRefused, match=f"holds a {name} that is no sample CT's: choose another folder"):
        phantom(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"a patient's"


def test_a_full_disk_leaves_no_half_of_a_sample(tmp_path, full_disk):
    phantom(tmp_path / "old", 0)
    before = {path: path.read_bytes() for path in (tmp_path / "old").iterdir()}
    full_disk()
    for folder in ("old", "new"):
        with pytest.raises(InputRefused, match="disk full"):
            phantom(tmp_path / folder, 1)
    assert {path: path.read_bytes() for path in (tmp_path / "old").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_the_file_that_says_the_sample_is_whole_is_whole_or_not_there(tmp_path):
    (tmp_path / "closed" / "tumours.json").mkdir(parents=True)
    with pytest.raises(InputRefused, match=r"cannot write to .*; choose another folder"):
        write_sample(tmp_path / "closed")
    assert {path.name for path in (tmp_path / "closed").iterdir()} == set(FILES)
    write_sample(tmp_path / "open")
    assert len(json.loads((tmp_path / "open" / "tumours.json").read_text())) == 3


def test_a_seed_below_0_is_refused(lungtumorseg, tmp_path):
    done = lungtumorseg("phantom", tmp_path / "mine", "--seed", "-1")
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []
