"""The losses that a recipe names: MONAI's where it has them, each made to count known voxels only.

A loss is called with

- logits (n, c, ...), of any float type;
- target (n, c, ...), 0..1, one channel a logit: classes that may overlap with the activation "sigmoid", or one-hot with
  the background first with "softmax". Fractions (votes of several readers) are allowed;
- known (n, 1, ...), 1 where the truth is known and 0 where it is not, or None: known everywhere. Unknown voxels have
  neither loss nor gradient, whatever the target says there.

and gives a scalar in float32. MONAI is imported when a loss that needs it is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from inspect import signature

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from LungTumorSegLib.errors import InputRefused

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]

ACTIVATIONS = ("sigmoid", "softmax")
SMOOTH = 1e-5  # MONAI's own: an empty target that is answered by nothing costs nothing
# Where a batch holds no tumour its share is 0, and an alpha of 1 would make the batch worth nothing.
ALPHA_RANGE = (0.01, 0.99)
LEAST_MISS = 1e-6  # a root's slope is infinite at 0


def bce(activation: str = "sigmoid") -> Loss:
    """Binary cross-entropy of each channel, mean over known voxels; with softmax the cross-entropy of the classes."""
    return entropy(activation, None)


def weighted_bce(positive_weight: float = 2.0) -> Loss:
    """Binary cross-entropy whose positive part counts `positive_weight` times: above 1 finds more and errs more."""
    check("positive_weight", positive_weight, 0.0, 1e4)
    return entropy("sigmoid", positive_weight)


def dice(activation: str = "sigmoid", include_background: bool = True, batch: bool = False) -> Loss:
    """1 - soft Dice (Milletari et al. 2016), mean over items and channels; MONAI's DiceLoss.

    include_background : whether softmax's first channel counts. batch : one Dice of all items together.
    """
    return overlap(activation, include_background, batch, jaccard=False)


def jaccard(activation: str = "sigmoid", include_background: bool = True, batch: bool = False) -> Loss:
    """1 - soft intersection over union, otherwise as `dice`; MONAI's DiceLoss with `jaccard`."""
    return overlap(activation, include_background, batch, jaccard=True)


def dice_ce(
    activation: str = "sigmoid",
    include_background: bool = True,
    batch: bool = False,
    dice_weight: float = 1.0,
    entropy_weight: float = 1.0,
) -> Loss:
    """`dice_weight` x `dice` + `entropy_weight` x `bce`, as MONAI's DiceCELoss, which itself cannot leave voxels out.

    Unlike there, several classes that may overlap keep a binary cross-entropy each.
    """
    check("dice_weight", dice_weight, 0.0, 1e4)
    check("entropy_weight", entropy_weight, 0.0, 1e4)
    shape, voxels = dice(activation, include_background, batch), bce(activation)

    def loss(logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        return dice_weight * shape(logits, target, known) + entropy_weight * voxels(logits, target, known)

    return loss


def focal(alpha: float | None = 0.3, gamma: float = 3.5, activation: str = "sigmoid") -> Loss:
    """Focal loss (Lin et al. 2017), mean over known voxels; MONAI's FocalLoss.

    alpha : weight of what is there, 1 - alpha that of the rest; None weighs both alike. gamma : how little easy voxels
    count. The defaults are the values that system 1 took from the literature.
    """
    check("gamma", gamma, 0.0, 10.0)
    if alpha is not None:
        check("alpha", alpha, 0.0, 1.0)
    exclusive = exclusive_of(activation)
    if exclusive and 0 < gamma < 1:
        raise InputRefused(
            "gamma of a focal loss with softmax must be 0 or from 1 up: in between its slope is infinite"
        )
    from monai.losses.focal_loss import sigmoid_focal_loss, softmax_focal_loss

    of_voxels = softmax_focal_loss if exclusive else sigmoid_focal_loss

    def loss(logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        logits, target = prepared(logits, target, known)
        return mean_of_known(of_voxels(logits, target, gamma, alpha), known)

    return loss


def adaptive_focal(gamma: float = 3.5) -> Loss:
    """Focal loss whose alpha follows each batch: 1 - the share of what is there among its known voxels.

    So what is there and what is not weigh alike, however rare it is in the batch (system 1: "adaptive, alpha computed
    per batch, gamma fixed"). alpha stays within `ALPHA_RANGE`. Sigmoid only.
    """
    check("gamma", gamma, 0.0, 10.0)
    from monai.losses.focal_loss import sigmoid_focal_loss

    def loss(logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        logits, target = prepared(logits, target, known)
        alpha = (1 - mean_of_known(target, known)).clamp(*ALPHA_RANGE)
        voxels = sigmoid_focal_loss(logits, target, gamma, None) * (target * alpha + (1 - target) * (1 - alpha))
        return mean_of_known(voxels, known)

    return loss


def focal_tversky(
    alpha: float = 0.7, beta: float = 0.3, gamma: float = 4 / 3, smooth: float = 1.0, activation: str = "sigmoid"
) -> Loss:
    """(1 - Tversky index)^(1 / gamma), mean over items and channels (Abraham & Khan 2019, equations 3 and 4).

    alpha : weight of what is missed. beta : weight of what is found falsely. smooth : added above and below.
    """
    check("alpha", alpha, 0.0, 1.0)
    check("beta", beta, 0.0, 1.0)
    check("gamma", gamma, 0.1, 10.0)
    check("smooth", smooth, 1e-8, 1e4)
    exclusive = exclusive_of(activation)

    def loss(logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        probability, target = masked(*probabilities(logits, target, known, exclusive), known)
        axes = tuple(range(2, target.dim()))
        found = (probability * target).sum(axes)
        missed, false = target.sum(axes) - found, probability.sum(axes) - found
        index = (found + smooth) / (found + alpha * missed + beta * false + smooth)
        return (1 - index).clamp(min=LEAST_MISS).pow(1 / gamma).mean()

    return loss


def focal_jaccard(gamma: float = 4 / 3, smooth: float = SMOOTH, activation: str = "sigmoid") -> Loss:
    """(1 - soft intersection over union)^(1 / gamma): `focal_tversky` that weighs what is missed and what is found
    falsely in full. System 1 names it without its gamma, which is the one of `focal_tversky` here."""
    return focal_tversky(1.0, 1.0, gamma, smooth, activation)


LOSSES: dict[str, Callable[..., Loss]] = {
    "bce": bce,
    "weighted-bce": weighted_bce,
    "dice": dice,
    "dice-ce": dice_ce,
    "jaccard": jaccard,
    "focal": focal,
    "adaptive-focal": adaptive_focal,
    "focal-tversky": focal_tversky,
    "focal-jaccard": focal_jaccard,
}


def loss_by_name(name: str, **arguments: object) -> Loss:
    """The loss of that name; `InputRefused` in one line for an unknown name or argument, or one out of range."""
    make = LOSSES.get(name) if isinstance(name, str) else None
    if make is None:
        raise InputRefused(f"unknown loss {str(name)[:60]!r}: choose one of {', '.join(LOSSES)}")
    refuse_unknown(name, list(signature(make).parameters), arguments)
    return make(**arguments)


def refuse_unknown(name: str, takes: Iterable[str], arguments: Iterable[str]) -> None:
    """`InputRefused` for the first argument that the loss of that name does not take."""
    for key in arguments:
        if key not in takes:
            raise InputRefused(f"unknown argument {str(key)[:60]!r} of the loss {name}: it takes {', '.join(takes)}")


def entropy(activation: str, positive_weight: float | None) -> Loss:
    exclusive = exclusive_of(activation)

    def loss(logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        logits, target = prepared(logits, target, known)
        if exclusive:
            return mean_of_known(cross_entropy(logits, target, reduction="none")[:, None], known)
        weight = None if positive_weight is None else torch.tensor(positive_weight, device=logits.device)
        voxels = binary_cross_entropy_with_logits(logits, target, pos_weight=weight, reduction="none")
        return mean_of_known(voxels, known)

    return loss


def overlap(activation: str, include_background: bool, batch: bool, jaccard: bool) -> Loss:
    exclusive = exclusive_of(activation)
    for name, value in (("include_background", include_background), ("batch", batch)):
        if not isinstance(value, bool):
            raise InputRefused(f"{name} must be true or false")
    from monai.losses.dice import DiceLoss

    of_probabilities = DiceLoss(
        include_background=include_background or not exclusive,
        jaccard=jaccard,
        batch=batch,
        smooth_nr=SMOOTH,
        smooth_dr=SMOOTH,
    )

    def loss(logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        # MONAI's MaskedDiceLoss masks the logits, which leaves a probability of one half where nothing is known.
        return of_probabilities(*masked(*probabilities(logits, target, known, exclusive), known))

    return loss


def prepared(
    logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both as float32, shapes checked; where nothing is known the target is 0, so that no NaN can come from there."""
    if logits.shape != target.shape:
        raise ValueError(f"the logits are {tuple(logits.shape)}, the target is {tuple(target.shape)}")
    if known is not None and known.shape != (logits.shape[0], 1, *logits.shape[2:]):
        raise ValueError(f"what is known is {tuple(known.shape)}, the logits are {tuple(logits.shape)}")
    target = target.float()
    return logits.float(), target if known is None else target.where(known > 0, 0)


def probabilities(
    logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None, exclusive: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    logits, target = prepared(logits, target, known)
    return (logits.softmax(1) if exclusive else logits.sigmoid()), target


def masked(
    probability: torch.Tensor, target: torch.Tensor, known: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    return (probability, target) if known is None else (probability * known, target * known)


def mean_of_known(voxels: torch.Tensor, known: torch.Tensor | None) -> torch.Tensor:
    """The mean over known voxels and all channels; 0 where none is known."""
    if known is None:
        return voxels.mean()
    return (voxels * known).sum() / (known.sum() * voxels.shape[1]).clamp(min=1)


def exclusive_of(activation: str) -> bool:
    if activation not in ACTIVATIONS:
        raise InputRefused(f"activation must be one of {', '.join(ACTIVATIONS)}, not {str(activation)[:40]!r}")
    return activation == "softmax"


def check(name: str, value: object, least: float, most: float) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not least <= value <= most:
        raise InputRefused(f"{name} of a loss must be a number from {least:g} to {most:g}")
