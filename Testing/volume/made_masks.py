"""Structure sets and segmentations as other programs write them, made small."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.utils import pack_bits
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, SegmentationStorage, generate_uid

FRAME = "1.2.3.4.5"


def write_structures(
    file: Path, structures: dict[str, list], kind: str = "CLOSED_PLANAR", frame: str | None = FRAME
) -> Path:
    """`structures`: name -> contours, each (n, 3) LPS mm. They are numbered from 1."""
    d = _object(RTStructureSetStorage)
    d.Modality, d.StructureSetLabel = "RTSTRUCT", "made"
    d.StructureSetROISequence, d.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(structures.items(), start=1):
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        if frame is not None:
            roi.ReferencedFrameOfReferenceUID = frame
        drawn.ReferencedROINumber, drawn.ContourSequence = number, []
        for points in contours:
            contour = Dataset()
            contour.ContourGeometricType = kind
            contour.NumberOfContourPoints = len(points)
            contour.ContourData = [f"{x:.8g}" for x in np.ravel(points)]
            drawn.ContourSequence.append(contour)
        d.StructureSetROISequence.append(roi)
        d.ROIContourSequence.append(drawn)
    d.save_as(file, enforce_file_format=True)
    return file


def write_segments(file: Path, frames: list[tuple[int, np.ndarray, tuple, tuple, tuple]], **changes) -> Path:
    """`frames`: (segment, mask (rows, columns), position, along a row, along a column); both steps LPS mm a pixel."""
    d = _object(SegmentationStorage)
    d.Modality, d.SegmentationType, d.FrameOfReferenceUID = "SEG", "BINARY", FRAME
    d.Rows, d.Columns = frames[0][1].shape
    d.NumberOfFrames, d.SamplesPerPixel, d.PhotometricInterpretation = len(frames), 1, "MONOCHROME2"
    d.BitsAllocated = d.BitsStored = 1
    d.HighBit = d.PixelRepresentation = 0
    d.SegmentSequence = []
    for number in sorted({frame[0] for frame in frames}):
        segment = Dataset()
        segment.SegmentNumber, segment.SegmentLabel = number, f"nodule {number}"
        d.SegmentSequence.append(segment)
    d.SharedFunctionalGroupsSequence, d.PerFrameFunctionalGroupsSequence = [Dataset()], []
    for number, _mask, position, row, column in frames:
        group, segment, place, plane, measures = (Dataset() for _ in range(5))
        segment.ReferencedSegmentNumber = number
        place.ImagePositionPatient = [f"{x:.8g}" for x in position]
        sizes = [np.linalg.norm(v) for v in (row, column)]
        plane.ImageOrientationPatient = [f"{x:.8g}" for x in (*np.array(row) / sizes[0], *np.array(column) / sizes[1])]
        measures.PixelSpacing = [f"{x:.8g}" for x in sizes[::-1]]
        group.SegmentIdentificationSequence, group.PlanePositionSequence = [segment], [place]
        group.PlaneOrientationSequence, group.PixelMeasuresSequence = [plane], [measures]
        d.PerFrameFunctionalGroupsSequence.append(group)
    stack = np.array([frame[1] for frame in frames])
    if changes.get("SegmentationType") == "FRACTIONAL":
        d.BitsAllocated, d.BitsStored, d.HighBit, d.MaximumFractionalValue = 8, 8, 7, 200
        d.PixelData = stack.astype(np.uint8).tobytes()
    else:
        d.PixelData = pack_bits(stack.astype(np.uint8).ravel())
    for name, value in changes.items():
        setattr(d, name, value)
    d.save_as(file, enforce_file_format=True)
    return file


def _object(storage: str) -> pydicom.Dataset:
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = storage
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = generate_uid()
    d.PatientName, d.PatientID, d.StudyInstanceUID = "Canary^Patient", "0", generate_uid()
    d.SeriesInstanceUID = generate_uid()
    return d
