"""What a user may choose about a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

from LungTumorSegLib.errors import InputRefused


@dataclass(frozen=True)
class Options:
    """`InputRefused` in one line where a value is out of range.

    threshold : probability from which a voxel is tumour, above 0, at most 1; None = the model's.
    overlap : share of a window that its neighbour covers again, 0..0.95; None = the model's.
    weighting : "gaussian" (voxels near a window's middle count more) or "constant".
    device : "auto" (a CUDA card where there is one), "cpu" or "cuda".
    shown : name of the one class to show, of a model that knows several; None = all of them.
    half : "auto" (half precision where the hardware has it and it is faster) or "never".
    """

    threshold: float | None = None
    overlap: float | None = None
    weighting: str = "gaussian"
    device: str = "auto"
    half: str = "auto"
    shown: str | None = None

    def __post_init__(self):
        if self.threshold is not None and not (is_number(self.threshold) and 0 < self.threshold <= 1):
            raise InputRefused(f"threshold must be above 0 and at most 1, not {self.threshold}: choose e.g. 0.5")
        if self.overlap is not None and not (is_number(self.overlap) and 0 <= self.overlap <= 0.95):
            raise InputRefused(f"overlap must lie in 0 to 0.95, not {self.overlap}: choose e.g. 0.25")
        if self.shown is not None and not (isinstance(self.shown, str) and 0 < len(self.shown) <= 64):
            raise InputRefused("shown must be the name of one of the model's classes, or none for all of them")
        for name, known in (
            ("weighting", ("gaussian", "constant")),
            ("device", ("auto", "cpu", "cuda")),
            ("half", ("auto", "never")),
        ):
            if getattr(self, name) not in known:
                raise InputRefused(f"{name} must be one of {', '.join(known)}, not {str(getattr(self, name))[:40]!r}")


def is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
