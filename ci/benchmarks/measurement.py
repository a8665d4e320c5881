"""How long measuring a lesion takes, against trying every pair of boundary voxels; the values must be the same.

    PYTHONPATH=LungTumorSeg python ci/benchmarks/measurement.py [--diameters 60 200] [--repeat 5] [--json FILE]

A scan of 512 x 512 x 300 voxels of 0.7 x 0.7 x 1 mm holds one lesion, spiculated or a plain ellipsoid. Ours and the
other's runs alternate; the fastest of each counts. Reported: the long axis (over all slices) and the largest diameter
in space. The rival: the boundary voxels' distances by `scipy.spatial.distance.cdist`, in space in blocks, and only
up to 60 mm, because 200 mm take minutes. pyradiomics, where it is installed, is timed as well; it measures
between mesh vertices, so its values differ by its convention.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.spatial.distance import cdist

from LungTumorSegLib.measurement.components import bounding_box
from LungTumorSegLib.measurement.diameters import LesionVoxels, largest_diameter, long_axis
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.measurement.measure import measure
from LungTumorSegLib.volume.geometry import Geometry

SCAN = Geometry((300, 512, 512), (0.7, 0.7, 1.0))
MOST_MM_IN_SPACE = 60


def lesion_of(diameter_mm: float, spiculated: bool) -> np.ndarray:
    """uint8 mask on the scan's grid: an oblique ellipsoid, with or without waves on its surface."""
    k, j, i = np.ogrid[:300, :512, :512]
    z, y, x = (k - 150) * 1.0, (j - 256) * 0.7, (i - 256) * 0.7
    radius = np.full(SCAN.shape, diameter_mm / 2, np.float32)
    if spiculated:
        radius *= 0.85 + 0.15 * np.sin(9 * np.arctan2(y, x)) * np.cos(5 * np.arctan2(z, np.hypot(x, y)))
    distance = x**2 + (y / 0.75) ** 2 + (z / 0.85) ** 2 + 0.3 * x * y
    return (distance <= radius**2).astype(np.uint8)


def ours_axial(mask: np.ndarray) -> float:
    return long_axis(cut(mask)).length_mm


def ours_in_space(mask: np.ndarray) -> float:
    return largest_diameter(cut(mask)).length_mm


def cut(mask: np.ndarray) -> LesionVoxels:
    box = bounding_box(mask)
    start, stop = tuple(part.start for part in box), tuple(part.stop for part in box)
    return LesionVoxels(mask[box] > 0, SCAN.box(start, stop))


def brute_axial(mask: np.ndarray) -> float:
    lesion = cut(mask)
    longest = 0.0
    for plane in lesion.mask:
        points = np.argwhere(plane & ~binary_erosion(plane)) * 0.7
        longest = max(longest, cdist(points, points).max(initial=0))
    return longest + 0.35


def brute_in_space(mask: np.ndarray) -> float:
    lesion = cut(mask)
    points = np.argwhere(lesion.mask & ~binary_erosion(lesion.mask)) * lesion.spacing
    longest, ends = 0.0, None
    for block in np.array_split(points, max(1, len(points) // 500)):
        distances = cdist(block, points)
        one, other = np.unravel_index(distances.argmax(), distances.shape)
        if distances[one, other] > longest:
            longest, ends = distances[one, other], points[other] - block[one]
    return longest + float(lesion.half_voxel(ends / longest))


def everything(mask: np.ndarray) -> float:
    return measure(mask, SCAN)[0].long_axis_mm


def pyradiomics(mask: np.ndarray) -> float:
    import SimpleITK as sitk
    from radiomics.shape import RadiomicsShape

    image = sitk.GetImageFromArray(mask)
    image.SetSpacing(SCAN.spacing)
    features = RadiomicsShape(image, image, label=1)
    return float(features.getMaximum2DDiameterSliceFeatureValue())


def alternate(repeat: int, **functions) -> dict[str, tuple[float, float]]:
    """Fastest milliseconds and the value of each function, run in turn."""
    best = {}
    for _ in range(repeat):
        for name, function in functions.items():
            start = time.perf_counter()
            value = function()
            milliseconds = (time.perf_counter() - start) * 1e3
            best[name] = (min(milliseconds, best.get(name, (np.inf,))[0]), value)
    return best


def installed_radiomics() -> bool:
    from importlib.util import find_spec

    return find_spec("radiomics") is not None


def threshold_drag(repeat: int) -> dict:
    """A live threshold on a probability box of 200 x 200 x 80 with two lesions: labels and measures."""
    geometry = Geometry((80, 200, 200), (0.7, 0.7, 1.25))
    k, j, i = np.ogrid[:80, :200, :200]
    large = np.exp(-(((k - 40) / 14) ** 2 + ((j - 100) / 30) ** 2 + ((i - 80) / 40) ** 2))
    small = np.exp(-(((k - 15) / 3) ** 2 + ((j - 160) / 7) ** 2 + ((i - 165) / 7) ** 2))
    probability = np.maximum(large, small).astype(np.float32)
    labels = lesion_labels(probability, geometry, 0.5)
    found = alternate(
        repeat,
        labels=lambda: lesion_labels(probability, geometry, 0.5).max(),
        measures=lambda: len(measure(labels, geometry, probability)),
    )
    return {"what": "threshold drag, box 200 x 200 x 80", **{name: ms for name, (ms, _) in found.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--diameters", type=float, nargs="+", default=[60, 200], metavar="MM")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    rows = []
    print(f"{'lesion':24}{'measure':18}{'ours ms':>10}{'brute ms':>12}{'ratio':>8}{'ours mm':>12}{'brute mm':>12}")
    for diameter in options.diameters:
        for name, spiculated in (("ellipsoid", False), ("spiculated", True)):
            mask = lesion_of(diameter, spiculated)
            tasks = {"long axis": (ours_axial, brute_axial)}
            if diameter <= MOST_MM_IN_SPACE:
                tasks["largest in space"] = (ours_in_space, brute_in_space)
            for what, (ours, brute) in tasks.items():
                found = alternate(options.repeat, ours=lambda f=ours, m=mask: f(m), brute=lambda f=brute, m=mask: f(m))
                (our_ms, our_mm), (brute_ms, brute_mm) = found["ours"], found["brute"]
                row = {"what": what, "lesion": f"{name} {diameter:g} mm", "ours_ms": our_ms, "brute_ms": brute_ms}
                rows.append(row | {"ratio": brute_ms / our_ms, "ours_mm": our_mm, "brute_mm": brute_mm})
                print(
                    f"{row['lesion']:24}{what:18}{our_ms:10.1f}{brute_ms:12.1f}{brute_ms / our_ms:8.1f}"
                    f"{our_mm:12.4f}{brute_mm:12.4f}"
                )
                if abs(our_mm - brute_mm) > 1e-6:
                    raise SystemExit("the values differ: this is a bug, not a benchmark")
            rest = {"all of measure()": lambda m=mask: everything(m)}
            if diameter > MOST_MM_IN_SPACE:
                rest["largest in space"] = lambda m=mask: ours_in_space(m)
            if installed_radiomics():
                rest["pyradiomics 2D"] = lambda m=mask: pyradiomics(m)
            for what, (ms, mm) in alternate(options.repeat, **rest).items():
                rows.append({"what": what, "lesion": f"{name} {diameter:g} mm", "ours_ms": ms, "ours_mm": mm})
                print(f"{name} {diameter:g} mm".ljust(24) + f"{what:18}{ms:10.1f}{'':20}{mm:12.4f}")
    rows.append(threshold_drag(options.repeat))
    print("{what}: labels {labels:.1f} ms, measures {measures:.1f} ms".format(**rows[-1]))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
