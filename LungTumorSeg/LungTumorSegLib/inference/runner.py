"""A model's network made ready for a device."""

from __future__ import annotations

import copy
import json
import math

import torch

from LungTumorSegLib.inference import memory
from LungTumorSegLib.inference.convolution import go_direct
from LungTumorSegLib.inference.folding import folded
from LungTumorSegLib.inference.precision import native_half
from LungTumorSegLib.inference.setting import Setting, fastest, machine, remembered, timed
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.model import Model

TRIAL_SIDE = {2: 96, 3: 32}  # voxels
PIXELS_AT_ONCE = 8 * 256 * 256  # of slices: with 32 of 256 x 256 each takes 1.8 times as long, the cache is full
LAYOUT = {2: torch.channels_last, 3: torch.channels_last_3d}


class Runner:
    """Runs a model's network: batch norms folded, in the layout, batch and precision that suit the device.

    Calling it with float32 inputs (n, c, ...) gives float32 logits (n, m, ...), of a gate (n, 1), on the device. Half
    precision is used only where the hardware has it and a trial showed that it is faster.

    setting : what is used. bytes_per_voxel : what a pass takes at most for each voxel of a window, in float32.
    """

    def __init__(self, model: Model, device: torch.device, half: bool):
        entry = catalogue.entry(model.card.network)
        self.dimensions = entry.dimensions
        self.trial_side = max(TRIAL_SIDE[entry.dimensions], 2 * entry.downsampling)
        self.even = entry.even
        self.device = device
        channels = model.card.arguments["input_channels"]
        generator = torch.Generator().manual_seed(0)
        sides = [2 * entry.downsampling] * entry.dimensions if entry.even else entry.smallest
        example = torch.rand(1, channels, *sides, generator=generator)
        self.network = folded(model.network, example).to(device)
        if device.type == "cpu":
            go_direct(self.network)
        self.bytes_per_voxel = memory.bytes_per_voxel(self.network, example.to(device))
        self.ready: dict[tuple[bool, bool], torch.nn.Module] = {}
        self.half_type = native_half(device) if half else None

        key = f"{machine(device)}, {model.card.network} {json.dumps(model.card.arguments)}, {model.card.task}, {half}"
        prompted = model.card.task == "prompted"
        self.setting = remembered(key, lambda: fastest(self.trial(channels), self.candidates(prompted)))

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.run(inputs, self.setting)

    def batch(self, window: tuple[int, ...]) -> int:
        """How many windows go together: the setting's number, fewer where they are large."""
        most = int(memory.budget(self.device) / (self.bytes_per_voxel * math.prod(window)))
        if self.dimensions == 2 and self.device.type == "cpu":
            most = min(most, PIXELS_AT_ONCE // math.prod(window))
        return max(1, min(self.setting.batch, most))

    def fits(self, window: tuple[int, ...]) -> bool:
        """True where one such window is sure to fit into memory."""
        return self.bytes_per_voxel * math.prod(window) <= memory.budget(self.device)

    def candidates(self, single: bool) -> list[Setting]:
        """In order of trust. A click asks for one window.

        Attention is worth no trial: its windows are cut anew in any layout, and a trial takes longer than it saves.
        """
        if not self.even:
            return [Setting(1, False, self.half_type is not None and self.device.type == "cuda")]
        batches = (1,) if single else (8,) if self.dimensions == 2 else (2, 1, 4)
        full = [Setting(batch, last, False) for batch in batches for last in (True, False)]
        halves = [Setting(batch, True, True) for batch in batches] if self.half_type is not None else []
        return full + halves

    def trial(self, channels: int):
        side = self.trial_side

        def seconds_an_item(setting: Setting) -> float:
            inputs = torch.zeros(setting.batch, channels, *[side] * self.dimensions, device=self.device)
            return timed(lambda: self.run(inputs, setting), self.device) / setting.batch

        return seconds_an_item

    def run(self, inputs: torch.Tensor, setting: Setting) -> torch.Tensor:
        network = self.variant(setting)
        layout = LAYOUT[self.dimensions] if setting.channels_last else torch.contiguous_format
        inputs = inputs.to(self.device)
        with torch.inference_mode():
            if setting.half and self.device.type == "cuda":
                with torch.autocast("cuda", self.half_type):
                    return network(inputs.to(memory_format=layout)).float()
            kind = self.half_type if setting.half else torch.float32
            return network(inputs.to(dtype=kind, memory_format=layout)).float()

    def variant(self, setting: Setting) -> torch.nn.Module:
        """The network in that layout and type; autocast turns types on a graphics card."""
        half = setting.half and self.device.type == "cpu"
        if (setting.channels_last, half) not in self.ready:
            layout = LAYOUT[self.dimensions] if setting.channels_last else torch.contiguous_format
            network = copy.deepcopy(self.network).to(memory_format=layout)
            self.ready[setting.channels_last, half] = network.to(self.half_type) if half else network
        return self.ready[setting.channels_last, half]
