"""A run's curves in Slicer's plot view."""

import numpy as np
import pytest
from vtk.util.numpy_support import vtk_to_numpy

from LungTumorSegLib.scene.curves import TrainingCurves


def row(step, loss, validated=None):
    held_out, score = validated or (None, None)
    return {"step": step, "loss": loss, "validation_loss": held_out, "validation_score": score}


ROWS = [row(10, 0.9), row(20, 0.7, (0.8, 0.5)), row(30, 0.6), row(40, 0.5, (0.75, 0.6))]


@pytest.fixture
def curves(scene):
    return TrainingCurves(scene)


def drawn(curves):
    """Name of each series -> its points."""
    found = {}
    chart = curves.chart_node
    for n in range(chart.GetNumberOfPlotSeriesNodes()):
        series = chart.GetNthPlotSeriesNode(n)
        table = series.GetTableNode().GetTable()
        columns = [table.GetColumnByName(name) for name in (series.GetXColumnName(), series.GetYColumnName())]
        found[series.GetName()] = list(zip(*(map(float, vtk_to_numpy(c)) for c in columns), strict=True))
    return found


def test_loss_and_dice_are_three_series_of_one_chart(curves):
    curves.show(ROWS, "fine-tune-prompted")
    assert curves.chart_node.GetTitle() == "fine-tune-prompted"
    points = drawn(curves)
    assert points["Loss"] == [(10, 0.9), (20, 0.7), (30, 0.6), (40, 0.5)]
    assert points["Loss, held out"] == [(20, 0.8), (40, 0.75)]
    assert points["Dice, held out"] == [(20, 0.5), (40, 0.6)]


def test_a_longer_run_fills_the_same_nodes(curves, scene):
    curves.show(ROWS[:1])
    count = scene.GetNumberOfNodes()
    curves.show(ROWS)
    assert scene.GetNumberOfNodes() == count
    assert np.shape(drawn(curves)["Loss"]) == (4, 2)


def test_curves_are_found_again_by_another_hand_and_taken_away_without_rest(curves, scene):
    before = scene.GetNumberOfNodes()
    curves.show(ROWS)
    TrainingCurves(scene).show(ROWS[:2])
    assert np.shape(drawn(curves)["Loss"]) == (2, 2)
    curves.remove()
    assert scene.GetNumberOfNodes() == before
    assert curves.chart_node is None


def test_curves_are_not_saved_with_the_scene(curves):
    curves.show(ROWS)
    assert not curves.chart_node.GetSaveWithScene()
