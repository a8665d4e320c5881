"""A model on disk: what is saved comes back, and nothing hostile gets in."""

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue, model, weights
from LungTumorSegLib.networks.card import ModelCard, card_from_json
from LungTumorSegLib.networks.model import available_models, load_card, load_model, save_model

AUTOMATIC = ModelCard(
    name="slices",
    task="automatic",
    network="ENet-CBAM-Skip",
    arguments={"input_channels": 1},
    spacing_mm=(None, 1.0, 1.0),
    window=None,
    hu_range=(-1024, 800),
    adjacent_slices=1,
    threshold=0.5,
    overlap=0.0,
    licence="CC BY 4.0",
    provenance={"seed": 1},
)
PROMPTED = replace(
    AUTOMATIC,
    name="click",
    task="prompted",
    network="ResidualUNet3D",
    arguments={"widths": (4, 8, 12, 16)},
    spacing_mm=(1.0, 1.0, 1.0),
    window=(48, 48, 48),
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A good model folder, saved once."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "slices"
    save_model(folder, catalogue.build(AUTOMATIC.network), AUTOMATIC)
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(saved, tmp_path / "slices"))


def change_card(folder: Path, **values) -> None:
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, **values}))


def change_weights(folder: Path, change) -> None:
    tensors = safetensors.torch.load_file(folder / "weights.safetensors")
    change(tensors)
    safetensors.torch.save_file(tensors, folder / "weights.safetensors")


def with_header(content: bytes, change) -> bytes:
    """The same file with `change` made to its header."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    text = json.dumps(change(header)).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def refusal(folder) -> str:
    """The one line with which loading is refused."""
    with pytest.raises(InputRefused) as refused:
        load_model(folder)
    message = str(refused.value)
    assert "\n" not in message
    assert len(message) < 300
    return message


@pytest.mark.parametrize("card", [AUTOMATIC, PROMPTED], ids=["2D", "3D"])
def test_a_saved_model_comes_back_bit_by_bit(tmp_path, card):
    network = catalogue.build(card.network, **card.arguments)
    inputs = torch.rand(2, card.arguments["input_channels"], *[16] * catalogue.entry(card.network).dimensions)
    network.train()(inputs)  # batch norm's statistics are no longer those of a new network
    save_model(tmp_path / "saved", network, card)
    loaded = load_model(tmp_path / "saved")
    assert loaded.card == card
    assert not loaded.network.training
    for name, tensor in weights.weights_of(network).items():
        assert torch.equal(tensor, weights.weights_of(loaded.network)[name]), name
    with torch.inference_mode():
        assert torch.equal(loaded.network(inputs), network.eval()(inputs))


def test_the_digest_is_the_sha256_of_the_weights_file(folder):
    content = (folder / "weights.safetensors").read_bytes()
    assert load_model(folder).digest == hashlib.sha256(content).hexdigest()


def test_saving_twice_makes_the_same_files(folder, tmp_path):
    save_model(tmp_path / "again", load_model(folder).network, AUTOMATIC)
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_half_precision_weights_are_read_as_float32(folder):
    change_weights(folder, lambda tensors: tensors.update({name: each.half() for name, each in tensors.items()}))
    assert {each.dtype for each in load_model(folder).network.parameters()} == {torch.float32}


def test_loading_leaves_the_random_state_alone(folder):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    load_model(folder)
    assert torch.equal(torch.rand(3), expected)


def test_saving_never_overwrites(folder):
    before = (folder / "weights.safetensors").read_bytes()
    with pytest.raises(InputRefused, match="never overwritten"):
        save_model(folder, catalogue.build(AUTOMATIC.network), AUTOMATIC)
    assert (folder / "weights.safetensors").read_bytes() == before


def test_saving_into_no_folder_is_refused(tmp_path):
    with pytest.raises(InputRefused, match="does not exist"):
        save_model(tmp_path / "absent" / "model", catalogue.build("ENet-CBAM-Skip"), AUTOMATIC)


@pytest.mark.parametrize("network", ["ENet-Skip", "ResidualUNet3D"])
def test_a_network_that_is_not_the_cards_is_not_saved(tmp_path, network):
    with pytest.raises(InputRefused, match="model weights"):
        save_model(tmp_path / "wrong", catalogue.build(network), AUTOMATIC)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_not_numbers_are_not_saved(tmp_path):
    network = catalogue.build(AUTOMATIC.network)
    with torch.no_grad():
        network.head.weight[0, 0, 0, 0] = torch.nan
    with pytest.raises(InputRefused, match=r"head\.weight holds NaN"):
        save_model(tmp_path / "diverged", network, AUTOMATIC)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "write", full)
    with pytest.raises(OSError, match="No space"):
        save_model(tmp_path / "new", catalogue.build(AUTOMATIC.network), AUTOMATIC)
    assert list(tmp_path.iterdir()) == []


def test_bundled_models_are_found_by_name(folder, monkeypatch):
    monkeypatch.setattr(model, "MODELS", folder.parent)
    (folder.parent / "not a model").mkdir()
    assert available_models() == ["slices"]
    assert load_model("slices").card == AUTOMATIC
    assert load_card("slices") == AUTOMATIC
    with pytest.raises(InputRefused, match="no model 'slice': give one of slices"):
        load_model("slice")


@pytest.mark.parametrize("name", ["../outside", "inner/../../outside", "..", ".", "", "slices\0", "../bundled/slices"])
def test_a_name_does_not_lead_out_of_the_models_folder(folder, tmp_path, monkeypatch, name):
    (tmp_path / "bundled" / "inner").mkdir(parents=True)
    (tmp_path / "away" / "from").mkdir(parents=True)
    folder.rename(tmp_path / "outside")
    monkeypatch.setattr(model, "MODELS", tmp_path / "bundled")
    monkeypatch.chdir(tmp_path / "away" / "from")
    assert "no model" in refusal(name)


def test_a_link_among_the_bundled_models_is_not_one(folder, tmp_path, monkeypatch):
    models = tmp_path / "models"
    models.mkdir()
    (models / "linked").symlink_to(folder)
    monkeypatch.setattr(model, "MODELS", models)
    assert available_models() == []


def test_every_bundled_model_loads():
    for name in available_models():
        assert load_model(name).card.name == name


def test_a_pickle_in_the_weights_place_is_refused_and_not_run(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    (folder / "weights.safetensors").write_bytes(pickle.dumps(Trap()))
    assert "not a safetensors file" in refusal(folder)
    torch.save({"trap": Trap()}, folder / "weights.safetensors")
    assert "not a safetensors file" in refusal(folder)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("length", [1 << 21, 1 << 40, (1 << 64) - 1])
def test_a_giant_header_is_refused(folder, length):
    content = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(length.to_bytes(8, "little") + content[8:])
    assert "too long a header" in refusal(folder)


@pytest.mark.parametrize("kept", [0, 4, 8, 500, -1])
def test_a_truncated_weights_file_is_refused(folder, kept):
    content = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(content[:kept])
    assert refusal(folder).startswith("model weights: ")


def test_a_header_that_is_no_json_is_refused(folder):
    for text in (b"{", b"[" * 100_000, b"[]", b'"x"', b"\xff" * 20):
        (folder / "weights.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
        assert "not a safetensors file" in refusal(folder)


def test_too_many_tensors_are_refused(folder):
    crowd = {f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(5000)}
    content = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(with_header(content, lambda header: {**crowd, **header}))
    assert "more than 4096" in refusal(folder)


def test_offsets_that_overlap_are_refused(folder):
    def overlap(header):
        first, second, *_ = [entry for name, entry in header.items() if name != "__metadata__"]
        second["data_offsets"] = first["data_offsets"]
        return header

    content = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(with_header(content, overlap))
    assert refusal(folder).startswith("model weights: ")


def test_a_weights_file_over_the_size_limit_is_refused_without_being_read(folder):
    os.truncate(folder / "weights.safetensors", (256 << 20) + 1)  # sparse: takes no room on the disk
    assert "more than the" in refusal(folder)


def test_a_card_over_the_size_limit_is_refused_without_being_read(folder):
    os.truncate(folder / "model.json", (4 << 20) + 1)
    assert "more than the" in refusal(folder)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_not_numbers_are_refused(folder, value):
    change_weights(folder, lambda tensors: tensors["head.weight"].view(-1)[3:4].fill_(value))
    assert "head.weight holds NaN or infinite" in refusal(folder)


def test_negative_variances_are_refused(folder):
    change_weights(folder, lambda tensors: tensors["initial.finish.0.running_var"][0].fill_(-1))
    assert "negative variances" in refusal(folder)


def test_a_tensor_of_another_shape_is_refused(folder):
    change_weights(folder, lambda tensors: tensors.update({"head.weight": torch.zeros(16, 1, 3, 5)}))
    assert "head.weight must have the shape [16, 1, 3, 3]" in refusal(folder)


def test_a_tensor_too_many_is_refused(folder):
    change_weights(folder, lambda tensors: tensors.update({"back.door": torch.zeros(1)}))
    assert "the network has no 'back.door'" in refusal(folder)


def test_a_missing_tensor_is_refused(folder):
    change_weights(folder, lambda tensors: tensors.pop("head.weight"))
    assert "head.weight missing" in refusal(folder)


@pytest.mark.parametrize("kind", [torch.int64, torch.float64, torch.bool])
def test_a_tensor_of_another_type_is_refused(folder, kind):
    change_weights(folder, lambda tensors: tensors.update({"head.weight": tensors["head.weight"].to(kind)}))
    assert "head.weight must be one of F32, F16, BF16" in refusal(folder)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_link_in_a_model_folder_is_refused(folder, name):
    (folder / name).rename(folder.parent / "elsewhere")
    (folder / name).symlink_to(folder.parent / "elsewhere")
    assert f"{name} must be a plain file" in refusal(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_the_weights_place_is_refused_and_not_waited_for(folder):
    (folder / "weights.safetensors").unlink()
    os.mkfifo(folder / "weights.safetensors")
    assert "must be a plain file" in refusal(folder)


def test_a_folder_without_weights_is_refused(folder):
    (folder / "weights.safetensors").unlink()
    assert "cannot read weights.safetensors: No such file" in refusal(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000, '{"version": 1' + "0" * 5000 + "}", "\udcff"])
def test_a_card_that_is_no_json_object_is_refused(folder, text):
    (folder / "model.json").write_bytes(text.encode(errors="surrogateescape"))
    assert refusal(folder).startswith("model card: ")


@pytest.mark.parametrize("version", [0, 2, "1", None, True, 1.0])
def test_a_card_of_another_version_is_refused(folder, version):
    change_card(folder, version=version)
    assert "reads version 1" in refusal(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "../escape"),
        ("name", ""),
        ("name", 3),
        ("task", "classification"),
        ("task", ["automatic"]),
        ("network", "__import__('os')"),
        ("network", ["ENet"]),
        ("arguments", {"_target_": "os.system"}),
        ("arguments", []),
        ("spacing_mm", [1, 1]),
        ("spacing_mm", [0, 1, 1]),
        ("spacing_mm", [1, 1, float("nan")]),
        ("spacing_mm", ["1", 1, 1]),
        ("spacing_mm", [True, 1, 1]),
        ("window", [64, 64, 64]),
        ("window", [64, 60]),
        ("window", [64.0, 64]),
        ("window", [8 * 10**6, 8 * 10**6]),
        ("window", 64),
        ("hu_range", [100, -100]),
        ("hu_range", [-1000, float("inf")]),
        ("hu_range", [-1000]),
        ("adjacent_slices", 3),
        ("adjacent_slices", True),
        ("threshold", 0),
        ("threshold", 1.5),
        ("threshold", float("nan")),
        ("threshold", "0.5"),
        ("overlap", 1),
        ("overlap", -0.1),
        ("classes", []),
        ("classes", ["left", "right"]),
        ("classes", ["twice", "twice"]),
        ("classes", ["x" * 65]),
        ("activation", "tanh"),
        ("activation", ["sigmoid"]),
        ("channels", []),
        ("channels", ["CT", "PET"]),
        ("gate", "../gate"),
        ("gate", "a/b"),
        ("gate", ["gate"]),
        ("classes", "lung tumour"),
        ("licence", ""),
        ("licence", None),
        ("provenance", "none"),
        ("provenance", {"dice": float("nan")}),
    ],
)
def test_a_bad_field_of_the_card_is_refused_by_name(folder, name, value):
    change_card(folder, **{name: value})
    assert name.rstrip("s") in refusal(folder)


def test_a_field_that_cards_do_not_have_is_refused(folder):
    change_card(folder, _target_="os.system")
    assert "unknown field '_target_'" in refusal(folder)


def test_a_card_with_a_field_missing_is_refused(folder):
    card = json.loads((folder / "model.json").read_text())
    del card["threshold"]
    (folder / "model.json").write_text(json.dumps(card))
    assert "threshold missing" in refusal(folder)


def test_a_card_survives_json():
    for card in (AUTOMATIC, PROMPTED):
        assert card_from_json(card.to_json().encode()) == card


def test_a_card_holds_every_argument_so_that_changed_defaults_change_no_model():
    assert PROMPTED.arguments == {
        "input_channels": 3,
        "output_channels": 1,
        "widths": (4, 8, 12, 16),
        "blocks": (1, 1, 2, 1),
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"window": None}, "cube"),
        ({"window": (48, 48, 64)}, "cube"),
        ({"arguments": {"input_channels": 1}}, "input_channels 3"),
        ({"task": "automatic"}, "as many input_channels as the card has channels"),
        ({"task": "automatic", "channels": ("T1", "T2")}, "as many input_channels as the card has channels"),
        ({"channels": ("CT", "PET")}, "must be one name"),
        ({"gate": "gate"}, "only an automatic slice network"),
        ({"hu_range": None}, "hu_range"),
        ({"task": "gate"}, "must be a gate for the task gate"),
    ],
)
def test_a_card_whose_task_and_network_do_not_fit_is_refused(changes, words):
    with pytest.raises(InputRefused, match=words):
        replace(PROMPTED, **changes)


def test_spacing_none_keeps_the_scans_own_on_every_axis():
    assert replace(AUTOMATIC, spacing_mm=None).spacing_mm == (None, None, None)


def test_the_default_slice_network_loads_and_runs_without_monai_torchinfo_or_sympy_and_a_card_without_torch(tmp_path):
    card = replace(AUTOMATIC, network="ENet-CBAM-Skip-Fine", arguments={"input_channels": 5}, adjacent_slices=5)
    save_model(tmp_path / "fine", catalogue.build(card.network, **card.arguments), card)
    program = """
import sys
from LungTumorSegLib.networks.model import load_card, load_model
card = load_card(sys.argv[1])
assert "torch" not in sys.modules
network = load_model(sys.argv[1]).network
import torch
from LungTumorSegLib.networks.counting import multiply_adds
with torch.inference_mode():
    network(torch.zeros(1, 5, 64, 64))
multiply_adds(card.network, (1, 5, 64, 64), **card.arguments)
print(sorted({"monai", "torchinfo", "sympy", "scipy", "torch._dynamo"} & sys.modules.keys()))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(model.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "fine")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
