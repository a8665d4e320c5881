"""A tiny dataset of every layout: small chests with one tumour each, written as people keep them."""

import json
import zlib
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from made_masks import write_segments, write_structures
from pydicom.uid import SecondaryCaptureImageStorage
from small_scans import image_of, write_series

from LungTumorSegLib.volume.run_length import encode

SHAPE = (10, 28, 32)
POSITION, SPACING = (-10.0, -20.0, 30.0), (0.75, 0.75, 2.5)
BOX = (slice(4, 7), slice(10, 14), slice(9, 13))
SEQUENCES = ("t1", "t1ce", "t2", "flair")


def chest(seed: int = 0) -> np.ndarray:
    """int16 (10, 28, 32): air, soft tissue, two lungs, a tumour in the box."""
    voxels = np.full(SHAPE, -1000.0)
    voxels[:, 4:24, 4:28] = 40
    voxels[2:9, 8:20, 8:14] = voxels[2:9, 8:20, 18:24] = -850
    voxels[BOX] = 30
    noise = np.random.default_rng(seed).normal(0, 15, SHAPE)
    return np.rint(np.clip(voxels + noise, -1024, None)).astype(np.int16)


def tumour() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[BOX] = 1
    return labels


def write(path: Path, voxels: np.ndarray, **geometry) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image_of(voxels, **geometry), str(path), useCompression=True)
    return path


def write_picture(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(path))
    return path


def x_ray(seed: int = 0) -> np.ndarray:
    """uint8 (40, 36)."""
    return np.random.default_rng(seed).integers(20, 200, (40, 36)).astype(np.uint8)


def spot() -> np.ndarray:
    """bool (40, 36): the target of every X-ray."""
    target = np.zeros((40, 36), bool)
    target[10:18, 5:12] = True
    return target


def decathlon(folder: Path) -> Path:
    for n in (1, 2, 3):
        write(folder / "imagesTr" / f"lung_{n:03}.nii.gz", chest(n))
        write(folder / "labelsTr" / f"lung_{n:03}.nii.gz", tumour())
    write(folder / "imagesTr" / "._lung_001.nii.gz", chest(9))  # as the published archive has them
    write(folder / "imagesTs" / "lung_004.nii.gz", chest(4))
    content = {
        "modality": {"0": "CT"},
        "labels": {"0": "background", "1": "cancer"},
        "training": [
            {"image": f"./imagesTr/lung_{n:03}.nii.gz", "label": f"./labelsTr/lung_{n:03}.nii.gz"} for n in (1, 2, 3)
        ],
        "test": ["./imagesTs/lung_004.nii.gz"],
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def nnunet(folder: Path) -> Path:
    for n in (1, 2, 3):
        write(folder / "imagesTr" / f"case_{n:03}_0000.nii.gz", chest(n))
        write(folder / "imagesTr" / f"case_{n:03}_0001.nii.gz", chest(n + 20))
        write(folder / "labelsTr" / f"case_{n:03}.nii.gz", tumour())
    write(folder / "imagesTs" / "case_009_0000.nii.gz", chest(9))
    write(folder / "imagesTs" / "case_009_0001.nii.gz", chest(29))
    content = {
        "channel_names": {"0": "CT", "1": "PET"},
        "labels": {"background": 0, "tumour": 1},
        "numTraining": 3,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def paired_folders(folder: Path) -> Path:
    for name in ("LIDC-IDRI-0001_a", "LIDC-IDRI-0001_b", "LIDC-IDRI-0002_a"):
        write(folder / "images" / f"{name}_ct.nrrd", chest(zlib.crc32(name.encode())))
        write(folder / "masks" / f"{name}_mask.nii.gz", tumour())
    return folder


def nodule_crops(folder: Path) -> Path:
    rows = ["id,patient,series,readers"]
    for n in (1, 2, 3):
        name, crop = f"LIDC-IDRI-000{n}_R_1", (slice(2, 8), slice(8, 18), slice(6, 16))
        write(folder / "images" / f"{name}.nii.gz", chest(n)[crop])
        write(folder / "masks" / f"{name}.nii.gz", tumour()[crop])
        write(folder / "reader_votes" / f"{name}.nii.gz", 3 * tumour()[crop])
        rows.append(f"{name},LIDC-IDRI-000{n},1.2.{n},4")
    (folder / "nodules.csv").write_text("\n".join(rows) + "\n")
    return folder


def scan_folders(folder: Path) -> Path:
    for n, name in enumerate(("alpha", "beta-baseline", "beta-followup")):
        write(folder / name / "image.nii.gz", chest(n))
        write(folder / name / "mask.nii.gz", tumour())
    return folder


def dicom_folders(folder: Path) -> Path:
    """A case with an RTSTRUCT of two structures, and one with a SEG."""
    where = {"FrameOfReferenceUID": "1.2.3.4.5"}
    write_series(folder / "first" / "ct", chest(1), PatientID="P1", **where)
    write_series(folder / "second", chest(2), PatientID="P2", **where)
    i, j = (POSITION[n] + SPACING[n] * np.array([BOX[2 - n].start, BOX[2 - n].stop - 1]) for n in (0, 1))
    square = [(i[0] - 0.3, j[0] - 0.3), (i[1] + 0.3, j[0] - 0.3), (i[1] + 0.3, j[1] + 0.3), (i[0] - 0.3, j[1] + 0.3)]
    contours = [np.array([(*p, POSITION[2] + 2.5 * k) for p in square]) for k in range(BOX[0].start, BOX[0].stop)]
    write_structures(folder / "first" / "rs.dcm", {"Heart": contours[:1], "GTV-1": contours})
    frames = [
        (1, tumour()[k], (*POSITION[:2], POSITION[2] + 2.5 * k), (0.75, 0, 0), (0, 0.75, 0))
        for k in range(BOX[0].start, BOX[0].stop)
    ]
    write_segments(folder / "second" / "seg.dcm", frames)
    return folder


def picture_pairs(folder: Path) -> Path:
    """Two PNG and one X-ray in DICOM; masks of black and white."""
    for n in (1, 2):
        write_picture(folder / "images" / f"x{n}.png", x_ray(n))
    write_x_ray(folder / "images" / "x3.dcm", x_ray(3))
    for n in (1, 2, 3):
        write_picture(folder / "masks" / f"x{n}_mask.png", spot().astype(np.uint8) * 255)
    return folder


def siim_acr(folder: Path) -> Path:
    """Two targets in one picture, one in none; the heading with the challenge's own blank."""
    first, second = spot(), np.zeros_like(spot())
    second[30:33, 20:30] = True
    rows = [f"1.2.1, {encode(first)}", f"1.2.1, {encode(second)}", "1.2.2, -1"]
    for name in ("1.2.1", "1.2.2"):
        write_x_ray(folder / "dicom" / name / f"{name}.dcm", x_ray(int(name[-1])), PatientID=f"P{name[-1]}")
    (folder / "train-rle.csv").write_text("ImageId, EncodedPixels\n" + "\n".join(rows) + "\n")
    return folder


def brats(folder: Path) -> Path:
    """Two patients of four sequences with labels 1, 2 and 4, and one of 2013's names."""
    labels = tumour()
    labels[3, 10:14, 9:13], labels[7, 10:14, 9:13] = 2, 4
    for n in (1, 2):
        name = f"BraTS19_{n:03}"
        for m, sequence in enumerate(SEQUENCES):
            write(folder / name / f"{name}_{sequence}.mha", chest(10 * n + m) + 1000)
        write(folder / name / f"{name}_seg.mha", labels)
    for m, sequence in enumerate(("T1", "T1c", "T2", "Flair")):
        stem = f"VSD.Brain.XX.O.MR_{sequence}.5460{m}"
        write(folder / "pat0003" / stem / f"{stem}.mha", chest(30 + m) + 1000)
    write(folder / "pat0003" / "VSD.Brain_3more.XX.O.OT.54612" / "VSD.Brain_3more.XX.O.OT.54612.mha", labels)
    return folder


def write_x_ray(file: Path, pixels: np.ndarray, **changes) -> Path:
    """A DICOM file with one 8-bit picture."""
    (made,) = write_series(file.parent, pixels[None].astype(np.int16), prefix="made", RescaleIntercept=0, **changes)
    d = pydicom.dcmread(made)
    d.Modality, d.SOPClassUID = "CR", SecondaryCaptureImageStorage
    d.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    d.BitsAllocated = d.BitsStored = 8
    d.HighBit, d.PixelData = 7, pixels.astype(np.uint8).tobytes()
    del d.RescaleIntercept, d.RescaleSlope
    made.unlink()
    d.save_as(file, enforce_file_format=True)
    return file
