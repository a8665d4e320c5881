"""Colours of the 0..1 maps, transparent at 0."""

from __future__ import annotations

import numpy as np

# Anchors (0..1 RGB) between which the 256 entries are interpolated. Both rise in lightness all the way, so that
# they can be told apart in grey and by the colour-blind. Probability: violet, magenta, orange, yellow; heat:
# dark red, red, orange, yellow, white.
PROBABILITY = ((0.30, 0.00, 0.55), (0.70, 0.15, 0.50), (0.93, 0.40, 0.25), (0.98, 0.68, 0.15), (0.94, 0.98, 0.13))
HEAT = ((0.25, 0.00, 0.00), (0.75, 0.05, 0.00), (1.00, 0.45, 0.00), (1.00, 0.85, 0.20), (1.00, 1.00, 0.85))


def colour_table(scene, name: str, anchors):
    """The scene's one colour node of this name: 256 entries from 0 to 1, the first transparent."""
    tag = "LungTumorSeg" + name.replace(" ", "")
    node = scene.GetSingletonNode(tag, "vtkMRMLColorTableNode")
    if node is not None:
        return node
    node = scene.CreateNodeByClass("vtkMRMLColorTableNode")
    node.UnRegister(None)
    node.SetSingletonTag(tag)
    node.SetName(name)
    node.SetTypeToUser()
    node.SetAttribute("Category", "LungTumorSeg")
    node.SetNumberOfColors(256)
    node.GetLookupTable().SetTableRange(0.0, 1.0)
    places = np.linspace(0, 1, len(anchors))
    for n in range(256):
        red, green, blue = (float(np.interp(n / 255, places, channel)) for channel in zip(*anchors, strict=True))
        node.SetColor(n, f"{n / 255:.2f}", red, green, blue, 0.0 if n == 0 else 1.0)
    return scene.AddNode(node)
