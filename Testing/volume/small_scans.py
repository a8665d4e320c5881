"""Small scans on disk: images, and DICOM series written slice by slice."""

import hashlib
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid


def image_of(voxels: np.ndarray, spacing=(0.75, 0.75, 2.5), origin=(-10.0, -20.0, 30.0), direction=None) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(np.ravel(direction).tolist())
    return image


def write_series(folder: Path, voxels: np.ndarray, positions=None, prefix="ct", **changes) -> list[Path]:
    """A DICOM series with one file a slice of `voxels` (HU). `changes` replaces attributes of every slice."""
    folder.mkdir(parents=True, exist_ok=True)
    positions = [(-10.0, -20.0, 30.0 + 2.5 * k) for k in range(len(voxels))] if positions is None else positions
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    files = []
    for k, (layer, position) in enumerate(zip(voxels, positions, strict=True)):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        d = pydicom.Dataset()
        d.file_meta = meta
        d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = study, series, frame
        d.PatientName, d.PatientID, d.Modality = "Nobody", "0", "CT"
        d.SeriesNumber, d.InstanceNumber, d.SeriesDescription = 2, k + 1, "Thorax"
        d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        d.ImagePositionPatient, d.ImageOrientationPatient = [float(x) for x in position], [1, 0, 0, 0, 1, 0]
        d.PixelSpacing, d.SliceThickness = [0.75, 0.75], 2.5
        d.Rows, d.Columns = layer.shape
        d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
        d.RescaleIntercept, d.RescaleSlope = -1024, 1
        d.PixelData = (layer.astype(np.int32) + 1024).astype(np.uint16).tobytes()
        for name, value in changes.items():
            setattr(d, name, value)
        file = folder / f"{prefix}{len(voxels) - k:04}.dcm"  # names run against the positions, on purpose
        d.save_as(file, enforce_file_format=True)
        files.append(file)
    return files


def write_structure_set(file: Path) -> None:
    """The barest RTSTRUCT: a DICOM file without an image."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RTStructureSetStorage, generate_uid()
    d = pydicom.Dataset()
    d.file_meta = meta
    d.SOPClassUID, d.SOPInstanceUID = RTStructureSetStorage, meta.MediaStorageSOPInstanceUID
    d.Modality, d.StructureSetLabel = "RTSTRUCT", "tumour"
    d.save_as(file, enforce_file_format=True)


def hashes(folder: Path) -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}
