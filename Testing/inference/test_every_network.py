"""A model folder of each network in a real session, and the gate before the second stage."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_chest import made_chest
from small_models import CHANGES, GATE, gated_model, model_of, small_model
from torch import nn

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.options import Options
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.networks import catalogue, counting
from LungTumorSegLib.networks.model import Model, save_model
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry, Volume


@pytest.fixture(scope="module")
def chest() -> Volume:
    """Coarse: the larger networks take their time."""
    return made_chest((12, 24, 32), (12.0, 13.0, 22.0), tumours=((70.0, 20.0, 0.0, 25.0),))


def coarse(model: Model, **changes) -> Model:
    return replace(model, card=replace(model.card, **{"spacing_mm": (22.0, 12.0, 12.0), **changes}))


@pytest.mark.parametrize("name", CHANGES)
def test_a_folder_of_each_network_segments_a_scan_and_explains_itself(tmp_path, chest, name):
    model = coarse(small_model(name))
    save_model(tmp_path / "m", model.network, model.card)
    session = Session()
    prediction = session.segment(chest, tmp_path / "m")
    values = prediction.probability.values
    assert values.size > 0
    assert np.isfinite(values).all()
    assert 0 <= values.min() <= values.max() <= 1
    assert prediction.multiply_adds > 0
    lesion = Box((5, 11, 18), np.ones((1, 3, 3), bool))
    heat = session.explain(chest, tmp_path / "m", lesion=lesion).heat
    assert heat.values.size == 0 or 0 <= heat.values.min() <= heat.values.max() <= 1


@pytest.mark.parametrize("name", ["UNet-Narrow", "ENet-CBAM-Skip-Fine"])
def test_an_image_is_a_volume_of_one_slice(name):
    voxels = made_chest((24, 40, 50), (10.0, 8.0, 8.0)).voxels[12:13]
    image = Volume(voxels, Geometry(voxels.shape, (8.0, 8.0, 1.0)))
    prediction = Session().segment(image, small_model(name, spacing_mm=(None, 4.0, 4.0)))
    assert prediction.probability.values.shape[0] == 1
    assert np.isfinite(prediction.probability.values).all()


class Judge(nn.Module):
    """Passes a slice whose brightest voxel is brighter than the limit."""

    def __init__(self, limit: float):
        super().__init__()
        self.limit = limit
        self.judged = 0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.judged += len(inputs)
        return 100 * (inputs.amax((1, 2, 3)) - self.limit)[:, None]

    def __deepcopy__(self, memo):
        return self


def with_judge(model: Model, limit: float, **changes) -> tuple[Model, Judge]:
    judge = Judge(limit)
    card = replace(GATE, hu_range=(-1000.0, 1000.0), **changes)
    gated = replace(model, card=replace(model.card, gate="gate"), gate=Model(card, judge, f"judge {limit}"))
    return gated, judge


@pytest.fixture
def marked(chest) -> Volume:
    """A chest in whose middle something brighter than bone reaches over three slices."""
    voxels = chest.voxels.copy()
    voxels[5:8, 12, 16] = 900
    return Volume(voxels, chest.geometry)


@pytest.mark.parametrize("spacing", [(22.0, 12.0, 12.0), (None, 6.0, 6.0)])
def test_only_slices_that_the_gate_lets_through_are_segmented(slice_model, marked, spacing):
    slice_model = coarse(slice_model)
    free = Session().segment(marked, slice_model)
    model, judge = with_judge(slice_model, 0.6, spacing_mm=spacing)
    session = Session()
    session.load(model)
    slice_model.network.windows.clear()
    prediction = session.segment(marked, model)
    assert any("the gate let 3 of " in note for note in prediction.notes)
    inside = prediction.probability
    assert (inside.start[0], inside.stop[0]) == (5, 8)
    whole = free.probability.full(marked.geometry.shape)[5:8]
    assert np.array_equal(inside.full(marked.geometry.shape)[5:8], whole)
    assert sum(shape[0] for shape in slice_model.network.windows[-1:]) == 3
    assert judge.judged >= 10


def test_a_gate_that_closes_all_slices_leaves_nothing(slice_model, marked):
    model, _ = with_judge(slice_model, 2.0)
    prediction = Session().segment(marked, model)
    assert prediction.probability.values.size == 0
    assert any("the gate let 0 of " in note for note in prediction.notes)


def test_the_gates_work_is_counted(slice_model, marked):
    plain = Session().segment(marked, slice_model)
    model, _ = with_judge(slice_model, 0.0)
    gated = Session().segment(marked, model)
    slices = int(next(note for note in gated.notes if "gate" in note).split(" of ")[1].split()[0])
    more = gated.multiply_adds - plain.multiply_adds
    one = catalogue.entry("XceptionGate").downsampling
    least = counting.multiply_adds("XceptionGate", (1, 1, one, one), **GATE.arguments)
    assert more > slices * least


def test_a_folder_with_its_gate_works_and_a_changed_gate_is_noticed(tmp_path, chest):
    model = gated_model()
    save_model(tmp_path / "m", model.network, model.card, model.gate)
    session = Session()
    assert any("gate" in note for note in session.segment(chest, tmp_path / "m").notes)
    before = session.load(tmp_path / "m")
    for file in (tmp_path / "m" / "gate").iterdir():
        file.unlink()
    (tmp_path / "m" / "gate").rmdir()
    save_model(tmp_path / "m" / "gate", model.gate.network, model_of(GATE).card)
    assert session.load(tmp_path / "m") is not before


def test_a_gate_alone_segments_nothing(chest):
    with pytest.raises(InputRefused, match="only chooses slices"):
        Session().segment(chest, model_of(GATE))


@pytest.mark.parametrize("shown", ["", 3, "x" * 65])
def test_a_class_that_is_no_name_is_refused(shown):
    with pytest.raises(InputRefused, match="shown"):
        Options(shown=shown)


def test_a_session_with_small_networks_loads_monai_only_for_monais(tmp_path):
    import subprocess
    import sys

    for name in ("UNet-Narrow", "UNet3D-Dilated", "XceptionGate", "UNet3D"):
        model = model_of(GATE) if name == "XceptionGate" else small_model(name)
        save_model(tmp_path / name, model.network, model.card)
    code = (
        "import sys, LungTumorSegLib.inference.session; from LungTumorSegLib.networks import model\n"
        "for folder in sys.argv[1:]: model.load_model(folder); print('monai' in sys.modules)"
    )
    folders = [str(tmp_path / name) for name in ("UNet-Narrow", "UNet3D-Dilated", "XceptionGate", "UNet3D")]
    said = subprocess.run([sys.executable, "-c", code, *folders], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "False", "False", "True"]
