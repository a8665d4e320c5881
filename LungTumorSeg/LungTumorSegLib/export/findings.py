"""What is exported: a scan, its lesions, and who outlined them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.measurement.terminology import all_tumours
from LungTumorSegLib.volume.geometry import Volume

AUTOMATIC, SEMIAUTOMATIC, MANUAL = "AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"  # PS3.3 C.8.20.4
HAND = "hand"  # in place of a model's name


@dataclass(frozen=True)
class Maker:
    """Who outlined the lesions.

    kind : AUTOMATIC; SEMIAUTOMATIC where a person clicked or corrected; MANUAL where a person painted all of it, or the
        outlines came as a mask, of which the program does not know more than that it did not make them.
    model : the network by name, HAND, or what the mask was; and version : of this program.
    threshold : probability from which a voxel is tumour; None for a mask.
    weights : fingerprint (hex) of the model's weights, where the run noted it.
    """

    kind: str
    model: str
    version: str
    threshold: float | None = None
    weights: str | None = None

    @property
    def algorithm_version(self) -> str:
        """Program and weights: either may change the outline."""
        return self.version if self.weights is None else f"{self.version}, weights {self.weights[:12]}"

    @property
    def words(self) -> str:
        if self.kind == MANUAL:
            return "an outline drawn by hand" if self.model == HAND else "an outline made elsewhere"
        clicked = "" if self.kind == AUTOMATIC else ", guided or corrected by a person"
        weights = "" if self.weights is None else f" (weights {self.weights[:12]})"
        return f"the model “{self.model}”{weights}{clicked}"


@dataclass(frozen=True, eq=False)
class Findings:
    """One scan's lesions.

    labels : uint16 [k, j, i] on the CT's grid, 0 = background, n = the lesion with the id n.
    lesions : their measures, in the order in which they are listed.
    flat : the scan is a picture, such as an X-ray. in_hu : False of an image that is no CT, such as MR.
    classes : what the model says is there, by the names on its card; () where nobody has said it.
    identity : of the result or mask, whatever its thresholds and corrections: its lesion 1 is not that of another. None
        for a result from before there was one.
    other_series : the CT is another DICOM series than the one that was segmented, and holds other voxels.
    written : when they were found. Files made later carry this time, so that the same findings give the same files.
    """

    ct: Volume
    labels: np.ndarray
    lesions: list[Lesion]
    maker: Maker
    written: datetime
    flat: bool = False
    in_hu: bool = True
    classes: tuple[str, ...] = ()
    identity: str | None = None
    other_series: bool = False

    @property
    def numbers(self) -> list[int]:
        """The lesions' ids: rising, not always without gaps."""
        return [lesion.id for lesion in self.lesions]

    @property
    def of_tumours(self) -> bool:
        return all_tumours(self.classes)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all that the files say: other findings have another one."""
        series = self.ct.series.uid if self.ct.series else ""
        said = [self.ct.content_hash, series, str(self.maker), self.written.isoformat(), self.identity, CONTENT_VERSION]
        digest = hashlib.sha256(json.dumps([*said, [lesion.as_dict() for lesion in self.lesions]]).encode())
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.hexdigest()


# Raised whenever a DICOM file's content changes for the same findings: two objects must not share a UID.
CONTENT_VERSION = "2"
