"""A synthetic chest CT with three tumours: the sample scan, made from formulas and a seed.

No patient was scanned. Anatomy is drawn from simple shapes at an adult's usual sizes, so that the program can be tried,
shown and tested where no scan may be copied to. It says nothing about how well tumours are found in patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import fft, ndimage

from LungTumorSegLib.volume.geometry import Geometry, Volume

# HU of an unenhanced scan. Soft tissues: Lamba et al., AJR 2014;203:1013-1020. Lung, bone, air: Kalender, Computed
# Tomography, 3rd ed. 2011, fig. 1.5 (ranges; a middle is taken).
AIR, LUNG, FAT, MEDIASTINAL_FAT, MUSCLE, BLOOD = -1000, -865, -105, -95, 55, 42
LIVER, SPLEEN, FLUID, CARTILAGE, MARROW, CORTEX, TUMOUR = 57, 49, 8, 95, 190, 750, 40
NOISE_HU = 17  # standard deviation in soft tissue: a low-dose scan with a soft kernel

# Millimetres, LPS; z = 0 is the lowest slice. Lungs reach from about 5 to 250.
APEX, WIDEST = 252.0, 120.0
TUMOURS = (
    {"name": "round, lobulated and spiculated", "centre": (-84.0, -18.0, 178.0), "diameter_mm": 22.0},
    {"name": "small and round", "centre": (83.0, 42.0, 112.0), "diameter_mm": 12.0},
    {"name": "on the chest wall", "centre": (113.0, -18.0, 165.0), "diameter_mm": 35.0},
)


def make_phantom(
    seed: int = 0,
    shape: tuple[int, int, int] = (110, 256, 256),
    spacing: tuple[float, float, float] = (1.4, 1.4, 2.5),
    tumours: Sequence[dict] = TUMOURS,
) -> tuple[Volume, Volume, list[dict]]:
    """A synthetic chest CT (int16 HU), the mask of its tumours (uint8, label 1 to 3) and a description of each.

    Parameters
    ----------
    seed : int
        The same seed gives the same scan, bit by bit: vessels, texture, noise and the tumours' outlines.
    shape : (k, j, i)
        Array axes run to the head, the back and the left. Other sizes show more or less of the same chest, centred.
    spacing : (i, j, k)
        mm. The default shows 275 mm of chest, 358 mm wide.
    tumours
        As `TUMOURS`, to show the same patient at another date: the first is spiculated, the third stands on the chest
        wall, any other is round; one of diameter 0 is left out, but keeps its label.

    Each tumour: label, name, centre_lps, diameter_mm (of the sphere it was made from), volume_ml (of the mask).
    """
    chest = _Chest(np.random.default_rng(seed), shape, spacing)
    chest.draw_body()
    chest.draw_mediastinum()
    chest.draw_bones()
    chest.draw_lungs()
    mask = chest.draw_tumours(tumours)
    ct = Volume(chest.scanned(), chest.geometry, source="synthetic chest CT")
    truth = Volume(mask, chest.geometry, source="synthetic chest CT")
    described = [
        {
            "label": label,
            "name": tumour["name"],
            "centre_lps": tumour["centre"],
            "diameter_mm": tumour["diameter_mm"],
            "volume_ml": float(np.count_nonzero(mask == label)) * chest.geometry.voxel_volume_mm3 / 1000,
        }
        for label, tumour in enumerate(tumours, 1)
    ]
    return ct, truth, described


class _Chest:
    """The scan while it is drawn. A shape is a function in mm, positive inside, about its distance to the border."""

    def __init__(self, random: np.random.Generator, shape, spacing):
        self.random = random
        origin = -(np.array(shape[::-1]) - 1) / 2 * spacing
        origin[2] += 137.0
        self.geometry = Geometry(shape, spacing, tuple(origin))
        i, j, k = (np.arange(n, dtype=np.float32) for n in shape[::-1])
        self.x = (origin[0] + i * spacing[0]).astype(np.float32)[None, None, :]
        self.y = (origin[1] + j * spacing[1]).astype(np.float32)[None, :, None]
        self.z = (origin[2] + k * spacing[2]).astype(np.float32)[:, None, None]
        self.soft = float(spacing[0])  # borders are blurred over a voxel: the partial volume of a real scan
        self.hu = np.full(shape, AIR, np.float32)

        taper = np.clip((self.z - WIDEST) / (APEX - WIDEST), 0, 1)
        round_top = np.sqrt(np.clip(1 - taper**2.4, 1e-3, None))
        slim = 1 - 0.06 * np.clip((WIDEST - self.z) / WIDEST, 0, 1)
        self.half_width, self.half_depth = 133 * round_top * slim, 20 + 70 * round_top
        across = np.abs(self.x) / self.half_width
        along = np.abs(self.y - 2) / self.half_depth
        self.cavity = (1 - (across**2.4 + along**2.4) ** (1 / 2.4)) * np.minimum(self.half_width, self.half_depth)

    def waves(self, mm: float) -> np.ndarray:
        """Smooth noise of standard deviation 1 with structures of about this size, on a coarse grid and enlarged."""
        coarse = [
            max(4, round(n * s / mm * 2)) for n, s in zip(self.hu.shape, self.geometry.spacing[::-1], strict=True)
        ]
        noise = ndimage.gaussian_filter(self.random.standard_normal(coarse, np.float32), 1, mode="wrap")
        noise /= noise.std()
        for axis, n in enumerate(self.hu.shape):
            place = np.linspace(0, noise.shape[axis] - 1, n, dtype=np.float32)
            below = np.minimum(place.astype(int), noise.shape[axis] - 2)
            part = (place - below).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
            noise = noise.take(below, axis) * (1 - part) + noise.take(below + 1, axis) * part
        return noise

    def paint(self, inside: np.ndarray, hu, where=np.s_[:, :, :], strength: float = 1.0) -> None:
        part = np.clip(inside / self.soft + 0.5, 0, 1) * np.float32(strength)
        target = self.hu[where]
        target += part * (hu - target)

    def around(self, low, high) -> tuple[slice, slice, slice]:
        """The part of the array between two points, a little enlarged."""
        first = self.geometry.lps_to_ijk(np.minimum(low, high))[::-1] - 2
        last = self.geometry.lps_to_ijk(np.maximum(low, high))[::-1] + 3
        return tuple(
            slice(int(np.clip(a, 0, n)), int(np.clip(b, 0, n)))
            for a, b, n in zip(first, last, self.hu.shape, strict=True)
        )

    def ellipsoid(self, centre, radii, turn: float = 0.0):
        """Where, and how deep inside."""
        where = self.around(np.array(centre) - max(radii), np.array(centre) + max(radii))
        return where, self.depth_in(where, centre, radii, turn)

    def depth_in(self, where, centre, radii, turn: float = 0.0) -> np.ndarray:
        """Depth inside an ellipsoid, about in mm; `turn` in degrees about the body's axis."""
        x, y, z = self.x[:, :, where[2]] - centre[0], self.y[:, where[1]] - centre[1], self.z[where[0]] - centre[2]
        c, s = np.float32(np.cos(np.radians(turn))), np.float32(np.sin(np.radians(turn)))
        u, v = c * x + s * y, c * y - s * x
        return (1 - np.sqrt((u / radii[0]) ** 2 + (v / radii[1]) ** 2 + (z / radii[2]) ** 2)) * min(radii)

    def tube(self, a, b, radius_a: float, radius_b: float | None = None):
        """A rod with round ends between two points."""
        a, b = np.array(a, np.float32), np.array(b, np.float32)
        radius_b = radius_a if radius_b is None else radius_b
        widest = max(radius_a, radius_b) + self.soft
        where = self.around(np.minimum(a, b) - widest, np.maximum(a, b) + widest)
        x, y, z = self.x[:, :, where[2]] - a[0], self.y[:, where[1]] - a[1], self.z[where[0]] - a[2]
        d = b - a
        t = np.clip((x * d[0] + y * d[1] + z * d[2]) / max(float(d @ d), 1e-6), 0, 1)
        away = np.sqrt((x - t * d[0]) ** 2 + (y - t * d[1]) ** 2 + (z - t * d[2]) ** 2)
        return where, radius_a + (radius_b - radius_a) * t - away

    def pipe(self, points, radius: float, hu: float) -> None:
        for a, b in pairwise(points):
            where, inside = self.tube(a, b, radius)
            self.paint(inside, hu, where)

    # --- tissue by tissue

    def draw_body(self) -> None:
        x, y, z = self.x, self.y, self.z
        high = np.clip((z - 170) / 105, 0, 1)
        width, depth = 166 - 4 * high, 113 - 26 * high**1.5
        body = (1 - ((np.abs(x) / width) ** 2.5 + (np.abs(y - 4) / depth) ** 2.5) ** 0.4) * np.minimum(width, depth)
        body = body - 7 * np.exp(-((x / 16) ** 2) - ((y - 116) / 30) ** 2)  # the furrow along the spine
        self.body = body + 1.5 * self.waves(90)
        table = 3 - np.abs(y - 121 + 0.0012 * x**2 + 0 * z)
        self.paint(np.minimum(table, 170 - np.abs(x)), -250)
        self.paint(np.minimum(table - 2, 168 - np.abs(x)), -930)
        self.paint(self.body, MUSCLE)
        self.paint(self.body - 2, FAT)  # the outer 2 mm stay skin
        thickness = 9 + 9 * np.clip(-y / 60, 0, 1) + 4 * np.clip(np.abs(x) / 120 - 0.6, 0, 1) + 2 * self.waves(60)
        muscle = self.body - thickness
        streaks = self.waves(18)
        self.paint(muscle, MUSCLE)
        self.paint(np.minimum(np.minimum(muscle, -self.cavity - 9), 1.4 - 7 * np.abs(streaks)), FAT, strength=0.55)
        self.paint(self.cavity, MEDIASTINAL_FAT)
        dome_right = 72 - 0.0062 * (x + 68) ** 2 - np.where(y < -12, 0.0042, 0.0098) * (y + 12) ** 2
        dome_left = 58 - 0.0062 * (x - 72) ** 2 - np.where(y < -12, 0.0042, 0.0098) * (y + 12) ** 2
        self.dome = np.where(x < 2, dome_right, dome_left) + 2.5 * self.waves(45)[:1]
        self.draw_abdomen()

    def draw_abdomen(self) -> None:
        x, y, z = self.x, self.y, self.z
        inside = np.minimum(self.cavity - 4, self.dome - 3 - z)
        spine_gap = np.hypot(x, y - 66) - 34
        self.paint(np.minimum(np.minimum(inside, 38 - x - 0.25 * (y + 60)), spine_gap), LIVER + 3 * self.waves(40))
        where, spleen = self.ellipsoid((88, 42, 26), (36, 28, 38), 30)
        self.paint(np.minimum(spleen, inside[where]), SPLEEN, where)
        where, stomach = self.ellipsoid((68, -28, 22), (40, 36, 40), -20)
        self.paint(np.minimum(stomach, inside[where]), MUSCLE - 10, where)
        self.paint(np.minimum(stomach, inside[where]) - 4, FLUID, where)
        gas = np.minimum(np.minimum(stomach, inside[where]) - 4, -38 - self.y[:, where[1]])
        self.paint(gas, AIR, where)

    def draw_mediastinum(self) -> None:
        where = self.around((-70, -100, 20), (110, 60, 170))
        heart = np.full([s.stop - s.start for s in where], -50, np.float32)
        for centre, radii, turn in (
            ((30, -32, 82), (54, 37, 37), 35),  # left ventricle, apex to the front and left
            ((4, -40, 92), (44, 30, 40), 30),  # right ventricle
            ((-24, -14, 98), (26, 32, 36), 0),  # right atrium
            ((6, -24, 128), (34, 28, 30), 0),  # roots of the great vessels
        ):
            heart = -_soft_min(-heart, -self.depth_in(where, centre, radii, turn), 14)
        self.heart = where, heart
        self.paint(heart, FAT, where)
        self.paint(heart - 4.5 - 2.5 * self.waves(28)[where], BLOOD + 5, where)
        groove = 1.6 - np.abs(self.depth_in(where, (30, -32, 82), (54, 37, 37), 35) - 1)
        self.paint(np.minimum(groove, heart - 8), FAT, where, 0.7)
        w, atrium = self.ellipsoid((2, 6, 124), (36, 22, 24))
        self.paint(atrium, BLOOD, w)
        aorta = [(6, -22, 115), (-6, -26, 150), (-2, -20, 182), (8, -4, 197), (20, 18, 198), (25, 36, 186)]
        aorta += [(25, 44, 165), (23, 44, 90), (14, 42, 0), (12, 42, -20)]
        self.pipe(aorta[:6], 15, BLOOD)
        self.pipe(aorta[5:], 12.5, BLOOD)
        self.pipe([(-25, -8, 112), (-27, -16, 170), (-25, -20, 208)], 9, BLOOD)
        self.pipe([(-25, -20, 208), (-34, -22, 240), (-44, -24, 280)], 6.5, BLOOD)
        self.pipe([(-25, -20, 206), (4, -33, 216), (30, -26, 240), (40, -22, 280)], 6, BLOOD)
        self.pipe([(-4, -14, 198), (-18, -10, 225), (-24, -6, 280)], 6, BLOOD)
        self.pipe([(10, 0, 200), (14, -2, 235), (20, -6, 280)], 4.5, BLOOD)
        self.pipe([(20, 14, 200), (28, 10, 230), (36, 2, 280)], 5, BLOOD)
        self.pipe([(20, -38, 122), (22, -22, 150), (18, -6, 160)], 13, BLOOD)
        self.pipe([(18, -6, 158), (-12, -4, 153), (-40, 4, 148)], 10, BLOOD)
        self.pipe([(18, -6, 160), (36, 10, 163), (46, 16, 152)], 10, BLOOD)
        for side in (-1, 1):
            self.pipe([(side * 24, 8, 128), (side * 50, 6, 134)], 6.5, BLOOD)
        self.pipe([(4, 38, 280), (6, 36, 170), (12, 32, 70), (26, 10, 30)], 6.5, MUSCLE - 15)
        self.pipe([(-13, 44, 0), (-13, 46, 160), (-14, 30, 172), (-24, 2, 172)], 3.5, BLOOD)
        carina = np.array((-1, 12, 168))
        self.hila = {-1: np.array((-40, 6, 146)), 1: np.array((42, 12, 148))}
        self.airways = [((-1, 2, 285), carina, 9.0, 9.0)]
        self.airways += [(carina, hilum, 7.5, 5.5) for hilum in self.hila.values()]
        for a, b, start, end in self.airways:
            where, inside = self.tube(a, b, start + 2, end + 1.6)
            self.paint(inside, 25, where)
        for side in (-1, 1):  # thyroid
            where, inside = self.ellipsoid((side * 15, -6, 268), (9, 10, 18))
            self.paint(inside, 95, where)

    def draw_bones(self) -> None:
        x, y, z = self.x, self.y, self.z
        back = y - 66
        body = (1 - np.sqrt((x / 18) ** 2 + (back / 15) ** 2)) * 15
        disc = np.abs(np.mod(z, 25.0) - 12.5) - 10
        arch = np.minimum(15 - np.hypot(x, back - 20), np.hypot(x, back - 19.5) - 9.5)
        spine = np.minimum(3.2 - np.abs(x) + 0 * z, np.minimum(back - 28, 50 - back)) - 3 * (np.mod(z + 6, 25.0) > 17)
        sideways = np.minimum(4.5 - np.abs(back - 24 + 0 * z) - 0.06 * np.abs(x), 33 - np.abs(x))
        sideways = np.minimum(sideways, np.minimum(np.abs(x) - 8, 7 - np.abs(np.mod(z, 25.0) - 9)))
        for bone in (np.minimum(body, 3 - disc), arch, spine, sideways):
            self.paint(bone, CORTEX - 250)
        self.paint(body - 1.8, MARROW + 25 * self.waves(8))
        self.paint(np.minimum(body - 0.5, disc + 0.5), 80)
        self.paint(9 - np.hypot(x, back - 19.5), 30)
        out = -self.cavity
        angle = np.arctan2(np.abs(x) / self.half_width, (y - 2) / self.half_depth) / np.pi  # 0 at the back, 1 in front
        ribs = np.mod(z + 70 * np.clip(angle - 0.06, 0, 1) ** 0.85 + 4, 25.0) - 12.5
        shell = out - 6
        rib = (1 - np.sqrt((shell / 4.2) ** 2 + (ribs / 6.4) ** 2)) * 4.2
        rib = np.minimum(rib, np.minimum((angle - 0.09) * 150, 226 + 60 * (0.5 - angle) - z))
        bony = np.minimum(rib, (0.80 - angle) * 150)
        self.paint(np.minimum(rib, (0.955 - angle) * 200), CARTILAGE)
        self.paint(bony, CORTEX)
        self.paint(bony - 1.6, MARROW)
        front = y + self.half_depth + 5
        breadth = 17 + 10 * np.clip((z - 195) / 15, 0, 1)
        sternum = (1 - ((np.abs(x) / breadth) ** 3 + np.abs(front / 6.5) ** 3) ** (1 / 3)) * 6.5
        sternum = np.minimum(sternum, np.minimum(z - 88, 228 - z))
        self.paint(sternum, CORTEX - 300)
        self.paint(sternum - 1.8, MARROW - 60)
        breadth = 0.15 * np.clip((z - 112) / 75, 0, 1) ** 0.7
        blade = np.minimum(1.7 - np.abs(out - 19 - 4 * np.sin(angle * 16)), (breadth - np.abs(angle - 0.27)) * 250)
        blade = np.minimum(blade, 246 - z)
        self.paint(blade, CORTEX - 250)
        for side in (-1, 1):  # collar bones
            self.pipe([(side * 22, -62, 232), (side * 80, -52, 250), (side * 140, -20, 262)], 6, CORTEX - 100)
            self.pipe([(side * 22, -62, 232), (side * 80, -52, 250), (side * 140, -20, 262)], 3.5, MARROW)

    def draw_lungs(self) -> None:
        x, y, z = self.x, self.y, self.z
        depth = [-90, -70, -45, -10, 20, 50, 66, 90]
        right = np.interp(y, depth, [9, 11, 26, 37, 33, 24, 25, 29]).astype(np.float32)
        left = np.interp(y, depth, [7, 9, 22, 36, 38, 40, 29, 29]).astype(np.float32)
        top = np.clip((z - 180) / 50, 0, 1)
        apart = 24 + 22 * np.clip((z - 200) / 50, 0, 1) ** 2
        right, left = right * (1 - top) + apart * top, left * (1 - top) + (apart + 2) * top
        wavy = self.waves(32)
        beside = np.where(x < 0, -x - right, x - left) + 2.6 * wavy
        above = (z - self.dome) * 0.85
        room = _soft_min(_soft_min(self.cavity - 1.5, beside, 5), above, 3)
        where, heart = self.heart
        room[where] = _soft_min(room[where], -heart - 2.5, 3)
        self.lung = room
        gravity = 45 * np.clip((y + 90) / 180, 0, 1) ** 2
        self.paint(room, LUNG + gravity + 12 * self.waves(45) + 11 * self.waves(7))
        for side, slope in ((-1, 1.05), (1, 1.1)):
            fissure = 0.35 - np.abs((z - 128 - slope * (y - 8)) * 0.68 + 2 * wavy)
            part = np.clip(fissure / self.soft + 0.5, 0, 1) * (room > 1) * (side * x > 0)
            self.hu += 110 * part
        for side, hilum in self.hila.items():
            self.draw_trees(side, hilum)

    def draw_trees(self, side: int, hilum: np.ndarray) -> None:
        """Arteries and veins, and beside the arteries the bronchi with their walls, finer from branch to branch."""
        arteries, veins = self.places(side, 3.5, 760), self.places(side, 3.5, 620)
        vessels = _grow(hilum, arteries, 0.78) + _grow(hilum - np.array((0, 4, 14)), veins, 0.74)
        bronchi = _grow(hilum + np.array((0, 3, 1)), self.places(side, 18, 36), 0.85)
        for a, b, start, end in vessels:
            where, inside = self.tube(a, b, start, end)
            self.paint(inside, BLOOD, where, min(1.0, (end / 1.0) ** 1.5))
        for a, b, start, end in bronchi:
            where, inside = self.tube(a, b, start + 1.0, end + 0.9)
            self.paint(inside, -60, where)
        for a, b, start, end in bronchi + self.airways:
            where, inside = self.tube(a, b, start, end)
            self.paint(inside, AIR + 15, where)

    def places(self, side: int, depth_mm: float, count: int) -> np.ndarray:
        """Random voxels (LPS) of a lung, at least so far from its border."""
        inside = np.argwhere((self.lung > depth_mm) & (side * self.x > 0))
        chosen = self.random.choice(inside, min(count, len(inside)), replace=False)
        return self.geometry.ijk_to_lps(chosen[:, ::-1])

    def draw_tumours(self, tumours: Sequence[dict]) -> np.ndarray:
        mask = np.zeros(self.hu.shape, np.uint8)
        lobes, grain = self.waves(22), self.waves(9)
        for label, tumour in enumerate(tumours, 1):
            if not tumour["diameter_mm"]:
                continue
            radius, centre = tumour["diameter_mm"] / 2, np.array(tumour["centre"])
            where, ball = self.ellipsoid(centre, (radius + 3,) * 3)
            solid = ball - 3 + radius * (0.12 if label == 1 else 0.05) * lobes[where]
            if label == 3:
                solid = np.minimum(solid, self.lung[where] + 3)  # 3 mm into the pleura and the wall
            if label == 1:
                for direction in self.random.standard_normal((20, 3)):
                    direction /= np.linalg.norm(direction)
                    tip = centre + direction * radius * self.random.uniform(1.3, 2.0)
                    w, spike = self.tube(centre + 0.7 * radius * direction, tip, 2.2, 0.6)
                    self.paint(spike, TUMOUR - 10, w)
            self.paint(solid, TUMOUR + 6 * grain[where], where)
            mask[where][solid > 0] = label
        return mask

    def scanned(self) -> np.ndarray:
        """Blurred as by a scanner, with the grain of filtered back-projection (ramp times apodisation) as noise."""
        k, j, i = self.hu.shape
        hu = ndimage.gaussian_filter(self.hu, (0.35, 0.5, 0.5))
        grain = np.hypot(fft.fftfreq(j)[:, None], fft.rfftfreq(i)[None, :]).astype(np.float32)
        grain *= np.exp(-((grain / 0.22) ** 2))
        noise = fft.irfft2(fft.rfft2(self.random.standard_normal((k, j, i), np.float32)) * grain, s=(j, i))
        noise *= NOISE_HU / noise.std() * np.clip(0.55 + 0.45 * (self.body > 0), 0, 1)
        return np.clip(np.rint(hu + noise), -1024, 3071).astype(np.int16)


def _soft_min(a: np.ndarray, b: np.ndarray, mm: float) -> np.ndarray:
    """The smaller of two, with the edge between them rounded over some mm (Quilez's polynomial minimum)."""
    mix = np.clip(mm - np.abs(a - b), 0, None) / mm
    return np.minimum(a, b) - mix * mix * np.float32(mm / 4)


def _grow(root: np.ndarray, leaves: np.ndarray, leaf_radius: float) -> list[tuple]:
    """A tree of rods (start, end, radius, radius) from the root to every point.

    From near to far, each point joins the node that makes the way from the root short but not straight (Prim's tree
    with a share of the path's length). Radii after Murray: the cube of a branch is the sum of its children's.
    """
    leaves = leaves[np.argsort(np.linalg.norm(leaves - root, axis=1))]
    nodes = np.vstack([root, leaves])
    parent, path = np.zeros(len(nodes), int), np.zeros(len(nodes))
    for n in range(1, len(nodes)):
        step = np.linalg.norm(nodes[:n] - nodes[n], axis=1)
        best = int(np.argmin(step + 0.55 * path[:n]))
        parent[n], path[n] = best, path[best] + step[best]
    flow = np.zeros(len(nodes))
    for n in range(len(nodes) - 1, 0, -1):
        flow[n] += 1
        flow[parent[n]] += flow[n]
    radius = leaf_radius * np.clip(flow, 1, None) ** (1 / 3)
    radius[0] = radius[1:].max()
    return [
        (nodes[parent[n]], nodes[n], min(radius[parent[n]], 1.25 * radius[n]), radius[n]) for n in range(1, len(nodes))
    ]
