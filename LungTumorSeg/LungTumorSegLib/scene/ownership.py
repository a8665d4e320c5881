"""Which nodes of the scene are ours.

A result belongs to one CT. The CT refers to it by a role and it refers back to the CT: both must agree, so that
neither a clone of the CT nor a clone of a result that the user made is ever taken for ours. Names play no part:
users rename nodes. References survive saving and loading of the scene.
"""

from __future__ import annotations

PREFIX = "LungTumorSeg."
CT = PREFIX + "CT"


def owned(ct, role: str) -> list:
    """Our nodes of this role for the CT node, in the order in which they were made."""
    count = ct.GetNumberOfNodeReferences(PREFIX + role)
    nodes = (ct.GetNthNodeReference(PREFIX + role, n) for n in range(count))
    return [node for node in nodes if node is not None and node.GetNodeReference(CT) is ct]


def owned_one(ct, role: str):
    """Our node of this role, or None."""
    return next(iter(owned(ct, role)), None)


def is_ours(node) -> bool:
    """True for a node that belongs to a result, which is no CT itself."""
    return node.GetNodeReferenceID(CT) is not None


def make(scene, ct, role: str, class_name: str, name: str):
    """Add a node of ours with its default display, beside the CT and under the CT's parent transform."""
    node = scene.AddNewNodeByClass(class_name, scene.GenerateUniqueName(name))
    if node.IsA("vtkMRMLDisplayableNode"):
        node.CreateDefaultDisplayNodes()
    return adopt(node, ct, role)


def adopt(node, ct, role: str):
    """Make a node of the scene ours in this role, under the CT's parent transform."""
    node.SetNodeReferenceID(CT, ct.GetID())
    _drop_strangers(ct, role)
    ct.AddNodeReferenceID(PREFIX + role, node.GetID())
    follow(node, ct)
    return node


def follow(node, ct) -> None:
    """Put the node under the CT's parent transform, so that both move together."""
    if node.IsA("vtkMRMLTransformableNode"):
        node.SetAndObserveTransformNodeID(ct.GetTransformNodeID())


def remove(scene, node) -> None:
    """Take a node of ours out of the scene together with its display and storage nodes."""
    ct = node.GetNodeReference(CT)
    companions = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())] if _shown(node) else []
    if node.IsA("vtkMRMLStorableNode"):
        companions += [node.GetNthStorageNode(n) for n in range(node.GetNumberOfStorageNodes())]
    scene.RemoveNode(node)
    for companion in companions:
        if companion is not None and companion.GetScene() is scene:
            scene.RemoveNode(companion)
    if ct is not None:
        roles = [ct.GetNthNodeReferenceRole(n) for n in range(ct.GetNumberOfNodeReferenceRoles())]
        for role in roles:
            if role.startswith(PREFIX):
                _drop_strangers(ct, role.removeprefix(PREFIX))


def _shown(node) -> bool:
    return node.IsA("vtkMRMLDisplayableNode")


def _drop_strangers(ct, role: str) -> None:
    """Forget references to nodes that are gone, or that belong to the CT of which this one is a clone."""
    for n in reversed(range(ct.GetNumberOfNodeReferences(PREFIX + role))):
        node = ct.GetNthNodeReference(PREFIX + role, n)
        if node is None or node.GetNodeReference(CT) is not ct:
            ct.RemoveNthNodeReferenceID(PREFIX + role, n)
