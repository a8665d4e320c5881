"""What is reported of each lesion."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

import numpy as np
from scipy.ndimage import find_objects

from LungTumorSegLib.measurement.components import bounding_box
from LungTumorSegLib.measurement.diameters import LesionVoxels, largest_diameter, long_axis, short_axis
from LungTumorSegLib.measurement.intervals import measuring_by_cut
from LungTumorSegLib.measurement.lung_fields import LungFields
from LungTumorSegLib.measurement.steps import Steps, at_once
from LungTumorSegLib.volume.geometry import Geometry

CONVENTION = (
    "Diameters in mm: greatest distance between voxel centres plus half a voxel's extent along the axis. "
    "Long axis: the longest in any slice of the acquisition plane. "
    "Short axis: the longest segment within the lesion at right angles to the long axis, in the same slice. "
    "Volume: number of voxels times voxel volume."
)

# Above lies the solid part of a subsolid nodule. Scholten et al., Eur Radiol 25 (2015) 488-496: -300 HU finds the solid
# part that two radiologists see with a sensitivity of 90 % and a specificity of 88 %.
SOLID_HU = -300

Point = tuple[float, float, float]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Lesion:
    """One lesion's measures. Full precision: round for display only, never before comparing.

    Points are LPS mm; the two points of a diameter are exactly as far apart as its value says. See `CONVENTION`.

    id : its label. slice : index of the long axis' slice along the slice axis of the source array.
    mean_probability : over the lesion's voxels; None where only a mask was measured.
    centre_lps : centre of gravity; it may lie outside a crescent.
    measurable : may be a target by size, see `is_measurable`.
    mean_hu : over the lesion's voxels; None where no CT was given, as for the three below.
    solid_share : share of the lesion's voxels of at least `SOLID_HU`, 0..1.
    side : "left" or "right" lung, the patient's.
    pleura_mm : from the lesion's edge to the surface of the lung, about; see `LungFields`.
    long_axis_interval_mm, short_axis_interval_mm : least and greatest value where the probability is cut at 0.3 to
        0.7 instead; None where there is no probability, and for an axis that the user drew.
    node : marked by the user as a lymph node, whose short axis counts.
    edited : the user moved the long or the short axis; the values are those of the lines.
    merged_from : ids of lesions that grew into this one.
    corrected : the user painted or erased voxels of it.
    """

    id: int
    volume_ml: float
    long_axis_mm: float
    short_axis_mm: float
    long_axis_points_lps: tuple[Point, Point]
    short_axis_points_lps: tuple[Point, Point]
    slice: int
    max_3d_diameter_mm: float
    max_3d_points_lps: tuple[Point, Point]
    mean_probability: float | None
    centre_lps: Point
    voxel_count: int
    measurable: bool
    mean_hu: float | None = None
    solid_share: float | None = None
    long_axis_interval_mm: Interval | None = None
    short_axis_interval_mm: Interval | None = None
    side: str | None = None
    pleura_mm: float | None = None
    node: bool = False
    edited: bool = False
    merged_from: tuple[int, ...] = ()
    corrected: bool = False

    @property
    def who_product_mm2(self) -> float:
        """Long times short axis (WHO handbook for reporting results of cancer treatment, 1979)."""
        return self.long_axis_mm * self.short_axis_mm

    def as_dict(self) -> dict:
        """JSON-ready, keys as the fields are named; `Lesion(**d)` makes it again."""
        return asdict(self)


def is_measurable(long_axis_mm: float, short_axis_mm: float, node: bool, slice_mm: float) -> bool:
    """Whether a lesion may be a target by its size: a long axis of at least 10 mm, of a node a short axis of at least
    15 mm, and either of at least two slices, which counts where slices are thicker than 5 mm (RECIST 1.1).
    """
    counts, least = (short_axis_mm, 15.0) if node else (long_axis_mm, 10.0)
    return bool(counts >= max(least, 2 * slice_mm))


def slice_distance(geometry: Geometry) -> float:
    """From slice to slice, mm; taken for the slice thickness."""
    return geometry.spacing[2 - geometry.slice_axis]


def measuring(
    labels: np.ndarray,
    geometry: Geometry,
    probability: np.ndarray | None = None,
    start: tuple[int, int, int] = (0, 0, 0),
    ct: np.ndarray | None = None,
    lungs: LungFields | None = None,
    nodes: Collection[int] = (),
    intervals: bool = True,
) -> Steps[list[Lesion]]:
    """Measure every lesion of a labelmap, in steps of a few hundredths of a second for a lesion of 5 cm.

    Parameters
    ----------
    labels : array [k, j, i]
        Bool or integer; each value above 0 is one lesion, in one piece or not. See `lesion_labels`.
    geometry : Geometry
        The grid of `labels`; where these are a box of a scan, ``scan.box(start, stop)``.
    probability : array [k, j, i], optional
        On the same grid.
    start : (int, int, int)
        Where in the source array `labels` begin (k, j, i), so that `Lesion.slice` counts from the source's first slice.
    ct : array [k, j, i], optional
        HU on the same grid: for the mean and the solid share.
    lungs : LungFields, optional
        Of the whole scan (`find_lung_fields`): for the side and the distance to the pleura.
    nodes : ids, optional
        The lesions that are lymph nodes.
    intervals : bool
        Also measure what the diameters are at other thresholds of the probability (the more costly half).

    Returns
    -------
    list of Lesion
        By rising id. Empty where no voxel is labelled.
    """
    if labels.dtype == bool:
        labels = labels.view(np.uint8)
    whole = bounding_box(labels)
    if whole is None:
        return []
    corner = [part.start for part in whole]
    inner = labels[whole]
    lesions = []
    boxes = find_objects(inner) if inner.max() > 1 else [tuple(slice(0, n) for n in inner.shape)]
    for number, box in enumerate(boxes, start=1):
        if box is None:
            continue
        in_array = tuple(slice(part.start + at, part.stop + at) for part, at in zip(box, corner, strict=True))
        at = tuple(part.start for part in in_array)
        voxels = LesionVoxels(inner[box] == number, geometry.box(at, tuple(part.stop for part in in_array)))
        across = geometry.slice_axis
        lesion = measured(number, voxels, at[across] + start[across], number in nodes)
        more = {}
        if probability is not None:
            more["mean_probability"] = float(probability[in_array][voxels.mask].mean(dtype=np.float64))
        if ct is not None:
            hu = ct[in_array][voxels.mask]
            more["mean_hu"] = float(hu.mean(dtype=np.float64))
            more["solid_share"] = float(np.count_nonzero(hu >= SOLID_HU) / len(hu))
        if lungs is not None:
            yield
            more["side"], more["pleura_mm"] = lungs.place(sampled_lps(voxels))
        lesions.append(replace(lesion, **more))
        yield
    if probability is None or not intervals:
        return lesions
    known = {lesion.id: (lesion.long_axis_mm, lesion.short_axis_mm) for lesion in lesions}
    by_cut = yield from measuring_by_cut(labels, geometry, probability, known)
    return [with_intervals(lesion, by_cut[lesion.id]) if lesion.id in by_cut else lesion for lesion in lesions]


measure = at_once(measuring)


def measured(number: int, voxels: LesionVoxels, first_slice: int, node: bool) -> Lesion:
    """One lesion's shape; `first_slice` = index of the voxels' first slice in the source."""
    long = long_axis(voxels)
    short = short_axis(voxels, long)
    # In space half a voxel may be less than within the slice: the long axis is a diameter in space, too.
    largest = max(largest_diameter(voxels), long, key=lambda diameter: diameter.length_mm)
    count = int(np.count_nonzero(voxels.mask))
    return Lesion(
        id=number,
        volume_ml=count * voxels.geometry.voxel_volume_mm3 / 1000,
        long_axis_mm=long.length_mm,
        short_axis_mm=short.length_mm,
        long_axis_points_lps=points(long.ends_lps),
        short_axis_points_lps=points(short.ends_lps),
        slice=first_slice + long.slice,
        max_3d_diameter_mm=largest.length_mm,
        max_3d_points_lps=points(largest.ends_lps),
        mean_probability=None,
        centre_lps=point(centre_of_gravity(voxels)),
        voxel_count=count,
        measurable=is_measurable(long.length_mm, short.length_mm, node, slice_distance(voxels.geometry)),
        node=node,
    )


def with_intervals(lesion: Lesion, by_cut: list[tuple[float, float]]) -> Lesion:
    """The lesion with the range of its diameters over the cuts, its own included."""
    longs, shorts = zip(*by_cut, (lesion.long_axis_mm, lesion.short_axis_mm), strict=True)
    return replace(
        lesion,
        long_axis_interval_mm=(min(longs), max(longs)),
        short_axis_interval_mm=(min(shorts), max(shorts)),
    )


def sampled_lps(voxels: LesionVoxels) -> np.ndarray:
    """The lesion's voxels, about one in 1.5 mm each way, LPS mm."""
    steps = [max(1, int(1.5 / mm)) for mm in voxels.geometry.spacing[::-1]]
    found = np.argwhere(voxels.mask[tuple(slice(None, None, step) for step in steps)]) * steps
    if not len(found):
        found = np.argwhere(voxels.mask)
    return voxels.geometry.ijk_to_lps(found[:, ::-1])


def centre_of_gravity(voxels: LesionVoxels) -> np.ndarray:
    """Of voxel centres, LPS mm."""
    kji = []
    for axis in range(3):
        counts = np.count_nonzero(voxels.mask, axis=tuple(a for a in range(3) if a != axis))
        kji.append(np.average(np.arange(len(counts)), weights=counts))
    return voxels.geometry.ijk_to_lps(np.array(kji[::-1]))


def point(lps: np.ndarray) -> Point:
    return tuple(float(x) for x in lps)


def points(ends_lps: np.ndarray) -> tuple[Point, Point]:
    return (point(ends_lps[0]), point(ends_lps[1]))
