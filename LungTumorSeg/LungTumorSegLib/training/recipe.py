"""A recipe: everything that decides how a model is trained, except the data and the device."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.training.limits import (
    OWN,
    either,
    key,
    named,
    number,
    one_of,
    sizes,
    some_of,
    span,
    text,
    whole,
)

LOSSES = (
    "bce", "weighted-bce", "dice", "dice-ce", "jaccard", "focal", "adaptive-focal", "focal-tversky",
    "focal-jaccard", "reader-votes",
)  # fmt: skip
CORRECTED = "corrected-scans"
SIDES = ("left-right", "front-back", "head-feet")
PRECISIONS = ("32", "bf16-mixed", "16-mixed", "auto")


@dataclass(frozen=True)
class Network:
    """name : of the catalogue. arguments : what `catalogue.build` takes."""

    name: str = key(one_of(*catalogue.names()), "ENet-CBAM-Skip")
    arguments: dict = field(default_factory=dict, metadata={"limit": named})


@dataclass(frozen=True)
class Data:
    """What the network is shown, and what it is to say.

    source : "cases" (images with masks in any layout that `lungtumorseg check` reads), "nodules-in-lungs" (crops of
        nodules set into whole lungs: the default models) or "corrected-scans" (the same layouts as "cases", to
        fine-tune a prompted or searching 3D model, which says network, spacing and HU range itself).
    classes : "union" (all labels are one target) or "each" (a logit a label). target : the union's name on the card.
    activation : "sigmoid" or "softmax", which adds the background's logit.
    spacing_mm : (k, j, i) of the grid that the network sees; "own" keeps the source's.
    hu_range : clipped to this and scaled to 0..1; "own" where values have no unit: each image's own range.
    adjacent_slices : of a slice network.
    window : (k, j, i), or (j, i) of a slice network: voxels of one sample.
    validation_share : of the patients. lungs : folder of whole scans, for "nodules-in-lungs" only.
    """

    source: str = key(one_of("cases", "nodules-in-lungs", CORRECTED), "cases")
    classes: str = key(one_of("union", "each"), "union")
    target: str = key(text(64), "lung tumour")
    activation: str = key(one_of("sigmoid", "softmax"), "sigmoid")
    spacing_mm: tuple = key(sizes((3,), either(OWN, number(0.1, 50))), (None, None, None))
    hu_range: tuple | None = key(either(OWN, span(-1e5, 1e5)), (-1000.0, 400.0))
    adjacent_slices: int = key(one_of(1, 3, 5, 7), 1)
    window: tuple = key(sizes((2, 3), whole(8, 1024)), (256, 256))
    validation_share: float = key(number(0, 0.5), 0.2)
    lungs: str = key(text(4096), "")


@dataclass(frozen=True)
class Sampling:
    """positive_share : of the windows that are laid around a voxel of the target, in a slice that holds it."""

    positive_share: float = key(number(0, 1), 0.5)


@dataclass(frozen=True)
class Augmentation:
    """Chance and strength of each change. A chance of 0 leaves it out.

    flip : sides that may be exchanged, each with one half. turn_degrees : about the body's axis, and shear, zoom
    (shares) and shift (share of the window), all in one resampling, with the chance `affine`.
    noise : standard deviation, clahe_clip : as scikit-image's clip limit; intensities are 0..1 there.
    """

    flip: tuple = key(some_of(*SIDES), ())
    affine: float = key(number(0, 1), 0.0)
    turn_degrees: float = key(number(0, 180), 0.0)
    shear: float = key(number(0, 0.5), 0.0)
    zoom: float = key(number(0, 0.5), 0.0)
    shift: float = key(number(0, 0.5), 0.0)
    noise_chance: float = key(number(0, 1), 0.0)
    noise: float = key(number(0, 0.5), 0.02)
    brighter_chance: float = key(number(0, 1), 0.0)
    brighter: float = key(number(0, 0.5), 0.1)
    scaled_chance: float = key(number(0, 1), 0.0)
    scaled: float = key(number(0, 0.5), 0.1)
    clahe_chance: float = key(number(0, 1), 0.0)
    clahe_clip: float = key(number(0.001, 1), 0.01)


@dataclass(frozen=True)
class Loss:
    """name : of `networks.losses`, or "reader-votes": known_loss of the default models."""

    name: str = key(one_of(*LOSSES), "bce")
    arguments: dict = field(default_factory=dict, metadata={"limit": named})


@dataclass(frozen=True)
class Optimiser:
    """learning_rate : the highest one, or "find": Lightning's range test over `find_steps` (Smith 2017).

    clip : largest norm of the gradient, 0 = as it is.
    """

    name: str = key(one_of("adam", "adamw", "sgd"), "adamw")
    learning_rate: float | str = key(either("find", number(1e-8, 10)), 1e-3)
    find_steps: int = key(whole(20, 10_000), 100)
    weight_decay: float = key(number(0, 1), 1e-2)
    clip: float = key(number(0, 1e6), 0.0)


@dataclass(frozen=True)
class Schedule:
    """How the learning rate goes: "constant", "cosine" (once down) or "cyclic" (down `cycles` times, SGDR 2017).

    warm_up : steps. lowest : share of the highest rate at a cosine's end.
    """

    name: str = key(one_of("constant", "cosine", "cyclic"), "cosine")
    warm_up: int = key(whole(0, 100_000), 0)
    cycles: int = key(whole(1, 1000), 1)
    lowest: float = key(number(0, 1), 0.01)


@dataclass(frozen=True)
class Averaging:
    """Of the weights: "none", "swa" (equal parts from the share `start` of the run on, Izmailov 2018) or "ema"."""

    name: str = key(one_of("none", "swa", "ema"), "none")
    start: float = key(number(0, 1), 0.75)
    keep: float = key(number(0, 0.99999), 0.99)


@dataclass(frozen=True)
class Base:
    """What is kept of the model that a fine-tuning begins with.

    answer : weight of the cross-entropy against the base's own answer where nobody outlined anything (learning without
        forgetting, Li and Hoiem 2016), 0 = none.
    blend : the tuned weights' share of the finished ones, the rest being the base's (WiSE-FT, Wortsman et al. 2022).
    """

    answer: float = key(number(0, 100), 0.0)
    blend: float = key(number(0.01, 1), 1.0)


@dataclass(frozen=True)
class Run:
    """steps : of the optimiser, in all; steps_an_epoch : after so many come the checkpoint and a row of the curves.

    batch : samples a step, of all processes together. half_frozen_steps : for so long the first half of the weights
    stays, where the run begins with a model. batch_norm : "frozen" leaves its statistics as they are.
    validate_every : epochs. validation_windows : how many are tried then. patience : validations without a better
    score before the run stops, 0 = never. choose : the weights of the "last" epoch or of the "best" validation.
    workers : processes that make batches, 0 = the training process itself.
    precision : "auto" is "bf16-mixed" where the hardware multiplies in it, else "32".
    """

    steps: int = key(whole(1, 10_000_000), 2000)
    steps_an_epoch: int = key(whole(1, 100_000), 50)
    batch: int = key(whole(1, 4096), 8)
    seed: int = key(whole(0, 2**31 - 1), 0)
    precision: str = key(one_of(*PRECISIONS), "32")
    half_frozen_steps: int = key(whole(0, 10_000_000), 0)
    batch_norm: str = key(one_of("learnt", "frozen"), "learnt")
    validate_every: int = key(whole(1, 100_000), 1)
    validation_windows: int = key(whole(1, 100_000), 32)
    patience: int = key(whole(0, 100_000), 0)
    choose: str = key(one_of("last", "best"), "last")
    workers: int = key(whole(0, 64), 1)


@dataclass(frozen=True)
class Card:
    """What the finished model's card says beside the rest."""

    threshold: float = key(number(0.01, 0.99), 0.5)
    overlap: float = key(number(0, 0.95), 0.5)
    licence: str = key(text(1000), "Not stated: as the data's licence allows")


@dataclass(frozen=True)
class Recipe:
    """name : the file's. task : "automatic", "prompted" or "gate". gate : the recipe of the first of two stages."""

    name: str
    describes: str = ""
    task: str = "automatic"
    network: Network = field(default_factory=Network)
    data: Data = field(default_factory=Data)
    sampling: Sampling = field(default_factory=Sampling)
    augmentation: Augmentation = field(default_factory=Augmentation)
    loss: Loss = field(default_factory=Loss)
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    averaging: Averaging = field(default_factory=Averaging)
    base: Base = field(default_factory=Base)
    run: Run = field(default_factory=Run)
    card: Card = field(default_factory=Card)
    gate: Recipe | None = None

    def __post_init__(self):
        run, entry = self.run, catalogue.entry(self.network.name)
        if run.steps < run.steps_an_epoch:
            object.__setattr__(self, "run", replace(run, steps_an_epoch=run.steps))
        elif run.steps % run.steps_an_epoch:
            raise InputRefused(f"recipe: run.steps = {run.steps}: must be a multiple of run.steps_an_epoch")
        if len(self.data.window) != entry.dimensions:
            wanted = "two sides (j, i)" if entry.dimensions == 2 else "three sides (k, j, i)"
            raise InputRefused(f"recipe: data.window: must be {wanted} for {self.network.name}")
        if uneven := [side for side in self.data.window if side % entry.downsampling]:
            raise InputRefused(
                f"recipe: data.window = {uneven[0]}: must be multiples of {entry.downsampling} for {self.network.name}"
            )
        if (self.task == "gate") != (entry.task == "gate"):
            raise InputRefused(f"recipe: network.name = {self.network.name!r}: is not for the task {self.task}")
        if entry.dimensions == 3 and self.data.adjacent_slices != 1:
            raise InputRefused("recipe: data.adjacent_slices: must be 1 for a 3D network")
        if self.data.source != "cases" and entry.dimensions != 3:
            raise InputRefused(f"recipe: data.source = {self.data.source!r}: needs a 3D network")

    @property
    def dimensions(self) -> int:
        return catalogue.entry(self.network.name).dimensions
