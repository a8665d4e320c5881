"""How long the panel keeps the screen from following the hand: one move of the threshold on a whole chest CT.

A CT of 512 x 512 x 300 voxels with ten lesions of 12 to 45 mm all over the chest; the real scene (slicer-core), without
views. The threshold goes up and down as a hand drags it; each row says how long one update of the segments takes, and
what else a click costs on the same thread. What a host does in steps (`Result.taking`, `Result.measuring`) stands as
its steps. Milliseconds that this thread computed: other programs do not count.

    ci/benchmark panel                # the table
    ci/benchmark panel --quick        # a small CT, to see that it runs
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import slicer
import vtk
from trame_slicer.core import SlicerApp
from vtk.util.numpy_support import vtk_to_numpy

from LungTumorSegLib.scene import prompt_nodes, segments
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry, to_ras

LIMIT_MS = 100.0
SPACING = (0.7, 0.7, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small CT and few moves")
    parser.add_argument("--moves", type=int, default=200, help="moves of the threshold a row")
    asked = parser.parse_args()
    shape, moves = ((60, 128, 128), 20) if asked.quick else ((300, 512, 512), asked.moves)
    app = SlicerApp()
    print(f"{shape[2]} x {shape[1]} x {shape[0]} voxels, 10 lesions, ms a step")
    print(f"{'':44}{'p50':>8}{'p95':>8}{'max':>8}")
    result, middles = made(app.scene, Geometry(shape, SPACING))
    row("threshold dragged", drag(result, moves))
    steps("  the hand rests: measured", result.measuring())
    paint(result, 1)
    steps("a stroke of the brush taken and measured", result.measuring())
    row("threshold dragged, with edits", drag(result, moves))
    steps("  the hand rests", result.measuring())
    ask(result, middles)
    row("threshold dragged, with edits and prompts", drag(result, moves))
    steps("  the hand rests", result.measuring())
    once("a point takes a lesion away", lambda: take_away(result, middles[-1]))
    steps("  measured", result.measuring())
    segments.show_surface(result.segmentation_node, True)
    row("threshold dragged, 3D shown before", drag(result, moves))
    steps("  the hand rests: measured, 3D built", result.measuring())


def made(scene, grid: Geometry) -> tuple[Result, list[np.ndarray]]:
    """A CT with the probability of ten lesions as a network gives it: soft edges, a faint veil around."""
    generator = np.random.default_rng(0)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(grid.ijk_to_ras_matrix))
    slicer.util.updateVolumeFromArray(node, np.full(grid.shape, -800, np.int16))
    probability = np.zeros(grid.shape, np.float32)
    middles = []
    for n in range(10):
        radius = generator.uniform(6, 22) * min(1, grid.shape[0] / 100)
        reach = np.ceil(1.5 * radius / np.array(SPACING[::-1])).astype(int)
        corner = np.array([n % 2, n // 2 % 2, n / 10]) * (np.array(grid.shape) - 2 * reach - 1)
        middle = (corner if n in (0, 9) else generator.uniform(0, 1, 3) * (grid.shape - 2 * reach - 1)).astype(
            int
        ) + reach
        index = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1)
        distance = np.linalg.norm(index * SPACING[::-1], axis=-1)
        waves = sum(np.sin(index[..., a] * SPACING[2 - a] / generator.uniform(2, 5)) for a in range(3))
        blob = np.clip(1.25 - 0.75 * (distance + waves) / radius, 0, 1)
        place = probability[tuple(slice(m - r, m + r + 1) for m, r in zip(middle, reach, strict=True))]
        np.maximum(place, blob, out=place)
        middles.append(middle)
    result = Result(scene, node)
    result.measures_later = True
    steps("the answer taken", result.taking(Box((0, 0, 0), probability)))
    once("  cut", lambda: result.recompose(0.5, 3.0))
    steps("  measured, and the CT's lungs found", result.measuring())
    return result, middles


def drag(result: Result, moves: int) -> list[float]:
    """Milliseconds a move, to and fro between 0.2 and 0.8."""
    taken = []
    for n in range(moves):
        threshold = 0.5 + 0.3 * np.sin(2 * np.pi * n / 50)
        started = time.thread_time()
        result.move_threshold(float(threshold), 3.0)
        taken.append(1000 * (time.thread_time() - started))
    return taken


def paint(result: Result, number: int) -> None:
    """As the Segment Editor does: a ball of 5 mm beside a lesion, and one erased in it."""
    lesion = next(lesion for lesion in result.lesions if lesion.id == number)
    grid = result._grid
    for centre, value in ((lesion.max_3d_points_lps[0], 1), (lesion.centre_lps, 0)):
        middle = np.rint(grid.lps_to_ijk(centre)).astype(int)
        image = slicer.vtkOrientedImageData()
        image.SetExtent(*(int(x) for m in middle for x in (m - 7, m + 7)))
        image.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(grid.ijk_to_ras_matrix))
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        vtk_to_numpy(image.GetPointData().GetScalars())[:] = value
        node = result.segmentation_node
        mode = slicer.vtkOrientedImageDataResample
        name = segments.our_segments(node)[number]
        if value:
            slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
                image, node, name, slicer.vtkSlicerSegmentationsModuleLogic.MODE_MERGE_MAX
            )
        else:
            own = node.GetSegmentation().GetSegment(name).GetRepresentation(segments.LABELMAP)
            mode.ModifyImage(own, image, mode.OPERATION_MINIMUM)


def ask(result: Result, middles: list[np.ndarray]) -> None:
    """Three lesions are asked for by points, each with an answer of its own."""
    node = prompt_nodes.points_inside(result.scene, result.ct)
    for middle in middles[:3]:
        node.AddControlPointWorld(*to_ras(result._grid.ijk_to_lps(middle[::-1].astype(float))))
    waiting = result.follow_prompts()
    for n, prompt in enumerate(waiting):
        values = np.zeros((32, 48, 48), np.float32)
        values[4:-4, 4:-4, 4:-4] = 0.9
        low = np.clip(middles[n] - (16, 24, 24), 0, np.array(result._grid.shape) - values.shape)
        box = Box(tuple(int(x) for x in low), values)
        step = f"answer to prompt {prompt.key} shown"
        once(step, lambda prompt=prompt, box=box: result.set_answer(prompt, box))
        steps("  measured", result.measuring())


def take_away(result: Result, middle: np.ndarray) -> None:
    node = prompt_nodes.points_outside(result.scene, result.ct)
    node.AddControlPointWorld(*to_ras(result._grid.ijk_to_lps(middle[::-1].astype(float))))
    result.follow_prompts()


def once(name: str, step) -> None:
    started = time.thread_time()
    step()
    row(name, [1000 * (time.thread_time() - started)])


def steps(name: str, work) -> None:
    taken, done = [], False
    while not done:
        started = time.thread_time()
        done = next(work, work) is work
        taken.append(1000 * (time.thread_time() - started))
    row(name, taken)


def row(name: str, taken: list[float]) -> None:
    late = "   over 100 ms" if max(taken) > LIMIT_MS else ""
    print(f"{name:44}{np.percentile(taken, 50):8.1f}{np.percentile(taken, 95):8.1f}{max(taken):8.1f}{late}", flush=True)


if __name__ == "__main__":
    main()
