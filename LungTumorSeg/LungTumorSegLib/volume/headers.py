"""What an image file says of itself, read before ITK repairs it in silence.

Measured with SimpleITK 2.5.7: a cut-off .nii or .nii.gz is filled up with zeros, NaN in a NIfTI becomes 0 (which is
soft tissue), a spacing of 0 becomes 1 mm, a negative size becomes 1, a sheared sform is passed over for the qform, and
a flipped bit in a compressed .mha (or, now and then, in an .nrrd) goes unnoticed. So the header is read here as well,
and the data are read to their end against their checksum.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LungTumorSegLib.errors import InputRefused

GZIP, ZLIB = "gzip", "zlib"
DEFLATE_LIMIT = 1040  # deflate shrinks by 1032 at most (zlib.net/zlib_tech.html), so a longer promise is a lie
BLOCK = 1 << 20
CUT_OFF = "The file is cut off: copy or export it again."
DAMAGED = "The file is damaged (its compressed data do not match their checksum): copy or export it again."


@dataclass(frozen=True)
class FileHeader:
    """What a file promises.

    size : voxels along each axis (i, j, k, ...), as many axes as the file has.
    spacing_stated, orientation_stated : whether the file says so, or ITK makes it up.
    spacing : as stated, mm; None where not simply stated.
    data, offset, wrapper : the file with the voxels, where they (or their packing) begin, and how they are packed
        (GZIP, ZLIB, None); data is None where they are spread over several files, which ITK checks by itself.
    ahead : bytes in front of the voxels once unpacked.
    promised : bytes of voxels once unpacked; 0 where ITK checks this by itself.
    real : floating-point type of a NIfTI's voxels, else None.
    sform : 3 x 4 affine (i, j, k) to RAS mm of a NIfTI with an sform code, else None.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...] | None
    spacing_stated: bool
    orientation_stated: bool
    data: Path | None
    offset: int
    wrapper: str | None
    ahead: int = 0
    promised: int = 0
    real: np.dtype | None = None
    sform: np.ndarray | None = None

    def check_data(self) -> np.ndarray:
        """Read the data to their end against their checksum, keeping nothing; InputRefused where they are not whole.

        Returns the places, in the flat array, of voxels that are not finite numbers. Asked of NIfTI only: its library
        would hand them out as 0, which is soft tissue. About 0.25 s per 70 MB, beside ITK on another core.
        """
        nothing = np.empty(0, np.int64)
        if self.data is None:
            return nothing
        if not self.data.is_file():
            raise InputRefused("The file that should hold the voxels is missing: put it back beside the header.")
        there = self.data.stat().st_size - self.offset
        if there * (DEFLATE_LIMIT if self.wrapper else 1) < self.promised:
            raise InputRefused(CUT_OFF)
        if not self.wrapper and self.real is None:
            return nothing
        unpacked, lost = 0, [nothing]
        try:
            for block in self._blocks():
                if self.real is not None:
                    whole = len(block) - len(block) % self.real.itemsize
                    finite = np.isfinite(np.frombuffer(block[:whole], self.real))
                    lost.append(np.flatnonzero(~finite) + unpacked // self.real.itemsize)
                unpacked += len(block)
        except EOFError:
            raise InputRefused(CUT_OFF) from None
        except (zlib.error, gzip.BadGzipFile):
            raise InputRefused(DAMAGED) from None
        if unpacked < self.promised:
            raise InputRefused(CUT_OFF)
        places = np.concatenate(lost)
        return places[places < np.prod(self.size)]

    def _blocks(self) -> Iterator[bytes]:
        """The voxels' bytes, unpacked, a block at a time. EOFError where the packing has no end."""
        with self.data.open("rb") as file:
            file.seek(self.offset)
            if self.wrapper == ZLIB:
                stream = zlib.decompressobj()
                while not stream.eof and (chunk := file.read(BLOCK // 8)):
                    yield stream.decompress(chunk)
                if not stream.eof:
                    raise EOFError
                return
            unpacked = gzip.GzipFile(fileobj=file) if self.wrapper else file
            unpacked.read(self.ahead)
            while block := unpacked.read(BLOCK):
                yield block


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
    """NIfTI-1 in either byte order; offsets from nifti1.h (nifti.nimh.nih.gov). ITK does not read NIfTI-2."""
    wrapper = GZIP if start.startswith(b"\x1f\x8b") else None
    if wrapper:
        try:
            start = zlib.decompressobj(31).decompress(start, 4096)  # 31: zlib's word for a gzip wrapper
        except zlib.error:
            raise InputRefused(DAMAGED) from None
    order = {b"\x5c\x01\0\0": "<", b"\0\0\x01\x5c": ">"}.get(start[:4])  # 348, the header's size
    if start[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c"):
        raise InputRefused("This is a NIfTI-2 file: save it as NIfTI-1 or .nrrd.")
    if not order or start[344:348] != b"n+1\0":
        raise InputRefused("This is not a NIfTI file, whatever its name says: export it again as .nii.gz or .nrrd.")

    def field(kind: str, at: int, count: int = 1) -> np.ndarray:
        return np.frombuffer(start, order + kind, count, at)

    dim, pixdim = field("i2", 40, 8), field("f4", 76, 8)
    kind, bits = (int(n) for n in field("i2", 70, 2))
    offset = int(field("f4", 108)[0])
    qform, sform = (int(code) for code in field("i2", 252, 2))
    size = tuple(int(n) for n in dim[1 : 1 + min(max(int(dim[0]), 0), 7)])
    return FileHeader(
        size,
        tuple(float(s) for s in pixdim[1 : 1 + min(len(size), 3)]),
        spacing_stated=True,
        orientation_stated=qform > 0 or sform > 0,
        data=path,
        offset=0 if wrapper else offset,
        wrapper=wrapper,
        ahead=offset if wrapper else 0,
        promised=math.prod(size) * bits // 8,
        real={16: np.dtype(order + "f4"), 64: np.dtype(order + "f8")}.get(kind),
        sform=field("f4", 280, 12).astype(float).reshape(3, 4) if sform > 0 else None,
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
    )
