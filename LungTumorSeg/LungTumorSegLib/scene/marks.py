"""What the user said of lesions: that one is a lymph node, and where its axes end.

Kept as attributes of our segmentation node, by the lesion's number, so that they are saved with the scene and survive
a threshold at which the lesion is gone. Ends are kept as voxel positions of the CT (i, j, k): wherever the CT is moved
to, they stay on the same tissue.
"""

from __future__ import annotations

import numpy as np

from LungTumorSegLib.scene import ownership

AXES = ("long", "short")
_NODE, _MERGED, _HIGHEST = "Node", "MergedFrom", ownership.PREFIX + "HighestLesion"


class Marks:
    """The marks on one segmentation node."""

    def __init__(self, segmentation_node):
        self._kept = segmentation_node

    @property
    def highest(self) -> int:
        """The highest number ever given to a lesion."""
        return int(self._kept.GetAttribute(_HIGHEST) or 0)

    @highest.setter
    def highest(self, number: int) -> None:
        self._set(_HIGHEST, str(number))

    def is_node(self, lesion: int) -> bool:
        return self._get(lesion, _NODE) is not None

    def set_node(self, lesion: int, node: bool) -> None:
        self._set(_name(lesion, _NODE), "1" if node else None)

    def merged_from(self, lesion: int) -> tuple[int, ...]:
        return tuple(int(n) for n in (self._get(lesion, _MERGED) or "").split())

    def set_merged_from(self, lesion: int, others: tuple[int, ...]) -> None:
        self._set(_name(lesion, _MERGED), " ".join(str(n) for n in others) or None)

    def drawn(self, lesion: int, axis: str) -> np.ndarray | None:
        """(2, 3) i, j, k: the ends of the line that the user drew; None where it is ours."""
        text = self._get(lesion, axis)
        return None if text is None else np.array(text.split(), float).reshape(2, 3)

    def set_drawn(self, lesion: int, axis: str, ends_ijk: np.ndarray | None) -> None:
        text = None if ends_ijk is None else " ".join(repr(float(x)) for x in np.ravel(ends_ijk))
        self._set(_name(lesion, axis), text)

    def forget(self, lesion: int) -> dict[str, str]:
        """The user removed the lesion. Returns what was known of it, for `remember`."""
        known = {what: text for what in (_NODE, _MERGED, *AXES) if (text := self._get(lesion, what)) is not None}
        for what in known:
            self._set(_name(lesion, what), None)
        return known

    def remember(self, lesion: int, known: dict[str, str]) -> None:
        """The lesion is back by an Undo."""
        for what, text in known.items():
            self._set(_name(lesion, what), text)

    def _get(self, lesion: int, what: str) -> str | None:
        return self._kept.GetAttribute(_name(lesion, what))

    def _set(self, name: str, text: str | None) -> None:
        if text is None:
            self._kept.RemoveAttribute(name)
        elif text != self._kept.GetAttribute(name):
            self._kept.SetAttribute(name, text)


def _name(lesion: int, what: str) -> str:
    return f"{ownership.PREFIX}Lesion.{lesion}.{what}"
