"""Where half precision is worth a try."""

from __future__ import annotations

import torch


def native_half(device: torch.device) -> torch.dtype | None:
    """The half precision that the device's hardware multiplies in, or None.

    A processor without it emulates bfloat16, 8 to 27 times slower than float32. PyTorch's own answer is asked first,
    since it also knows a limit set from outside (`ATEN_CPU_CAPABILITY`).
    """
    if device.type == "cuda":
        return torch.float16 if torch.cuda.get_device_capability(device) >= (7, 0) else None
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        return None
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else None
