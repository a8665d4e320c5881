"""How lesions are cut out of the probability, kept with our segmentation node."""

from __future__ import annotations

from dataclasses import dataclass

from LungTumorSegLib.scene import ownership, segments

_NAME = ownership.PREFIX + "Cut"


@dataclass(frozen=True)
class Cut:
    """
    threshold : lesions are where the probability reaches it, 0..1.
    smallest_mm : the model's lesions with a shorter long axis are left out.
    largest_only : of the model's lesions the largest alone.

    Lesions that the user asked for by a point or a box are shown in any case.
    """

    threshold: float = 0.5
    smallest_mm: float = 3.0
    largest_only: bool = False


def kept_cut(ct) -> Cut | None:
    """As the segments of the CT's result were cut last; None where there is no result."""
    node = ownership.owned_one(ct, segments.ROLE)
    text = node.GetAttribute(_NAME) if node is not None else None
    if text is None:
        return None
    threshold, smallest_mm, largest_only = text.split()
    return Cut(float(threshold), float(smallest_mm), largest_only == "largest")


def keep_cut(node, cut: Cut) -> None:
    """Keep it with our segmentation node."""
    text = f"{cut.threshold!r} {cut.smallest_mm!r} {'largest' if cut.largest_only else 'all'}"
    if text != node.GetAttribute(_NAME):
        node.SetAttribute(_NAME, text)
