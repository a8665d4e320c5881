"""The most memory that this process ever takes while it searches a scan of 512 x 512 x 600 voxels; aim: below 4 GiB.

ci/benchmark memory [--slices 600] [--model automatic] [--whole]
"""

from __future__ import annotations

import argparse
import resource

import numpy as np

from LungTumorSegLib.inference.options import Options
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.phantom import make_phantom


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--slices", type=int, default=600)
    arguments.add_argument("--model", default="automatic")
    arguments.add_argument("--whole", action="store_true", help="hide the lungs, so that the whole scan is searched")
    arguments.add_argument("--half", default="auto", choices=("auto", "never"))
    given = arguments.parse_args()
    small, _, _ = make_phantom(0, (100, 256, 256), (1.4, 1.4, 2.5))
    index = (np.arange(given.slices) * 100 // given.slices)[:, None, None]
    doubled = np.arange(512) // 2
    voxels = small.voxels[index, doubled[:, None], doubled]
    if given.whole:
        voxels = np.maximum(voxels, -100)
    volume = Volume(voxels, Geometry(voxels.shape, (0.7, 0.7, 250 / given.slices)))
    del small
    before = peak()
    prediction = Session().segment(volume, given.model, Options(half=given.half))
    shape = " x ".join(map(str, voxels.shape))
    print(f"scan {shape}, {voxels.nbytes / 2**30:.2f} GiB; peak {peak():.2f} GiB (before the search {before:.2f})")
    print({stage: round(seconds, 2) for stage, seconds in prediction.seconds.items()}, *prediction.notes)
    print(f"box of the result: {' x '.join(map(str, prediction.probability.values.shape))}")


def peak() -> float:
    """GiB; Linux counts in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
