"""The images of one case that a model of several reads: which volume of the scene shows which.

What the user chose is kept with the CT, by references that are saved with the scene; the rest is guessed by names.
"""

from __future__ import annotations

from collections.abc import Callable

from LungTumorSegLib.cases.sequences import channel_named
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.scene import ownership
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.workstation import words

ROLE = "LungTumorSegImage."  # of the CT's references; not `ownership.PREFIX`: these nodes are the user's
VOLUME = "vtkMRMLScalarVolumeNode"
ONE = ("CT",)


class CaseImages:
    """
    Parameters
    ----------
    scene : vtkMRMLScene
    chosen : gives the chosen vtkMRMLScalarVolumeNode, or None

    Attributes
    ----------
    channels : names of the images of a case that the automatic model reads, in its order; one for most models
    """

    def __init__(self, scene, chosen: Callable[[], object]):
        self.channels = ONE
        self._scene, self._ct = scene, chosen
        self._seen = None

    @property
    def several(self) -> bool:
        """There is something to choose."""
        return len(self.channels) > 1 and self._ct() is not None

    @property
    def chosen_is_ct(self) -> bool:
        """Whether the chosen volume's values are HU. One image alone is taken for a CT."""
        return not self.several or self.shown().get("CT") is self._ct()

    def choices(self) -> list:
        """What to offer: the scene's volumes on the grid of the chosen one, itself among them, and those chosen."""
        fitting = self._fitting()
        return fitting + [node for node in self._kept().values() if node not in fitting]

    def shown(self) -> dict:
        """By channel the node that Segment sends: what the user chose, else what its name names, else None.
        {} where there is nothing to choose."""
        if not self.several:
            return {}
        ct = self._ct()
        own = channel_named(ct.GetName() or "", self.channels) or (self.channels[0], None)
        found = {channel: [] for channel in self.channels}
        for node in self._fitting():
            channel, rest = channel_named(node.GetName() or "", self.channels) or (None, None)
            if channel is not None and rest == own[1]:
                found[channel].append(node)
        found[own[0]] = [ct]
        return {channel: nodes[0] if len(nodes) == 1 else None for channel, nodes in found.items()} | self._kept()

    def choose(self, channel: str, node) -> None:
        """This volume shows this; None: guess."""
        self._ct().SetNodeReferenceID(ROLE + channel, node.GetID() if node is not None else None)

    def to_send(self) -> list:
        """The nodes in the model's order. `InputRefused`, one line, where one is missing, there twice or elsewhere."""
        if not self.several:
            return [self._ct()]
        geometry_of(self._ct())  # refused in its own words
        found = self.shown()
        missing = [channel for channel, node in found.items() if node is None]
        if missing:
            raise InputRefused(words.image_missing(self.channels, missing))
        for channel, node in found.items():
            if not self._fits(node):
                raise InputRefused(words.image_elsewhere(channel))
        nodes = list(found.values())
        twice = [channel for channel, node in found.items() if nodes.count(node) > 1]
        if twice:
            raise InputRefused(words.image_twice(twice))
        return nodes

    def changed(self) -> bool:
        """Whether volumes came, went, moved or were renamed since it was asked last."""
        now = [(node.GetID(), node.GetName()) for node in self.choices()] if self.several else None
        before, self._seen = self._seen, now
        return now != before

    def _kept(self) -> dict:
        """What the user chose, by channel."""
        kept = {channel: self._ct().GetNodeReference(ROLE + channel) for channel in self.channels}
        return {channel: node for channel, node in kept.items() if node is not None}

    def _fitting(self) -> list:
        nodes = [self._scene.GetNthNodeByClass(n, VOLUME) for n in range(self._scene.GetNumberOfNodesByClass(VOLUME))]
        volumes = [node for node in nodes if node.GetClassName() == VOLUME and not ownership.is_ours(node)]
        return [node for node in volumes if self._fits(node)]

    def _fits(self, node) -> bool:
        try:
            return geometry_of(self._ct()).same_grid(geometry_of(node))
        except InputRefused:  # no voxels, or a transform that bends
            return False
