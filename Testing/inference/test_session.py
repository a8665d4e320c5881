"""The whole way from a scan to a probability."""

from itertools import permutations, product

import numpy as np
import pytest
import torch
from made_chest import ball, made_chest
from small_models import small_model

from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.explanation.gradcam import grad_cam
from LungTumorSegLib.inference import heat as heats
from LungTumorSegLib.inference import runner as runners
from LungTumorSegLib.inference import session as sessions
from LungTumorSegLib.inference.energy import EnergyMeter
from LungTumorSegLib.inference.lungs import WHOLE_NONE
from LungTumorSegLib.inference.options import Options
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.networks import counting
from LungTumorSegLib.networks.model import Model, save_model
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry, Volume


def mask(prediction, volume) -> np.ndarray:
    return prediction.probability.full(volume.geometry.shape) >= prediction.threshold


@pytest.fixture(params=["slice_model", "window_model"])
def model(request) -> Model:
    return request.getfixturevalue(request.param)


def turned(volume: Volume, order, flips) -> Volume:
    """The same scan with its array axes permuted and flipped; every voxel stays where it is in the patient."""
    geometry = volume.geometry
    voxels = volume.voxels.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    columns = [2 - axis for axis in order[::-1]]
    signs = np.where(flips[::-1], -1.0, 1.0)
    first = np.zeros(3)
    first[columns] = np.where(flips[::-1], np.array(geometry.shape[::-1])[columns] - 1, 0)
    spacing = tuple(geometry.spacing[column] for column in columns)
    return Volume(
        np.ascontiguousarray(voxels),
        Geometry(voxels.shape, spacing, tuple(geometry.ijk_to_lps(first)), geometry.axes[:, columns] * signs),
    )


def test_what_the_network_finds_lands_where_it_lies(model):
    volume = made_chest((60, 50, 90), (4.4, 5.2, 3.9))
    prediction = Session().segment(volume, model)
    body = volume.voxels >= -500
    box = tuple(slice(a, b) for a, b in zip(prediction.probability.start, prediction.probability.stop, strict=True))
    found = mask(prediction, volume)[box]
    assert 2 * (found & body[box]).sum() / (found.sum() + body[box].sum()) > 0.95
    assert mask(prediction, volume)[ball(volume.geometry, (60, 0, 0), 9)].all()
    assert prediction.probability.values.dtype == np.float32
    assert prediction.device == "cpu"
    assert set(prediction.seconds) >= {"finding the lungs", "resampling", "searching", "mapping back"}


def test_axes_in_any_order_and_direction_give_the_same_mask(slice_model):
    volume = made_chest((30, 40, 50), (8.0, 7.0, 9.0), tumours=((70.0, 20.0, 30.0, 20.0),))
    session = Session()
    wanted = mask(session.segment(volume, slice_model), volume)
    assert wanted.any()
    variants = [((0, 1, 2), flips) for flips in product((False, True), repeat=3)]
    variants += [(order, (True, False, True)) for order in permutations(range(3))]
    for order, flips in variants:
        other = turned(volume, order, flips)
        found = mask(session.segment(other, slice_model), other)
        again = found[tuple(slice(None, None, -1 if flip else 1) for flip in flips)].transpose(np.argsort(order))
        assert (again == wanted).all()


def test_the_same_request_gives_the_same_bits(model):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv3d(1, 1, 3, padding=1)) if model.card.window else model.network
    model = Model(model.card, network.eval(), "random")
    volume = made_chest()
    first, second = (Session().segment(volume, model).probability for _ in range(2))
    assert first.start == second.start
    assert np.array_equal(first.values, second.values)


def test_work_is_what_ran(window_model, slice_model):
    session, volume = Session(), made_chest()
    for model, side in ((window_model, (16, 24, 24)), (slice_model, None)):
        session.load(model)
        model.network.windows.clear()
        prediction = session.segment(volume, model)
        ran = model.network.windows
        assert side is None or all(shape[2:] == side for shape in ran)
        work = sum(counting.multiply_adds(model.card.network, shape, **model.card.arguments) for shape in ran)
        assert prediction.multiply_adds == work


def test_air_beside_the_patient_is_not_searched(window_model):
    session, volume = Session(), made_chest((40, 100, 120), (5.0, 5.0, 5.0))
    session.load(window_model)
    window_model.network.windows.clear()
    session.segment(volume, window_model)
    searched = sum(np.prod(shape) for shape in window_model.network.windows) * 4**3
    assert searched < 0.8 * volume.voxels.size * 5**3


def test_without_lungs_the_whole_is_searched_and_said(slice_model):
    volume = Volume(np.full((8, 30, 30), -990, np.int16), Geometry((8, 30, 30), (4, 4, 4)))
    volume.voxels[2:5, 10:14, 3:9] = 0
    prediction = Session().segment(volume, slice_model)
    assert (mask(prediction, volume) == (volume.voxels == 0)).all()
    assert prediction.notes == (WHOLE_NONE,)


def test_progress_rises_to_one(model):
    said = []
    Session().segment(made_chest(), model, progress=lambda stage, fraction: said.append(fraction))
    assert said == sorted(said)
    assert said[-1] == 1.0
    assert len(said) > 20


def test_cancel_ends_before_the_next_batch(model):
    session, volume = Session(), made_chest()
    session.load(model)
    model.network.windows.clear()
    with pytest.raises(Cancelled):
        session.segment(volume, model, cancelled=lambda: len(model.network.windows) >= 2)
    assert len(model.network.windows) == 2
    assert mask(session.segment(volume, model), volume).any()  # the session is as good as before


def test_too_little_memory_for_a_batch_is_said(model, monkeypatch):
    volume, session = made_chest(), Session()
    wanted = session.segment(volume, model)
    run = runners.Runner.__call__

    def small(self, inputs):  # a fake, as above
        if len(inputs) > 1:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes.")
        return run(self, inputs)

    monkeypatch.setattr(runners.Runner, "__call__", small)
    prediction = session.segment(volume, model)
    assert "memory ran short: batches of 1" in prediction.notes
    assert np.allclose(prediction.probability.values, wanted.probability.values, atol=1e-5)


def test_too_little_memory_for_one_window_is_refused_in_one_line(model, monkeypatch):
    def none(self, inputs):
        raise MemoryError

    monkeypatch.setattr(runners.Runner, "__call__", none)
    with pytest.raises(InputRefused, match="not enough memory"):
        Session().segment(made_chest(), model)


def test_a_box_too_large_for_one_pass_is_searched_in_windows(window_model, monkeypatch):
    card = window_model.card
    whole = Model(type(card)(**{**card.__dict__, "window": None}), window_model.network, "whole")
    wanted = Session().segment(made_chest(), whole)
    assert wanted.notes == ()
    monkeypatch.setattr(runners.memory, "budget", lambda device: 0)
    windowed = Session().segment(made_chest(), whole)
    assert "searched in windows" in windowed.notes[0]
    assert np.allclose(windowed.probability.values, wanted.probability.values, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": 0}, "threshold"),
        ({"threshold": 1.2}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": "0.5"}, "threshold"),
        ({"overlap": 0.99}, "overlap"),
        ({"overlap": -0.1}, "overlap"),
        ({"device": "tpu"}, "auto, cpu, cuda"),
        ({"weighting": "flat"}, "gaussian, constant"),
        ({"half": True}, "auto, never"),
    ],
)
def test_options_out_of_range_are_refused_in_one_line(options, words):
    with pytest.raises(InputRefused, match=words) as refused:
        Options(**options)
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA card")
def test_a_graphics_card_that_is_not_there_is_refused(slice_model):
    with pytest.raises(InputRefused, match="choose device auto or cpu"):
        Session().segment(made_chest(), slice_model, Options(device="cuda"))


def test_a_model_of_the_other_task_is_refused(slice_model, prompted_model):
    with pytest.raises(InputRefused, match="point inside"):
        Session().segment(made_chest(), prompted_model)
    with pytest.raises(InputRefused, match="takes no points"):
        Session().prompt(made_chest(), slice_model, [(0.0, 0.0, 0.0)])


def test_a_model_folder_is_read_again_only_when_it_changed(tmp_path, slice_model):
    from LungTumorSegLib.networks import catalogue

    card = slice_model.card
    torch.manual_seed(0)
    save_model(tmp_path / "a", catalogue.build(card.network, **card.arguments), card)
    session = Session()
    before = session.load(tmp_path / "a")
    assert session.load(tmp_path / "a") is before
    (tmp_path / "a").rename(tmp_path / "old")
    save_model(tmp_path / "a", catalogue.build(card.network, **card.arguments), card)
    assert session.load(tmp_path / "a").digest != before.digest


def test_grad_cam_lies_on_the_lesion_that_it_explains(slice_model):
    from LungTumorSegLib.networks import catalogue

    torch.manual_seed(0)
    card = slice_model.card
    model = Model(card, catalogue.build(card.network, **card.arguments).eval(), "random")
    volume = made_chest(tumours=((70.0, 0.0, 0.0, 20.0),))
    lesion = ball(volume.geometry, (70, 0, 0), 20)
    start = np.argwhere(lesion).min(0)
    stop = np.argwhere(lesion).max(0) + 1
    part = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    heat = Session().explain(volume, model, lesion=Box(tuple(int(a) for a in start), lesion[part])).heat
    assert 0.9 < heat.values.max() <= 1
    assert heat.values.min() >= 0
    # Only slices that hold the lesion are explained; resampling between slices may reach one more.
    assert start[0] - 1 <= heat.start[0]
    assert heat.stop[0] <= stop[0] + 1
    nothing = Box((0, 0, 0), np.zeros((0, 0, 0), bool))
    assert Session().explain(volume, model, lesion=nothing).heat.values.size == 0
    with pytest.raises(InputRefused, match="unknown layer"):
        Session().explain(volume, model, lesion=Box(tuple(start), lesion[part]), layer="nowhere")


def test_grad_cam_of_a_prompted_model_needs_a_lesion_and_no_click(prompted_model):
    from LungTumorSegLib.networks import catalogue

    torch.manual_seed(0)
    card = prompted_model.card
    model = Model(card, catalogue.build(card.network, **card.arguments).eval(), "random")
    volume = made_chest()
    heat = Session().explain(volume, model, lesion=Box((18, 30, 50), np.ones((3, 3, 3), bool))).heat
    assert heat.values.size == 0 or 0 <= heat.values.min() <= heat.values.max() <= 1
    with pytest.raises(InputRefused, match="click a lesion first"):
        Session().explain(volume, model)


LESION = Box((15, 25, 45), np.ones((9, 9, 9), bool))


def test_grad_cam_of_a_3d_network_keeps_less_than_half_of_what_training_keeps_of_one_window(monkeypatch):
    model, window_by_window, kept = small_model("ResidualUNet3D"), [], []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.nbytes)
        return tensor

    def counted(*arguments):
        kept.clear()
        found = grad_cam(*arguments)
        window_by_window.append(sum(kept))
        return found

    monkeypatch.setattr(heats, "grad_cam", counted)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.network(torch.rand(1, 1, *model.card.window))
        training = sum(kept)
        explained = Session().explain(made_chest(), model, lesion=LESION)
    assert explained.heat.values.max() == 1
    assert len(window_by_window) > 1
    assert max(window_by_window) < training / 2


def test_an_explanation_too_large_for_the_graphics_card_is_made_on_the_processor(monkeypatch):
    model, runner = small_model("ResidualUNet3D"), Session._runner

    def full(self, model, device, options):  # a fake: this machine may have no card
        if device.type == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return runner(self, model, device, options)

    wanted = Session().explain(made_chest(), model, options=Options(device="cpu"), lesion=LESION)
    monkeypatch.setattr(sessions, "device_of", lambda options: torch.device("cuda"))
    monkeypatch.setattr(Session, "_runner", full)
    explained = Session().explain(made_chest(), model, lesion=LESION)
    assert (explained.device, len(explained.notes)) == ("cpu", 1)
    assert np.array_equal(explained.heat.values, wanted.heat.values)


def test_too_little_memory_for_an_explanation_is_refused_in_one_line(monkeypatch):
    def none(*arguments):
        raise MemoryError

    monkeypatch.setattr(sessions, "heat_in_windows", none)
    with pytest.raises(InputRefused, match="not enough memory"):
        Session().explain(made_chest(), small_model("ResidualUNet3D"), lesion=LESION)


def test_energy_is_read_where_the_machine_lets_one(tmp_path):
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    (package / "max_energy_range_uj").write_text("10000000")
    (package / "energy_uj").write_text("9000000")
    meter = EnergyMeter(tmp_path)
    cards = meter.before_cards
    (package / "energy_uj").write_text("2000000")  # it wrapped round
    assert cards or meter.joules() == pytest.approx(3.0)
    assert EnergyMeter(tmp_path / "none").joules() is None or cards
