"""What the search for tumours costs, step by step, against MONAI's inferers on the same scan, network and machine.

    ci/benchmark inference [SCAN] [--quick] [--repeat 3] [--json FILE]

SCAN: a CT with a chest in it; without one, the synthetic chest. A processor without AVX-512 is played by
``ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 ci/benchmark inference``.

Windows: MONAI's UNet (4.8 M parameters, batch norm), windows of 64 x 160 x 160 voxels (slices first) of the scan's own
grid, overlap 0.25, Gaussian weights. The rivals are `sliding_window_inference` with its default of one window at a time
and with the best of 1, 2 and 4. Slices: ENet-CBAM-Skip on the scan at half its in-plane resolution, against
`SliceInferer`, again as it comes and with its best batch. So that there is something to compare, either network first
learns for some steps to find the tumours of a synthetic chest; they are no useful models.

All rows of a part take turns; the median of the repetitions counts. "gain" is against the row above. "difference" is
the largest one of probabilities inside the lungs' outline, on the same windows; "Dice" that of the masks there. ENet's
unpooling amplifies the last bits of equal values (air), so its differences exist between MONAI's own batches, too.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from monai.inferers import SliceInferer, sliding_window_inference
from monai.networks.nets import UNet
from torch import nn

from LungTumorSegLib.inference.lungs import Lungs, find_lungs
from LungTumorSegLib.inference.runner import Runner
from LungTumorSegLib.inference.setting import Setting, processor
from LungTumorSegLib.inference.windows import Index, slide
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import Model
from LungTumorSegLib.volume.phantom import make_phantom
from LungTumorSegLib.volume.reading import read_ct

OVERLAP = 0.25
HU_RANGE = (-1000.0, 400.0)
CPU = torch.device("cpu")


@dataclass
class Row:
    """run gives probabilities (d, h, w) of the whole grid. same_windows : comparable voxel by voxel."""

    name: str
    run: Callable[[], torch.Tensor]
    same_windows: bool = True
    seconds: list[float] = field(default_factory=list)
    difference: float | None = None
    dice: float | None = None

    @property
    def median(self) -> float:
        return median(self.seconds)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("scan", nargs="?", type=Path, help="a chest CT [the synthetic one]")
    arguments.add_argument("--quick", action="store_true", help="a third of the voxels a side: a try, not a result")
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--steps", type=int, default=300, help="training steps of either network")
    arguments.add_argument("--json", type=Path, help="write the figures there, too")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LUNGTUMORSEG_CACHE"] = folder  # the trials belong to this run
        voxels, spacing = read(given.scan, given.quick)
        lungs = find_lungs(voxels, spacing)
        about = {
            "machine": f"{processor()}, {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads",
            "torch": torch.__version__,
            "scan": f"{' x '.join(map(str, voxels.shape))} voxels (slices first)",
            "box": f"{share(lungs, voxels.shape):.0%} of the field" + (f"; {lungs.note}" if lungs.note else ""),
        }
        for name, value in about.items():
            print(f"{name:8} {value}")
        parts = {
            "windows": windows_part(voxels, spacing, lungs, given),
            "slices": slices_part(voxels, spacing, lungs, given),
        }
    if given.json:
        rows = {
            part: [asdict(row) | {"run": None, "median": row.median} for row in rows] for part, rows in parts.items()
        }
        given.json.write_text(json.dumps({**about, **rows}, indent=1) + "\n")


def read(scan: Path | None, quick: bool) -> tuple[np.ndarray, tuple[float, float, float]]:
    """HU in canonical order and spacing (k, j, i)."""
    from LungTumorSegLib.volume.orientation import canonical

    volume = read_ct(scan) if scan else make_phantom(0, (128, 512, 512), (0.7, 0.7, 2.2))[0]
    orientation = canonical(volume.geometry)
    voxels, spacing = orientation.apply(volume.voxels), orientation.geometry(volume.geometry).spacing[::-1]
    return (voxels[::3, ::3, ::3], tuple(3 * mm for mm in spacing)) if quick else (voxels, spacing)


def share(lungs: Lungs, shape: tuple[int, int, int]) -> float:
    return float(np.prod(np.subtract(lungs.stop, lungs.start)) / np.prod(shape))


def scaled(voxels: np.ndarray) -> torch.Tensor:
    low, high = HU_RANGE
    return torch.from_numpy((np.clip(voxels.astype(np.float32), low, high) - low) / (high - low))


def windows_part(voxels: np.ndarray, spacing: tuple, lungs: Lungs, given: argparse.Namespace) -> list[Row]:
    window = (32, 48, 48) if given.quick else (64, 160, 160)
    torch.manual_seed(0)
    network = UNet(3, 1, 1, (16, 32, 64, 128, 256), (2, 2, 2, 2), num_res_units=2, norm="batch")
    network = briefly_trained(network, (32, 48, 48), spacing, given.steps)
    image = scaled(voxels)
    box = tuple(slice(a, b) for a, b in zip(lungs.start, lungs.stop, strict=True))
    card = ModelCard(
        "benchmark",
        "automatic",
        "ResidualUNet3D",
        {"input_channels": 1},
        None,
        window,
        HU_RANGE,
        1,
        0.5,
        OVERLAP,
        "none",
    )
    model = Model(card, network, "benchmark")
    full, half = Runner(model, CPU, half=False), Runner(model, CPU, half=True)
    best_half = Setting(half.setting.batch, True, True)

    def ours(predict, part=None, window=window, batch=1, wanted=None) -> torch.Tensor:
        """Probabilities of the whole grid; `part` is what is searched."""
        out = torch.zeros(image.shape)
        part = part or (slice(None),) * 3
        inside = slide(image[part].contiguous(), window, predict, overlap=OVERLAP, batch=batch, wanted=wanted)
        out[part] = inside.logits.sigmoid()
        return out

    def touching(starts: np.ndarray) -> np.ndarray:
        return lungs.touched(starts, starts + np.array(window) - 1)

    def monai(batch: int) -> torch.Tensor:
        with torch.inference_mode():
            return sliding_window_inference(image[None, None], window, batch, network, OVERLAP, "gaussian")[
                0, 0
            ].sigmoid()

    best = best_batch(lambda batch: plain(network)(torch.rand(batch, 1, *window)), (1, 2, 4))
    fast = full.setting
    print(f"\nWindows of {' x '.join(map(str, window))}; MONAI's best batch {best}; ours {fast}")
    folded = partial(full.run, setting=Setting(best, False, False))
    last = partial(full.run, setting=Setting(best, True, False))
    rows = [
        Row("MONAI, as it comes (batch 1)", partial(monai, 1)),
        Row(f"MONAI, best batch ({best})", partial(monai, best)),
        Row("our blending", partial(ours, plain(network), batch=best)),
        Row("+ batch norms folded", partial(ours, folded, batch=best)),
        Row("+ channels last", partial(ours, last, batch=best)),
        Row("(a) same windows, layout and batch by trial", partial(ours, full, batch=fast.batch)),
        Row("only windows that touch the lungs", partial(ours, full, batch=fast.batch, wanted=touching)),
        Row("(b) windows laid on the lungs' box", partial(ours, full, box, batch=fast.batch), same_windows=False),
        Row("the box in one pass", partial(ours, full, box, one_pass(box)), same_windows=False),
    ]
    if half.half_type is not None:
        low = partial(half.run, setting=best_half)
        rows += [
            Row(f"same windows, {half.half_type}", partial(ours, low, batch=best_half.batch)),
            Row(f"(c) windows on the box, {half.half_type}", partial(ours, low, box, batch=best_half.batch), False),
            Row(f"the box in one pass, {half.half_type}", partial(ours, low, box, one_pass(box)), False),
        ]
    return compare(rows, inside(lungs, voxels.shape), given.repeat)


def slices_part(voxels: np.ndarray, spacing: tuple, lungs: Lungs, given: argparse.Namespace) -> list[Row]:
    step = 1 if given.quick else 2
    seen_mm = (spacing[0], step * spacing[1], step * spacing[2])
    torch.manual_seed(0)
    card = ModelCard("benchmark", "automatic", "ENet-CBAM-Skip", {}, None, None, HU_RANGE, 1, 0.5, OVERLAP, "none")
    network = briefly_trained(catalogue.build(card.network), (1, 96, 96), seen_mm, given.steps)
    image = scaled(voxels[:, ::step, ::step])
    image = image[:, : image.shape[1] // 8 * 8, : image.shape[2] // 8 * 8].contiguous()
    start, stop = (np.array(each) // [1, step, step] for each in (lungs.start, lungs.stop))
    stop = np.minimum(start + -(-(stop - start) // [1, 8, 8]) * [1, 8, 8], image.shape)
    start = np.maximum(stop - -(-(stop - start) // [1, 8, 8]) * [1, 8, 8], 0)
    box = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    model = Model(card, network, "benchmark")
    full, half = Runner(model, CPU, half=False), Runner(model, CPU, half=True)

    def monai(batch: int) -> torch.Tensor:
        infer = SliceInferer(spatial_dim=0, roi_size=tuple(image.shape[1:]), sw_batch_size=batch)
        with torch.inference_mode():
            return infer(image[None, None], network)[0, 0].sigmoid()

    def ours(predict, part=None, batch=8) -> torch.Tensor:
        out = torch.zeros(image.shape)
        part = part or (slice(None),) * 3
        seen = image[part].contiguous()
        out[part] = slide(seen, (1, *seen.shape[1:]), predict, batch=batch, adjacent=1).logits.sigmoid()
        return out

    best = best_batch(lambda batch: plain(network)(torch.rand(batch, 1, *image.shape[1:])), (1, 4, 8, 16))
    whole, small = full.batch(tuple(image.shape[1:])), full.batch(tuple(n.stop - n.start for n in box[1:]))
    print(f"\nSlices of {image.shape[1]} x {image.shape[2]}; MONAI's best batch {best}; ours {small}, {full.setting}")
    rows = [
        Row("MONAI, as it comes (batch 1)", partial(monai, 1)),
        Row(f"MONAI, best batch ({best})", partial(monai, best)),
        Row(
            "same slices, batch norms folded",
            partial(ours, partial(full.run, setting=Setting(8, False, False)), batch=whole),
        ),
        Row("+ layout by trial", partial(ours, full, batch=whole)),
        Row("(d) the lungs' box", partial(ours, full, box, small), same_windows=False),
    ]
    if half.half_type is not None:
        low = partial(half.run, setting=Setting(8, True, True))
        rows.append(Row(f"(d) the lungs' box, {half.half_type}", partial(ours, low, box, small), same_windows=False))
    return compare(
        rows, inside(lungs, voxels.shape)[:, ::step, ::step][:, : image.shape[1], : image.shape[2]], given.repeat
    )


def plain(network: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    def predict(inputs: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return network(inputs)

    return predict


def one_pass(box: tuple[slice, slice, slice]) -> tuple[int, int, int]:
    """The smallest window that holds the box and that the network takes."""
    return tuple(-(-(part.stop - part.start) // 16) * 16 for part in box)


def inside(lungs: Lungs, shape: tuple[int, int, int]) -> torch.Tensor:
    """The lungs' outline on the scan's grid."""
    if lungs.mask is None:
        return torch.ones(shape, dtype=torch.bool)
    fine = lungs.mask
    for axis, n in enumerate(lungs.steps):
        fine = fine.repeat(n, axis)
    return torch.from_numpy(fine[tuple(slice(n) for n in shape)])


def best_batch(run: Callable[[int], torch.Tensor], batches: tuple[int, ...]) -> int:
    """The batch with the least time for an item, each at its best of two."""

    def seconds(batch: int) -> float:
        started = time.perf_counter()
        run(batch)
        return (time.perf_counter() - started) / batch

    return min(batches, key=lambda batch: min(seconds(batch) for _ in range(2)))


def compare(rows: list[Row], region: torch.Tensor, repeat: int) -> list[Row]:
    """Runs the rows in turn, fills in their figures and prints them."""
    wanted = None
    for _ in range(repeat):
        for row in rows:
            started = time.perf_counter()
            found = row.run()
            row.seconds.append(time.perf_counter() - started)
            wanted = found if wanted is None else wanted
            if row.same_windows:
                row.difference = float((found - wanted)[region].abs().max())
            a, b = (found >= 0.5) & region, (wanted >= 0.5) & region
            row.dice = float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))
    print(f"{'':46} seconds  x default  x best   gain  difference   Dice")
    for number, row in enumerate(rows):
        gain = rows[max(number - 1, 0)].median / row.median
        difference = "" if row.difference is None else f"{row.difference:.1e}"
        print(
            f"{row.name:46} {row.median:7.2f} {rows[0].median / row.median:9.2f} {rows[1].median / row.median:8.2f}"
            f" {gain:6.2f}  {difference:>10} {row.dice:6.4f}",
            flush=True,
        )
    return rows


def briefly_trained(network: nn.Module, edge: Index, spacing: tuple[float, float, float], steps: int) -> nn.Module:
    """The network after some steps on patches of a synthetic chest of that spacing (k, j, i; mm), one of two around a
    tumour; a slice network's patches are one voxel deep."""
    shape = tuple(round(extent / mm) for extent, mm in zip((275, 358, 358), spacing, strict=True))
    ct, truth, tumours = make_phantom(1, shape, spacing[::-1])
    image, mask = scaled(ct.voxels), torch.from_numpy((truth.voxels > 0).astype(np.float32))
    rng = np.random.default_rng(0)
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    network.train()
    for step in range(steps):
        inputs, targets = [], []
        for number in range(4):
            tumour = tumours[(step + number) % len(tumours)]
            near = ct.geometry.lps_to_ijk(tumour["centre_lps"])[::-1] + rng.normal(0, 3, 3)
            middle = near if number % 2 else rng.uniform(0, image.shape)
            first = np.clip(middle - np.array(edge) / 2, 0, np.subtract(image.shape, edge)).astype(int)
            part = tuple(slice(a, a + n) for a, n in zip(first, edge, strict=True))
            inputs.append(image[part])
            targets.append(mask[part])
        flat = (1,) if edge[0] > 1 else ()  # a slice's depth serves as its channel
        inputs, target = (torch.stack(each).view(4, *flat, *edge) for each in (inputs, targets))
        logits = network(inputs)
        soft = torch.sigmoid(logits)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, target)
        loss = loss + 1 - 2 * (soft * target).sum() / (soft.sum() + target.sum() + 1)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return network.eval()


if __name__ == "__main__":
    main()
