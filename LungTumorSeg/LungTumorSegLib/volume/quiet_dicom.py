"""The DICOM libraries without their remarks."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom import config


@contextmanager
def quiet_dicom() -> Iterator[None]:
    """The libraries quote odd values in warnings, and a value may be a patient's name: let none through."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "highdicom")]
    levels = [logger.level for logger in loggers]
    reading, writing = config.settings.reading_validation_mode, config.settings.writing_validation_mode
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    config.settings.reading_validation_mode = config.settings.writing_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        config.settings.reading_validation_mode, config.settings.writing_validation_mode = reading, writing
