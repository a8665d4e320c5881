"""This program's version, also where it is not installed as a package, as in Slicer."""

from __future__ import annotations

from importlib import metadata

UNKNOWN = "unpackaged"


def version() -> str:
    try:
        return metadata.version("lungtumorseg")
    except metadata.PackageNotFoundError:
        return UNKNOWN
