"""A training run's curves as a chart of Slicer's plot view. Not saved with the scene: they belong to the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import vtk

from LungTumorSegLib.measurement.colours import lesion_colour

ROLE = "LungTumorSeg.Curves"  # attribute by which our nodes are found again
CHART, TRAINED, VALIDATED = "chart", "trained", "validated"
STEP = "step"
FEW = 30  # points up to which each is marked


class TrainingCurves:
    """
    Parameters
    ----------
    scene : vtkMRMLScene
    names : what the three curves are called, for the legend: loss, loss on held-out cases, score on held-out cases
    """

    def __init__(self, scene, names: Sequence[str] = ("Loss", "Loss, held out", "Dice, held out")):
        self.scene, self.names = scene, tuple(names)

    @property
    def chart_node(self):
        """vtkMRMLPlotChartNode, None before `show`."""
        return self._find(CHART)

    def show(self, rows: Sequence[Mapping[str, float | None]], title: str = "") -> None:
        """Draw the rows of a run's curves.csv: "step", "loss", and where an epoch was validated "validation_loss" and
        "validation_score", else None."""
        loss, held_out, score = self.names
        validated = [row for row in rows if row["validation_loss"] is not None]
        _fill(self._table(TRAINED), {STEP: [row["step"] for row in rows], loss: [row["loss"] for row in rows]})
        columns = {
            STEP: [row["step"] for row in validated],
            held_out: [row["validation_loss"] for row in validated],
            score: [row["validation_score"] for row in validated],
        }
        _fill(self._table(VALIDATED), columns)
        chart = self.chart_node or self._make(CHART, "vtkMRMLPlotChartNode", "Training")
        chart.SetTitle(title)
        chart.SetXAxisTitle(STEP)
        for number, (name, role) in enumerate(((loss, TRAINED), (held_out, VALIDATED), (score, VALIDATED)), 1):
            series = self._series(chart, name, role, number)
            series.SetMarkerStyle(series.MarkerStyleCircle if len(rows) <= FEW else series.MarkerStyleNone)
            series.Modified()

    def remove(self) -> None:
        for node in self._ours():
            self.scene.RemoveNode(node)

    def _series(self, chart, name: str, role: str, number: int):
        node = self._find(name)
        if node is None:
            node = self._make(name, "vtkMRMLPlotSeriesNode", name)
            node.SetAndObserveTableNodeID(self._table(role).GetID())
            node.SetXColumnName(STEP)
            node.SetYColumnName(name)
            node.SetPlotType(node.PlotTypeScatter)
            node.SetLineWidth(2)
            node.SetColor(*lesion_colour(number))
            chart.AddAndObservePlotSeriesNodeID(node.GetID())
        return node

    def _table(self, role: str):
        return self._find(role) or self._make(role, "vtkMRMLTableNode", f"Training, {role}")

    def _make(self, role: str, class_name: str, name: str):
        node = self.scene.AddNewNodeByClass(class_name, self.scene.GenerateUniqueName(name))
        node.SetName(name)
        node.SetAttribute(ROLE, role)
        node.SetSaveWithScene(False)
        return node

    def _find(self, role: str):
        return next((node for node in self._ours() if node.GetAttribute(ROLE) == role), None)

    def _ours(self) -> list:
        classes = ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode")
        counts = [(name, self.scene.GetNumberOfNodesByClass(name)) for name in classes]
        nodes = [self.scene.GetNthNodeByClass(n, name) for name, count in counts for n in range(count)]
        return [node for node in nodes if node.GetAttribute(ROLE) is not None]


def _fill(node, columns: Mapping[str, Sequence[float]]) -> None:
    """Give the table these columns, in one step."""
    table = vtk.vtkTable()
    for name, values in columns.items():
        array = vtk.vtkDoubleArray()
        array.SetName(name)
        for value in values:
            array.InsertNextValue(value)
        table.AddColumn(array)
    node.GetTable().DeepCopy(table)
    node.GetTable().Modified()
    node.Modified()
