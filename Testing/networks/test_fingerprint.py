"""A model's fingerprint follows everything that decides its answers."""

import json
import shutil

import pytest

from LungTumorSegLib.networks.fingerprint import fingerprint
from LungTumorSegLib.networks.model import MODELS


@pytest.fixture
def copied(tmp_path):
    return shutil.copytree(MODELS / "automatic", tmp_path / "copied")


def change_card(folder, **fields) -> None:
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, **fields}))


def test_a_copy_elsewhere_has_the_same(copied):
    assert fingerprint(copied) == fingerprint("automatic")


def test_another_byte_of_the_weights_or_another_threshold_gives_another(copied):
    before = fingerprint(copied)
    change_card(copied, threshold=0.77)
    other_card = fingerprint(copied)
    with (copied / "weights.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    assert len({before, other_card, fingerprint(copied)}) == 3


def test_the_model_that_outlines_what_is_found_counts_too(copied):
    change_card(copied, outlined_by="prompted", suspicion=0.3)
    of_the_program = fingerprint(copied)
    own = shutil.copytree(MODELS / "prompted", copied / "prompted")
    change_card(own, threshold=0.31)
    assert fingerprint(copied) != of_the_program
