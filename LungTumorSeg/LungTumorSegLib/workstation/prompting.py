"""Points and boxes of the chosen CT: heard as they are placed, moved and deleted; the worker is asked for what is new.

Several quick changes make one request. A request that is overtaken (its point was moved on) is dropped; one that the
worker lost stays open in the scene and is asked again by the next change or click.
"""

from __future__ import annotations

from collections.abc import Callable

import vtk

from LungTumorSegLib.scene import ownership, prompt_nodes
from LungTumorSegLib.scene.prompts import Prompt
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.scene.volumes import change_token
from LungTumorSegLib.worker.conversation import Failure, Request

REST = 0.15  # seconds without a change after which the worker is asked


class Prompting:
    """
    Parameters
    ----------
    result : of the CT whose points and boxes are heard, until `stop`
    ask : sends a prompt to the worker; is given the prompt and what to call where no answer was shown
    followed : called after the scene was compared with points and boxes; with True where the map that is seen changed
    clock : monotonic seconds
    """

    def __init__(
        self,
        result: Result,
        ask: Callable[[Prompt, Callable[[Failure | None], None]], Request | None],
        followed: Callable[[bool], None],
        clock: Callable[[], float],
    ):
        self._result, self._ask, self._followed, self._clock = result, ask, followed, clock
        self._observed: dict[str, tuple] = {}  # node by address -> the node and its observers' tags
        self._under_way: dict[str, tuple[str, Request]] = {}  # prompt's key -> what was asked, and the request
        self._refused: set[tuple[str, str]] = set()  # key and what was asked: not asked a second time
        self._new_box = None
        self._changed_at: float | None = None
        self._following = False
        scene = result.scene
        self._scene_tags = [
            scene.AddObserver(scene.NodeAddedEvent, self._node_came_or_went),
            scene.AddObserver(scene.NodeRemovedEvent, self._node_came_or_went),
        ]
        self._observe()

    @property
    def pending(self) -> bool:
        """Something changed a moment ago, and `tick` will follow it."""
        return self._changed_at is not None

    @property
    def counts(self) -> tuple[int, int, int]:
        """Points inside, points outside, boxes, as the user placed them."""
        ct = self._result.ct
        lists = [ownership.owned_one(ct, role) for role in (prompt_nodes.INSIDE, prompt_nodes.OUTSIDE)]
        inside, outside = (node.GetNumberOfDefinedControlPoints() if node is not None else 0 for node in lists)
        return inside, outside, len([box for box in prompt_nodes.boxes(ct) if box is not self._new_box])

    def points(self, inside: bool):
        """The list of points that the user's next click goes into."""
        make = prompt_nodes.points_inside if inside else prompt_nodes.points_outside
        return self._seen(make(self._result.scene, self._result.ct))

    def new_box(self, corners_lps=None):
        """A box; without corners, one that the user draws."""
        self.placing_ended()
        box = prompt_nodes.add_box(self._result.scene, self._result.ct, corners_lps)
        if corners_lps is None:
            self._new_box = box
        else:
            self.changed()
        return self._seen(box)

    def placing_ended(self) -> None:
        """A box that the user began and did not finish goes."""
        box, self._new_box = self._new_box, None
        if box is not None and box.GetScene() is not None:
            if box.GetNumberOfDefinedControlPoints() == 0 or min(box.GetSize()) <= 0:
                ownership.remove(self._result.scene, box)
            else:
                self.changed()

    def delete_all(self) -> None:
        """Delete all points and boxes; what they replaced is there again."""
        self._following = True
        try:
            for node in prompt_nodes.all_nodes(self._result.ct):
                ownership.remove(self._result.scene, node)
        finally:
            self._following = False
        self.follow()

    def changed(self) -> None:
        """A point or a box is another one than before."""
        self._changed_at = self._clock()

    def tick(self) -> None:
        if self._changed_at is not None and self._clock() - self._changed_at >= REST:
            self.follow()

    def follow(self) -> None:
        """Bring the scene to the points and boxes, and ask for those that have no answer."""
        before = self._seen_map()
        self._changed_at, self._following = None, True
        try:
            unanswered = {prompt.key: prompt for prompt in self._result.follow_prompts()}
        finally:
            self._following = False
        for key, (asked, request) in list(self._under_way.items()):
            if key not in unanswered or unanswered[key].asked != asked:
                del self._under_way[key]
                request.cancel()
        for prompt in unanswered.values():
            if prompt.key not in self._under_way and (prompt.key, prompt.asked) not in self._refused:
                self._send(prompt)
        self._followed(self._seen_map() != before)

    def is_wanted(self, prompt: Prompt) -> bool:
        """The answer to it is still waited for."""
        return self._under_way.get(prompt.key, ("",))[0] == prompt.asked

    def answered(self, prompt: Prompt) -> None:
        """Its answer is shown."""
        self._under_way.pop(prompt.key, None)

    def stop(self) -> None:
        """Hear and ask no more."""
        for node, tags in self._observed.values():
            for tag in tags:
                node.RemoveObserver(tag)
        self._observed.clear()
        for tag in self._scene_tags:
            self._result.scene.RemoveObserver(tag)
        self._scene_tags = []
        self._changed_at = None

    def _send(self, prompt: Prompt) -> None:
        def not_done(failure: Failure | None) -> None:
            if self.is_wanted(prompt):
                self.answered(prompt)
                if failure is not None and failure.kind == "refused":
                    self._refused.add((prompt.key, prompt.asked))

        request = self._ask(prompt, not_done)
        if request is not None:
            self._under_way[prompt.key] = prompt.asked, request

    def _seen_map(self) -> tuple | None:
        node = self._result.probability_node
        return None if node is None else change_token(node)

    def _observe(self) -> None:
        for node in prompt_nodes.all_nodes(self._result.ct):
            self._seen(node)

    def _seen(self, node):
        address = node.GetAddressAsString("")
        if address not in self._observed:
            tags = [node.AddObserver(event, self._heard) for event in prompt_nodes.CHANGED]
            self._observed[address] = node, tags
        return node

    def _heard(self, _node, _event) -> None:
        if not self._deaf():
            self.changed()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _node_came_or_went(self, _scene, _event, node) -> None:
        """By Undo, by another module's hand, by deleting it in a list."""
        if self._deaf() or not node.IsA("vtkMRMLMarkupsNode"):
            return
        known = self._observed.pop(node.GetAddressAsString(""), None)
        self._observe()
        if known is not None and node.GetScene() is None:
            for tag in known[1]:
                node.RemoveObserver(tag)
            self.changed()
        elif node.GetAddressAsString("") in self._observed:
            self.changed()

    def _deaf(self) -> bool:
        scene = self._result.scene
        return self._following or scene.IsClosing() or scene.IsImporting() or scene.IsRestoring()
