"""What an image file says of itself, read before ITK repairs it in silence.

Measured with SimpleITK 2.5.7: a cut-off .nii or .nii.gz is filled up with zeros, a spacing of 0 becomes 1 mm, a
negative size becomes 1, a sheared sform is passed over for the qform, and a flipped bit in a compressed .mha (or, now
and then, in an .nrrd) goes unnoticed. So the header is read here as well, and the data are read to their end against
their checksum.
"""

from __future__ import annotations

import math
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LungTumorSegLib.errors import InputRefused

GZIP, ZLIB = 31, 15  # zlib's names for the two wrappers (wbits)
DEFLATE_LIMIT = 1040  # deflate cannot shrink more than 1032 : 1, so a longer promise is a lie; zlib's own documentation
CUT_OFF = "The file is cut off (its header promises {promised:,} bytes of voxels): copy or export it again."
DAMAGED = "The file is damaged (its compressed data do not match their checksum): copy or export it again."


@dataclass(frozen=True)
class FileHeader:
    """What a file promises.

    size : voxels along each axis (i, j, k, ...), as many axes as the file has.
    spacing_stated, orientation_stated : whether the file says so, or ITK makes it up.
    spacing : as stated, mm, None where not simply stated.
    sform : 3 x 4 affine (i, j, k) to RAS mm of a NIfTI with an sform code, else None.
    data, offset, wrapper : where the voxels begin and how they are packed (GZIP, ZLIB, None); data is None where they
        are spread over several files, which ITK checks by itself.
    promised : bytes of voxels from offset on (0 where ITK checks this by itself).
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...] | None
    spacing_stated: bool
    orientation_stated: bool
    data: Path | None
    offset: int
    wrapper: int | None
    promised: int
    sform: np.ndarray | None = None

    def data_fault(self) -> str | None:
        """What is wrong with the data, in words, after reading them to their end; None where all is well.

        Decompresses without keeping anything: about 0.3 s per 100 MB of int16 voxels, beside ITK on another core.
        """
        if self.data is None:
            return None
        if not self.data.is_file():
            return "The file that should hold its voxels is missing: put it back beside the header."
        there = self.data.stat().st_size - self.offset
        if self.wrapper is None:
            return CUT_OFF.format(promised=self.promised) if there < self.promised else None
        if there * DEFLATE_LIMIT < self.promised:
            return CUT_OFF.format(promised=self.promised)
        try:
            unpacked, ended = _read_to_the_end(self.data, self.offset, self.wrapper)
        except zlib.error:
            return DAMAGED
        return None if ended and unpacked >= self.promised else CUT_OFF.format(promised=self.promised)


def _read_to_the_end(path: Path, offset: int, wrapper: int) -> tuple[int, bool]:
    """Bytes that a compressed stream unpacks to, and whether it ends as it should. zlib raises on a wrong checksum."""
    unpacked, stream = 0, zlib.decompressobj(wrapper)
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(1 << 17):
            while chunk:
                unpacked += len(stream.decompress(chunk))
                chunk = stream.unused_data
                if stream.eof and wrapper == GZIP and chunk.startswith(b"\x1f\x8b"):  # gzip files may be joined
                    stream = zlib.decompressobj(wrapper)
                elif stream.eof:
                    return unpacked, True
    return unpacked, stream.eof


def read_header(path: Path) -> FileHeader:
    """The header of a .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd file. InputRefused where there is none."""
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if not start:
        raise InputRefused("The file is empty: copy or export it again.")
    try:
        if path.suffix.lower() in (".nrrd", ".nhdr"):
            return _nrrd(path, start)
        if path.suffix.lower() in (".mha", ".mhd"):
            return _meta_image(path, start)
        return _nifti(path, start)
    except (KeyError, ValueError, IndexError) as error:
        if isinstance(error, InputRefused):
            raise
        raise InputRefused("The file's header cannot be understood: export it again.") from None


def _nifti(path: Path, start: bytes) -> FileHeader:
    """NIfTI-1 and -2, either byte order; offsets from nifti1.h and nifti2.h (nifti.nimh.nih.gov)."""
    wrapper = GZIP if start.startswith(b"\x1f\x8b") else None
    if wrapper:
        try:
            start = zlib.decompressobj(GZIP).decompress(start, 4096)
        except zlib.error:
            raise InputRefused(DAMAGED) from None
    order = next(
        (o for o in "<>" if start[:4] in (np.array([348, 540], o + "i4").tobytes()[n : n + 4] for n in (0, 4))), ""
    )
    first = bool(order) and int(np.frombuffer(start, order + "i4", 1)[0]) == 348
    if not order or len(start) < (348 if first else 540) or start[344 if first else 4 :][:2] not in (b"n+", b"ni"):
        raise InputRefused("This is not a NIfTI file, whatever its name says: export it again as .nii.gz or .nrrd.")

    def field(kind: str, at: int, count: int = 1) -> np.ndarray:
        return np.frombuffer(start, order + kind, count, at)

    dim = field("i2", 40, 8) if first else field("i8", 16, 8)
    pixdim = field("f4", 76, 8) if first else field("f8", 104, 8)
    bits = int(field("i2", 72 if first else 14)[0])
    offset = int(field("f4", 108)[0] if first else field("i8", 168)[0])
    qform, sform = (int(c) for c in (field("i2", 252, 2) if first else field("i4", 344, 2)))
    rows = (field("f4", 280, 12) if first else field("f8", 400, 12)).astype(float).reshape(3, 4)
    size = tuple(int(n) for n in dim[1 : 1 + min(max(int(dim[0]), 0), 7)])
    promised = math.prod(size) * bits // 8
    return FileHeader(
        size,
        tuple(float(s) for s in pixdim[1 : 1 + min(len(size), 3)]),
        spacing_stated=True,
        orientation_stated=qform > 0 or sform > 0,
        data=path,
        offset=0 if wrapper else offset,
        wrapper=wrapper,
        promised=promised + offset if wrapper else promised,
        sform=rows if sform > 0 else None,
    )


def _nrrd(path: Path, start: bytes) -> FileHeader:
    """teem.sourceforge.net/nrrd/format.html"""
    if not start.startswith(b"NRRD"):
        raise InputRefused("This is not an NRRD file, whatever its name says: export it again as .nrrd or .nii.gz.")
    end = re.search(rb"\r?\n\r?\n", start)
    lines = start[: end.start() if end else len(start)].decode("latin-1").splitlines()[1:]
    fields = {
        key.strip().lower(): value.strip() for key, mark, value in (line.partition(":") for line in lines) if mark
    }
    elsewhere = fields.get("data file", fields.get("datafile"))
    several = elsewhere is not None and (elsewhere.startswith("LIST") or "%" in elsewhere)
    return FileHeader(
        tuple(int(n) for n in fields["sizes"].split()),
        None,
        spacing_stated="spacings" in fields or "space directions" in fields,
        orientation_stated="space" in fields and "space directions" in fields,
        data=None if several else path.parent / elsewhere if elsewhere else path,
        offset=end.end() if end and not elsewhere else 0,
        wrapper=GZIP if fields["encoding"].lower() in ("gzip", "gz") else None,
        promised=0,
    )


def _meta_image(path: Path, start: bytes) -> FileHeader:
    """itk.org/Wiki/ITK/MetaIO/Documentation"""
    data = re.search(rb"ElementDataFile *= *(.*?)\r?\n", start + b"\n")
    if not data or b"NDims" not in start:
        raise InputRefused("This is not a MetaImage file, whatever its name says: export it again as .nrrd or .nii.gz.")
    lines = start[: data.start()].decode("latin-1").splitlines()
    fields = {key.strip(): value.strip() for key, mark, value in (line.partition("=") for line in lines) if mark}
    elsewhere = data.group(1).decode("latin-1").strip()
    local, several = elsewhere.upper() == "LOCAL", elsewhere.startswith("LIST") or "%" in elsewhere
    spacing = fields.get("ElementSpacing", fields.get("ElementSize"))
    return FileHeader(
        tuple(int(n) for n in fields["DimSize"].split()),
        tuple(float(s) for s in spacing.split()) if spacing else None,
        spacing_stated=bool(spacing),
        orientation_stated=any(key in fields for key in ("TransformMatrix", "Orientation", "Rotation")),
        data=path if local else None if several else path.parent / elsewhere,
        offset=data.end() if local else 0,
        wrapper=ZLIB if fields.get("CompressedData", "").lower() == "true" else None,
        promised=0,
    )
