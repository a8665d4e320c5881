"""What is wrong with a case, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["stops training", "warning"]
STOPS: Severity = "stops training"
WARNING: Severity = "warning"


@dataclass(frozen=True)
class Problem:
    """One line of the report.

    case : its name; several are joined by ", ".
    kind : one word for programs: image, mask, grid, labels, empty, foreground, copy, constant, hu, spacing, slice,
        orientation, channels, missing-mask, missing-image, patient, duplicate, note.
    what, advice : what is wrong and what to do, each a part of one line.
    """

    case: str
    severity: Severity
    kind: str
    what: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        return dict(vars(self))


def said(case: str, severity: Severity, kind: str, line: object) -> Problem:
    """A reader's line, "what is wrong: what to do.", as a problem."""
    what, _, advice = str(line).rstrip(".").rpartition(": ")
    return Problem(case, severity, kind, what, advice) if what else Problem(case, severity, kind, advice)
