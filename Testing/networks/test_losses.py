"""Each loss against its formula on cases small enough to do by hand, at extreme logits, and where little is known."""

import math
import subprocess
import sys

import pytest
import torch
from torch.nn.functional import one_hot

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks.losses import LOSSES, SMOOTH, loss_by_name

BOTH = [name for name in LOSSES if name not in ("weighted-bce", "adaptive-focal")]
MAKES = [(name, {}) for name in LOSSES] + [(name, {"activation": "softmax"}) for name in BOTH]
IDS = [f"{name}-{arguments.get('activation', 'sigmoid')}" for name, arguments in MAKES]

# Four voxels: probabilities 0.9, 0.2, 0.6, 0.3; the first and third are tumour.
P = torch.tensor([0.9, 0.2, 0.6, 0.3])
LOGITS = torch.logit(P).view(1, 1, 2, 2)
TARGET = torch.tensor([1.0, 0.0, 1.0, 0.0]).view(1, 1, 2, 2)
TRUE = torch.tensor([0.9, 0.8, 0.6, 0.7])  # probability of what is true
LN = [-math.log(p) for p in TRUE.tolist()]
FOUND, SUM_P, SUM_T = 1.5, 2.0, 2.0


def by_hand(name: str) -> float:
    focal = [(1 - p) ** 3.5 * ln for p, ln in zip(TRUE.tolist(), LN, strict=True)]
    dice = 1 - (2 * FOUND + SMOOTH) / (SUM_P + SUM_T + SMOOTH)
    return {
        "bce": sum(LN) / 4,
        "weighted-bce": (2 * LN[0] + LN[1] + 2 * LN[2] + LN[3]) / 4,
        "dice": dice,
        "dice-ce": dice + sum(LN) / 4,
        "jaccard": 1 - (2 * FOUND + SMOOTH) / (2 * (SUM_P + SUM_T - FOUND) + SMOOTH),
        "focal": (0.3 * focal[0] + 0.7 * focal[1] + 0.3 * focal[2] + 0.7 * focal[3]) / 4,
        "adaptive-focal": 0.5 * sum(focal) / 4,  # half of the voxels are tumour
        "focal-tversky": (1 - (FOUND + 1) / (FOUND + 0.7 * 0.5 + 0.3 * 0.5 + 1)) ** 0.75,
        "focal-jaccard": (1 - (FOUND + SMOOTH) / (SUM_P + SUM_T - FOUND + SMOOTH)) ** 0.75,
    }[name]


def some_case(activation: str, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, target and known of three items with three channels."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 3, 6, 5, generator=generator)
    if activation == "softmax":
        target = one_hot(torch.randint(3, (3, 6, 5), generator=generator), 3).movedim(-1, 1).float()
    else:
        target = (torch.rand(3, 3, 6, 5, generator=generator) > 0.7).float()
    return logits, target, (torch.rand(3, 1, 6, 5, generator=generator) > 0.4).float()


@pytest.mark.parametrize("name", LOSSES)
def test_four_voxels_done_by_hand(name):
    assert loss_by_name(name)(LOGITS, TARGET, None).item() == pytest.approx(by_hand(name), rel=1e-5)


@pytest.mark.parametrize("name", BOTH)
def test_softmax_of_two_channels_is_sigmoid_of_their_difference(name):
    two, truth = torch.cat((-LOGITS / 2, LOGITS / 2), 1), torch.cat((1 - TARGET, TARGET), 1)
    background = {"include_background": False} if "include_background" in LOSSES[name].__code__.co_varnames else {}
    given = loss_by_name(name, activation="softmax", **background)(two, truth, None).item()
    if name == "focal-tversky":  # the mean with the background's, in which missed and false change places
        rest = (1 - (1.5 + 1) / (1.5 + 0.7 * 0.5 + 0.3 * 0.5 + 1)) ** 0.75
        assert given == pytest.approx((by_hand(name) + rest) / 2, rel=1e-5)
    elif name == "focal":  # of the two channels only the true one costs
        assert given == pytest.approx(by_hand(name) / 2, rel=1e-5)
    else:
        assert given == pytest.approx(by_hand(name), rel=1e-5)


@pytest.mark.parametrize(("activation", "channels"), [("sigmoid", 1), ("softmax", 3)])
def test_dice_ce_equals_monais_where_all_is_known(activation, channels):
    from monai.losses import DiceCELoss

    logits, target, _ = (each[:, :channels] for each in some_case(activation))
    wanted = DiceCELoss(**{activation: True})(logits, target)
    assert loss_by_name("dice-ce", activation=activation)(logits, target, None).item() == pytest.approx(wanted.item())


def test_dice_of_a_batch_counts_its_items_together():
    logits, target, _ = some_case("sigmoid")
    p = torch.sigmoid(logits)
    wanted = [
        1 - (2 * (p[:, c] * target[:, c]).sum() + SMOOTH) / (p[:, c].sum() + target[:, c].sum() + SMOOTH)
        for c in range(3)
    ]
    assert loss_by_name("dice", batch=True)(logits, target, None).item() == pytest.approx(sum(wanted).item() / 3)


def test_adaptive_alpha_follows_the_share_of_tumour_among_known_voxels():
    logits, target = torch.zeros(1, 1, 1, 8), torch.zeros(1, 1, 1, 8)
    target[..., :2] = 1
    known = torch.ones(1, 1, 1, 8)
    known[..., 1:5] = 0  # one of the four known voxels is tumour: alpha is 3/4
    each = 0.5**3.5 * math.log(2)
    wanted = (0.75 * each + 3 * 0.25 * each) / 4
    assert loss_by_name("adaptive-focal")(logits, target, known).item() == pytest.approx(wanted)


def test_a_batch_without_tumour_still_teaches_the_adaptive_focal_loss():
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    loss_by_name("adaptive-focal")(logits, torch.zeros(1, 1, 2, 2), None).backward()
    assert (logits.grad > 0).all()


def test_votes_of_several_readers_may_stand_in_the_target():
    votes = torch.tensor([1.0, 0.0, 0.75, 0.25]).view(1, 1, 2, 2)
    wanted = sum(
        -t * math.log(p) - (1 - t) * math.log(1 - p) for t, p in zip(votes.view(-1).tolist(), P.tolist(), strict=True)
    )
    assert loss_by_name("bce")(LOGITS, votes, None).item() == pytest.approx(wanted / 4, rel=1e-5)


@pytest.mark.parametrize(("name", "arguments"), MAKES, ids=IDS)
def test_what_is_unknown_neither_counts_nor_pulls(name, arguments):
    logits, target, known = some_case(arguments.get("activation", "sigmoid"))
    loss = loss_by_name(name, **arguments)
    pulled = logits.clone().requires_grad_()
    value = loss(pulled, target, known)
    value.backward()
    hidden = (known == 0).expand_as(logits)
    assert (pulled.grad[hidden] == 0).all()
    assert (pulled.grad[~hidden] != 0).any()
    other = torch.where(hidden, torch.full_like(logits, 7.0), logits)
    nonsense = torch.where(hidden, torch.nan, target)
    assert loss(other, nonsense, known).item() == pytest.approx(value.item(), rel=1e-6)


@pytest.mark.parametrize(("name", "arguments"), MAKES, ids=IDS)
def test_what_is_known_everywhere_is_as_without_a_mask(name, arguments):
    logits, target, known = some_case(arguments.get("activation", "sigmoid"))
    loss = loss_by_name(name, **arguments)
    assert loss(logits, target, torch.ones_like(known)).item() == pytest.approx(loss(logits, target, None).item())


@pytest.mark.parametrize(("name", "arguments"), MAKES, ids=IDS)
@pytest.mark.parametrize("size", [1e4, 60.0])
@pytest.mark.parametrize("right", [True, False])
def test_extreme_logits_have_a_finite_loss_and_finite_gradients(name, arguments, size, right):
    _, target, known = some_case(arguments.get("activation", "sigmoid"))
    logits = ((2 * target - 1) * (size if right else -size)).requires_grad_()
    for mask in (None, known, torch.zeros_like(known)):
        logits.grad = None
        value = loss_by_name(name, **arguments)(logits, target, mask)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(logits.grad).all()
    for empty in (torch.zeros_like(target), torch.ones_like(target)):
        value = loss_by_name(name, **arguments)(logits, empty, None)
        assert torch.isfinite(value)


@pytest.mark.parametrize(("name", "arguments"), MAKES, ids=IDS)
def test_a_better_answer_costs_less_and_half_precision_is_taken(name, arguments):
    _, target, _ = some_case(arguments.get("activation", "sigmoid"))
    loss = loss_by_name(name, **arguments)
    good, poor, wrong = (loss((2 * target - 1) * scale, target, None) for scale in (3.0, 0.5, -3.0))
    assert good < poor < wrong
    assert loss(((2 * target - 1) * 3).bfloat16(), target, None).dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("dise", {}, "choose one of bce, weighted-bce"),
        (None, {}, "unknown loss"),
        ("dice", {"gamma": 2}, "it takes activation, include_background, batch"),
        ("dice", {"activation": "tanh"}, "sigmoid, softmax"),
        ("dice", {"batch": 1}, "batch must be true or false"),
        ("weighted-bce", {"positive_weight": -1}, "positive_weight"),
        ("focal", {"alpha": 2}, "alpha"),
        ("focal", {"gamma": float("nan")}, "gamma"),
        ("focal", {"gamma": 0.5, "activation": "softmax"}, "gamma"),
        ("focal-tversky", {"smooth": 0}, "smooth"),
    ],
)
def test_an_unknown_loss_or_argument_is_refused_in_one_line(name, arguments, words):
    with pytest.raises(InputRefused, match=words) as refused:
        loss_by_name(name, **arguments)
    assert "\n" not in str(refused.value)


def test_shapes_that_do_not_fit_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="the target is"):
        loss_by_name("bce")(LOGITS, TARGET[:, 0], None)
    with pytest.raises(ValueError, match="what is known is"):
        loss_by_name("bce")(torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2))


def test_cross_entropy_loads_no_monai():
    code = (
        "import sys; from LungTumorSegLib.networks.losses import loss_by_name; "
        "loss_by_name('bce'); loss_by_name('focal-tversky'); print('monai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
