import csv
import hashlib
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.training.checkpoint import read_checkpoint
from LungTumorSegLib.training.loop import CHECKPOINT, LOG, Plan, averaged, train
from LungTumorSegLib.training.loss import known_loss

SMALL = {"widths": (4, 6, 8, 8), "blocks": (1, 1, 1, 1)}


def ball(rng: np.random.Generator, step: int):
    """A bright ball in noise around a click."""
    radius, centre = rng.uniform(2, 5), rng.uniform(6, 10, 3)
    grid = torch.stack(torch.meshgrid(*[torch.arange(16.0)] * 3, indexing="ij"), -1)
    inside = ((grid - torch.tensor(centre)) ** 2).sum(-1) < radius**2
    image = inside + 0.1 * torch.from_numpy(rng.standard_normal((16, 16, 16)))
    channels = torch.stack([image.float(), torch.zeros(16, 16, 16), torch.zeros(16, 16, 16)])
    return channels, inside[None].float(), torch.ones(1, 16, 16, 16)


def network():
    torch.manual_seed(0)
    return catalogue.build("ResidualUNet3D", **SMALL)


LOSS = partial(known_loss, entropy=5.0, dice=1.0)
PLAN = Plan(steps=12, batch=2, warm_up=2, keep=0.9, workers=0, checkpoint_every=4)


def test_a_few_steps_reduce_the_loss(tmp_path):
    plan = Plan(steps=40, batch=4, learning_rate=1e-2, warm_up=2, workers=0, checkpoint_every=5)
    train(network(), ball, LOSS, plan, tmp_path / "run")
    rows = list(csv.DictReader((tmp_path / "run" / LOG).open()))
    assert float(rows[-1]["loss"]) < 0.6 * float(rows[0]["loss"])


def test_a_run_stopped_and_resumed_ends_with_the_very_weights_of_one_that_was_not(tmp_path):
    whole = train(network(), ball, LOSS, PLAN, tmp_path / "whole").state_dict()
    train(network(), ball, LOSS, PLAN, tmp_path / "parts", stop_at=5)
    assert read_checkpoint(tmp_path / "parts" / CHECKPOINT).step == 5
    parts = train(network(), ball, LOSS, PLAN, tmp_path / "parts").state_dict()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert all(
        torch.equal(tensor, whole[name])
        for name, tensor in averaged(network(), tmp_path / "parts").state_dict().items()
    )


def test_dropout_and_another_process_for_batches_change_nothing_of_that(tmp_path):
    def slices(rng, step):
        image = torch.from_numpy(rng.standard_normal((5, 16, 16), dtype=np.float32))
        return image, (image[2:3] > 0).float(), torch.ones(1, 16, 16)

    def enet():
        torch.manual_seed(0)
        return catalogue.build("ENet-CBAM-Skip-Fine")

    plan = {"steps": 4, "batch": 2, "warm_up": 2, "checkpoint_every": 2}
    whole = train(enet(), slices, LOSS, Plan(**plan, workers=0), tmp_path / "whole").state_dict()
    train(enet(), slices, LOSS, Plan(**plan, workers=1), tmp_path / "parts", stop_at=2)
    parts = train(enet(), slices, LOSS, Plan(**plan, workers=1), tmp_path / "parts").state_dict()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


KILLED = """
import sys, torch
from pathlib import Path
sys.path[:0] = [{tests!r}]
import test_loop
test_loop.train(test_loop.network(), test_loop.ball, test_loop.LOSS, test_loop.PLAN_KILLED, Path({run!r}))
"""
PLAN_KILLED = Plan(steps=400, batch=2, warm_up=2, keep=0.9, workers=0, checkpoint_every=1)


def test_a_killed_run_leaves_a_whole_checkpoint(tmp_path):
    run = tmp_path / "run"
    script = KILLED.format(tests=os.path.dirname(__file__), run=str(run))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    try:
        deadline = time.monotonic() + 60
        while not (run / CHECKPOINT).exists():
            assert process.poll() is None, "the training process ended by itself"
            assert time.monotonic() < deadline, "no checkpoint was written"
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        process.wait()
    state = read_checkpoint(run / CHECKPOINT)
    assert state.step >= 1
    averaged(network(), run)


def test_a_checkpoint_of_another_plan_is_refused_and_left_alone(tmp_path):
    train(network(), ball, LOSS, PLAN, tmp_path, stop_at=4)
    before = hashlib.sha256((tmp_path / CHECKPOINT).read_bytes()).hexdigest()
    with pytest.raises(InputRefused, match="seed"):
        train(network(), ball, LOSS, Plan(**{**PLAN.__dict__, "seed": 1}), tmp_path)
    assert hashlib.sha256((tmp_path / CHECKPOINT).read_bytes()).hexdigest() == before


def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path):
    train(network(), ball, LOSS, PLAN, tmp_path, stop_at=4)
    content = (tmp_path / CHECKPOINT).read_bytes()
    for damaged in (content[:100], b"", b"\x80\x04pickle", content[: len(content) // 2]):
        (tmp_path / CHECKPOINT).write_bytes(damaged)
        with pytest.raises(InputRefused):
            read_checkpoint(tmp_path / CHECKPOINT)


def test_voxels_that_nobody_knows_have_no_gradient():
    logits = torch.randn(2, 1, 4, 4, 4, requires_grad=True)
    target = (torch.rand(2, 1, 4, 4, 4) > 0.5).float()
    known = torch.ones_like(target)
    known[:, :, :2] = 0
    known_loss(logits, target, known, entropy=5.0, dice=1.0).backward()
    assert logits.grad[:, :, :2].abs().max() == 0
    assert logits.grad[:, :, 2:].abs().min() > 0


def test_the_loss_is_nothing_for_a_perfect_answer_and_finite_where_nothing_is_known():
    target = (torch.rand(2, 1, 8, 8) > 0.5).float()
    everywhere = torch.ones_like(target)
    assert known_loss((target * 2 - 1) * 30, target, everywhere, entropy=5.0, dice=1.0) < 1e-3
    assert torch.isfinite(known_loss(torch.randn_like(target), target, everywhere * 0, entropy=5.0, dice=1.0))
