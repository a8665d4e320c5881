"""One probability from all answers: the automatic one, those to the prompts, and what the user took away.

A prompt's answer takes over the automatic lesions in which its points lie, or which lie for the most part in its box:
it replaces them. Beside them it adds: the larger of both probabilities stands. A point outside takes away the lesion in
which it lies. "Lesion" means what was seen when the mark was set: the component at the threshold of then. So moving the
threshold brings nothing back, and takes nothing that was not meant. What the component is surrounded by goes with
it - else a lower threshold would show a shell - except where another lesion is nearer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.ndimage import distance_transform_edt

from LungTumorSegLib.measurement.components import find_components
from LungTumorSegLib.scene.blocks import Blocks, Place
from LungTumorSegLib.scene.prompts import Prompt, TakenAway
from LungTumorSegLib.volume.box import Box, hull
from LungTumorSegLib.volume.geometry import Geometry

SURROUNDINGS_MM = 10.0  # how far from a lesion what surrounds it is looked for
FAINTER = (0.6, 0.3)  # of the threshold: a component there without a lesion in it is a fainter lesion, no surroundings


def compose(
    automatic: Box,
    answers: Sequence[tuple[Prompt, Box]],
    taken_away: Sequence[TakenAway],
    grid: Geometry,
) -> Box:
    """The effective probability, float32, in the box around all of them.

    Parameters
    ----------
    automatic : the probability of every tumour; may be empty.
    answers : prompts as they were asked, with the probability of their lesion; an empty one takes nothing over.
    grid : the scan's.
    """
    room = (Box(answer.start, np.zeros_like(answer.values)) for _, answer in answers)
    whole = hull([Box(automatic.start, automatic.values.copy()), *room])
    for box in changes(automatic, lambda: Blocks(automatic.values), answers, taken_away, grid):
        ours, theirs = whole.overlap(box)
        ours[...] = theirs
    return whole


def changes(
    automatic: Box,
    blocks: Callable[[], Blocks],
    answers: Sequence[tuple[Prompt, Box]],
    taken_away: Sequence[TakenAway],
    grid: Geometry,
) -> list[Box]:
    """Where and to what the automatic answer changes: boxes to be written over it, in this order.

    blocks : gives those of the automatic answer's values, where they are needed.
    """
    changed: list[Box] = []

    def now(place: Box) -> np.ndarray:
        """The probability in the place of a box, with the changes so far."""
        values = Box(place.start, np.zeros(place.values.shape, np.float32))
        for box in (automatic, *changed):
            overlap = values.overlap(box)
            if overlap is not None:
                overlap[0][...] = overlap[1]
        return values.values

    for mask in _gone(automatic, blocks, answers, taken_away, grid):
        changed.append(Box(mask.start, np.where(mask.values, np.float32(0), now(mask))))
    for _, answer in answers:
        if answer.values.any():
            changed.append(Box(answer.start, np.maximum(now(answer), answer.values)))
    return changed


def _gone(automatic: Box, get_blocks: Callable[[], Blocks], answers, taken_away, grid: Geometry) -> list[Box]:
    """Masks (bool) of the automatic lesions that are not shown any more."""
    if not automatic.values.size or not (answers or taken_away):
        return []
    blocks = get_blocks()
    own = grid.box(automatic.start, automatic.stop)
    masks = [mask for away in taken_away for mask in _around_point(blocks, own, away.point, away.threshold)]
    for prompt, answer in answers:
        if answer.values.any():
            for point in prompt.inside:
                masks += _around_point(blocks, own, point, prompt.threshold)
            if prompt.box is not None:
                masks += _in_box(blocks, own, prompt.box, prompt.threshold)
    return [Box(tuple(a + b for a, b in zip(automatic.start, mask.start, strict=True)), mask.values) for mask in masks]


def _around_point(automatic: Blocks, grid: Geometry, point, threshold: float) -> list[Box]:
    """The lesion in which the point lies; none where it lies in none."""
    index = np.rint(grid.lps_to_ijk(point)).astype(int)[::-1]
    if (index < 0).any() or (index >= grid.shape).any() or automatic.values[tuple(index)] < threshold:
        return []

    def chosen(labels: Box) -> set[int]:
        at = index - labels.start
        return {int(labels.values[tuple(at)])} if (at >= 0).all() and (at < labels.values.shape).all() else set()

    return _lesions(automatic, grid, threshold, (index, index + 1), chosen)


def _in_box(automatic: Blocks, grid: Geometry, corners, threshold: float) -> list[Box]:
    """The lesions with more than half of their voxels between the corners."""
    low, high = np.sort(corners, axis=0)
    eight = np.stack(np.meshgrid(*zip(low, high, strict=True)), axis=-1).reshape(-1, 3)
    index = grid.lps_to_ijk(eight)[:, ::-1]

    def chosen(labels: Box) -> set[int]:
        kji = np.argwhere(labels.values)
        lps = grid.ijk_to_lps((kji + labels.start)[:, ::-1])
        inside = ((low <= lps) & (lps <= high)).all(axis=1)
        numbers = labels.values[tuple(kji.T)]
        most = np.bincount(numbers, inside) * 2 > np.bincount(numbers)
        return set(np.flatnonzero(most).tolist())

    return _lesions(automatic, grid, threshold, (index.min(axis=0), index.max(axis=0) + 1), chosen)


def _lesions(
    automatic: Blocks, grid: Geometry, threshold: float, near: tuple, chosen: Callable[[Box], set[int]]
) -> list[Box]:
    """The chosen components at the threshold, of those boxes that reach into `near`, with their surroundings."""
    found = []
    for place in automatic.above(threshold):
        if any(part.stop <= a or part.start >= b for part, a, b in zip(place, *near, strict=True)):
            continue
        components = find_components(automatic.values[place] >= threshold)
        labels = components.painted(np.arange(len(components.boxes), dtype=np.int32) + 1)
        for number in sorted(chosen(Box(tuple(part.start for part in place), labels)) - {0}):
            inner = tuple(slice(int(a), int(b)) for a, b in components.boxes[number - 1])
            core = tuple(slice(p.start + n.start, p.start + n.stop) for p, n in zip(place, inner, strict=True))
            found.append(_with_surroundings(automatic, grid, threshold, core, labels[inner] == number))
    return found


def _with_surroundings(automatic: Blocks, grid: Geometry, threshold: float, core: Place, mask: np.ndarray) -> Box:
    """A component with the lesser values around it that lie nearer to it than to another component."""
    spacing = np.array(grid.spacing[::-1])
    margin = np.ceil(SURROUNDINGS_MM / spacing).astype(int)
    place = tuple(
        slice(max(part.start - int(m), 0), min(part.stop + int(m), n))
        for part, m, n in zip(core, margin, grid.shape, strict=True)
    )
    values = automatic.values[place]
    own = np.zeros(values.shape, bool)
    own[tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(core, place, strict=True))] = mask
    lesions = values >= threshold
    for share in FAINTER:
        components = find_components(values >= share * threshold)
        numbers = components.painted(np.arange(len(components.boxes), dtype=np.int32) + 1)
        with_lesion = np.zeros(len(components.boxes) + 1, bool)
        with_lesion[numbers[lesions]] = True
        lesions |= (numbers > 0) & ~with_lesion[numbers]
    around = ~lesions & (values > 0)
    start = tuple(part.start for part in place)
    if not (lesions & ~own).any():
        return Box(start, own | around)
    nearest = distance_transform_edt(~lesions, spacing, return_distances=False, return_indices=True)
    return Box(start, own | (around & own[tuple(nearest)]))
