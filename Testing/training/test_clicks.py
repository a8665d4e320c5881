import numpy as np

from LungTumorSegLib.inference.clicks import bumps
from LungTumorSegLib.training.backgrounds import read_backgrounds
from LungTumorSegLib.training.clicks import click_inside
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


def test_in_a_training_window_every_inside_click_is_on_the_lesion_and_no_outside_click_is(tiny_data, tiny_backgrounds):
    samples = PromptedSamples(read_nodules(tiny_data), read_backgrounds(tiny_backgrounds))
    outside_seen = 0
    for number in range(25):
        scene, inside, outside = samples.scene(np.random.default_rng(number), (48, 48, 48))
        for point in np.rint(inside).astype(int):
            near = tuple(slice(max(0, p - 1), p + 2) for p in point)
            assert scene.target[near].max() > 0.5
        for point in outside.astype(int):
            assert scene.target[tuple(point)] < 0.05
        outside_seen += len(outside)
    assert outside_seen > 3


def test_windows_of_several_sizes_take_turns(tiny_data, tiny_backgrounds):
    samples = PromptedSamples(read_nodules(tiny_data), read_backgrounds(tiny_backgrounds), (16, 16, 24))
    edges = [samples(np.random.default_rng(0), step)[0].shape[-1] for step in (0, 1, 2, 3, 5)]
    assert edges == [16, 16, 24, 16, 24]
