"""CT scans and masks from files, with everything that can be wrong with them found before a network sees them.

Every reader returns a `Volume` or raises `InputRefused`, whose message is one line; what was odd but usable stands in
``Volume.warnings``. Nothing on disk is changed. The axes of every grid are at right angles (`straighten`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.checking import (
    GRID_TOLERANCE_MM,
    MOST_FOREGROUND,
    SHEAR_TOLERANCE,
    check_ct,
    check_image,
    check_mask,
    check_mask_against,
    is_copy,
    sheared,
    straighten,
)
from LungTumorSegLib.volume.dicom import read_series
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.headers import FileHeader, read_header
from LungTumorSegLib.volume.itk_name import itk_name
from LungTumorSegLib.volume.pixels import pixels

READERS = {
    ".nii": "NiftiImageIO",
    ".nii.gz": "NiftiImageIO",
    ".nrrd": "NrrdImageIO",
    ".nhdr": "NrrdImageIO",
    ".mha": "MetaImageIO",
    ".mhd": "MetaImageIO",
}


def read_ct(
    path: str | Path,
    series: str | None = None,
    *,
    hu_offset: int | None = None,
    resample: bool = False,
    preferred: str | None = None,
) -> Volume:
    """A CT scan in HU, int16 where its values are whole numbers that fit, else float32.

    Parameters
    ----------
    path
        A .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd file, a folder with DICOM files (folders inside it count), or one
        DICOM file, which stands for its series in that folder.
    series
        Of a DICOM folder with several series: the number or the UID of the one to read. Default: the CT series with
        most slices.
    hu_offset
        0 or -1024, the answer where a scan without negative values makes us ask (see `check_ct`).
    resample
        Interpolate DICOM slices that are not evenly spaced onto an even grid, instead of refusing them.
    preferred
        UID of the series to read where none is asked for and the folder holds it.
    """
    path = Path(path)
    if _ending(path) in READERS and not path.is_dir():
        if series is not None:
            raise InputRefused("A file holds one scan: leave out the series, which chooses from a DICOM folder.")
        image, geometry, warnings = _read_file(path)
        voxels, source, origin = pixels(image), path.name, None
    else:
        _must_exist(path)
        voxels, geometry, warnings, source, origin = read_series(path, series, resample=resample, preferred=preferred)
    ct = check_ct(voxels, geometry, hu_offset=hu_offset, source=source, overwrite=True)
    return Volume(ct.voxels, geometry, warnings + ct.warnings, source, origin)


def read_mask(
    path: str | Path,
    ct: Volume | Geometry | None = None,
    label: int | str | None = None,
    *,
    most_foreground: float | None = MOST_FOREGROUND,
) -> Volume:
    """A mask as labels (uint8 or uint16, 0 = background), see `check_mask`; with a CT, see `check_mask_against` too.

    Takes the same image files as `read_ct`, and a DICOM RTSTRUCT or SEG file, which needs the CT (`read_dicom_mask`).
    Give the CT as a Volume to have the mask compared with its voxels and its frame of reference, as a Geometry to have
    only its grid compared. `label`: the one label to read, as 1; of a DICOM file also by its name.
    """
    path = Path(path)
    if _ending(path) not in READERS:
        from LungTumorSegLib.volume.dicom_mask import read_dicom_mask  # pydicom, only where it is needed: 0.2 s

        _must_exist(path)
        mask = read_dicom_mask(path, ct, label)
        if mask is None:
            raise InputRefused(
                f"A mask must be one of {', '.join(READERS)}, or a DICOM RTSTRUCT or SEG: export it as one of these."
            )
        voxels, geometry, warnings, label = mask.voxels, mask.geometry, mask.warnings, None
    else:
        image, geometry, warnings = _read_file(path)
        voxels, label = pixels(image), _as_number(label)
    if isinstance(ct, Volume) and voxels.shape == ct.voxels.shape and is_copy(ct.voxels, voxels):
        raise InputRefused("The mask is a copy of the image: choose the file with the tumour's outline.")
    mask = check_mask(voxels, geometry, label=label, source=path.name)
    mask = Volume(mask.voxels, geometry, warnings + mask.warnings, mask.source)
    if ct is not None:
        check_mask_against(ct, mask, most_foreground=most_foreground)
    return mask


def read_image(path: str | Path) -> Volume:
    """An image on a scale of its own, such as MR: int16 where its values are whole and fit, else float32.

    From an image file. Voxels that are not finite numbers get the lowest finite value, with a warning.
    """
    path = Path(path)
    if _ending(path) not in READERS:
        raise InputRefused(f"An image must be one of {', '.join(READERS)}.")
    image, geometry, warnings = _read_file(path)
    return check_image(pixels(image), geometry, warnings, path.name)


def read_map(path: str | Path) -> Volume:
    """A map of values 0..1 as float32, such as the probability that `segment` writes; from an image file."""
    path = Path(path)
    if _ending(path) not in READERS:
        raise InputRefused(f"A map must be one of {', '.join(READERS)}.")
    image, geometry, warnings = _read_file(path)
    voxels = pixels(image).astype(np.float32)
    if not (voxels.min() >= 0 and voxels.max() <= 1):  # not a number is refused as well
        raise InputRefused("The map holds values outside 0..1: choose the probability.nii.gz of a result.")
    return Volume(voxels, geometry, warnings, path.name)


def is_header_alone(path: Path) -> bool:
    """True for an image file whose voxels lie in other files, as those of .mhd and .nhdr do."""
    return READERS.get(_ending(path)) in ("NrrdImageIO", "MetaImageIO") and read_header(path).data != path


def read_stored(path: Path) -> Volume:
    """An image file's voxels as they are stored, whatever they mean."""
    image, geometry, warnings = _read_file(path)
    return Volume(pixels(image), geometry, warnings, path.name)


def _as_number(label: int | str | None) -> int | None:
    try:
        return None if label is None else int(label)
    except ValueError:
        raise InputRefused(f"An image file's labels are numbers, not {label}: choose one by its number.") from None


def _ending(path: Path) -> str:
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def _must_exist(path: Path) -> None:
    if not path.exists():
        raise InputRefused("There is no file or folder of that name.")


def _read_file(path: Path) -> tuple[sitk.Image, Geometry, tuple[str, ...]]:
    _must_exist(path)
    try:
        header = read_header(path)
    except OSError as error:
        raise InputRefused(f"The file cannot be opened: {error.strerror}.") from None
    warnings = _check_header(header)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(READERS[_ending(path)])
    reader.SetFileName(itk_name(path))
    with ThreadPoolExecutor(1) as beside:  # SimpleITK lets go of the interpreter while it decodes
        checked = beside.submit(header.check_data)
        try:
            reader.ReadImageInformation()
            _check_kind(reader)
            if reader.GetDimension() > 3:
                reader.SetExtractSize([*reader.GetSize()[:3], *[0] * (reader.GetDimension() - 3)])
            image = reader.Execute()
        except RuntimeError as error:
            checked.result()  # says better what is wrong, where it finds something
            raise _refusal(str(error)) from None
        lost = checked.result()
    if lost.size:
        pixels(image).reshape(-1)[lost] = np.nan
    stated = _grid_of(image)
    geometry, straightened = straighten(stated)
    return image, geometry, warnings + _check_sform(header, stated) + straightened


def _refusal(itk_says: str) -> InputRefused:
    if "orthonormal" in itk_says:
        return InputRefused(sheared())
    if "allocate" in itk_says:
        return InputRefused("The image does not fit into this machine's memory.")
    return InputRefused("The file cannot be read: it is cut off, damaged or of an unusual kind. Export it again.")


def _grid_of(image: sitk.Image) -> Geometry:
    return Geometry(image.GetSize()[::-1], image.GetSpacing(), image.GetOrigin(), image.GetDirection())


def _check_header(header: FileHeader) -> tuple[str, ...]:
    """What ITK would repair in silence."""
    if not header.size or min(header.size) < 1:
        raise InputRefused("The image holds no voxels: export it again.")
    if not header.spacing_stated:
        raise InputRefused("The file does not state its voxel spacing: sizes in mm would be invented. Export it again.")
    if header.spacing is not None and not all(np.isfinite(s) and s > 0 for s in header.spacing):
        raise InputRefused("The voxel spacing is zero, negative or not a number: export it again.")
    warnings = []
    if len(header.size) > 3 and max(header.size[3:]) == 1:
        warnings.append("The file has more than three axes, but a single time point: read as a volume.")
    if not header.orientation_stated:
        warnings.append("The file does not state its orientation: left and right, head and feet may be exchanged.")
    return tuple(warnings)


def _check_kind(reader: sitk.ImageFileReader) -> None:
    """Refuse what is no single volume of numbers, before its voxels are read."""
    size, pixel = reader.GetSize(), reader.GetPixelIDValue()
    if pixel in (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64):
        raise InputRefused("The voxels are complex numbers: a CT or a labelmap is needed.")
    if reader.GetNumberOfComponents() > 1:
        raise InputRefused("The voxels are colours or vectors: a CT or a labelmap with one number a voxel is needed.")
    if len(size) < 3:
        raise InputRefused("This is a flat picture, not a volume: slice thickness and position are unknown.")
    if len(size) > 3 and max(size[3:]) > 1:
        raise InputRefused(f"The file holds {max(size[3:])} time points or channels: export one volume.")


def _check_sform(header: FileHeader, geometry: Geometry) -> tuple[str, ...]:
    """A NIfTI may state its grid twice; ITK drops a sheared sform in favour of a straight qform without a word."""
    if header.sform is None:
        return ()
    stated = np.diag([-1.0, -1.0, 1.0]) @ header.sform  # RAS to LPS
    axes = stated[:, :3] / np.linalg.norm(stated[:, :3], axis=0)
    off = np.abs(axes.T @ axes - np.eye(3)).max()
    if off > SHEAR_TOLERANCE:
        raise InputRefused(sheared(off))
    corner = np.array([*(n - 1 for n in geometry.shape[::-1]), 1.0])
    used = geometry.ijk_to_lps_matrix[:3]
    if np.linalg.norm((used - stated) @ corner) > GRID_TOLERANCE_MM or not np.allclose(used, stated, atol=1e-3):
        return ("The file states two positions (qform and sform) that differ: the qform is used, as in 3D Slicer.",)
    return ()
