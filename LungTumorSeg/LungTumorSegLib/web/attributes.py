"""Attributes of HTML that trame leaves out, silently, unless it is told of them."""

from __future__ import annotations

from trame_client.widgets.core import AbstractElement

NAMES = (
    "role", "aria_label", "aria_live", "aria_pressed", "aria_selected", "maxlength", "min", "max", "step",
)  # fmt: skip


def register() -> None:
    """Call before the first element is made."""
    for name in NAMES:
        AbstractElement.register_directive(name, name.replace("_", "-"))
