"""Which images of a case a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from LungTumorSegLib.cases.scan import PICTURE, Scan
from LungTumorSegLib.errors import InputRefused


def as_read(scan: Scan, wanted: Sequence[str]) -> Scan:
    """The scan with those of its images that a model reads, in the model's order.

    wanted : names of the images, as the model's card has them. Where the scan's images have names, these decide,
    capitals or not; else there must be as many as the model reads, in its order. One image is what a model of one
    reads, whatever its name. `InputRefused` names what is wanted.
    """
    there, asked = len(scan.images), ", ".join(wanted)
    if scan.flat and tuple(wanted) != (PICTURE,):
        raise InputRefused(f"the model reads {asked}, and this is a flat picture: choose a model learnt from pictures")
    if tuple(wanted) == (PICTURE,) and not scan.flat:
        raise InputRefused("the model reads flat pictures, and this is a volume: choose a model learnt from volumes")
    if there == len(wanted) == 1:
        return scan
    if not scan.channels:
        if there == len(wanted):
            return replace(scan, channels=tuple(wanted))
        if len(wanted) == 1:
            raise InputRefused(f"the model reads one image, {asked}, not {there}: leave --image out")
        raise InputRefused(
            f"the model reads {len(wanted)} images of a case, {asked}, not {there}: name {wanted[0]} first, and each "
            "of the others in this order with --image"
        )
    named = {channel.casefold(): path for channel, path in zip(scan.channels, scan.images, strict=True)}
    lacking = [name for name in wanted if name.casefold() not in named]
    if lacking:
        raise InputRefused(
            f"the model reads {asked}; the case has {', '.join(scan.channels)}: add {', '.join(lacking)}, or choose a "
            "model of these images"
        )
    first, *others = (named[name.casefold()] for name in wanted)
    return replace(scan, path=first, others=tuple(others), channels=tuple(wanted))
