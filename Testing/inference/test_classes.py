"""Several classes and several images: which probability is shown, and that windows blend as MONAI's do."""

import numpy as np
import pytest
import torch
from made_chest import made_chest
from made_models import made_card
from monai.inferers import sliding_window_inference
from torch import nn

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.foreground import Foreground
from LungTumorSegLib.inference.grid import own_range, to_network
from LungTumorSegLib.inference.options import Options
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.inference.windows import slide
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import Model
from LungTumorSegLib.volume.geometry import Geometry, Volume

ABC = ("a", "b", "c")


def card(activation: str, classes=ABC, **changes) -> ModelCard:
    outputs = len(classes) + (activation == "softmax")
    fields = {
        "network": "ResidualUNet3D",
        "arguments": {"input_channels": len(changes.get("channels", ("CT",))), "output_channels": outputs},
        "adjacent_slices": 1,
        "window": (8, 16, 16),
        "activation": activation,
        "classes": classes,
    }
    return made_card(**{**fields, **changes})


def probability_by_hand(logits: torch.Tensor, activation: str, shown: str | None, classes) -> torch.Tensor:
    """(c, ...) -> (...)."""
    if activation == "sigmoid":
        each = torch.sigmoid(logits)
        return each.amax(0) if shown is None else each[classes.index(shown)]
    each = torch.softmax(logits, 0)
    return 1 - each[0] if shown is None else each[1 + classes.index(shown)]


CASES = [
    *[("sigmoid", ABC, shown) for shown in (None, "a", "c")],
    *[("softmax", ABC, shown) for shown in (None, "a", "b", "c")],
    *[(activation, ("a",), shown) for activation in ("sigmoid", "softmax") for shown in (None, "a")],
]


@pytest.mark.parametrize(("activation", "classes", "shown"), CASES)
def test_the_logit_that_is_shown_has_the_probability_of_the_union_or_of_the_class(activation, classes, shown):
    logits = 3 * torch.randn(2, len(classes) + (activation == "softmax"), 4, 5, generator=torch.Generator())
    one = Foreground(card(activation, classes), shown)(logits)
    assert one.shape == (2, 1, 4, 5)
    for item in range(2):
        wanted = probability_by_hand(logits[item], activation, shown, classes)
        torch.testing.assert_close(torch.sigmoid(one[item, 0]), wanted)


def test_at_one_half_a_softmax_of_one_class_is_the_arg_max():
    logits = torch.randn(1, 2, 50, 50, generator=torch.Generator().manual_seed(0))
    shown = Foreground(card("softmax", ("a",)))(logits)[0, 0]
    assert ((torch.sigmoid(shown) >= 0.5) == (logits[0].argmax(0) == 1)).all()


def test_the_union_of_overlapping_classes_at_a_threshold_is_the_union_of_their_masks():
    logits = torch.randn(1, 3, 50, 50, generator=torch.Generator().manual_seed(0))
    shown = torch.sigmoid(Foreground(card("sigmoid"))(logits)[0, 0])
    for threshold in (0.2, 0.5, 0.8):
        assert ((shown >= threshold) == (torch.sigmoid(logits[0]) >= threshold).any(0)).all()


@pytest.mark.parametrize(("activation", "classes", "shown"), CASES)
@torch.inference_mode()
def test_windows_of_several_images_and_classes_blend_as_monais(activation, classes, shown):
    torch.manual_seed(1)
    outputs = len(classes) + (activation == "softmax")
    network = nn.Sequential(nn.Conv3d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv3d(4, outputs, 3, padding=1)).eval()
    volume = torch.rand((2, 17, 33, 15))
    foreground = Foreground(card(activation, classes), shown)
    slid = slide(
        volume,
        (8, 16, 16),
        lambda inputs: foreground.narrowed(network(inputs)),
        join=foreground.joined,
        overlap=0.5,
        batch=3,
        wanted=lambda starts: starts[:, 0] > 0,  # the first slices are left out
    )
    blended = sliding_window_inference(volume[None], (8, 16, 16), 1, network, 0.5, "gaussian")[0]
    wanted = probability_by_hand(blended, activation, shown, classes)
    ran = slid.logits != -torch.inf
    assert not ran[:4].any()
    assert ran[4:].all()
    torch.testing.assert_close(torch.sigmoid(slid.logits)[8:], wanted[8:], atol=1e-5, rtol=0)


class Bands(nn.Module):
    """Class n is what is brighter than limit n in image n: softmax or sigmoid, and the windows that it saw."""

    def __init__(self, limits, background: bool):
        super().__init__()
        self.limits, self.background = limits, background

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        last = inputs.shape[1] - 1
        logits = [200 * (inputs[:, min(n, last)] - limit) for n, limit in enumerate(self.limits)]
        return torch.stack([torch.zeros_like(logits[0])] * self.background + logits, 1)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_a_session_shows_the_union_or_one_class(activation):
    volume = made_chest()
    network = Bands((0.3, 0.9), background=activation == "softmax")
    model = Model(card(activation, ("body", "bright")), network, "bands")
    session = Session()

    def found(**options) -> np.ndarray:
        prediction = session.segment(volume, model, Options(**options))
        return prediction.probability.full(volume.geometry.shape) >= prediction.threshold

    both, body, bright = found(), found(shown="body"), found(shown="bright")
    assert both.any()
    if activation == "sigmoid":
        assert (both == (body | bright)).all()
        assert (bright <= body).all()
    else:  # one of the two, where they exclude each other
        assert not (body & bright).any()
        assert ((body | bright) <= both).all()
    one, all_ = session.segment(volume, model, Options(shown="bright")), session.segment(volume, model)
    assert (one.classes, all_.classes) == (("bright",), ("body", "bright"))
    assert "shown: bright" in one.notes
    assert "shown: all of body, bright" in all_.notes
    with pytest.raises(InputRefused, match="knows no class 'rim': choose one of body, bright"):
        found(shown="rim")


def test_images_of_one_case_are_read_in_the_cards_order():
    first = made_chest()
    second = Volume(np.where(first.voxels > 0, -900, 0).astype(np.int16), first.geometry)
    model = Model(card("sigmoid", ("a", "b"), channels=("T1", "T2")), Bands((0.5, 0.5), False), "two images")
    session = Session()
    for shown, image in (("a", first), ("b", second)):
        prediction = session.segment(first, model, Options(shown=shown), others=[second])
        box = tuple(slice(a, b) for a, b in zip(prediction.probability.start, prediction.probability.stop, strict=True))
        found = prediction.probability.values >= 0.5
        truth = image.voxels[box] >= -500
        assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.9


def test_too_few_images_or_images_on_another_grid_are_refused_in_one_line():
    volume = made_chest()
    model = Model(card("sigmoid", ("a", "b"), channels=("T1", "T2")), Bands((0.5, 0.5), False), "two images")
    elsewhere = Volume(volume.voxels, Geometry(volume.geometry.shape, (5.0, 5.0, 4.0), volume.geometry.origin))
    with pytest.raises(InputRefused, match=r"reads 2 images of a case \(T1, T2\), not 1"):
        Session().segment(volume, model)
    with pytest.raises(InputRefused, match="must lie on one grid"):
        Session().segment(volume, model, others=[elsewhere])
    single = Model(card("sigmoid", ("a",)), Bands((0.5,), False), "one image")
    with pytest.raises(InputRefused, match=r"reads 1 image of a case \(CT\), not 2"):
        Session().segment(volume, single, others=[volume])


def test_values_without_a_unit_are_clipped_to_the_images_own_range():
    volume = made_chest()
    voxels = np.where(volume.voxels < -900, 0, volume.voxels + 2000).astype(np.int16)
    low, high = own_range(voxels)
    assert (low, high) == tuple(np.percentile(voxels[voxels != 0], (0.5, 99.5)))
    image = to_network(voxels, volume.geometry, volume.geometry, None)
    assert image.min() == 0
    assert image.max() == 1
    assert own_range(np.zeros((2, 3, 4))) == (0.0, 1.0)
    assert own_range(np.full((2, 3, 4), 7)) == (7.0, 8.0)


def test_grad_cam_explains_the_class_that_is_shown():
    from LungTumorSegLib.explanation.gradcam import grad_cam

    class TwoHeads(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Conv2d(1, 2, 1, bias=False)
            self.head = nn.Conv2d(2, 2, 1, bias=False)
            with torch.no_grad():
                self.features.weight.copy_(torch.tensor([1.0, 2.0]).view(2, 1, 1, 1))
                self.head.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 5.0]]).view(2, 2, 1, 1))

        def forward(self, x):
            return self.head(self.features(x))

    x, mask = torch.rand(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    for shown, slope in (("a", 1.0), ("b", 10.0)):
        heat = grad_cam(TwoHeads().eval(), x, mask, "features", Foreground(card("sigmoid", ("a", "b")), shown))
        torch.testing.assert_close(heat, slope * x)
