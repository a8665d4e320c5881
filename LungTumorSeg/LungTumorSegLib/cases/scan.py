"""One case as those see it who only want to look at its images: `segment`, alone or in a cohort."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CT = "CT"  # the channel that is read in HU; any other is on its own scale
PICTURE = "picture"  # the channel of flat pictures


@dataclass(frozen=True)
class Scan:
    """name : its own in the cohort, and fit to name a folder. path : an image file or a DICOM folder.

    problem : one line, where it is plain without reading it that it cannot be used.
    others : further images of the same case. channels : what each image shows; () where nobody has said it.
    flat : it is a PNG or an X-ray, a volume of one slice.
    """

    name: str
    path: Path
    problem: str = ""
    others: tuple[Path, ...] = ()
    channels: tuple[str, ...] = ()
    flat: bool = False

    @property
    def images(self) -> tuple[Path, ...]:
        return self.path, *self.others

    @property
    def in_hu(self) -> bool:
        """Whether the first image is a CT. One volume alone is taken for one, whatever a dataset calls it."""
        return not self.flat and (not self.others or self.channels[:1] == (CT,))
