"""DICOM folders: which series is the CT, and are its slices a regular grid?"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from LungTumorSegLib.errors import AnswerNeeded, InputRefused
from LungTumorSegLib.volume.checking import AIR, SHEAR_TOLERANCE, sheared, straighten
from LungTumorSegLib.volume.geometry import Geometry, Series
from LungTumorSegLib.volume.itk_name import is_utf_8, itk_name
from LungTumorSegLib.volume.pixels import pixels

MOST_FILES = 20_000
# Slice positions are written with as little as one decimal; 0.1 mm is the most that such rounding moves a slice.
POSITION_TOLERANCE_MM = 0.1
SPACING_TOLERANCE_MM = 1e-4  # 0.05 mm over 512 pixels
# ITK reads all slices in the type of the first, where negative values of others may wrap round to 65535 and less:
# slices of several types are read in one that holds them all.
WIDE_TYPE = sitk.sitkFloat32
MOST_HU = 32_767  # extended scales, for metal, end at 30,710 HU (15 bits)
NOT_IMAGES = {"SEG", "RTDOSE", "RTSTRUCT", "PR", "SR", "KO", "DOC", "REG"}


@dataclass(frozen=True)
class _Slice:
    """One file with image data, or one frame of a file with many (`frame`: its place in the pixel data, from 0)."""

    file: str
    series: str
    number: str
    description: str
    modality: str
    localiser: bool
    instance: str
    frames: int
    size: tuple[int, int]
    spacing: tuple[float, float] | None
    thickness: float | None
    position: tuple[float, float, float] | None
    cosines: tuple[float, ...] | None
    frame_of_reference: str
    study_date: str | None
    rescale: tuple[float, float] | None
    pixel_type: int  # as SimpleITK names the type that holds the file's own range of HU
    frame: int | None = None

    @property
    def plane(self) -> tuple:
        spacing, cosines = (x and tuple(np.round(x, n)) for x, n in ((self.spacing, 4), (self.cosines, 3)))
        return self.size, spacing, cosines

    def in_plane_of(self, other: _Slice) -> bool:
        """True where both have pixels of the same size and number, and cosines no further apart than shear may be:
        numbers that scatter about where `plane` rounds them up or down are one plane."""
        return (
            self.size == other.size
            and _near(self.spacing, other.spacing, SPACING_TOLERANCE_MM)
            and _near(self.cosines, other.cosines, SHEAR_TOLERANCE)
        )


def _near(a: tuple[float, ...] | None, b: tuple[float, ...] | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    return bool(np.allclose(a, b, rtol=0.0, atol=tolerance))


def read_series(
    path: Path, series: str | None, *, resample: bool, preferred: str | None = None
) -> tuple[np.ndarray, Geometry, tuple[str, ...], str, Series]:
    """Voxels (k, j, i), grid, warnings, the series' name in words and its files, of the CT series with most slices.

    GDCM reads the voxels and applies the rescale slope; slices (files, or the frames of one file) are ordered by their
    position along the normal, and the grid is made from the positions and cosines that DICOM states, not from file
    names or slice thickness. It is even and its axes are at right angles (`straighten`): `Series.off_grid_mm` says how
    far the stated numbers are off it.
    """
    slices, warnings = _choose(path, series, preferred)
    first = slices[0]
    name = f"DICOM series {first.number}".rstrip() + (f" ({first.description})" if first.description else "")
    if first.modality != "CT":
        warnings.append(f"The series' modality is {first.modality or 'not stated'}, not CT.")
    slices, distances, normal = _in_order(slices, warnings)
    voxels, placed = _voxels(slices, warnings), slices
    gap = float(distances[-1]) / (len(slices) - 1) if len(slices) > 1 else first.thickness
    if not gap:
        raise InputRefused("A single slice that does not state its thickness: export the whole series.")
    if len(slices) > 1 and _uneven(distances):
        steps = np.diff(distances)
        if not resample:
            where = int(np.argmax(steps))
            raise AnswerNeeded(
                f"The slices are not evenly spaced ({steps.min():.3g} to {steps.max():.3g} mm, the widest after slice "
                f"{where + 1} of {len(slices)}): export the whole series, or say --resample to interpolate.",
                "resample",
            )
        gap = float(np.median(steps))
        voxels, placed = _evenly(voxels, distances, gap), []
        warnings.append(f"The slices were not evenly spaced: interpolated to {gap:.3g} mm.")
    axes = np.column_stack([slices[0].cosines[:3], slices[0].cosines[3:], normal])
    stated = Geometry(voxels.shape, (*slices[0].spacing, gap), slices[0].position, axes)
    grid, straightened = straighten(stated)
    files = tuple(s.file for s in placed if s.frame is None)
    origin = Series(first.series, first.frame_of_reference, first.study_date, files, _off_grid_mm(placed, grid))
    return voxels, grid, (*warnings, *straightened), f"{name}, {len(slices)} slices", origin


def _off_grid_mm(slices: list[_Slice], grid: Geometry) -> float:
    """The farthest that the corner of a slice lies, as stated, from its voxel on the grid."""
    _, rows, columns = grid.shape
    ij = np.array([(i, j) for i in (0, columns - 1) for j in (0, rows - 1)])
    farthest = 0.0
    for k, each in enumerate(slices):
        stated = each.position + (ij * each.spacing) @ np.reshape(each.cosines, (2, 3))
        voxels = grid.ijk_to_lps(np.column_stack([ij, np.full(len(ij), k)]))
        farthest = max(farthest, float(np.linalg.norm(stated - voxels, axis=1).max()))
    return farthest


def _choose(path: Path, series: str | None, preferred: str | None) -> tuple[list[_Slice], list[str]]:
    """The slices to read, still in any order, and warnings about what was left aside."""
    groups = defaultdict(list)
    for slice_ in _images(path):
        if slice_.modality not in NOT_IMAGES and not slice_.localiser:
            groups[slice_.series].append(slice_)
    if path.is_file():
        chosen = _header(str(path))
        if chosen is None or chosen.series not in groups:
            raise InputRefused("This file holds no CT: choose a DICOM CT series, .nii.gz, .nrrd or .mha.")
        groups = {chosen.series: groups[chosen.series]}
    if not groups:
        raise InputRefused("The folder holds no DICOM CT series: choose the folder with the scan's slices.")
    warnings = []
    scans = {uid: found for uid, found in groups.items() if found[0].modality == "CT"} or groups
    if series is not None:
        scans = {uid: found for uid, found in groups.items() if series in (uid, found[0].number)}
        if len(scans) != 1:
            raise InputRefused(
                f"{'No' if not scans else 'More than one'} series is {series}: there are {_list(groups)}."
            )
    elif preferred in groups:
        scans = {preferred: groups[preferred]}
    elif len(scans) > 1:
        warnings.append(f"Several series: {_list(scans)}. The one with most slices is used; choose with --series.")
    slices = max(scans.values(), key=lambda found: (sum(s.frames for s in found), found[0].series))
    if any(s.frames > 1 for s in slices):
        slices = _frames(slices)
    most = Counter(s.plane for s in slices).most_common(1)[0][0]
    usual = next(s for s in slices if s.plane == most)
    kept = [s for s in slices if s.in_plane_of(usual)]
    if len(kept) < len(slices) and usual.frame is not None:
        raise InputRefused("The file's slices lie in several planes or grids: export the series as single slices.")
    if len(kept) < len(slices):
        warnings.append(f"{len(slices) - len(kept)} images of the series lie in another plane or grid: left aside.")
    return kept, warnings


def _frames(files: list[_Slice]) -> list[_Slice]:
    """The frames of a series' one file. GDCM states none of them, and 1 x 1 x 1 mm where they are not quite even."""
    from LungTumorSegLib.volume.frames import stated_frames  # pydicom, only where it is needed: 0.2 s

    if len(files) > 1:
        raise InputRefused(
            "The series comes in several files, one or more of them with many slices: put the one to read into a "
            "folder of its own, or export the series as single slices."
        )
    [file] = files
    stated = stated_frames(file.file)
    if len(stated) != file.frames:
        raise InputRefused("The file states places for more or fewer slices than it holds: export the series again.")
    if len({frame.rescale for frame in stated}) > 1:  # GDCM takes the first one's for all
        raise InputRefused(
            "The file's slices differ in how their values become HU (rescale): export the series as single slices."
        )
    return [replace(file, frames=1, frame=n, **vars(frame)) for n, frame in enumerate(stated)]


def _list(groups: dict[str, list[_Slice]]) -> str:
    largest = sorted(groups.values(), key=len, reverse=True)
    named = [f"{s[0].number or s[0].series} ({sum(x.frames for x in s)} slices)" for s in largest[:5]]
    return ", ".join(named) + (", ..." if len(largest) > 5 else "")


def _images(path: Path) -> list[_Slice]:
    if path.is_file():
        files = [str(p) for p in path.parent.iterdir() if p.is_file() or not p.exists()]
    else:
        files = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    itk_name(path if path.is_dir() else path.parent)
    nameless = sum(not is_utf_8(file) for file in files)
    if nameless:
        raise InputRefused(f"{nameless} of the folder's files have names that are not UTF-8: rename them.")
    if len(files) > MOST_FILES:
        raise InputRefused(f"The folder holds more than {MOST_FILES:,} files: choose the scan's own folder.")
    headers = {file: _header(file) for file in sorted(files)}
    starts = [_start(file) for file, header in headers.items() if header is None]
    closed = starts.count(None)
    if closed:  # a first or last slice among them would leave no gap that could be noticed
        raise InputRefused(
            f"{closed} of the folder's files cannot be opened (links to nowhere, or closed to us) and may be slices: "
            "make them readable or take them away."
        )
    broken = sum(map(_claims_ct, starts))
    if broken:
        raise InputRefused(f"{broken} of the folder's CT files are damaged or cut off: export the series again.")
    return [header for header in headers.values() if header]


def _start(file: str) -> bytes | None:
    """As much of a file as its meta header takes; None where it cannot be opened."""
    try:
        with open(file, "rb") as content:
            return content.read(1024)
    except OSError:
        return None


def _claims_ct(start: bytes) -> bool:
    """True where a file's meta header names CT Image Storage (DICOM PS3.10 7.1, PS3.4 B.5)."""
    at = start.find(b"\x02\x00\x02\x00UI")
    if start[128:132] != b"DICM" or at < 0:
        return False
    length = int.from_bytes(start[at + 6 : at + 8], "little")
    return start[at + 8 : at + 8 + length].rstrip(b"\0") == b"1.2.840.10008.5.1.4.1.1.2"


def _header(file: str) -> _Slice | None:
    """None for what GDCM sees no image in: other files, DICOMDIR, structure sets, reports."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(file)
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None

    def text(tag: str) -> str:
        return reader.GetMetaData(tag).strip().strip("\0") if reader.HasMetaDataKey(tag) else ""

    def numbers(tag: str, count: int) -> tuple[float, ...] | None:
        try:
            found = tuple(float(x) for x in text(tag).split("\\"))
        except ValueError:
            return None
        return found if len(found) == count and np.isfinite(found).all() else None

    spacing = numbers("0028|0030", 2)  # of rows, of columns (PS3.3 10.7.1.3); GDCM makes it 1 mm where there is none
    intercept, slope = numbers("0028|1052", 1), numbers("0028|1053", 1)
    return _Slice(
        file=file,
        series=text("0020|000e"),
        number=text("0020|0011"),
        description=" ".join(text("0008|103e").split()),
        modality=text("0008|0060"),
        localiser="LOCALIZER" in text("0008|0008").upper(),
        instance=text("0008|0018"),
        frames=int(text("0028|0008") or 1),
        size=reader.GetSize()[:2],
        spacing=spacing[::-1] if spacing and min(spacing) > 0 else None,
        thickness=(numbers("0018|0050", 1) or (None,))[0],
        position=numbers("0020|0032", 3),
        cosines=numbers("0020|0037", 6),
        frame_of_reference=text("0020|0052"),
        study_date=_date(text("0008|0020")),
        rescale=intercept and slope and intercept + slope,
        pixel_type=reader.GetPixelID(),
    )


def _date(text: str) -> str | None:
    """DICOM's YYYYMMDD (or the older YYYY.MM.DD) as YYYY-MM-DD; None where it is no date."""
    try:
        return datetime.strptime(text.replace(".", ""), "%Y%m%d").date().isoformat()
    except ValueError:
        return None


def _voxels(slices: list[_Slice], warnings: list[str]) -> np.ndarray:
    """The slices' voxels (k, j, i), HU, in the slices' order."""
    if len({s.rescale is None for s in slices}) > 1:
        raise InputRefused(
            "Some slices state how their values become HU (rescale) and others do not: export the original CT series."
        )
    types = {s.pixel_type for s in slices}
    voxels = pixels(_read(list(dict.fromkeys(s.file for s in slices)), types.pop() if len(types) == 1 else WIDE_TYPE))
    if slices[0].modality == "CT" and voxels.max() > MOST_HU:
        voxels = _without_padding(voxels, warnings)
    order = [s.frame for s in slices]
    if order[0] is None or order == list(range(len(voxels))):
        return voxels
    return voxels[order]


def _without_padding(voxels: np.ndarray, warnings: list[str]) -> np.ndarray:
    """What no CT reaches is padding beyond the field of view where it is one value alone, as some scanners store it."""
    beyond = voxels > MOST_HU
    highest = voxels.max()
    if (voxels[beyond] != highest).any():
        raise InputRefused(
            f"The values reach {highest:.6g} HU, which no CT does (wrong rescale, or an inverted picture): export the "
            "original CT series."
        )
    warnings.append(f"{np.count_nonzero(beyond):,} voxels hold {highest:.6g} HU, which is padding: set to {AIR} HU.")
    signed = np.promote_types(voxels.dtype, np.int16)  # no unsigned type holds air
    return np.where(beyond, signed.type(AIR), voxels.astype(signed))


def _in_order(slices: list[_Slice], warnings: list[str]) -> tuple[list[_Slice], np.ndarray, np.ndarray]:
    """Slices along their normal, their distances from the first in mm, and the normal; gantry tilt is refused."""
    if any(s.position is None or s.cosines is None for s in slices):
        raise InputRefused("The slices do not state where they lie in the patient: export the original CT series.")
    # anonymisers may give all slices the same SOP Instance UID: only at the same place it is the same slice
    once = list({(s.instance or s.file, s.frame, s.position): s for s in slices}.values())
    if len(once) < len(slices):
        warnings.append(f"{len(slices) - len(once)} slices are there twice: each was read once.")
    if any(s.spacing is None for s in once):
        raise InputRefused("The slices do not state how far apart their pixels lie: export the original CT series.")
    along, across = np.reshape(once[0].cosines, (2, 3))
    normal = np.cross(along, across)
    normal /= np.linalg.norm(normal)
    once.sort(key=lambda s: float(np.dot(s.position, normal)))
    steps = np.array([s.position for s in once]) - once[0].position
    distances = steps @ normal
    if len(once) > 1:
        if np.diff(distances).min() < 1e-3:
            raise InputRefused("Several images lie at the same place (phases or time points): export one of them.")
        drift = float(np.linalg.norm(steps - distances[:, None] * normal, axis=1).max() / distances[-1])
        if drift > SHEAR_TOLERANCE:
            raise InputRefused(sheared(float(np.sin(np.arctan(drift)))))
    return once, distances, normal


def _uneven(distances: np.ndarray) -> bool:
    even = np.linspace(0.0, distances[-1], len(distances))
    return bool(np.abs(distances - even).max() > POSITION_TOLERANCE_MM)


def _evenly(voxels: np.ndarray, distances: np.ndarray, gap: float) -> np.ndarray:
    """Slices at 0, gap, 2 gap ... mm, each interpolated linearly between its two neighbours."""
    wanted = np.arange(0.0, distances[-1] + 1e-6, gap)
    after = np.clip(np.searchsorted(distances, wanted), 1, len(distances) - 1)
    even = np.empty((len(wanted), *voxels.shape[1:]), voxels.dtype)
    for out, n, place in zip(even, after, wanted, strict=True):
        part = np.clip((place - distances[n - 1]) / (distances[n] - distances[n - 1]), 0.0, 1.0)
        between = (1 - part) * voxels[n - 1] + part * voxels[n]
        out[...] = np.rint(between) if voxels.dtype.kind in "iu" else between
    return even


def _read(files: list[str], pixel_type: int) -> sitk.Image:
    try:
        image = sitk.ReadImage(files[0] if len(files) == 1 else files, pixel_type, imageIO="GDCMImageIO")
    except RuntimeError:
        raise InputRefused("A slice of the series is damaged or cut off: export the series again.") from None
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputRefused("The images are in colour: export the original CT series.")
    return image
