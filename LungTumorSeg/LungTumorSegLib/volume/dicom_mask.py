"""Masks that come as DICOM objects: which kind a file is, and what both kinds have in common."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.checking import GRID_TOLERANCE_MM
from LungTumorSegLib.volume.dicom_seg import paint_segments
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.quiet_dicom import quiet_dicom
from LungTumorSegLib.volume.structure_set import paint_structure

LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"  # PS3.6; pydicom 3.0 has no name for it


@quiet_dicom()
def read_dicom_mask(path: Path, ct: Volume | Geometry | None, label: int | str | None) -> Volume | None:
    """An RTSTRUCT or a DICOM SEG on the CT's grid; None where the file is neither.

    A SEG repeats the positions that the CT's files state: it may be as far off the grid as they are.

    Both are tied to images by their frame of reference (PS3.3 C.7.4.1). It must be that of the CT; where the CT did not
    come from DICOM it cannot be compared, which is said in a warning.
    """
    if not path.is_file():
        return None
    try:
        dataset = dcmread(path)
        kind = dataset.get("SOPClassUID")
    except (InvalidDicomError, OSError, ValueError, EOFError):
        return None
    series = ct.series if isinstance(ct, Volume) else None
    segments = partial(paint_segments, tolerance_mm=GRID_TOLERANCE_MM + (series.off_grid_mm if series else 0.0))
    paint = {
        RTStructureSetStorage: paint_structure,
        SegmentationStorage: segments,
        LABEL_MAP_SEGMENTATION: segments,
    }.get(kind)
    if paint is None:
        return None
    if ct is None:
        raise InputRefused("A DICOM RTSTRUCT or SEG is read onto its CT's grid: name the CT as well.")
    geometry = ct.geometry if isinstance(ct, Volume) else ct
    warnings = _check_frame_of_reference(dataset, ct)
    try:
        labels, more = paint(dataset, geometry, label)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, InputRefused):
            raise
        raise InputRefused(
            "The DICOM mask is damaged or of an unusual kind: export it again, or as a labelmap."
        ) from None
    return Volume(labels, geometry, warnings + more, path.name)


def _check_frame_of_reference(dataset: Dataset, ct: Volume | Geometry) -> tuple[str, ...]:
    stated = {dataset.get("FrameOfReferenceUID")}
    stated |= {roi.get("ReferencedFrameOfReferenceUID") for roi in dataset.get("StructureSetROISequence") or ()}
    stated -= {None, ""}
    series = ct.series if isinstance(ct, Volume) else None
    if series is None or not series.frame_of_reference or not stated:
        return ("The mask's frame of reference could not be compared with the CT's: matched by position alone.",)
    if series.frame_of_reference not in stated:
        raise InputRefused("The mask was made in another frame of reference than this CT: choose the CT it belongs to.")
    return ()
