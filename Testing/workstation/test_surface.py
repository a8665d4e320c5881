"""3D surfaces come when lesions are measured, in steps: neither a drag nor its end waits for them."""

import pytest

from LungTumorSegLib.scene import segments
from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.workstation.display import Display
from LungTumorSegLib.workstation.measuring import Measuring


@pytest.fixture(autouse=True)
def one_step_a_tick(monkeypatch):
    """Small lesions are else measured in the first moment."""
    monkeypatch.setattr(Measuring.go_on, "__defaults__", (0.0,))


def test_after_a_drag_the_surface_comes_with_the_measures_and_not_before(segmented):
    desk = segmented.desk
    desk.show(Display(None, surface=True))
    desk.drag_threshold(0.7)
    desk.rest(Cut(0.7, 3.0, False))
    desk.show(Display(None, surface=True))  # as the page does at rest
    node = desk.result.segmentation_node
    shown_at_once, measuring = segments.has_surface(node), desk.unsettled
    assert segmented.rest()
    assert measuring
    assert not shown_at_once
    assert segments.has_surface(node)


def test_a_surface_that_is_switched_off_while_lesions_are_measured_does_not_come(segmented):
    desk = segmented.desk
    desk.show(Display(None, surface=True))
    desk.drag_threshold(0.7)
    desk.rest(Cut(0.7, 3.0, False))
    desk.show(Display(None, surface=False))
    assert segmented.rest()
    assert not segments.has_surface(desk.result.segmentation_node)
