from dataclasses import replace

import numpy as np
import torch

from LungTumorSegLib.inference.clicks import INSIDE, OUTSIDE, bumps
from LungTumorSegLib.inference.looks import FINE, SMALL_MM
from LungTumorSegLib.training import clicks
from LungTumorSegLib.training.backgrounds import read_backgrounds
from LungTumorSegLib.training.clicks import click_inside, corrected, drawn_around, error_click
from LungTumorSegLib.training.crops import read_nodules
from LungTumorSegLib.training.prompted_samples import SCALE, SPACING_MM, PromptedSamples


def test_clicks_lie_inside_the_nodule_near_its_core_and_near_its_edge(tiny_data):
    nodule = read_nodules(tiny_data)[3]
    rng = np.random.default_rng(0)
    drawn = np.array([click_inside(nodule.mask, nodule.depth_mm, rng) for _ in range(300)])
    assert nodule.mask[tuple(drawn.T)].all()
    depth = nodule.depth_mm[tuple(drawn.T)]
    assert (depth < 0.35 * nodule.depth_mm.max()).any()
    assert (depth > 0.8 * nodule.depth_mm.max()).any()


def test_bumps_peak_at_one_on_their_points_and_fall_by_two_voxels_sigma():
    picture = bumps((16, 16, 16), np.array([[3, 4, 5], [12, 12, 12]]))
    assert picture[3, 4, 5] == 1
    assert picture[12, 12, 12] == 1
    assert np.isclose(picture[3, 4, 7], np.exp(-0.5))
    assert bumps((4, 4, 4), np.zeros((0, 3))).max() == 0


def seen(samples: PromptedSamples, number: int):
    """Channels of marks, and target of one sample."""
    inputs, target, _ = samples(np.random.default_rng(number), 0)
    return *inputs[1:].numpy(), target[0].numpy()


def test_a_training_window_begins_with_a_click_on_the_lesion_or_a_little_off_or_with_a_box(tiny_data, tiny_backgrounds):
    samples = PromptedSamples(read_nodules(tiny_data), read_backgrounds(tiny_backgrounds))
    hits, clicks, boxes = 0, 0, 0
    for number in range(60):
        inside, outside, box, target = seen(samples, number)
        assert inside.any() != box.any()
        assert not outside.any()
        if box.any():
            boxes += 1
            assert target[box > 0].sum() > 0.6 * target[target > 0.5].sum()
        else:
            clicks += 1
            hits += target[inside > 0.9 * inside.max()].max() > 0.5
    assert 8 <= boxes <= 24
    assert hits >= 0.8 * clicks


def test_half_of_the_small_nodules_are_seen_on_the_finer_grid(tiny_data, tiny_backgrounds):
    nodules = read_nodules(tiny_data)
    samples = PromptedSamples(nodules, read_backgrounds(tiny_backgrounds))
    seen = []
    for mm in (5.0, 2 * SMALL_MM + 1):
        nodule, rng = replace(nodules[0], diameter_mm=mm), np.random.default_rng(0)
        scales = [samples._scale(nodule, 48, rng) for _ in range(200)]
        seen.append([voxel_mm for magnification, voxel_mm in scales if magnification == 1.0])
    finest = SPACING_MM * SCALE[0]
    assert 0.4 < np.mean(np.array(seen[0]) < finest) < 0.6
    assert min(seen[0]) > FINE * finest - 1e-9
    assert min(seen[1]) > finest - 1e-9


def test_the_next_click_lies_in_the_largest_error():
    rng = np.random.default_rng(0)
    lesion = np.zeros((12, 12, 12), bool)
    lesion[3:9, 3:9, 3:9] = True
    missed = lesion.copy()
    missed[3:6] = False
    channel, voxel = error_click(missed, lesion, rng)
    assert (channel, lesion[tuple(voxel)], missed[tuple(voxel)]) == (INSIDE, True, False)
    spilt = lesion.copy()
    spilt[:, :, 9:] = True
    channel, voxel = error_click(spilt, lesion, rng)
    assert (channel, lesion[tuple(voxel)], spilt[tuple(voxel)]) == (OUTSIDE, False, True)
    assert error_click(lesion, lesion, rng) is None


def test_a_click_in_the_middle_of_an_error_lies_where_it_is_deepest():
    lesion = np.zeros((12, 16, 16), bool)
    lesion[3:8, 3:8, 3:13] = True
    channel, voxel = error_click(np.zeros_like(lesion), lesion, None)
    assert (channel, tuple(voxel)) == (INSIDE, (5, 5, 7))  # of the six deepest the first beside the centroid
    channel, voxel = error_click(np.zeros_like(lesion), lesion, None, spacing=(0.1, 1.0, 1.0))
    assert voxel[0] == 5, "thin slices: the middle of the five"
    seen = {tuple(error_click(np.zeros_like(lesion), lesion, np.random.default_rng(n))[1]) for n in range(40)}
    assert len(seen) > 20, "drawn clicks lie anywhere in the error"


def test_a_drawn_box_holds_the_lesion_more_or_less():
    lesion = torch.zeros(32, 32, 32)
    lesion[10:20, 12:18, 8:24] = 1
    rng = np.random.default_rng(0)
    for _ in range(20):
        drawn = drawn_around(lesion > 0, rng)
        for part, (first, stop) in zip(drawn, ((10, 20), (12, 18), (8, 24)), strict=True):
            assert abs(part.start - first) <= 0.5 * (stop - first)
            assert abs(part.stop - stop) <= 0.5 * (stop - first)
    assert drawn_around(torch.zeros(4, 4, 4, dtype=torch.bool), rng) is None


def test_windows_of_several_sizes_take_turns(tiny_data, tiny_backgrounds):
    samples = PromptedSamples(read_nodules(tiny_data), read_backgrounds(tiny_backgrounds), (16, 16, 24))
    edges = [samples(np.random.default_rng(0), step)[0].shape[-1] for step in (0, 1, 2, 3, 5)]
    assert edges == [16, 16, 24, 16, 24]


def asked(found: torch.Tensor, rounds: int = 40):
    """`corrected` over and over: a lesion of 4 voxels a side in a scan that ends at i = 10, and a network that always
    gives the same logits. Returns target, and the inputs that came out with more clicks."""
    inputs, target = torch.zeros(1, 4, 16, 16, 16), torch.zeros(1, 1, 16, 16, 16)
    known = torch.ones(1, 1, 16, 16, 16)
    target[..., 4:8, 4:8, 4:8] = 1
    known[..., 10:] = 0
    inputs[0, INSIDE] = bumps((16, 16, 16), np.array([5, 5, 5]))
    came = [
        corrected(lambda _: found, inputs, target, known, np.random.default_rng(seed), most=1) for seed in range(rounds)
    ]
    return target[0, 0] > 0.5, [each[0] for each in came if not torch.equal(each, inputs)]


class Far(torch.Tensor):
    """A fake of a tensor on a graphics card, which cannot be had here: nothing reads it as an array, nothing computes
    with it and one of the processor's together, before it is fetched or that one is sent."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function is torch.Tensor.numpy:
            raise TypeError("can't convert a far tensor to numpy: use Tensor.cpu()")
        flat = [x for arg in args for x in (arg if isinstance(arg, (list, tuple)) else (arg,))]
        near = any(type(x) is torch.Tensor and x.dim() for x in flat)
        if near and function is not torch.Tensor.to:
            raise RuntimeError(f"tensors on two devices: {function.__name__}")
        result = super().__torch_function__(function, types, args, kwargs or {})
        return result.as_subclass(torch.Tensor) if function is torch.Tensor.cpu else result


def test_clicks_are_added_to_a_batch_that_lies_on_a_graphics_card():
    inputs, target = torch.rand(6, 4, 16, 16, 16), torch.zeros(6, 1, 16, 16, 16)
    target[..., 4:9, 4:9, 4:9] = 1
    batch = inputs, target, torch.ones_like(target)

    def network(windows):
        return windows[:, :1] - 0.5

    near = corrected(network, *batch, np.random.default_rng(3))
    far = corrected(network, *(each.as_subclass(Far) for each in batch), np.random.default_rng(3))
    assert not torch.equal(near, inputs)
    assert type(far) is Far
    assert torch.equal(far.cpu(), near)


def logits(*boxes: tuple[slice, ...]) -> torch.Tensor:
    found = torch.full((1, 1, 16, 16, 16), -20.0)
    for box in boxes:
        found[(..., *box)] = 20.0
    return found


LESION = (slice(4, 8),) * 3


def test_half_of_a_batch_gets_further_clicks_a_few_of_them_where_nothing_is_wrong(monkeypatch):
    lesion, all_right = asked(logits(LESION))
    assert 0 < len(all_right) < 20  # about a tenth of 40: half of them, a fifth of these
    for inputs in all_right:
        if inputs[OUTSIDE].any():
            assert not lesion[tuple((inputs[OUTSIDE] == 1).nonzero()[0])]
    monkeypatch.setattr(clicks, "ASIDE", 0.0)
    assert asked(logits(LESION))[1] == []
    _, missed = asked(logits((slice(4, 6), slice(4, 8), slice(4, 8))))
    assert 10 <= len(missed) <= 30
    for inputs in missed:
        (there,) = (inputs[INSIDE] == 1).nonzero()[1:]
        assert there[0] in (6, 7)


def test_nobody_clicks_where_a_scan_has_ended_or_on_what_is_not_shown(monkeypatch):
    monkeypatch.setattr(clicks, "ASIDE", 0.0)
    beyond, apart = (slice(4, 8), slice(4, 8), slice(10, 16)), (slice(12, 16), slice(0, 4), slice(0, 4))
    assert asked(logits(LESION, beyond, apart))[1] == []
    _, spilt = asked(logits((slice(4, 8), slice(4, 8), slice(4, 16)), apart))
    assert spilt
    for inputs in spilt:
        assert (inputs[OUTSIDE] == 1).nonzero()[0, 2] in (8, 9)
        assert inputs[INSIDE].sum() == bumps((16, 16, 16), np.array([5, 5, 5])).sum()
