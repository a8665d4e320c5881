"""The card beside a model's weights: what the network is, what it expects, where it comes from."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field, fields

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.arguments import MOST_CLASSES, MOST_INPUT_CHANNELS

VERSION = 1
LARGEST_BYTES = 4 << 20  # a card names every training case by hash: some hundred kilobytes at most
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TASKS = ("automatic", "prompted", "gate")
ACTIVATIONS = ("sigmoid", "softmax")
LATER = {"activation", "channels", "gate", "outlined_by", "suspicion"}  # fields that the first cards had not
PROMPT_CHANNELS = (3, 4)  # the CT, points inside, points outside and, for most, a box
MOST_WINDOW_VOXELS = 512 * 512 * 128


@dataclass(frozen=True)
class ModelCard:
    """A model's `model.json`, valid once constructed; `InputRefused` names the field that is not.

    name : letters, digits, dot, dash and underscore; as a rule the folder's name.
    task : "automatic" (whole scans), "prompted" (one lesion around points) or "gate" (is the target in a slice?).
    network, arguments : the catalogue's name and what `catalogue.build` takes.
    spacing_mm : (k, j, i) of the model's grid in mm; None keeps the source's, for one axis or for all.
    window : voxels the network sees at once, (k, j, i) or, for slice networks, (j, i); None = the box in one pass.
    hu_range : the CT is clipped to this and scaled to 0..1. None, where values have no unit (MR): each image is clipped
        to its own range, `inference.grid.own_range`.
    adjacent_slices : input channels of a slice network: slices of the model's grid around the one segmented.
    threshold : probability from which a voxel is tumour, or a slice passes a gate. Of a softmax 0.5 says "more likely
        one of the classes than none", which with one class is the arg max.
    overlap : share of a window that its neighbour covers again, 0 to 0.95.
    classes : names of what the logits say is there, the background not among them.
    licence : of the weights.
    provenance : data and hashes, split, seed, recipe, metrics, parent: whatever JSON holds.
    activation : "sigmoid" (a logit a class; classes may overlap) or "softmax" (the background's logit, then one a
        class; they exclude each other).
    channels : names of the images of one case that a 3D network reads, in order.
    gate : name of the folder, inside the model's own, of the gate that chooses the slices; None = all are segmented.
    outlined_by : name of the prompted model, inside the model's own folder or one that comes with the program, that
        looks again at what an automatic one found and outlines it (`inference.second_look`); None = the first answer
        stands. The threshold is then one of the outlining model's probability.
    suspicion : the automatic model's own probability from which it is asked; None without it.
    """

    name: str
    task: str
    network: str
    arguments: dict
    spacing_mm: tuple[float | None, float | None, float | None]
    window: tuple[int, ...] | None
    hu_range: tuple[float, float] | None
    adjacent_slices: int
    threshold: float
    overlap: float
    licence: str
    classes: tuple[str, ...] = ("lung tumour",)
    provenance: dict = field(default_factory=dict)
    activation: str = "sigmoid"
    channels: tuple[str, ...] = ("CT",)
    gate: str | None = None
    outlined_by: str | None = None
    suspicion: float | None = None

    def __post_init__(self):
        if self.spacing_mm is None:
            object.__setattr__(self, "spacing_mm", (None, None, None))
        for name in ("spacing_mm", "window", "hu_range", "classes", "channels"):
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
            elif math.prod(self.window) < math.prod(entry.smallest):
                yield "window", f"must be larger: {entry.name} needs at least {math.prod(entry.smallest)} voxels"
        if self.hu_range is not None and (
            not is_tuple(self.hu_range, 2, lambda edge: is_number(edge, -1e5, 1e5))
            or self.hu_range[0] >= self.hu_range[1]
        ):
            yield "hu_range", "must be two numbers, the smaller first, or none where values have no unit"
        if not is_number(self.threshold, 0, 1) or self.threshold in (0, 1):
            yield "threshold", "must lie between 0 and 1"
        if not is_number(self.overlap, 0, 0.95):
            yield "overlap", "must lie in 0 to 0.95"
        if not is_names(self.classes, MOST_CLASSES):
            yield "classes", f"must be 1 to {MOST_CLASSES} different names of at most 64 letters"
        elif self.activation not in ACTIVATIONS:
            yield "activation", f"must be one of {', '.join(ACTIVATIONS)}"
        elif entry.task == "segmentation":
            yield from self.problems_of_outputs()
        if not isinstance(self.licence, str) or not 0 < len(self.licence) <= 1000:
            yield "licence", "must say under which terms the weights may be used"
        if not is_json_object(self.provenance):
            yield "provenance", "must be an object that JSON can hold (no NaN)"
        yield from self.problems_of_inputs(entry)
        yield from self.problems_of_task(entry)
        if self.gate is not None:
            if not (isinstance(self.gate, str) and NAME.fullmatch(self.gate)):
                yield "gate", "must be the plain name of a folder inside the model's own"
            if self.task != "automatic" or entry.dimensions != 2:
                yield "gate", "must be none: only an automatic slice network can have one"
        if self.outlined_by is not None:
            if not (isinstance(self.outlined_by, str) and NAME.fullmatch(self.outlined_by)):
                yield "outlined_by", "must be the plain name of a model"
            if self.task != "automatic":
                yield "outlined_by", "must be none: only an automatic model is looked at again"
        if (self.outlined_by is None) != (self.suspicion is None):
            yield "suspicion", "must be given together with outlined_by, and only then"
        if self.suspicion is not None and not (is_number(self.suspicion, 0, 1) and 0 < self.suspicion < 1):
            yield "suspicion", "must lie between 0 and 1"

    def problems_of_outputs(self):
        outputs, classes = self.arguments["output_channels"], len(self.classes)
        if self.activation == "softmax" and outputs != classes + 1:
            yield "classes", f"must be {outputs - 1}: the softmax of output_channels {outputs} has the background first"
        if self.activation == "sigmoid" and outputs != classes:
            yield "classes", f"must be {outputs}, as many as output_channels, with the activation sigmoid"

    def problems_of_inputs(self, entry: catalogue.CatalogueEntry):
        inputs = self.arguments["input_channels"]
        slices = inputs if entry.dimensions == 2 else 1
        if type(self.adjacent_slices) is not int or self.adjacent_slices != slices or slices % 2 == 0:
            yield "adjacent_slices", "must be odd and the input channels of a slice network, 1 for a 3D network"
        if not is_names(self.channels, MOST_INPUT_CHANNELS):
            yield "channels", f"must be 1 to {MOST_INPUT_CHANNELS} different names of at most 64 letters"
        elif len(self.channels) > 1 and (self.task != "automatic" or entry.dimensions != 3):
            yield "channels", "must be one name: only automatic 3D networks read several images of a case"
        elif self.task == "automatic" and entry.dimensions == 3 and inputs != len(self.channels):
            yield "network", f"must have as many input_channels as the card has channels ({len(self.channels)})"

    def problems_of_task(self, entry: catalogue.CatalogueEntry):
        inputs = self.arguments["input_channels"]
        if (self.task == "gate") != (entry.task == "gate"):
            yield "network", "must be a gate for the task gate, and for no other"
        if self.task == "gate":
            if self.window is not None:
                yield "window", "must be none for a gate, which judges whole slices"
            if len(self.classes) != 1 or self.activation != "sigmoid":
                yield "classes", "must be one name with the activation sigmoid for a gate"
        if self.task == "prompted":
            if entry.dimensions != 3 or inputs not in PROMPT_CHANNELS:
                yield "network", "must be a 3D one with input_channels 3 or 4 for the prompted task"
            if self.window is None or len(set(self.window)) > 1:
                yield "window", "must be a cube for the prompted task"
            if len(self.classes) != 1 or self.activation != "sigmoid":
                yield "classes", "must be one name with the activation sigmoid for the prompted task"
            if self.hu_range is None:
                yield "hu_range", "must be two numbers for the prompted task"

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
    if missing := sorted(known - values.keys() - LATER):
        raise InputRefused(f"model card: {', '.join(missing)} missing")
    return ModelCard(**values)


def is_number(value: object, smallest: float, largest: float) -> bool:
    """True for an int or float (no bool, no NaN) in that range."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and smallest <= value <= largest


def is_tuple(value: object, length: int, right) -> bool:
    return isinstance(value, tuple) and len(value) == length and all(map(right, value))


def is_names(value: object, most: int) -> bool:
    """True for 1 to `most` different names of 1 to 64 letters."""
    return (
        isinstance(value, tuple)
        and 1 <= len(value) <= most
        and all(isinstance(name, str) and 0 < len(name) <= 64 for name in value)
        and len(set(value)) == len(value)
    )


def is_json_object(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(value, dict)
