"""The card beside a model's weights: what the network is, what it expects, where it comes from."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field, fields

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue

VERSION = 1
LARGEST_BYTES = 4 << 20  # a card names every training case by hash: some hundred kilobytes at most
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TASKS = ("automatic", "prompted")
PROMPT_CHANNELS = (3, 4)  # the CT, points inside, points outside and, for most, a box
MOST_WINDOW_VOXELS = 512 * 512 * 128


@dataclass(frozen=True)
class ModelCard:
    """A model's `model.json`, valid once constructed; `InputRefused` names the field that is not.

    name : letters, digits, dot, dash and underscore; as a rule the folder's name.
    task : "automatic" (whole scans) or "prompted" (one lesion around points).
    network, arguments : the catalogue's name and what `catalogue.build` takes.
    spacing_mm : (k, j, i) of the model's grid in mm; None keeps the source's, for one axis or for all.
    window : voxels the network sees at once, (k, j, i) or, for slice networks, (j, i); None = the box in one pass.
    hu_range : the CT is clipped to this and scaled to 0..1.
    adjacent_slices : input channels of a slice network: slices of the model's grid around the one segmented.
    threshold : probability from which a voxel is tumour.
    overlap : share of a window that its neighbour covers again, 0 to 0.95.
    classes : one name, of what the logit says is there.
    licence : of the weights.
    provenance : data and hashes, split, seed, recipe, metrics, parent: whatever JSON holds.
    """

    name: str
    task: str
    network: str
    arguments: dict
    spacing_mm: tuple[float | None, float | None, float | None]
    window: tuple[int, ...] | None
    hu_range: tuple[float, float]
    adjacent_slices: int
    threshold: float
    overlap: float
    licence: str
    classes: tuple[str, ...] = ("lung tumour",)
    provenance: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.spacing_mm is None:
            object.__setattr__(self, "spacing_mm", (None, None, None))
        for name in ("spacing_mm", "window", "hu_range", "classes"):
            value = getattr(self, name)
            object.__setattr__(self, name, tuple(value) if isinstance(value, list) else value)
        if not isinstance(self.arguments, dict) or not isinstance(self.network, str):
            raise InputRefused("model card: network must be a name and arguments its named values")
        entry = catalogue.entry(self.network)
        catalogue.refuse_arguments(entry, self.arguments)
        arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in self.arguments.items()}
        object.__setattr__(self, "arguments", {**entry.arguments, **arguments})
        if first := next(self.problems(entry), None):
            raise InputRefused(f"model card: {' '.join(first)}")

    def problems(self, entry: catalogue.CatalogueEntry):
        """(field, what is wrong with it), as many as there are."""
        if not (isinstance(self.name, str) and NAME.fullmatch(self.name)):
            yield "name", "must be 1 to 64 letters, digits, dots, dashes or underscores"
        if self.task not in TASKS:
            yield "task", f"must be one of {', '.join(TASKS)}"
        if not is_tuple(self.spacing_mm, 3, lambda side: side is None or is_number(side, 0.1, 50)):
            yield "spacing_mm", "must be three sizes from 0.1 to 50 mm, or none to keep the scan's own"
        if self.window is not None:
            n = entry.downsampling
            if not is_tuple(self.window, entry.dimensions, lambda side: type(side) is int and side > 0):
                yield "window", f"must be {entry.dimensions} whole numbers for {entry.name}"
            elif any(side % n for side in self.window) or math.prod(self.window) > MOST_WINDOW_VOXELS:
                yield "window", f"must have sides that are multiples of {n}, and at most {MOST_WINDOW_VOXELS} voxels"
        if (
            not is_tuple(self.hu_range, 2, lambda edge: is_number(edge, -1e5, 1e5))
            or self.hu_range[0] >= self.hu_range[1]
        ):
            yield "hu_range", "must be two numbers, the smaller first"
        if not is_number(self.threshold, 0, 1) or self.threshold in (0, 1):
            yield "threshold", "must lie between 0 and 1"
        if not is_number(self.overlap, 0, 0.95):
            yield "overlap", "must lie in 0 to 0.95"
        if not is_tuple(self.classes, 1, lambda name: isinstance(name, str) and 0 < len(name) <= 64):
            yield "classes", "must be one name: the networks tell one class from everything else"
        if not isinstance(self.licence, str) or not 0 < len(self.licence) <= 1000:
            yield "licence", "must say under which terms the weights may be used"
        if not is_json_object(self.provenance):
            yield "provenance", "must be an object that JSON can hold (no NaN)"
        channels = self.arguments["input_channels"]
        slices = channels if entry.dimensions == 2 else 1
        if type(self.adjacent_slices) is not int or self.adjacent_slices != slices or slices % 2 == 0:
            yield "adjacent_slices", "must be odd and the input channels of a slice network, 1 for a 3D network"
        if self.task == "prompted" and (entry.dimensions != 3 or channels not in PROMPT_CHANNELS):
            yield "network", "must be a 3D one with input_channels 3 or 4 for the prompted task"
        if self.task == "prompted" and (self.window is None or len(set(self.window)) > 1):
            yield "window", "must be a cube for the prompted task"
        if self.task == "automatic" and entry.dimensions == 3 and channels != 1:
            yield "network", "must have input_channels 1 when it is a 3D one for the automatic task"

    def to_json(self) -> str:
        return json.dumps({"version": VERSION, **asdict(self)}, indent=2, allow_nan=False) + "\n"


def card_from_json(text: bytes) -> ModelCard:
    """The card of a `model.json`; `InputRefused` in one line where it is none."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise InputRefused("model card: model.json is not JSON") from None
    if not isinstance(values, dict):
        raise InputRefused("model card: model.json must be a JSON object")
    version = values.pop("version", None)
    if type(version) is not int or version != VERSION:
        raise InputRefused(
            f"model card: this program reads version {VERSION}, not {str(version)[:20]!r}: update one of the two"
        )
    known = {each.name for each in fields(ModelCard)}
    if unknown := sorted(values.keys() - known):
        raise InputRefused(f"model card: unknown field {unknown[0][:60]!r}")
    if missing := sorted(known - values.keys()):
        raise InputRefused(f"model card: {', '.join(missing)} missing")
    return ModelCard(**values)


def is_number(value: object, smallest: float, largest: float) -> bool:
    """True for an int or float (no bool, no NaN) in that range."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and smallest <= value <= largest


def is_tuple(value: object, length: int, right) -> bool:
    return isinstance(value, tuple) and len(value) == length and all(map(right, value))


def is_json_object(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(value, dict)
