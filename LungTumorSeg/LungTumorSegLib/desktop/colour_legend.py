"""What the colours of a map mean, drawn beside the views: Slicer's own colour legend."""

from __future__ import annotations

import slicer


def show_legends(shown, maps) -> None:
    """Show the legend of the map `shown` (a volume node, or None), and no other of `maps`."""
    logic = slicer.modules.colors.logic()
    for node in maps:
        if node is shown:
            legend = logic.AddDefaultColorLegendDisplayNode(node)  # the one that is there, or a new one
            legend.SetLabelFormat("%.2f")
        else:
            legend = logic.GetColorLegendDisplayNode(node)
        if legend is not None and bool(legend.GetVisibility()) != (node is shown):
            legend.SetVisibility(node is shown)
