"""What must hold before voxels are taken for Hounsfield units or for a mask, and what is put right on the way."""

from __future__ import annotations

import numpy as np

from LungTumorSegLib.errors import AnswerNeeded, InputRefused
from LungTumorSegLib.volume.geometry import Geometry, Volume

AIR = -1024  # HU: the lowest value of a 12-bit CT, and what padding stands for
SHEAR_TOLERANCE = 1e-3  # cosine between two axes: 0.06 degrees, or 0.3 mm over 300 mm; as strict as ITK's NIfTI reader
THICK_MM = 5.0
MOST_OF_8_BITS = 255  # a CT with 1024 added reaches higher: soft tissue lies above 1000
COPY_CORRELATION = 0.99
MOST_FOREGROUND = 0.2
GRID_TOLERANCE_MM = 0.01
# A grid is kept to the last bit where straight axes would move no voxel by more than this: half of what a mask may be
# off, since NIfTI's 32-bit numbers take a little as well.
STRAIGHT_MM = GRID_TOLERANCE_MM / 2


def check_geometry(geometry: Geometry) -> tuple[str, ...]:
    """Refuse a grid that cannot be right; warnings, one line each, for one that makes results doubtful."""
    if 0 in geometry.shape:
        raise InputRefused("The image holds no voxels: export it again.")
    numbers = np.concatenate([geometry.spacing, geometry.origin, geometry.axes.ravel()])
    if not np.isfinite(numbers).all() or min(geometry.spacing) <= 0:
        raise InputRefused("The voxel spacing or position is zero, negative or not a number: export it again.")
    off = np.abs(geometry.axes.T @ geometry.axes - np.eye(3)).max()
    if off > SHEAR_TOLERANCE:
        raise InputRefused(sheared(off))
    warnings = []
    if min(geometry.shape) == 1:
        warnings.append("A single slice: volumes and 3D diameters mean little.")
    if max(geometry.spacing) > THICK_MM:
        warnings.append(f"Voxels are {max(geometry.spacing):.3g} mm apart: small tumours may be missed.")
    return tuple(warnings)


def straighten(geometry: Geometry) -> tuple[Geometry, tuple[str, ...]]:
    """The grid with axes at right angles, and a warning where that moves voxels by more than `STRAIGHT_MM`; a grid that
    is as straight as that stays as it is.

    Axes stated with few digits are no rotation, but NIfTI holds nothing else: results written beside such a scan would
    not lie on its grid. Refused is what `check_geometry` refuses; its warnings come with the voxels.
    """
    check_geometry(geometry)
    straight = geometry.straightened()
    moved = geometry.apart_mm(straight)
    if moved <= STRAIGHT_MM:
        return geometry, ()
    return straight, (
        f"The image's axes are not quite at right angles or not of length 1 (rounded numbers): straightened, which "
        f"moves voxels by up to {moved:.2g} mm.",
    )


def sheared(cosine: float | None = None) -> str:
    by = "" if cosine is None else f" by {np.degrees(np.arcsin(min(cosine, 1.0))):.2g} degrees"
    return (
        f"The image's axes are not at right angles (shear or gantry tilt{by}): resample it onto a straight grid first."
    )


def check_ct(
    voxels: np.ndarray, geometry: Geometry, *, hu_offset: int | None = None, source: str = "", overwrite: bool = False
) -> Volume:
    """Voxels as Hounsfield units: int16 where values are whole and fit, else float32.

    Parameters
    ----------
    voxels : array (k, j, i)
        Any real type. NaN and infinities become -1024, values below -1024 (padding) too, each with a warning.
    hu_offset : None, 0 or -1024
        The answer to the question that a scan without a value below 0 HU raises: the number to add. A scan that does
        not raise it is left as it is.
    overwrite : bool
        The caller gives the array away: padding may be replaced in place.
    """
    if hu_offset not in (None, 0, AIR):
        raise InputRefused(f"The HU offset must be 0 or {AIR}, not {hu_offset}.")
    warnings = list(check_geometry(geometry))
    if voxels.dtype.kind not in "iuf":
        raise InputRefused("The voxels are not real numbers (complex, colour or logical): a CT in HU is needed.")
    low, high, whole, lost = _range(voxels)
    if lost == voxels.size or low == high:
        raise InputRefused("All voxels have the same value: there is nothing to see in this image.")
    if whole and low >= 0 and high <= MOST_OF_8_BITS:
        raise InputRefused(
            f"The values run from {low:.0f} to {high:.0f}: this is a mask or an 8-bit picture. Choose the CT itself."
        )
    if lost:
        warnings.append(f"{lost:,} voxels were not numbers (NaN or infinite): set to {AIR} HU.")
    offset = 0
    if not _reaches_below_zero(voxels, low):
        if hu_offset is None:
            raise AnswerNeeded(
                f"No voxel lies between {AIR} and 0 HU (values reach {high:.6g}): if 1024 was added to the scan, say "
                f"--hu-offset {AIR}; if these are true HU, say --hu-offset 0.",
                "hu_offset",
            )
        offset = hu_offset
        asked = f"{offset} HU was added" if offset else "its values were taken as HU"
        warnings.append(f"No voxel was below 0 HU: {asked}, as asked.")
    elif hu_offset is not None:
        warnings.append("The HU offset was not needed: the scan has values below 0 HU. It was left as it is.")
    if low + offset < AIR:
        warnings.append(f"Values below {AIR} HU (lowest {low + offset:.6g}) are padding: set to {AIR} HU.")
    fits = whole and high + offset <= np.iinfo(np.int16).max
    clean = low + offset >= AIR and not offset and not lost
    kind = np.int16 if fits else np.float32
    if not (clean and voxels.dtype == kind):
        voxels = _hounsfield(voxels, kind, offset, voxels if overwrite and voxels.dtype == kind else None)
    return Volume(voxels, geometry, tuple(warnings), source)


def check_image(voxels: np.ndarray, geometry: Geometry, warnings: tuple[str, ...] = (), source: str = "") -> Volume:
    """Voxels (k, j, i) on any scale as int16 where whole and fitting, else float32; no number: the lowest."""
    warnings += check_geometry(geometry)
    low, high, whole, lost = _range(voxels)
    if lost == voxels.size or low == high:
        raise InputRefused("All voxels have the same value: there is nothing to see in this image.")
    if lost:
        voxels = np.nan_to_num(voxels, nan=low, posinf=low, neginf=low)
        warnings += (f"{lost:,} voxels were not numbers (NaN or infinite): set to the lowest value.",)
    fits = whole and low >= np.iinfo(np.int16).min and high <= np.iinfo(np.int16).max
    return Volume(voxels.astype(np.int16 if fits else np.float32, copy=False), geometry, warnings, source)


def _range(voxels: np.ndarray) -> tuple[float, float, bool, int]:
    """Lowest and highest number, whether all numbers are whole, and how many voxels are none; slice by slice."""
    if voxels.dtype.kind != "f":
        return int(voxels.min()), int(voxels.max()), True, 0
    low, high, whole, lost = np.inf, -np.inf, True, 0
    for layer in voxels:
        numbers = layer[np.isfinite(layer)]
        lost += layer.size - numbers.size
        if numbers.size:
            low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
            whole = whole and bool((numbers == np.rint(numbers)).all())
    return low, high, whole, lost


def _reaches_below_zero(voxels: np.ndarray, low: float) -> bool:
    """True where a voxel other than padding is below 0, as in every CT in HU: lung, fat and air are."""
    if low >= AIR:
        return low < 0
    return any(bool(((layer >= AIR) & (layer < 0)).any()) for layer in voxels)


def _hounsfield(voxels: np.ndarray, kind: type, offset: int, out: np.ndarray | None) -> np.ndarray:
    out = np.empty(voxels.shape, kind) if out is None else out
    for target, layer in zip(out, voxels, strict=True):  # slice by slice: no second copy of a large scan
        if layer.dtype.kind == "f":
            layer = np.nan_to_num(layer, nan=AIR - offset, posinf=AIR - offset, neginf=AIR - offset)
        elif layer.dtype != np.int16 or offset:
            layer = layer.astype(np.int64)
        np.maximum(layer + offset if offset else layer, AIR, out=target, casting="unsafe")
    return out


def check_mask(voxels: np.ndarray, geometry: Geometry, *, label: int | None = None, source: str = "") -> Volume:
    """Voxels as labels, uint8 or uint16, 0 = background.

    Several labels are kept as they are, with a warning that all of them count. With `label`, only that one is kept,
    as 1. Floating-point voxels are taken if they are whole numbers.
    """
    warnings = list(check_geometry(geometry))
    if voxels.dtype.kind not in "iufb":
        raise InputRefused("The mask's voxels are not real numbers (complex or colour): export it as a labelmap.")
    if voxels.dtype.kind == "b":
        voxels = voxels.view(np.uint8)
    low, high, whole, lost = _range(voxels)
    if lost or not whole:
        raise InputRefused("The mask's values are not whole numbers: export it as a labelmap, not as probabilities.")
    if low < 0 or high > np.iinfo(np.uint16).max:
        raise InputRefused(f"The mask's values run from {low:.0f} to {high:.0f}: labels from 0 to 65535 are needed.")
    labels = voxels.astype(np.uint8 if high <= 255 else np.uint16, copy=False)
    counts = sum(np.bincount(layer.reshape(-1), minlength=int(high) + 1) for layer in labels)
    present = np.flatnonzero(counts[1:]) + 1
    if label is not None:
        if label not in present:
            there = ", ".join(map(str, present[:10])) or "none"
            raise InputRefused(f"The mask has no label {label}: it has {there}.")
        labels = (labels == label).astype(np.uint8)
    elif len(present) > 1:
        some = ", ".join(map(str, present[:10])) + (", ..." if len(present) > 10 else "")
        warnings.append(f"The mask has {len(present)} labels ({some}): all count as tumour; choose one with --label.")
    if not present.size:
        warnings.append("The mask is empty: taken as a scan without tumour.")
    return Volume(labels, geometry, tuple(warnings), source)


def check_mask_against(ct: Volume | Geometry, mask: Volume, *, most_foreground: float | None = MOST_FOREGROUND) -> None:
    """Refuse a mask that cannot belong to the CT.

    The mask must lie on the CT's grid to 0.01 mm, must not be a copy of the image (correlation above 0.99, judged on
    about a million voxels and only where a CT with voxels is given), and must not mark more than a fifth of all voxels:
    no tumour does in a scan of a chest. Pass `most_foreground=None` for crops around a tumour and for masks of lungs.
    """
    grid = ct.geometry if isinstance(ct, Volume) else ct
    if not grid.same_grid(mask.geometry, GRID_TOLERANCE_MM):
        raise InputRefused(_different(grid, mask.geometry))
    if isinstance(ct, Volume) and is_copy(ct.voxels, mask.voxels):
        raise InputRefused("The mask is a copy of the image: choose the file with the tumour's outline.")
    if most_foreground is not None:
        part = np.count_nonzero(mask.voxels) / mask.voxels.size
        if part > most_foreground:
            raise InputRefused(
                f"The mask marks {100 * part:.1f} % of all voxels, a tumour's at most {100 * most_foreground:.0f} %: "
                "choose the tumour's mask."
            )


def is_copy(image: np.ndarray, mask: np.ndarray) -> bool:
    """True where mask and image (same shape) correlate above 0.99."""
    step = max(1, round((image.size / 1e6) ** (1 / 3)))
    a, b = (np.asarray(x[::step, ::step, ::step], np.float64).ravel() for x in (image, mask))
    if a.std() == 0 or b.std() == 0:
        return False
    return bool(abs(np.corrcoef(a, b)[0, 1]) > COPY_CORRELATION)


def _different(ct: Geometry, mask: Geometry) -> str:
    advice = "resample the mask onto the CT first."
    if ct.shape != mask.shape:
        sizes = (" x ".join(map(str, g.shape[::-1])) for g in (mask, ct))
        return "The mask has {} voxels, the CT {}: ".format(*sizes) + advice
    return f"The mask lies up to {ct.apart_mm(mask):.3g} mm away from the CT's grid: " + advice
