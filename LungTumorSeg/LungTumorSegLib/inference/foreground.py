"""Of a network's several logits the one that is shown: for any of its classes, or for one."""

from __future__ import annotations

import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks.card import ModelCard


class Foreground:
    """From logits a class to the logit of what is shown; its sigmoid is the probability.

    card : says whether classes exclude each other.
    shown : a class's name; None = the union of all. `InputRefused` for a name that the card does not have.

    The union of classes that exclude each other has the sum of their probabilities; of classes that may overlap, the
    largest of them, so that a threshold of the union gives the union of the masks at that threshold.
    """

    def __init__(self, card: ModelCard, shown: str | None = None):
        if shown is not None and shown not in card.classes:
            raise InputRefused(
                f"the model {card.name} knows no class {str(shown)[:64]!r}: choose one of {', '.join(card.classes)}"
            )
        self.exclusive = card.activation == "softmax"
        self.chosen = None if shown is None else card.classes.index(shown)

    def narrowed(self, logits: torch.Tensor) -> torch.Tensor:
        """(n, c, ...) -> (n, fewer, ...): as far as a sum or a choice leads, so that windows blend as all would."""
        if self.exclusive and logits.shape[1] == 2:
            return logits[:, 1:] - logits[:, :1]
        if not self.exclusive and self.chosen is not None:
            return logits[:, self.chosen : self.chosen + 1]
        return logits

    def joined(self, narrowed: torch.Tensor, axis: int = 0) -> torch.Tensor:
        """The narrowed logits along the axis made one; the axis is gone."""
        if narrowed.shape[axis] == 1:
            return narrowed.squeeze(axis)
        if not self.exclusive:
            return narrowed.amax(axis)
        here = 0 if self.chosen is None else self.chosen + 1
        one = narrowed.select(axis, here)
        others = torch.cat(
            (narrowed.narrow(axis, 0, here), narrowed.narrow(axis, here + 1, narrowed.shape[axis] - here - 1)), axis
        )
        others = others.logsumexp(axis)
        return others - one if self.chosen is None else one - others

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """(n, c, ...) -> (n, 1, ...)."""
        return self.joined(self.narrowed(logits), axis=1).unsqueeze(1)
