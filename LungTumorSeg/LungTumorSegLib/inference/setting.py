"""How a network runs fastest on this machine, found by a short trial and remembered."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

ROUNDS = 2  # after one for warming up
CLEARLY_FASTER = 0.9  # share of the time: a change that gains less is as likely the machine's mood
LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class Setting:
    """batch : windows or slices that go together. channels_last : memory layout. half : half precision."""

    batch: int
    channels_last: bool
    half: bool


def fastest(seconds_an_item: Callable[[Setting], float], candidates: list[Setting]) -> Setting:
    """The candidate with the least time for one item; the first ones stay unless a later one is clearly faster.

    The candidates take turns, so that a busy moment meets them all, and each is judged by its best turn. A candidate
    that cannot run (a layer without half precision, no memory) is left out, unless it is the first.
    """
    if len(candidates) == 1:
        return candidates[0]
    best = dict.fromkeys(candidates, float("inf"))
    for turn in range(ROUNDS + 1):
        for setting in list(best):
            try:
                seconds = seconds_an_item(setting)
            except (RuntimeError, NotImplementedError):
                if setting is candidates[0]:
                    raise
                del best[setting]
                continue
            if turn > 0:
                best[setting] = min(best[setting], seconds)
    chosen = candidates[0]
    for setting, seconds in best.items():
        if seconds < CLEARLY_FASTER * best[chosen]:
            chosen = setting
    return chosen


def remembered(key: str, find: Callable[[], Setting], file: Path | None = None) -> Setting:
    """The setting noted under `key`, else what `find` finds, noted for the next process.

    The note makes a start faster, and makes two runs of a program choose alike: their results are then bit-identical.
    A folder that cannot be written to only costs the trial again.
    """
    file = file or cache_file()
    notes = read_notes(file)
    try:
        setting = Setting(**notes[key])
        if type(setting.batch) is int and 1 <= setting.batch <= 64:
            return setting
    except (KeyError, TypeError):
        pass
    setting = find()
    write_notes(file, {**read_notes(file), key: asdict(setting)})
    return setting


def cache_file() -> Path:
    """`LUNGTUMORSEG_CACHE`, or the system's folder for what programs can find out again."""
    if "LUNGTUMORSEG_CACHE" in os.environ:
        folder = Path(os.environ["LUNGTUMORSEG_CACHE"])
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA", Path.home())) / "LungTumorSeg"
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Caches" / "LungTumorSeg"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lungtumorseg"
    return folder / "settings.json"


def read_notes(file: Path) -> dict:
    try:
        if file.stat().st_size > LARGEST_FILE:
            return {}
        notes = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def write_notes(file: Path, notes: dict) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as temporary:
            json.dump(notes, temporary, indent=1)
        os.replace(temporary.name, file)
    except OSError:
        return


def machine(device: torch.device) -> str:
    """What a setting depends on besides the network."""
    if device.type == "cuda":
        return f"torch {torch.__version__}, {torch.cuda.get_device_name(device)}"
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
    capability = torch.backends.cpu.get_cpu_capability()
    return f"torch {torch.__version__}, {processor()}, {capability} {limit}, {torch.get_num_threads()} threads"


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        wanted = ("cpu family", "model\t", "model name")
        return " ".join(line.split(":")[1].strip() for line in lines[:12] if line.startswith(wanted))
    except OSError:
        import platform

        return platform.processor()


def timed(run: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
