"""The drawings in the page: the sums over time of a course in a real scene, the curves of a training."""

import re
import sys
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import ImageColor

from LungTumorSegLib.web import curves, plot

sys.path.append(str(Path(__file__).resolve().parents[1] / "scene"))
GROUND = ImageColor.getrgb(plot.GROUND)


@pytest.fixture
def course():
    """Two dates of one patient, the lesion half as wide at the second."""
    import slicer
    from made_scene import START, add_ct

    from LungTumorSegLib.response.alignment import Alignment
    from LungTumorSegLib.scene.followup import FollowUp
    from LungTumorSegLib.scene.result import Result
    from LungTumorSegLib.volume.box import Box

    scene = slicer.vtkMRMLScene()
    cts = [add_ct(scene, name=name) for name in ("before", "after")]
    kji = np.indices((14, 24, 26))
    for ct, radius in zip(cts, (8.5, 5.5), strict=True):
        apart = np.sqrt(
            sum(
                ((axis - middle) * mm) ** 2 for axis, middle, mm in zip(kji, (7, 12, 13), (1.25, 0.7, 0.7), strict=True)
            )
        )
        Result(scene, ct).show(Box(START, (apart < radius).astype(np.float32)), 0.5, 1.0)

    def at(*days):
        found = FollowUp(scene, cts, days)
        found.show_transform(1, Alignment())
        found.match()
        return found

    yield at
    scene.Clear()


def texts(drawing: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(drawing).iter("text")]


def test_sums_stand_at_their_dates_with_units_and_limits(course):
    from LungTumorSegLib.web.sums_plot import drawn

    found = course(date(2026, 1, 5), date(2026, 3, 2))
    said = texts(drawn(found))
    assert {"mm", "2026-01-05", "2026-03-02"} <= set(said)
    now = f"{float(found.course.responses[1].sum_mm):.1f}"
    before = float(found.course.responses[0].sum_mm)
    assert f"{now} sum" in said
    assert f"{now} lesion 1" in said
    assert f"{0.7 * before:.1f} response" in said
    assert any(text.endswith("progression") for text in said)


def test_without_dates_the_studies_are_named(course):
    from LungTumorSegLib.web.sums_plot import drawn

    said = texts(drawn(course(None, None)))
    assert {"baseline", "follow-up 1"} <= set(said)


def test_without_a_course_there_is_no_plot():
    from LungTumorSegLib.web.sums_plot import drawn

    assert drawn(None) == ""


def test_no_words_lie_on_others_and_none_leave_the_drawing(course):
    from LungTumorSegLib.web.sums_plot import drawn

    drawing = drawn(course(date(2026, 1, 5), date(2026, 1, 9)))
    boxes, width, height = [], *map(float, re.search(r'viewBox="0 0 (\d+) (\d+)"', drawing).groups())
    for element in ElementTree.fromstring(drawing).iter("text"):
        long = 0.58 * plot.SIZE * len(element.text)
        start = float(element.get("x")) - {"start": 0, "middle": long / 2, "end": long}[element.get("text-anchor")]
        boxes.append((start, float(element.get("y")) - plot.SIZE, start + long, float(element.get("y"))))
    assert all(
        left >= -1 and right <= width + 1 and top >= -1 and bottom <= height + 1 for left, top, right, bottom in boxes
    )
    for n, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[n + 1 :]:
            across = min(right, other[2]) - max(left, other[0])
            down = min(bottom, other[3]) - max(top, other[1])
            assert not (across > 1 and down > 1), (boxes[n], other)


@pytest.mark.parametrize("colour", [plot.TEXT, plot.FAINT, "#ff7b72", "#8fd06a", "#6ea8ff", "#ffb35a"])
def test_lines_and_words_can_be_read_on_the_dark_ground(colour):
    """Contrast of at least 4.5 to 1 (WCAG 2.1, 1.4.3)."""

    def brightness(rgb):
        parts = [part / 255 for part in rgb]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert (brightness(ImageColor.getrgb(colour)) + 0.05) / (brightness(GROUND) + 0.05) >= 4.5


def test_curves_show_loss_and_dice_with_their_scales():
    rows = [
        {"step": 10.0, "loss": 0.8, "validation_loss": None, "validation_score": None},
        {"step": 20.0, "loss": 0.5, "validation_loss": 0.6, "validation_score": 0.71},
    ]
    loss, dice = [part + "</svg>" for part in curves.drawn(rows).split("</svg>")[:2]]
    assert {"loss", "step", "20", "taught 0.500", "kept back 0.600"} <= set(texts(loss))
    assert {"Dice", "1.00", "kept back 0.710"} <= set(texts(dice))


def test_one_epoch_without_a_check_is_drawn_and_none_is_nothing():
    assert "Dice" not in curves.drawn([{"step": 10.0, "loss": 0.8, "validation_loss": None, "validation_score": None}])
    assert curves.drawn([]) == ""


@pytest.mark.parametrize("none", [float("nan"), float("inf")])
def test_an_epoch_that_taught_nothing_is_left_out_of_its_curve(none):
    rows = [
        {"step": 10.0, "loss": 0.8, "validation_loss": none, "validation_score": none},
        {"step": 20.0, "loss": none, "validation_loss": 0.6, "validation_score": 0.71},
    ]
    loss, dice = [part + "</svg>" for part in curves.drawn(rows).split("</svg>")[:2]]
    assert {"20", "taught 0.800", "kept back 0.600"} <= set(texts(loss))
    assert "kept back 0.710" in texts(dice)
    assert "Dice" not in curves.drawn(rows[:1])
    assert curves.drawn([rows[0] | {"loss": none}]) == ""


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 37.2), (0, 0.03), (0, 420)])
def test_scales_have_few_round_values(low, high):
    values = plot.round_values(low, high)
    assert 2 <= len(values) <= 6
    assert all(low <= value <= high * (1 + 1e-9) for value in values)
