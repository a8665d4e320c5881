"""How long measuring a lesion takes, against trying every pair of boundary voxels, and against pyradiomics.

    ci/benchmark measurement [--diameters 60 200] [--repeat 5] [--json FILE] [--brute-in-space-up-to 60]
                             [--radiomics-python PYTHON]

A scan of 512 x 512 x 300 voxels of 0.7 x 0.7 x 1 mm holds one lesion, spiculated or a plain ellipsoid. Ours and the
others' runs alternate; the fastest of each counts.

Brute force: the distances of all boundary voxels by `scipy.spatial.distance.cdist`, slice by slice, or in space in
blocks. The values must be the same. In space it takes minutes from 100 mm: above --brute-in-space-up-to it is left out,
below that and above 60 mm it runs once.

pyradiomics measures between the vertices of a mesh, so its values differ by its convention (+0.2 to +0.5 mm). It gets
the mask cut to the lesion beforehand, ours finds the lesion itself. One call of it gives all its diameters (in slices
and in space), surface and volume, so the same time stands against our long axis, our largest diameter in space, the
two together, and all of `measure()`. Above 60 mm it runs once. It is no dependency of this package; 3.0.1 builds like
this, in an environment of its own:

    python -m venv radiomics && radiomics/bin/pip install numpy setuptools wheel versioneer
    radiomics/bin/pip install --no-build-isolation pyradiomics==3.0.1
    ci/benchmark measurement --radiomics-python radiomics/bin/python
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
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
ONCE_FROM_MM = 60  # brute force in space and pyradiomics: more would take hours
# Runs in pyradiomics' own environment: the fastest milliseconds of its shape features, and its diameters.
RADIOMICS = """
import sys, time, numpy, SimpleITK as sitk
import radiomics.shape
mask = numpy.load(sys.argv[1])
image = sitk.GetImageFromArray(mask)
image.SetSpacing([float(x) for x in sys.argv[2].split(",")])
best = float("inf")
for _ in range(int(sys.argv[3])):
    start = time.perf_counter()
    shape = radiomics.shape.RadiomicsShape(image, image, label=1)
    axial, spatial = shape.getMaximum2DDiameterSliceFeatureValue(), shape.getMaximum3DDiameterFeatureValue()
    best = min(best, time.perf_counter() - start)
print(best * 1e3, axial, spatial)
"""


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


def both(mask: np.ndarray) -> float:
    lesion = cut(mask)
    long_axis(lesion)
    return largest_diameter(lesion).length_mm


def pyradiomics(python: Path, mask: np.ndarray, repeat: int) -> tuple[float, float, float]:
    """Milliseconds, longest diameter in a slice and in space of pyradiomics, run by another Python."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, np.pad(mask[bounding_box(mask)], 1))
        file.flush()
        spacing = ",".join(str(mm) for mm in SCAN.spacing)
        command = [str(python), "-c", RADIOMICS, file.name, spacing, str(repeat)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    milliseconds, axial, spatial = (float(word) for word in done.stdout.split()[-3:])
    return milliseconds, axial, spatial


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
        measures=lambda: len(measure(labels, geometry, probability, intervals=False)),
        intervals=lambda: len(measure(labels, geometry, probability)),
    )
    return {"what": "threshold drag, box 200 x 200 x 80", **{name: ms for name, (ms, _) in found.items()}}


def row(lesion: str, what: str, ours: tuple[float, float], other: str, others: tuple[float, float]) -> dict:
    ratio = others[0] / ours[0]
    print(
        f"{lesion:18}{what:20}{ours[0]:9.1f}{ours[1]:11.4f}  {other:12}{others[0]:11.1f}{others[1]:10.4f}{ratio:8.1f}"
    )
    return {
        "lesion": lesion,
        "what": what,
        "ours_ms": ours[0],
        "ours_mm": ours[1],
        "other": other,
        "other_ms": others[0],
        "other_mm": others[1],
        "ratio": ratio,
    }


def against_brute_force(name: str, mask: np.ndarray, diameter: float, options) -> list[dict]:
    tasks = {"long axis": (ours_axial, brute_axial, options.repeat)}
    if diameter <= options.brute_in_space_up_to:
        tasks["largest in space"] = (ours_in_space, brute_in_space, options.repeat if diameter <= ONCE_FROM_MM else 1)
    rows = []
    for what, (ours, brute, repeat) in tasks.items():
        found = alternate(repeat, ours=lambda f=ours: f(mask), brute=lambda f=brute: f(mask))
        ours_too = alternate(options.repeat, ours=lambda f=ours: f(mask))["ours"]
        rows.append(row(name, what, min(found["ours"], ours_too), "brute force", found["brute"]))
        if abs(found["ours"][1] - found["brute"][1]) > 1e-6:
            raise SystemExit("the values differ: this is a bug, not a benchmark")
    return rows


def against_pyradiomics(name: str, mask: np.ndarray, diameter: float, options) -> list[dict]:
    repeat = options.repeat if diameter <= ONCE_FROM_MM else 1
    milliseconds, axial, spatial = pyradiomics(options.radiomics_python, mask, repeat)
    functions = {"long axis": ours_axial, "largest in space": ours_in_space, "long axis and space": both}
    found = alternate(
        options.repeat,
        **{what: lambda f=f: f(mask) for what, f in functions.items()},
        **{"all of measure()": lambda: measure(mask, SCAN)[0].max_3d_diameter_mm},
    )
    theirs = {what: (milliseconds, axial if what == "long axis" else spatial) for what in found}
    return [row(name, what, ours, "pyradiomics", theirs[what]) for what, ours in found.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--diameters", type=float, nargs="+", default=[60, 200], metavar="MM")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--brute-in-space-up-to", type=float, default=60, metavar="MM")
    parser.add_argument("--radiomics-python", type=Path, metavar="PYTHON", help="Python that has pyradiomics")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    rows = []
    print(
        f"{'lesion':18}{'measure':20}{'ours ms':>9}{'ours mm':>11}  {'other':12}{'other ms':>11}{'mm':>10}{'ratio':>8}"
    )
    for diameter in options.diameters:
        for kind, spiculated in (("ellipsoid", False), ("spiculated", True)):
            name, mask = f"{kind} {diameter:g} mm", lesion_of(diameter, spiculated)
            rows += against_brute_force(name, mask, diameter, options)
            if options.radiomics_python:
                rows += against_pyradiomics(name, mask, diameter, options)
    if not options.radiomics_python:
        print("pyradiomics: not installed; the head of this file says how, then --radiomics-python PYTHON")
    rows.append(threshold_drag(options.repeat))
    line = "{what}: labels {labels:.1f} ms, measures {measures:.1f} ms, with intervals {intervals:.1f} ms"
    print(line.format(**rows[-1]))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
