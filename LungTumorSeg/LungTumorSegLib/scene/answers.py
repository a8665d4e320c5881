"""What the worker answered, as it came: for the whole CT, and for each prompt. Kept hidden in the scene, so that a
deleted prompt gives back what it replaced without asking again, also in a scene loaded anew.
"""

from __future__ import annotations

import numpy as np

from LungTumorSegLib.scene import kept, ownership
from LungTumorSegLib.volume.box import Box

AUTOMATIC, PROMPTED = "Automatic", "Prompted"
_ASKED = ownership.PREFIX + "Asked"
SAME_PLACE = 0.05  # voxels: what a saved scene may move a point by, and no hand does


def automatic(ct) -> Box | None:
    """The probability of every tumour, float32 0..1; None before the first Segment."""
    return kept.kept(ct, AUTOMATIC)


def keep_automatic(scene, ct, probability: Box) -> None:
    kept.keep(scene, ct, AUTOMATIC, _float32(probability))


def answers(ct) -> dict[str, Box]:
    """Prompt's key -> the probability of its lesion, float32 0..1, for those that were answered."""
    boxes = {key: kept.kept(ct, PROMPTED, key) for key in kept.keys(ct, PROMPTED)}
    return {key: box for key, box in boxes.items() if box is not None}


def keep_answer(scene, ct, key: str, asked: str, probability: Box) -> None:
    """asked : see `Prompt.asked`: where the prompt's points were when this was asked for."""
    kept.keep(scene, ct, PROMPTED, _float32(probability), key).SetAttribute(_ASKED, asked)


def drop_answer(scene, ct, key: str) -> None:
    kept.drop(scene, ct, PROMPTED, key)


def is_answered(ct, key: str, asked: str) -> bool:
    """Whether the kept answer is for the prompt as it is now."""
    if kept.kept(ct, PROMPTED, key) is None:
        return False
    before, now = kept.kept_node(ct, PROMPTED, key).GetAttribute(_ASKED).split(), asked.split()
    words = [[word for word in text if word.isalpha()] for text in (before, now)]
    numbers = [np.array([word for word in text if not word.isalpha()], float) for text in (before, now)]
    return words[0] == words[1] and len(before) == len(now) and bool(np.allclose(*numbers, rtol=0, atol=SAME_PLACE))


def _float32(box: Box) -> Box:
    return Box(box.start, np.ascontiguousarray(box.values, np.float32))
