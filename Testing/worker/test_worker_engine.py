"""What the resident process computes: a session that pretends in this process, and the real one in its own."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_worker import made_scan

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.prediction import Explanation, Prediction
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import save_model
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.phantom import make_phantom
from LungTumorSegLib.worker import engine, messages
from LungTumorSegLib.worker.launch import worker_command
from LungTumorSegLib.worker.messages import Array

START = (0, 10, 20)


class FakeSession:
    """Finds two blocks, and notes what it is asked."""

    def __init__(self):
        self.asked = []

    def segment(self, volume, model, options, progress, cancelled, others=()):
        self.asked.append(("segment", options.overlap, *others))
        values = np.zeros((3, 20, 20), np.float32)
        values[:, 2:14, 2:14] = 0.75
        values[1, 17, 17] = 0.75
        box = Box(START, values)
        return Prediction(box, 0.5, "cpu", False, {"searching": 1.0}, 10, None, "fake", ("tumour",), ("a note",))

    def prompt(self, volume, model, inside, outside, box, options, progress, cancelled):
        self.asked.append(("prompt", inside, outside, box))
        return self.segment(volume, model, options, progress, cancelled)

    def explain(self, volume, model, prediction, options, lesion, layer, progress, cancelled, others=()):
        self.asked.append(("explain", prediction, lesion, layer))
        return Explanation(Box(START, np.ones((1, 2, 3), np.float32)), "elsewhere", ("why",))


@pytest.fixture
def fake_engine(monkeypatch):
    monkeypatch.setattr(engine, "Session", FakeSession)
    return engine.SessionEngine()


def ask(fake_engine, work, *others):
    return fake_engine.compute(work, (made_scan(), *others), lambda *_: None, lambda: False)


SEGMENT = messages.Segment(1, "f00", "fake", {}, None)
EXPLAIN = messages.Explain(2, "f00", "fake", {}, None, None, None, None)
OTHERWISE = ({"volume": "f01"}, {"model": "other"}, {"others": ("f01",)})


def test_the_answer_carries_the_box_and_the_facts_of_the_prediction(fake_engine):
    answer = ask(fake_engine, SEGMENT)
    assert answer.box.start == START
    assert answer.box.values.max() == 0.75
    assert answer.meta["threshold"] == 0.5
    assert answer.meta["notes"] == ("a note",)
    assert "probability" not in answer.meta


def test_options_reach_the_session_and_unknown_ones_are_refused(fake_engine):
    ask(fake_engine, replace(SEGMENT, options={"overlap": 0.5}))
    assert fake_engine._session.asked == [("segment", 0.5)]
    with pytest.raises(InputRefused, match="unknown option 'colour'"):
        ask(fake_engine, replace(SEGMENT, options={"colour": "red"}))


def test_further_images_of_the_case_reach_the_session_in_their_order(fake_engine):
    second, third = made_scan(seed=1), made_scan(seed=2)
    ask(fake_engine, replace(SEGMENT, others=("f01", "f02")), second, third)
    assert fake_engine._session.asked[0][2:] == (second, third)


def test_points_reach_the_session(fake_engine):
    inside, outside, box = ((1.0, 2.0, 3.0),), ((4.0, 5.0, 6.0),), ((0.0, 0.0, 0.0), (2.0, 4.0, 6.0))
    ask(fake_engine, messages.Prompt(1, "f00", "fake", {}, inside, outside, box, None))
    assert fake_engine._session.asked[0] == ("prompt", inside, outside, box)


def test_what_is_explained_is_the_last_prediction_of_that_scan_and_model_and_no_other(fake_engine):
    ask(fake_engine, EXPLAIN)
    ask(fake_engine, SEGMENT)
    for work in (EXPLAIN, *(replace(EXPLAIN, **change) for change in OTHERWISE)):
        ask(fake_engine, work)
    explained = [asked[1] for asked in fake_engine._session.asked if asked[0] == "explain"]
    assert [prediction is None for prediction in explained] == [True, False, True, True, True]


def test_one_lesions_mask_reaches_the_session_where_it_lies(fake_engine):
    mask = np.ones((1, 2, 2), np.uint8)
    heat = ask(fake_engine, replace(EXPLAIN, start=(1, 2, 3), mask=Array.inline(mask), layer="bottleneck"))
    (_, _, lesion, layer) = fake_engine._session.asked[0]
    assert (lesion.start, lesion.values.tolist(), layer) == ((1, 2, 3), mask.tolist(), "bottleneck")
    assert heat.box.values.shape == (1, 2, 3)
    assert heat.meta == {"device": "elsewhere", "notes": ("why",)}


def test_each_core_is_counted_once():
    assert 1 <= engine.physical_cores() <= 1024


def test_the_real_worker_finds_something_explains_it_and_says_how_far_it_is(open_client, tmp_path):
    arguments, spacing, hu_range = {"input_channels": 1}, (10.0, 4.0, 4.0), (-1000.0, 400.0)
    card = ModelCard("tiny", "automatic", "ENet", arguments, spacing, None, hu_range, 1, 0.02, 0.0, "none")
    torch.manual_seed(0)
    save_model(tmp_path / "tiny", catalogue.build("ENet", input_channels=1), card)
    scan, _, _ = make_phantom(shape=(24, 64, 64), spacing=(5.6, 5.6, 11.0))
    client, heard = open_client(worker_command(python=sys.executable)), []
    client.wait(client.load(tmp_path / "tiny"))
    answer = client.wait(client.segment(scan, tmp_path / "tiny", on_progress=lambda *said: heard.append(said)))
    stop = np.add(answer.box.start, answer.box.values.shape)
    assert answer.box.values.dtype == np.float32
    assert (stop <= scan.voxels.shape).all()
    assert answer.meta["model"] == "tiny"
    assert answer.meta["seconds"].keys() >= {"finding the lungs", "searching"}
    stages = [stage for stage, _, _ in heard]
    assert (stages[0], stages[-1]) == ("starting", "mapping back")
    again = client.wait(client.segment(scan, tmp_path / "tiny"))
    np.testing.assert_array_equal(again.box.values, answer.box.values)
    heat = client.wait(client.explain(scan, tmp_path / "tiny"))
    assert heat.meta["device"] == answer.meta["device"]
    assert 0 < heat.box.values.max() <= 1
    with pytest.raises(InputRefused, match="no model"):
        client.wait(client.segment(scan, "nonesuch"))
