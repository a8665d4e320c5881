import numpy as np
import torch

from LungTumorSegLib.inference.clicks import bumps
from LungTumorSegLib.training.backgrounds import read_backgrounds
from LungTumorSegLib.training.clicks import INSIDE, OUTSIDE, click_inside, corrected, drawn_around, error_click
from LungTumorSegLib.training.crops import read_nodules
from LungTumorSegLib.training.prompted_samples import PromptedSamples


def test_clicks_lie_inside_the_nodule_near_its_core_and_near_its_edge(tiny_data):
    nodule = read_nodules(tiny_data)[3]
    rng = np.random.default_rng(0)
    clicks = np.array([click_inside(nodule.mask, nodule.depth_mm, rng) for _ in range(300)])
    assert nodule.mask[tuple(clicks.T)].all()
    depth = nodule.depth_mm[tuple(clicks.T)]
    assert (depth < 0.35 * nodule.depth_mm.max()).any()
    assert (depth > 0.8 * nodule.depth_mm.max()).any()


def test_bumps_peak_at_one_on_their_points_and_fall_by_two_voxels_sigma():
    picture = bumps((16, 16, 16), np.array([[3, 4, 5], [12, 12, 12]]))
    assert picture[3, 4, 5] == 1
    assert picture[12, 12, 12] == 1
    assert np.isclose(picture[3, 4, 7], np.exp(-0.5))
    assert bumps((4, 4, 4), np.zeros((0, 3))).max() == 0


def seen(samples: PromptedSamples, number: int):
    """Channels and target of one sample."""
    inputs, target, _ = samples(np.random.default_rng(number), 0)
    return *inputs[1:].numpy(), target[0].numpy()


def test_in_a_training_window_inside_clicks_lie_on_the_lesion_or_a_little_off_and_outside_clicks_never_do(
    tiny_data, tiny_backgrounds
):
    samples = PromptedSamples(read_nodules(tiny_data), read_backgrounds(tiny_backgrounds))
    hits, clicked, spilt = 0, 0, 0
    for number in range(40):
        inside, outside, _, target = seen(samples, number)
        if inside.any():
            clicked += 1
            hits += target[inside > 0.9 * inside.max()].max() > 0.5
        if outside.any():
            spilt += 1
            assert (target[outside == outside.max()] < 0.05).all()
    assert hits >= 0.8 * clicked
    assert spilt > 1


def test_a_quarter_of_the_windows_have_a_box_around_the_lesion_and_half_of_these_no_click(tiny_data, tiny_backgrounds):
    samples = PromptedSamples(read_nodules(tiny_data), read_backgrounds(tiny_backgrounds))
    boxed, alone = 0, 0
    for number in range(60):
        inside, _, box, target = seen(samples, number)
        if box.any():
            boxed += 1
            alone += not inside.any()
            assert target[box > 0].sum() > 0.6 * target[target > 0.5].sum()
        else:
            assert inside.any()
    assert 8 <= boxed <= 24
    assert 0 < alone < boxed


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


def test_nobody_clicks_where_a_scan_has_ended():
    inputs, target, known = torch.zeros(1, 4, 16, 16, 16), torch.zeros(1, 1, 16, 16, 16), torch.ones(1, 1, 16, 16, 16)
    target[..., 4:8, 4:8, 4:8] = 1
    known[..., 10:] = 0
    found = 40 * (target - 0.5)
    found[..., 12:] = 20  # the network's answer goes on beyond the end

    clicked = corrected(lambda _: found, inputs, target, known, np.random.default_rng(0))
    assert torch.equal(clicked, inputs)
    found[..., 8:10] = 20  # and spills over within
    clicked = corrected(lambda _: found, inputs, target, known, np.random.default_rng(0), most=1)
    assert (clicked[0, OUTSIDE] == 1).nonzero()[0, 2] in (8, 9)
    assert not clicked[0, INSIDE].any()
