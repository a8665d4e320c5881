"""Joules that processor and graphics card spent, where the machine lets one read them."""

from __future__ import annotations

import ctypes
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


class EnergyMeter:
    """Counts from its making on. Whole machine: other programs' work is in it."""

    def __init__(self, powercap: Path = POWERCAP):
        self.packages = sorted(powercap.glob("intel-rapl:?"))  # AMD's counters have that name too
        self.before_packages = [microjoules(package) for package in self.packages]
        self.before_cards = card_millijoules()

    def joules(self) -> float | None:
        """Joules since the making; None where nothing can be read."""
        total, readable = 0.0, False
        for package, before in zip(self.packages, self.before_packages, strict=True):
            now = microjoules(package)
            if before is None or now is None:
                continue
            readable = True
            if now < before:  # the counter began again at 0
                now += int((package / "max_energy_range_uj").read_text())
            total += (now - before) * 1e-6
        for before, now in zip(self.before_cards, card_millijoules(), strict=False):
            readable = True
            total += (now - before) * 1e-3
        return total if readable else None


def microjoules(package: Path) -> int | None:
    try:
        return int((package / "energy_uj").read_text())
    except (OSError, ValueError):  # for administrators only on many systems
        return None


def card_millijoules() -> list[int]:
    """NVML's counter of each NVIDIA card since the driver was loaded; empty without driver or counter."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []
    count, values = ctypes.c_uint(), []
    if nvml.nvmlInit_v2() != 0:
        return []
    try:
        if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return []
        for index in range(count.value):
            card, energy = ctypes.c_void_p(), ctypes.c_ulonglong()
            nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(card))
            if nvml.nvmlDeviceGetTotalEnergyConsumption(card, ctypes.byref(energy)) != 0:
                return []
            values.append(energy.value)
    finally:
        nvml.nvmlShutdown()
    return values
