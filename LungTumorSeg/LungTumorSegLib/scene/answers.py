"""What the worker answered, as it came: for the whole CT, and for each prompt. Kept hidden in the scene, so that a
deleted prompt gives back what it replaced without asking again, also in a scene loaded anew. Values are not copied:
who keeps an answer leaves its array alone.
"""

from __future__ import annotations

import numpy as np

from LungTumorSegLib.scene import kept, ownership
from LungTumorSegLib.volume.box import Box

AUTOMATIC, PROMPTED = "Automatic", "Prompted"
_ASKED = ownership.PREFIX + "Asked"


def automatic(ct) -> Box | None:
    """The probability of every tumour, float32 0..1; None before the first Segment."""
    return kept.kept(ct, AUTOMATIC)


def keep_automatic(scene, ct, probability: Box) -> None:
    kept.keep(scene, ct, AUTOMATIC, _float32(probability))


def answers(ct) -> dict[str, Box]:
    """Prompt's key -> the probability of its lesion, float32 0..1, for those that were answered."""
    boxes = {key: kept.kept(ct, PROMPTED, key) for key in kept.keys(ct, PROMPTED)}
    return {key: box for key, box in boxes.items() if box is not None}


def answer_node(ct, key: str):
    """The node that keeps the answer to a prompt, or None."""
    return kept.kept_node(ct, PROMPTED, key)


def asked(ct, key: str) -> str:
    """What the answer that is kept was asked for: see `prompts.Prompt.asked`."""
    return answer_node(ct, key).GetAttribute(_ASKED) or ""


def keep_answer(scene, ct, key: str, asked_for: str, probability: Box) -> None:
    kept.keep(scene, ct, PROMPTED, _float32(probability), key).SetAttribute(_ASKED, asked_for)


def drop_answer(scene, ct, key: str) -> None:
    kept.drop(scene, ct, PROMPTED, key)


def _float32(box: Box) -> Box:
    return Box(box.start, np.ascontiguousarray(box.values, np.float32))
