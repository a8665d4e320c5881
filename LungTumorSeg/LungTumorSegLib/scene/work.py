"""What of ours a scene holds, of all its CTs, told so that it can be compared: is there more to save than was saved?"""

from __future__ import annotations

from LungTumorSegLib.scene import ownership, segments


def nodes_with_work(scene) -> list:
    """Our nodes, but for lists of points that are still empty."""
    ours = filter(ownership.is_ours, scene.GetNodes())
    return [node for node in ours if not _is_markup(node) or _points(node)]


def work_in(scene) -> tuple:
    """Something that differs as soon as a result, a point or what the user said does; empty where there is nothing of
    ours. How nodes are shown, and that they are saved, makes no difference: so it is not their time of change."""
    nodes = nodes_with_work(scene)
    cts = dict.fromkeys(node.GetNodeReference(ownership.CT) for node in nodes)  # these keep their dates
    return tuple(work_of(node) for node in (*filter(None, cts), *nodes))


def work_of(node) -> tuple:
    """As `work_in`, of one node."""
    said = tuple((name, node.GetAttribute(name)) for name in node.GetAttributeNames())
    if _is_markup(node):
        size = node.GetSize() if node.IsA("vtkMRMLMarkupsROINode") else ()
        return node.GetID(), said, _points(node), size
    changes = segments.changes(node) if node.IsA("vtkMRMLSegmentationNode") else ()
    return node.GetID(), said, changes


def _is_markup(node) -> bool:
    return node.IsA("vtkMRMLMarkupsNode")


def _points(node) -> tuple:
    """Those that are placed: none that hangs at the mouse."""
    placed = node.PositionDefined
    count = node.GetNumberOfControlPoints()
    return tuple(
        node.GetNthControlPointPosition(n) for n in range(count) if node.GetNthControlPointPositionStatus(n) == placed
    )
