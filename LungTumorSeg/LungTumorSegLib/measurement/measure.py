"""What is reported of each lesion."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy.ndimage import find_objects

from LungTumorSegLib.measurement.components import bounding_box
from LungTumorSegLib.measurement.diameters import LesionVoxels, largest_diameter, long_axis, short_axis
from LungTumorSegLib.volume.geometry import Geometry

CONVENTION = (
    "Diameters in mm: greatest distance between voxel centres plus half a voxel's extent along the axis. "
    "Long axis: the longest in any slice of the acquisition plane. "
    "Short axis: the longest segment within the lesion at right angles to the long axis, in the same slice. "
    "Volume: number of voxels times voxel volume."
)

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

    @property
    def who_product_mm2(self) -> float:
        """Long times short axis (WHO handbook for reporting results of cancer treatment, 1979)."""
        return self.long_axis_mm * self.short_axis_mm

    def as_dict(self) -> dict:
        """JSON-ready, keys as the fields are named; `Lesion(**d)` makes it again."""
        return asdict(self)


def measure(
    labels: np.ndarray,
    geometry: Geometry,
    probability: np.ndarray | None = None,
    start: tuple[int, int, int] = (0, 0, 0),
    ct: np.ndarray | None = None,
    lungs=None,
) -> list[Lesion]:
    """Measure every lesion of a labelmap.

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
    labels = labels[whole]
    lesions = []
    boxes = find_objects(labels) if labels.max() > 1 else [tuple(slice(0, n) for n in labels.shape)]
    for number, box in enumerate(boxes, start=1):
        if box is None:
            continue
        in_array = tuple(slice(part.start + at, part.stop + at) for part, at in zip(box, corner, strict=True))
        at = tuple(part.start for part in in_array)
        voxels = LesionVoxels(labels[box] == number, geometry.box(at, tuple(part.stop for part in in_array)))
        inside = None if probability is None else probability[in_array][voxels.mask]
        across = geometry.slice_axis
        lesions.append(measured(number, voxels, inside, at[across] + start[across]))
    return lesions


def measured(number: int, voxels: LesionVoxels, probability: np.ndarray | None, first_slice: int) -> Lesion:
    """One lesion; `probability` of its voxels, `first_slice` = index of the voxels' first slice in the source."""
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
        mean_probability=None if probability is None else float(probability.mean(dtype=np.float64)),
        centre_lps=point(centre_of_gravity(voxels)),
        voxel_count=count,
        measurable=bool(long.length_mm >= max(10.0, 2 * voxels.spacing[0])),
    )


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
