"""A small DICOM CT series made in code, lying any way in the patient, and three lesions in it."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SHAPE = (20, 44, 52)
SPACING = (0.75, 0.75, 2.5)  # i, j, k

TILT, TURN = np.deg2rad(17), np.deg2rad(11)
OBLIQUE = (
    np.array([[1, 0, 0], [0, np.cos(TILT), -np.sin(TILT)], [0, np.sin(TILT), np.cos(TILT)]])
    @ np.array([[np.cos(TURN), -np.sin(TURN), 0], [np.sin(TURN), np.cos(TURN), 0], [0, 0, 1]])
)  # fmt: skip
# Unit vectors along a row and along a column of the slices, LPS.
PLANES = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "flipped": ((-1, 0, 0), (0, 1, 0)),  # slices run towards the feet
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "oblique": (tuple(OBLIQUE[:, 0]), tuple(OBLIQUE[:, 1])),
}


@dataclass(frozen=True)
class MadeSeries:
    """A series to be written. changes : attributes of every slice that differ; private : add a private block."""

    plane: str = "axial"
    changes: dict = field(default_factory=dict)
    private: bool = False
    shape: tuple[int, int, int] = SHAPE

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        row, column = (np.array(v, float) for v in PLANES[self.plane])
        normal = np.cross(row, column)
        for k, layer in enumerate(ct_voxels(self.shape)):
            position = np.array([-31.5, 12.25, -120.0]) + k * SPACING[2] * normal
            self._slice(k, layer, position, np.concatenate([row, column])).save_as(
                folder / f"{len(layer) * 3 + (k * 7) % 40:03}-{k}.dcm", enforce_file_format=True
            )
        return folder

    def _slice(self, k: int, layer: np.ndarray, position: np.ndarray, cosines: np.ndarray) -> pydicom.Dataset:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
        meta.MediaStorageSOPInstanceUID = self.uid(f"slice {k}")
        d = pydicom.Dataset()
        d.file_meta = meta
        d.SpecificCharacterSet = "ISO_IR 100"
        d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        d.StudyInstanceUID, d.SeriesInstanceUID = self.uid("study"), self.uid("series")
        d.FrameOfReferenceUID, d.PositionReferenceIndicator = self.uid("frame"), ""
        d.PatientName, d.PatientID, d.PatientBirthDate, d.PatientSex = "Müller^Test", "P-17", "19500101", "F"
        d.StudyDate, d.StudyTime, d.StudyID, d.AccessionNumber = "20250314", "101500", "S1", "A-99"
        d.ReferringPhysicianName, d.StudyDescription = "Ref^Erring", "CT chest"
        d.Modality, d.SeriesNumber, d.SeriesDescription, d.InstanceNumber = "CT", 4, "Thorax 2.5 B40f", k + 1
        d.Manufacturer, d.InstitutionName, d.OperatorsName = "Maker", "Secret Hospital", "Operator^Secret"
        d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        d.ImagePositionPatient = [f"{x:.10g}" for x in position]
        d.ImageOrientationPatient = [f"{x:.12g}"[:16] for x in cosines]
        d.PixelSpacing, d.SliceThickness = [SPACING[1], SPACING[0]], SPACING[2]
        d.Rows, d.Columns = layer.shape
        d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
        d.RescaleIntercept, d.RescaleSlope = -1024, 1
        d.PixelData = (layer.astype(np.int32) + 1024).astype(np.uint16).tobytes()
        if self.private:
            d.private_block(0x0029, "CANARY", create=True).add_new(0x01, "LO", "private canary")
        for name, value in self.changes.items():
            setattr(d, name, value)
        return d

    def uid(self, what: str) -> str:
        return generate_uid(entropy_srcs=["made series", self.plane, what])


def ct_voxels(shape: tuple[int, int, int]) -> np.ndarray:
    """HU: lung with noise, the three lesions as soft tissue."""
    noise = np.random.default_rng(3).normal(-800, 30, shape)
    return np.where(lesion_voxels(shape) > 0, 40 + noise / 50, noise).astype(np.int16)


def lesion_voxels(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """uint16 labels 1, 2 and 4 (a gap, as after a lesion was taken away) at the array's own places."""
    k, j, i = np.indices(shape).astype(float)
    labels = np.zeros(shape, np.uint16)
    for number, (centre, radii) in {
        1: ((9, 20, 18), (3.2, 8, 11)),
        2: ((4, 10, 40), (1.5, 4, 3)),
        4: ((15, 33, 38), (1.2, 3, 5)),
    }.items():
        inside = sum(((x - c) / r) ** 2 for x, c, r in zip((k, j, i), centre, radii, strict=True)) <= 1
        labels[inside] = number
    return labels
