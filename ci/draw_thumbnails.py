"""The pictures of the sample scans in Slicer's Sample Data module: LungTumorSeg/Resources/Icons/Phantom*.png."""

from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from LungTumorSegLib.measurement.colours import lesion_colour
from LungTumorSegLib.volume.phantom import TUMOURS, make_phantom
from LungTumorSegLib.volume.sample import LATER

FOLDER = Path(__file__).resolve().parents[1] / "LungTumorSeg" / "Resources" / "Icons"
WIDTH, HEIGHT, AXIAL = 260, 280, 168  # pixels, as Slicer's own samples; the rest is the coronal slice
WINDOW = {"cmap": "gray", "vmin": -1150, "vmax": 350}
BODY = slice(46, 212)  # rows of the axial slice that show it
THROUGH = np.array(TUMOURS[0]["centre"])  # LPS mm: where both slices cut


def draw(name: str, tumours) -> None:
    ct, truth, _described = make_phantom(tumours=tumours)
    _i, j, k = np.round(ct.geometry.lps_to_ijk(THROUGH)).astype(int)
    dx, dy, dz = ct.geometry.spacing
    figure = plt.figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor="black")
    panes = (
        (AXIAL, ct.voxels[k, BODY], truth.voxels[k, BODY], dy / dx, "upper"),
        (HEIGHT - AXIAL, ct.voxels[:, j], truth.voxels[:, j], dz / dx, "lower"),
    )
    bottom = 1.0
    for height, slice_, mask, aspect, origin in panes:
        bottom -= height / HEIGHT
        axes = figure.add_axes((0, bottom, 1, height / HEIGHT))
        axes.imshow(slice_, aspect=aspect, origin=origin, **WINDOW)
        for label in np.unique(mask[mask > 0]):
            axes.contour(mask == label, [0.5], colors=[lesion_colour(int(label))], linewidths=1.2)
        axes.axis("off")
    figure.savefig(FOLDER / f"{name}.png", facecolor="black")
    plt.close(figure)


if __name__ == "__main__":
    draw("Phantom", TUMOURS)
    draw("PhantomLater", LATER)
