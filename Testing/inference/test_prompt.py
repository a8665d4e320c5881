"""One lesion around a click."""

import numpy as np
import pytest
from made_chest import ball, made_chest

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.options import Options
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.volume.geometry import Geometry, Volume


def chest(*tumours, shape=(60, 50, 90), spacing=(2.0, 2.0, 2.0), **changes):
    return made_chest(shape, spacing, tumours, **changes)


def found(prediction, volume) -> np.ndarray:
    return prediction.probability.full(volume.geometry.shape) >= prediction.threshold


def dice(a, b) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize(("radius", "windows"), [(4, 1), (8, 2), (15, 4), (30, 5)])
def test_the_windows_asked_for_grow_with_the_lesion_and_it_is_outlined_whole(prompted_model, radius, windows):
    volume = chest((80, 0, 0, radius))
    prediction = Session().prompt(volume, prompted_model, [(80.0, 0.0, 0.0)])
    assert dice(found(prediction, volume), ball(volume.geometry, (80, 0, 0), radius)) > (0.9 if radius > 4 else 0.8)
    assert prediction.notes == ()
    asked = [shape for shape in prompted_model.network.windows if shape == (1, 3, 24, 24, 24)]
    assert len(asked) == windows
    assert prediction.multiply_adds % windows == 0


def test_a_lesion_larger_than_the_largest_window_is_shown_and_said(prompted_model):
    volume = Volume(np.zeros((90, 90, 90), np.int16), Geometry((90, 90, 90), (2, 2, 2)))
    prediction = Session().prompt(volume, prompted_model, [(90.0, 90.0, 90.0)])
    assert "may reach beyond" in prediction.notes[0]
    assert found(prediction, volume).any()


def test_a_lesion_at_the_scans_edge_does_not_make_the_window_grow(prompted_model):
    volume = Volume(np.full((30, 30, 30), -900, np.int16), Geometry((30, 30, 30), (1, 1, 1)))
    volume.voxels[:6, 10:16, 10:16] = 0
    prediction = Session().prompt(volume, prompted_model, [(12.5, 12.5, 1.5)])
    assert dice(found(prediction, volume), volume.voxels == 0) == 1
    assert prediction.notes == ()


def test_only_the_clicked_lesion_comes_back(prompted_model):
    volume = chest((70, 0, 0, 5), (82, 0, 0, 4))
    prediction = Session().prompt(volume, prompted_model, [(70.0, 0.0, 0.0)])
    assert dice(found(prediction, volume), ball(volume.geometry, (70, 0, 0), 5)) > 0.8
    assert not (found(prediction, volume) & ball(volume.geometry, (82, 0, 0), 4)).any()


def test_two_points_inside_keep_both_parts(prompted_model):
    volume = chest((70, 0, 0, 5), (82, 0, 0, 4))
    prediction = Session().prompt(volume, prompted_model, [(70.0, 0.0, 0.0), (82.0, 0.0, 0.0)])
    both = ball(volume.geometry, (70, 0, 0), 5) | ball(volume.geometry, (82, 0, 0), 4)
    assert dice(found(prediction, volume), both) > 0.8


def test_a_click_just_beside_takes_the_nearest_and_one_far_away_takes_nothing(prompted_model):
    volume = chest((80, 0, 0, 6))
    near = Session().prompt(volume, prompted_model, [(80.0, 9.0, 0.0)])
    assert dice(found(near, volume), ball(volume.geometry, (80, 0, 0), 6)) > 0.8
    empty = chest()
    nothing = Session().prompt(empty, prompted_model, [(80.0, 0.0, 0.0)])
    assert nothing.probability.values.shape == (0, 0, 0)
    assert nothing.notes == ("no lesion was found at the point",)


def test_the_network_sees_the_points(prompted_model):
    volume = chest((80, 0, 0, 6))
    seen = []
    forward = prompted_model.network.forward
    prompted_model.network.forward = lambda inputs: seen.append(inputs) or forward(inputs)
    Session().prompt(volume, prompted_model, [(81.0, 0.0, 0.0)], [(86.0, 0.0, 0.0)], options=Options(half="never"))
    inside, outside = seen[-1][0, 1], seen[-1][0, 2]  # the first one is the finest look
    # The click lies on the middle of 24 voxels of 1 mm: between the 11th and the 12th.
    assert inside[11:13, 11:13, 11:13].amin() == inside.amax() == pytest.approx(np.exp(-0.75 / 8), abs=1e-3)
    assert outside[11, 11].argmax().item() in (16, 17)


def test_further_clicks_are_obeyed_whatever_the_network_says(prompted_model):
    volume = chest((80, 0, 0, 8))
    prompted_model.network.steepness = 10.0  # logits of 4 or so, as real ones
    inside, outside = (80.0, 11.0, 0.0), (80.0, -6.0, 0.0)  # in air, and in the tumour
    prediction = Session().prompt(volume, prompted_model, [(80.0, 0.0, 0.0), inside], [outside])
    at = [tuple(np.rint(volume.geometry.lps_to_ijk(point)).astype(int)[::-1]) for point in (inside, outside)]
    assert [bool(found(prediction, volume)[place]) for place in at] == [True, False]
    alone = Session().prompt(volume, prompted_model, [(80.0, 0.0, 0.0)])
    assert [bool(found(alone, volume)[place]) for place in at] == [False, True]
    changed = found(prediction, volume) ^ found(alone, volume)
    apart = volume.geometry.ijk_to_lps(np.argwhere(changed)[:, ::-1])
    nearest = np.min([np.linalg.norm(apart - point, axis=1) for point in (inside, outside)], axis=0)
    assert nearest.max() < 12


def test_a_box_means_the_lesion_that_fills_it(box_model):
    volume = chest((70, 0, 0, 5), (82, 0, 0, 4))
    prediction = Session().prompt(volume, box_model, box=((90.0, 6.0, 6.0), (77.0, -6.0, -6.0)))
    assert dice(found(prediction, volume), ball(volume.geometry, (82, 0, 0), 4)) > 0.8
    assert not (found(prediction, volume) & ball(volume.geometry, (70, 0, 0), 5)).any()


@pytest.mark.parametrize(("radius", "zoom"), [(6, 1), (15, 2)])
def test_the_network_sees_the_box_in_a_window_that_holds_it(box_model, radius, zoom):
    volume = chest((80, 0, 0, radius))
    seen = []
    forward = box_model.network.forward
    box_model.network.forward = lambda inputs: seen.append(inputs) or forward(inputs)
    corners = [(80.0 + side * radius, side * radius, side * radius) for side in (-1, 1)]
    Session().prompt(volume, box_model, box=corners, options=Options(half="never"))
    inside, outside, box = seen[-1][0, 1:]
    assert not inside.any()
    assert not outside.any()
    edges = [box.amax(axes).nonzero().flatten() for axes in ((1, 2), (0, 2), (0, 1))]
    centres = (np.arange(24) - 11.5) * zoom
    assert all(len(edge) == (np.abs(centres) <= radius).sum() for edge in edges)
    assert box[11:13, 11:13, 11:13].all()


def test_a_model_without_a_channel_for_boxes_says_so(prompted_model):
    with pytest.raises(InputRefused, match="takes no box"):
        Session().prompt(chest((80, 0, 0, 6)), prompted_model, box=((70.0, -9.0, -9.0), (90.0, 9.0, 9.0)))


@pytest.mark.parametrize("box", [((1.0, 1.0, 1.0), (1.0, 2.0, 2.0)), ((1.0, 1.0, 1.0),), ((0.0, 0.0), (1.0, 1.0))])
def test_a_box_without_extent_is_refused(box_model, box):
    with pytest.raises(InputRefused, match=r"box|three numbers"):
        Session().prompt(chest((80, 0, 0, 6)), box_model, box=box)


@pytest.mark.parametrize(
    ("inside", "outside", "words"),
    [
        ([], [], "click at least one"),
        ([(500.0, 0.0, 0.0)], [], "outside the scan"),
        ([(80.0, 0.0, 0.0)], [(0.0, 0.0, 999.0)], "outside the scan"),
        ([(float("nan"), 0.0, 0.0)], [], "three numbers"),
        ([(-85.0, 0.0, 0.0), (85.0, 0.0, 0.0)], [], "one lesion at a time"),
    ],
)
def test_points_that_mean_no_lesion_are_refused_in_one_line(prompted_model, inside, outside, words):
    with pytest.raises(InputRefused, match=words) as refused:
        Session().prompt(chest((80, 0, 0, 6)), prompted_model, inside, outside)
    assert "\n" not in str(refused.value)


def test_a_click_works_the_same_in_an_oblique_mirrored_scan(prompted_model):
    a = np.deg2rad(10)
    tilted = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.diag([-1, 1, -1])
    volume = chest((80, 0, 0, 10), direction=tilted, shape=(60, 60, 90))
    prediction = Session().prompt(volume, prompted_model, [(82.0, 1.0, 0.0)])
    assert dice(found(prediction, volume), ball(volume.geometry, (80, 0, 0), 10)) > 0.85
