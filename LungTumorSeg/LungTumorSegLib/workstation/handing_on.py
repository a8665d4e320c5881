"""Results to those who wait for them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

from LungTumorSegLib.workstation import words

log = logging.getLogger(__name__)


def hand_on(failed: Callable[[str, str], None], tell: Callable[..., None], *what: object) -> None:
    """Tell who asked; where that fails, the host by its `failed`, since who waits must not wait for ever."""
    try:
        tell(*what)
    except Exception:
        log.exception("a result could not be shown")
        failed(words.not_shown(), traceback.format_exc())
