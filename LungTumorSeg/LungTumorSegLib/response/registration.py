"""Two scans of one patient laid over each other: the rigid movement that brings lung onto lung.

Only the lungs count, so that arms, table and field of view may differ. The start is the shift at which the lung masks
overlap best within what both scans show, of all shifts (by FFT): cropped scans and single lungs need nothing special.
From there the grey values in and around the lungs are aligned (correlation, which another dose or contrast phase does
not disturb). Breathing is not rigid: what is left over is stated as `Alignment.surface_mm` and grows towards the
diaphragm.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import fft, ndimage

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.response.alignment import Alignment
from LungTumorSegLib.volume.geometry import Geometry, Volume

COARSE_MM = 4.0  # grid of the refinement: vessels of the hilum and the chest's inner wall are still seen
START_MM = 8.0  # grid of the search over all shifts
AROUND_LUNGS_MM = 8.0  # the metric looks at the lungs and this much around them: wall, diaphragm, mediastinum's edge
HU_RANGE = (-1000.0, 0.0)  # above water lie bone and contrast, which say nothing about where the lung is
SHARED_SHARE = 0.4  # of the smaller lung mask must lie in both fields of view
SMALLEST_ML = 100.0  # of lung in both fields of view: less fixes no position

# One patient's two dates, measured: overlap 0.76 (lungs found by threshold) to 0.91, correlation 0.83. Chests of two
# patients: at most 0.70 with 0.46, or 0.60 with 0.63; so a stranger's scan is mostly, not surely, noticed.
LEAST_OVERLAP = 0.65
LEAST_CORRELATION = 0.55
SURE_CORRELATION = 0.80  # so alike that lungs which were found badly do not matter
MOST_TURN_DEGREES = 35.0


def register(baseline: Volume, baseline_lungs: Volume, followup: Volume, followup_lungs: Volume) -> Alignment:
    """Lay a follow-up over its baseline.

    Parameters
    ----------
    baseline, followup : Volume
        CT in HU, of any spacing, orientation and field of view.
    baseline_lungs, followup_lungs : Volume
        Where lung is (above 0); on a grid of its own, coarse or fine, that spans its scan.

    Raises
    ------
    InputRefused
        A scan shows no lung, or the two do not fit: another body part, other lungs, another patient's position.
    """
    for lungs, name in ((baseline_lungs, "baseline"), (followup_lungs, "follow-up")):
        if np.count_nonzero(lungs.voxels) * lungs.geometry.voxel_volume_mm3 / 1000 < SMALLEST_ML:
            raise InputRefused(f"The {name} shows too little lung to be registered: choose a chest CT.")
    fixed, moving = Scan(baseline, baseline_lungs), Scan(followup, followup_lungs)
    tried = [quality(refined(fixed, moving, shift), fixed, moving) for shift in starts(fixed, moving)]
    if not tried:
        raise InputRefused("The scans show no common part of the lungs: choose two chest CTs of one patient.")
    best = max(tried, key=lambda alignment: alignment.overlap + alignment.correlation)
    fits = best.correlation >= LEAST_CORRELATION and (
        best.overlap >= LEAST_OVERLAP or best.correlation >= SURE_CORRELATION
    )
    if not fits or best.turn_degrees > MOST_TURN_DEGREES:
        raise InputRefused(
            f"The scans do not match (lungs overlap {best.overlap:.2f}, grey values correlate "
            f"{best.correlation:.2f}): are they one patient's chest?"
        )
    return best


class Scan:
    """A scan made coarse: what the search over shifts and the metric look at.

    hu : float image of about `COARSE_MM`. lungs : 0..1 on `START_MM`, axes along the patient's; seen : 1 in the scan.
    """

    def __init__(self, ct: Volume, lungs: Volume):
        self.hu = sitk.Clamp(coarse(image_of(ct)), sitk.sitkFloat32, *HU_RANGE)
        self.mask = image_of(Volume((lungs.voxels > 0).astype(np.uint8), lungs.geometry))
        low, high = extent(ct.geometry)
        self.start = Geometry(
            tuple(np.ceil((high - low) / START_MM).astype(int)[::-1] + 1), (START_MM,) * 3, tuple(low)
        )
        grid = empty_image(self.start)
        smooth = sitk.Cast(self.mask, sitk.sitkFloat32)
        smooth = sitk.SmoothingRecursiveGaussian(smooth, START_MM / 3) if min(smooth.GetSize()) >= 4 else smooth
        self.lungs = sitk.GetArrayFromImage(sitk.Resample(smooth, grid, sitk.Transform(), sitk.sitkLinear, 0.0))
        everywhere = sitk.Image(self.hu.GetSize(), sitk.sitkFloat32) + 1.0
        everywhere.CopyInformation(self.hu)
        self.seen = sitk.GetArrayFromImage(
            sitk.Resample(everywhere, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
        )
        self.lungs *= self.seen
        self.middle = np.array([np.average(axis, weights=self.lungs) for axis in np.indices(self.lungs.shape)])
        self.middle = self.start.ijk_to_lps(self.middle[::-1])


def starts(fixed: Scan, moving: Scan, most: int = 2) -> list[np.ndarray]:
    """The best shifts (LPS mm, follow-up to baseline) by overlap of the lungs; a second one where it is as good.

    The overlap (Dice) counts only what both scans show, and only shifts that leave enough lung in both.
    """
    shape = [fft.next_fast_len(a + b) for a, b in zip(fixed.lungs.shape, moving.lungs.shape, strict=True)]

    def together(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return fft.irfftn(fft.rfftn(a, shape) * np.conj(fft.rfftn(b, shape)), shape)

    both = together(fixed.lungs, moving.lungs)
    fixed_seen, moving_seen = together(fixed.lungs, moving.seen), together(fixed.seen, moving.lungs)
    enough = SHARED_SHARE * min(fixed.lungs.sum(), moving.lungs.sum())
    overlap = np.where(
        np.minimum(fixed_seen, moving_seen) > enough, 2 * both / np.maximum(fixed_seen + moving_seen, 1e-3), 0
    )
    found = []
    offset = np.array(fixed.start.origin) - moving.start.origin
    best = overlap.max()
    for _ in range(most):
        peak = np.array(np.unravel_index(overlap.argmax(), overlap.shape))
        if overlap[tuple(peak)] < max(0.85 * best, 0.05):
            break
        # Correlations by FFT go round in a circle: what lies beyond the fixed scan's size is a shift backwards.
        shift = np.where(peak >= fixed.lungs.shape, peak - shape, peak)
        found.append(offset + shift[::-1] * START_MM)
        near = [(np.arange(n) - p + n // 2) % n - n // 2 for n, p in zip(shape, peak, strict=True)]
        close = np.sqrt(sum(d.reshape([-1 if a == b else 1 for b in range(3)]) ** 2 for a, d in enumerate(near)))
        overlap[close * START_MM < 60] = 0
    return found


def refined(fixed: Scan, moving: Scan, shift: np.ndarray) -> np.ndarray:
    """The 4 x 4 movement (follow-up to baseline, LPS mm) that makes the grey values fit, from a shift."""
    transform = sitk.Euler3DTransform()  # ITK maps the fixed image's points into the moving one
    transform.SetCenter(fixed.middle.tolist())
    transform.SetTranslation((-shift).tolist())
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricFixedMask(around(fixed))
    method.SetMetricSamplingStrategy(method.NONE)  # all voxels: samples are drawn at random, and cost millimetres
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.01, 100, 0.7, 1e-8)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([2, 1])
    method.SetSmoothingSigmasPerLevel([COARSE_MM, COARSE_MM / 4])
    method.SetSmoothingSigmasAreSpecifiedInPhysicalUnits(True)
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(fixed.hu, moving.hu)
    except RuntimeError:
        return from_shift(shift)  # the overlap is too small for ITK: judged by its quality
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    centre, translation = np.array(transform.GetCenter()), np.array(transform.GetTranslation())
    matrix = np.eye(4)  # y = R (x - c) + c + t, turned round
    matrix[:3, :3] = rotation.T
    matrix[:3, 3] = centre - rotation.T @ (centre + translation)
    return matrix


def from_shift(shift: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = shift
    return matrix


def quality(matrix: np.ndarray, fixed: Scan, moving: Scan) -> Alignment:
    """How well a movement fits, on the baseline's coarse grid."""
    to_moving = sitk.AffineTransform(3)
    back = np.linalg.inv(matrix)
    to_moving.SetMatrix(back[:3, :3].ravel().tolist())
    to_moving.SetTranslation(back[:3, 3].tolist())
    identity = sitk.Transform()
    grid = fixed.hu
    one = sitk.GetArrayFromImage(sitk.Resample(fixed.mask, grid, identity, sitk.sitkNearestNeighbor, 0)) > 0
    other = sitk.GetArrayFromImage(sitk.Resample(moving.mask, grid, to_moving, sitk.sitkNearestNeighbor, 0)) > 0
    ceiling = HU_RANGE[1] + 1000
    moved = sitk.GetArrayFromImage(sitk.Resample(moving.hu, grid, to_moving, sitk.sitkLinear, ceiling))
    seen = moved < ceiling - 1
    one, other = one & seen, other & seen
    overlap = 2 * np.count_nonzero(one & other) / max(np.count_nonzero(one) + np.count_nonzero(other), 1)
    spacing = grid.GetSpacing()[::-1]
    region = (sitk.GetArrayFromImage(around(fixed)) > 0) & seen
    a, b = sitk.GetArrayFromImage(grid)[region], moved[region]
    correlation = float(np.corrcoef(a, b)[0, 1]) if len(a) > 100 and a.std() > 0 and b.std() > 0 else 0.0
    return Alignment(matrix, float(overlap), surface_distance(one, other, seen, spacing), correlation)


def surface_distance(one: np.ndarray, other: np.ndarray, seen: np.ndarray, spacing: tuple) -> float:
    """Mean distance in mm of two masks' surfaces, both ways; the border of what is seen is no surface."""
    inside = ndimage.binary_erosion(seen)
    surfaces = [mask & ~ndimage.binary_erosion(mask) & inside for mask in (one, other)]
    if not all(surface.any() for surface in surfaces):
        return float("inf")
    away = [ndimage.distance_transform_edt(~surface, spacing) for surface in surfaces]
    return float(np.concatenate([away[0][surfaces[1]], away[1][surfaces[0]]]).mean())


def around(scan: Scan) -> sitk.Image:
    """The lungs and a margin on the coarse grid, as a mask for ITK."""
    mask = sitk.Resample(scan.mask, scan.hu, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    radius = [max(1, round(AROUND_LUNGS_MM / mm)) for mm in scan.hu.GetSpacing()]
    return sitk.BinaryDilate(mask > 0, radius)


def coarse(image: sitk.Image) -> sitk.Image:
    """The image on a grid of `COARSE_MM` along its own axes: means of blocks of voxels, then interpolated."""
    factors = [
        max(1, min(int(COARSE_MM / mm), n // 8)) for mm, n in zip(image.GetSpacing(), image.GetSize(), strict=True)
    ]
    blocks = sitk.Cast(sitk.BinShrink(image, factors), sitk.sitkFloat32)
    size = [
        max(1, int((n - 1) * mm / COARSE_MM) + 1) for mm, n in zip(blocks.GetSpacing(), blocks.GetSize(), strict=True)
    ]
    grid = sitk.Image(size, sitk.sitkUInt8)
    grid.SetSpacing((COARSE_MM,) * 3)
    grid.SetOrigin(blocks.GetOrigin())
    grid.SetDirection(blocks.GetDirection())
    return sitk.Resample(blocks, grid, sitk.Transform(), sitk.sitkLinear, HU_RANGE[0], sitk.sitkFloat32)


def image_of(volume: Volume) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.voxels))
    image.SetSpacing(volume.geometry.spacing)
    image.SetOrigin(volume.geometry.origin)
    image.SetDirection(volume.geometry.axes.ravel().tolist())
    return image


def empty_image(grid: Geometry) -> sitk.Image:
    image = sitk.Image(grid.shape[::-1], sitk.sitkUInt8)
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    return image


def extent(grid: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and largest LPS coordinates of its voxel centres."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in grid.shape[::-1]])).reshape(3, -1).T
    lps = grid.ijk_to_lps(corners)
    return lps.min(axis=0), lps.max(axis=0)
