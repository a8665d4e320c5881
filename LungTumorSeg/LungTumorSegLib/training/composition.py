"""Sets a nodule's crop into a lung so that neither the crop's border nor its middle tells where the nodule ends.

A crop ends a few millimetres beyond its nodule. A network that sees where data end learns the box, not the nodule.
So every training window is real lung throughout: the crop is set where the surroundings resemble its own rim, through
one of two soft edges drawn at random - the crop's own box, each face trimmed by a random part of its margin, or a
close halo around the nodule - and other, unlabelled nodules are set beside it in the same way, so that a seam alone
means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import avg_pool3d, max_pool3d

from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.crops import Nodule
from LungTumorSegLib.training.sampling import sample, window_positions

TRIES = 160
BOXES = 0.6  # share of crops set in by their box; the others by a halo around the nodule
CONTINUED_MM = 8.0


@dataclass
class Scene:
    """A window being composed; all (d, h, w) float32.

    image : HU. target : 0..1, how surely a voxel belongs to the lesion. known : 1 where the target is to be learnt,
    0 where tumour may lie that nobody outlined. linear : 3 x 3 mm (k, j, i) of the background a voxel.
    """

    image: torch.Tensor
    target: torch.Tensor
    known: torch.Tensor
    linear: np.ndarray


def background_scene(background: Background, positions: torch.Tensor, linear: np.ndarray) -> Scene:
    """The scan read at positions (d, h, w, 3) mm, without lesion: target 0, known by the scan's own unknown boxes."""
    image = sample([background.image], background.spacing, positions)[0]
    known = sample([background.coarse_known], background.coarse_spacing, positions)[0]
    return Scene(image, torch.zeros_like(image), (known > 0.999).float(), linear)


def crop_alone(
    nodule: Nodule, anchor: np.ndarray, shape: tuple[int, int, int], linear: np.ndarray, rng: np.random.Generator
) -> Scene:
    """The crop as it is, its edge continued outward and unknown there: how a scan looks that ends near the lesion.

    anchor : position in the crop, mm, that comes to the window's middle. Half of the time the crop ends nearer in
    plane, somewhere within its margin; a scan's last slices are few whatever is done.
    """
    positions = window_positions(shape, anchor, linear)
    low, high = nodule.extent_mm
    far = (np.array(nodule.image.shape) - 1) * nodule.spacing
    first, last = np.zeros(3), far
    if rng.random() < 0.5:
        trimmed = rng.uniform(0, 0.8, (2, 3)) * [0, 1, 1]
        first, last = trimmed[0] * low, far - trimmed[1] * (far - high)
    first, last = (torch.from_numpy(face.astype(np.float32)) for face in (first, last))
    image, target = sample([nodule.image, nodule.target], nodule.spacing, positions.clamp(first, last))
    half = torch.tensor(nodule.spacing, dtype=torch.float32) / 2
    known = ((positions >= first - half) & (positions <= last + half)).all(-1).float()
    return Scene(image, target * known, known, linear)


def fitting_place(
    nodule: Nodule,
    anchor: np.ndarray,
    background: Background,
    places: np.ndarray,
    magnification: float,
    rng: np.random.Generator,
    turns: bool = True,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Where in the scan the nodule's surroundings fit best, of some random places.

    Returns the place (k, j, i) mm for the nodule's `anchor`; the 3 x 3 mirroring (and, with `turns`, exchange of
    in-plane axes) that takes the nodule's directions to the scan's; and the mean difference there in HU.
    """
    rim, rim_hu = nodule.rim
    chosen = places[rng.integers(len(places), size=TRIES)]
    mirrors = np.zeros((TRIES, 3, 3))
    mirrors[:, range(3), range(3)] = rng.choice([-1.0, 1.0], (TRIES, 3))
    if turns:
        swapped = rng.random(TRIES) < 0.5
        mirrors[swapped] = mirrors[swapped][:, [0, 2, 1]]
    offsets = (rim - anchor) * magnification
    there = background.look_up(chosen[:, None] + np.einsum("tab,nb->tna", mirrors, offsets))
    apart = np.abs(there.clip(-1000, 150) - rim_hu.clip(-1000, 150)).mean(1)
    best = int(np.argmin(apart))
    return chosen[best], mirrors[best], float(apart[best])


def set_nodule(
    scene: Scene,
    nodule: Nodule,
    anchor: np.ndarray,
    at: np.ndarray,
    linear: np.ndarray,
    rng: np.random.Generator,
    labelled: bool = True,
) -> np.ndarray:
    """Sets the nodule into the scene, changing it in place.

    anchor : position in the crop, mm; `at` : the scene's voxel (k, j, i), may be fractional, where the anchor comes to
    lie. linear : 3 x 3 mm of the crop a voxel of the scene. Unlabelled, the nodule is lung like any other (target 0).
    Returns the scene's voxel box (2, 3) that was touched, empty where the nodule fell outside.
    """
    shape = np.array(scene.image.shape)
    faces, feather_mm = _faces(nodule, rng)
    reach = np.stack([faces[0] - feather_mm, faces[1] + feather_mm])
    corners = np.array(np.meshgrid(*reach.T)).reshape(3, -1).T
    reached = at + (corners - anchor) @ np.linalg.inv(linear).T
    first = np.floor(reached.min(0)).astype(int).clip(0, shape)
    last = (np.ceil(reached.max(0)).astype(int) + 1).clip(0, shape)
    if (last <= first).any():
        return np.stack([first, first])
    part = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    size = tuple(int(n) for n in last - first)
    positions = window_positions(size, anchor + linear @ ((first + last - 1) / 2 - at), linear)
    image, target, mask = sample([nodule.image, nodule.target, nodule.mask], nodule.spacing, positions)
    spacing = torch.tensor(nodule.spacing, dtype=torch.float32)
    beyond = (positions / spacing - (torch.tensor(nodule.image.shape) - 1) / 2).abs()
    target = target * (beyond <= torch.tensor(nodule.image.shape) / 2).all(-1)
    alpha = _halo(mask, target, positions, nodule, linear, rng)
    if rng.random() < BOXES:
        low, high = torch.from_numpy(faces.astype(np.float32))
        inner = torch.minimum(positions - low, high - positions).amin(-1)
        alpha = torch.maximum((0.5 + inner / feather_mm).clamp(0, 1), alpha)
    scene.image[part] = torch.lerp(scene.image[part], image, alpha)
    scene.target[part] *= 1 - alpha.round()
    if labelled:
        scene.target[part] = torch.maximum(scene.target[part], target * alpha)
        scene.known[part] = torch.maximum(scene.known[part], (alpha > 0.5).float())
    return np.stack([first, last])


def _faces(nodule: Nodule, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Where the box's faces are put, (2, 3) mm, low and high, and how wide they fade.

    Each face loses a random part of its margin. Crops end one slice beyond the nodule, which leaves nothing to vary
    towards head and feet: there the outermost slice, free of nodule, is often continued for some millimetres instead.
    """
    low, high = nodule.extent_mm
    far = (np.array(nodule.image.shape) - 1) * nodule.spacing
    faces = np.stack([rng.uniform(0, 0.8, 3) * low, far - rng.uniform(0, 0.8, 3) * (far - high)])
    if rng.random() < 0.7:
        if not nodule.share[0].any():
            faces[0, 0] = -rng.uniform(0, CONTINUED_MM)
        if not nodule.share[-1].any():
            faces[1, 0] = far[0] + rng.uniform(0, CONTINUED_MM)
    return faces, rng.uniform(1.0, 4.0)


def _halo(
    mask: torch.Tensor,
    target: torch.Tensor,
    positions: torch.Tensor,
    nodule: Nodule,
    linear: np.ndarray,
    rng: np.random.Generator,
) -> torch.Tensor:
    """A soft edge (d, h, w), 0..1, a few millimetres around the nodule: 1 over it, 0 well outside the crop."""
    far = (torch.tensor(nodule.image.shape) - 1) * torch.tensor(nodule.spacing, dtype=torch.float32)
    outside = torch.maximum(-positions, positions - far).amax(-1)  # mm beyond the outermost voxel centres
    halo_mm = rng.choice([1.5, 2.5, 4.0])
    reach = [int(min(4, max(1 if v < 2.6 else 0, round(halo_mm / v)))) for v in np.linalg.norm(linear, axis=0)]
    marked = torch.maximum(mask, (target > 0.1).float())[None]
    wide = widened(marked, reach)
    blur = [1 if r and n > 2 else 0 for r, n in zip(reach, mask.shape, strict=True)]
    halo = avg_pool3d(wide, [2 * b + 1 for b in blur], stride=1, padding=blur, count_include_pad=False)[0]
    return halo * (1.5 - outside / 2).clamp(0, 1)


def widened(image: torch.Tensor, reach: list[int]) -> torch.Tensor:
    """The highest value (1, d, h, w) within `reach` voxels along each axis, an axis at a time."""
    for axis, r in enumerate(reach):
        if r:
            kernel, padding = [1, 1, 1], [0, 0, 0]
            kernel[axis], padding[axis] = 2 * r + 1, r
            image = max_pool3d(image, kernel, stride=1, padding=padding)
    return image
