"""The catalogue of what arrives: every input gets its stated outcome, in one line, and nothing on disk changes.

A case writes its input into a folder and returns the call that reads it. Outcomes: "right" (read without a warning),
"warning" (read, with one line that contains the words), "refused" (InputRefused, one line that contains the words).
"""

import gzip
import os
import struct
from functools import partial

import numpy as np
import pytest
import SimpleITK as sitk
from small_scans import hashes, image_of, write_series, write_structure_set

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.reading import read_ct, read_mask

CASES = []


def case(outcome: str, name: str, words: str = ""):
    """Register what writes the input: (folder, chest, tumour) -> the call that reads it."""

    def register(build):
        CASES.append(pytest.param(build, outcome, words, name, id=name))
        return build

    return register


def saved(image, path, compressed=True):
    sitk.WriteImage(image, str(path), compressed)
    return path


def nifti_with(path, image, **fields: tuple[int, bytes]):
    """An uncompressed NIfTI whose header bytes are replaced: name=(offset, bytes)."""
    saved(image, path, False)
    content = bytearray(path.read_bytes())
    for at, new in fields.values():
        content[at : at + len(new)] = new
    path.write_bytes(content)
    return path


def edited(path, old: bytes, new: bytes):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    return path


def flipped_bit(path, place=0.6):
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 16
    path.write_bytes(content)
    return path


def cut_off(path, part=0.7):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    return path


# --- handled right


@case("right", "an ordinary scan, .nii.gz")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(chest), folder / "ct.nii.gz"))


for ending in ("nii", "nrrd", "nhdr", "mha", "mhd"):

    @case("right", f"an ordinary scan, .{ending}")
    def _(folder, chest, tumour, ending=ending):
        return partial(read_ct, saved(image_of(chest), folder / f"ct.{ending}"))


STRANGE_GRIDS = {
    "flipped in all axes": np.diag([-1, -1, -1]),
    "oblique": [[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]],
    "left-handed": np.diag([-1, 1, 1]),
    "sagittal stack": [[0, 0, 1], [1, 0, 0], [0, -1, 0]],
    "coronal stack": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
}
for grid, axes in STRANGE_GRIDS.items():
    for ending in ("nii.gz", "nrrd"):

        @case("right", f"{grid}, .{ending}")
        def _(folder, chest, tumour, axes=axes, ending=ending):
            return partial(read_ct, saved(image_of(chest, direction=np.array(axes, float)), folder / f"ct.{ending}"))


@case("right", "a DICOM series, file names out of order")
def _(folder, chest, tumour):
    write_series(folder / "scan", chest)
    return partial(read_ct, folder / "scan")


@case("right", "one file of a DICOM series")
def _(folder, chest, tumour):
    return partial(read_ct, write_series(folder / "scan", chest)[5])


@case("right", "a DICOM series beside a structure set and notes")
def _(folder, chest, tumour):
    write_series(folder / "scan", chest)
    write_series(folder / "scan", chest[:1], prefix="seg", Modality="SEG")
    write_structure_set(folder / "scan" / "rs.dcm")
    (folder / "scan" / "README.txt").write_text("not an image")
    return partial(read_ct, folder / "scan")


@case("right", "a DICOM series with a localiser in it")
def _(folder, chest, tumour):
    uid = "1.2.826.0.1.3680043.8.498.1"
    write_series(folder / "scan", chest, SeriesInstanceUID=uid)
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
    write_series(folder / "scan", chest[:1], prefix="scout", SeriesInstanceUID=uid, **scout)
    return partial(read_ct, folder / "scan")


@case("right", "a mask")
def _(folder, chest, tumour):
    ct = read_ct(saved(image_of(chest), folder / "ct.nii.gz"))
    return partial(read_mask, saved(image_of(tumour), folder / "mask.nii.gz"), ct)


@case("right", "a float mask with whole numbers")
def _(folder, chest, tumour):
    return partial(read_mask, saved(image_of(tumour.astype(np.float32)), folder / "mask.nrrd"))


@case("right", "one label chosen of several")
def _(folder, chest, tumour):
    labels = tumour * 3
    labels[0, 0, :4] = 1
    return partial(read_mask, saved(image_of(labels), folder / "mask.nrrd"), None, 3)


@case("right", "a HU scan as float64")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(chest.astype(np.float64)), folder / "ct.nii.gz"))


@case("right", "a NIfTI with slope and intercept")
def _(folder, chest, tumour):
    stored = image_of(chest + 1024)
    slope = struct.pack("<2f", 1.0, -1024.0)
    return partial(read_ct, nifti_with(folder / "ct.nii", stored, slope=(112, slope)))


@case("right", "a plain NIfTI named .nii.gz")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(chest), folder / "ct.nii", False).rename(folder / "ct.nii.gz"))


# --- handled, with a warning

for padding in (-2000, -3024):

    @case("warning", f"padding of {padding}", f"lowest {padding}")
    def _(folder, chest, tumour, padding=padding):
        chest = chest.copy()
        chest[:, :2] = padding
        return partial(read_ct, saved(image_of(chest), folder / "ct.nii.gz"))


for bad in (np.nan, np.inf, -np.inf):

    @case("warning", f"a few voxels are {bad}", "3 voxels were not numbers")
    def _(folder, chest, tumour, bad=bad):
        chest = chest.astype(np.float32)
        chest[5, 5, 5:8] = bad
        return partial(read_ct, saved(image_of(chest), folder / "ct.nii.gz"))


for answer in (-1024, 0):

    @case("warning", f"no negative values, answered with {answer}", "as asked")
    def _(folder, chest, tumour, answer=answer):
        stored = saved(image_of((chest + 1024).astype(np.uint16)), folder / "ct.nii.gz")
        return partial(read_ct, stored, hu_offset=answer)


@case("warning", "an offset answered but not needed", "not needed")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(chest), folder / "ct.nii.gz"), hu_offset=-1024)


@case("warning", "slices 7.5 mm apart", "7.5 mm apart")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(chest, spacing=(0.75, 0.75, 7.5)), folder / "ct.nii.gz"))


@case("warning", "a single slice", "single slice")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(chest[10:11]), folder / "ct.nii.gz"))


@case("warning", "a single DICOM slice", "single slice")
def _(folder, chest, tumour):
    return partial(read_ct, write_series(folder / "scan", chest[10:11])[0])


@case("warning", "DICOM of another modality", "modality is MR")
def _(folder, chest, tumour):
    write_series(folder / "scan", chest, Modality="MR")
    return partial(read_ct, folder / "scan")


@case("warning", "two CT series", "Several series: 2 (24 slices), 7 (12 slices)")
def _(folder, chest, tumour):
    write_series(folder / "scan" / "a", chest[:12], SeriesNumber=7)
    write_series(folder / "scan" / "b", chest)
    return partial(read_ct, folder / "scan")


@case("warning", "a DICOM slice in another plane", "1 images of the series lie in another plane")
def _(folder, chest, tumour):
    uid = "1.2.826.0.1.3680043.8.498.2"
    write_series(folder / "scan", chest, SeriesInstanceUID=uid)
    write_series(
        folder / "scan", chest[:1], prefix="x", SeriesInstanceUID=uid, ImageOrientationPatient=[1, 0, 0, 0, 0, -1]
    )
    return partial(read_ct, folder / "scan")


@case("warning", "DICOM slices there twice", "2 slices are there twice")
def _(folder, chest, tumour):
    files = write_series(folder / "scan", chest)
    for file in files[3:5]:
        file.with_name(f"copy-{file.name}").write_bytes(file.read_bytes())
    return partial(read_ct, folder / "scan")


@case("warning", "a missing DICOM slice, resampling asked for", "interpolated to 2.5 mm")
def _(folder, chest, tumour):
    write_series(folder / "scan", chest)[7].unlink()
    return partial(read_ct, folder / "scan", resample=True)


@case("warning", "several labels", "all count as tumour")
def _(folder, chest, tumour):
    labels = tumour * 3
    labels[0, 0, :4] = 1
    return partial(read_mask, saved(image_of(labels), folder / "mask.nrrd"))


@case("warning", "an empty mask", "empty")
def _(folder, chest, tumour):
    ct = read_ct(saved(image_of(chest), folder / "ct.nii.gz"))
    return partial(read_mask, saved(image_of(tumour * 0), folder / "mask.nii.gz"), ct)


@case("warning", "a NIfTI without qform and sform", "does not state its orientation")
def _(folder, chest, tumour):
    return partial(read_ct, nifti_with(folder / "ct.nii", image_of(chest), codes=(252, b"\0\0\0\0")))


@case("warning", "a MetaImage without orientation", "does not state its orientation")
def _(folder, chest, tumour):
    path = saved(image_of(chest), folder / "ct.mha", False)
    return partial(read_ct, edited(path, b"TransformMatrix = 1 0 0 0 1 0 0 0 1\n", b""))


@case("warning", "a NIfTI whose qform and sform differ", "qform and sform")
def _(folder, chest, tumour):
    row = struct.pack("<4f", 0.75, 0, 0, -10)
    code = struct.pack("<2h", 1, 2)  # an aligned sform does not win over the scanner's qform
    return partial(read_ct, nifti_with(folder / "ct.nii", image_of(chest), codes=(252, code), row=(280, row)))


@case("warning", "four axes, one time point", "single time point")
def _(folder, chest, tumour):
    return partial(read_ct, saved(sitk.JoinSeries([image_of(chest)]), folder / "ct.nii.gz"))


# --- refused


@case("refused", "no negative values", "--hu-offset -1024")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of((chest + 1024).astype(np.uint16)), folder / "ct.nii.gz"))


@case("refused", "a mask instead of a CT", "this is a mask or an 8-bit picture")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(tumour), folder / "ct.nii.gz"))


@case("refused", "no negative values but padding", "--hu-offset -1024")
def _(folder, chest, tumour):
    chest = chest + 1024
    chest[:, :2] = -2000
    return partial(read_ct, saved(image_of(chest), folder / "ct.nii.gz"))


@case("refused", "an impossible HU offset", "must be 0 or -1024")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(chest), folder / "ct.nii.gz"), hu_offset=500)


@case("refused", "a constant image", "the same value")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(chest * 0), folder / "ct.nii.gz"))


@case("refused", "nothing but NaN", "the same value")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(np.full(chest.shape, np.nan, np.float32)), folder / "ct.nii.gz"))


@case("refused", "a file of no bytes", "empty")
def _(folder, chest, tumour):
    (folder / "ct.nii.gz").touch()
    return partial(read_ct, folder / "ct.nii.gz")


@case("refused", "a size of zero, .mha", "no voxels")
def _(folder, chest, tumour):
    path = saved(image_of(chest), folder / "ct.mha", False)
    return partial(read_ct, edited(path, b"DimSize = 32 28 24", b"DimSize = 32 28 0"))


@case("refused", "a negative size, .nii", "no voxels")
def _(folder, chest, tumour):
    return partial(read_ct, nifti_with(folder / "ct.nii", image_of(chest), size=(46, struct.pack("<h", -24))))


@case("refused", "complex voxels", "complex")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(chest.astype(np.complex64)), folder / "ct.nii.gz"))


@case("refused", "RGB voxels", "colours")
def _(folder, chest, tumour):
    rgb = sitk.GetImageFromArray(np.zeros((*chest.shape, 3), np.uint8), isVector=True)
    return partial(read_ct, saved(rgb, folder / "ct.nii.gz"))


@case("refused", "four axes, two time points", "2 time points")
def _(folder, chest, tumour):
    return partial(read_ct, saved(sitk.JoinSeries([image_of(chest)] * 2), folder / "ct.nii.gz"))


@case("refused", "a flat picture", "flat picture")
def _(folder, chest, tumour):
    return partial(read_ct, saved(image_of(chest)[:, :, 10], folder / "ct.nii.gz"))


for ending in ("nii.gz", "nii", "nrrd", "nhdr", "mha", "mhd"):

    @case("refused", f"cut off, .{ending}", "cut off")
    def _(folder, chest, tumour, ending=ending):
        path = saved(image_of(chest), folder / f"ct.{ending}")
        data = next(iter(folder.glob("ct.*raw*")), path)
        cut_off(data)
        return partial(read_ct, path)


for ending in ("nrrd", "mha", "mhd"):

    @case("refused", f"cut off, uncompressed .{ending}", "cut off")
    def _(folder, chest, tumour, ending=ending):
        path = saved(image_of(chest), folder / f"ct.{ending}", False)
        cut_off(next(iter(folder.glob("ct.*raw*")), path))
        return partial(read_ct, path)


for ending in ("nii.gz", "nrrd", "mha"):

    @case("refused", f"a flipped bit, compressed .{ending}", "damaged")
    def _(folder, chest, tumour, ending=ending):
        return partial(read_ct, flipped_bit(saved(image_of(chest), folder / f"ct.{ending}")))


@case("refused", "a wrong checksum, .nii.gz", "damaged")
def _(folder, chest, tumour):
    path = saved(image_of(chest), folder / "ct.nii.gz")
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    return partial(read_ct, path)


@case("refused", "a small .nii.gz that promises 27 terabytes", "cut off")
def _(folder, chest, tumour):
    path = nifti_with(folder / "ct.nii", image_of(chest), size=(42, struct.pack("<3h", 30000, 30000, 30000)))
    (folder / "ct.nii.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return partial(read_ct, folder / "ct.nii.gz")


@case("refused", "a missing data file, .mhd", "missing")
def _(folder, chest, tumour):
    path = saved(image_of(chest), folder / "ct.mhd", False)
    (folder / "ct.raw").unlink()
    return partial(read_ct, path)


@case("refused", "shear in a NIfTI", "right angles")
def _(folder, chest, tumour):
    row, no_qform = struct.pack("<4f", -0.75, 0, 0.4, 10), struct.pack("<2h", 0, 1)
    return partial(read_ct, nifti_with(folder / "ct.nii", image_of(chest), codes=(252, no_qform), row=(280, row)))


@case("refused", "shear in the sform, a straight qform", "right angles")
def _(folder, chest, tumour):
    row = struct.pack("<4f", -0.75, 0, 0.4, 10)
    return partial(read_ct, nifti_with(folder / "ct.nii", image_of(chest), row=(280, row)))


@case("refused", "shear in an NRRD", "right angles")
def _(folder, chest, tumour):
    path = saved(image_of(chest), folder / "ct.nrrd", False)
    return partial(read_ct, edited(path, b"(0,0,2.5)", b"(0.4,0,2.5)"))


@case("refused", "gantry tilt in DICOM", "right angles (shear or gantry tilt by 11 degrees)")
def _(folder, chest, tumour):
    write_series(folder / "scan", chest, [(-10, -20 + 0.5 * k, 30 + 2.5 * k) for k in range(24)])
    return partial(read_ct, folder / "scan")


@case("refused", "a missing DICOM slice", "not evenly spaced (2.5 to 5 mm, the widest after slice 7 of 23)")
def _(folder, chest, tumour):
    write_series(folder / "scan", chest)[7].unlink()
    return partial(read_ct, folder / "scan")


@case("refused", "DICOM slices with growing gaps", "--resample")
def _(folder, chest, tumour):
    write_series(folder / "scan", chest, [(-10, -20, 30 + 2.5 * k + 0.05 * k * k) for k in range(24)])
    return partial(read_ct, folder / "scan")


@case("refused", "two phases in one DICOM series", "same place")
def _(folder, chest, tumour):
    uid = "1.2.826.0.1.3680043.8.498.3"
    write_series(folder / "scan", chest, SeriesInstanceUID=uid)
    write_series(folder / "scan", chest, prefix="second", SeriesInstanceUID=uid)
    return partial(read_ct, folder / "scan")


@case("refused", "DICOM slices without position", "where they lie")
def _(folder, chest, tumour):
    write_series(folder / "scan", chest, ImagePositionPatient=None)
    return partial(read_ct, folder / "scan")


@case("refused", "a cut-off DICOM slice", "damaged or cut off")
def _(folder, chest, tumour):
    cut_off(write_series(folder / "scan", chest)[3])
    return partial(read_ct, folder / "scan")


@case("refused", "a DICOM slice that is a link to nowhere", "1 of the folder's files cannot be opened")
def _(folder, chest, tumour):
    last = write_series(folder / "scan", chest)[-1]  # leaves no gap
    last.unlink()
    last.symlink_to(folder / "gone.dcm")
    return partial(read_ct, folder / "scan")


@case("refused", "one file of a DICOM series of which another is a link to nowhere", "cannot be opened")
def _(folder, chest, tumour):
    *_others, last = files = write_series(folder / "scan", chest)
    last.unlink()
    last.symlink_to(folder / "gone.dcm")
    return partial(read_ct, files[5])


@case("refused", "a series number that is not there", "No series is 9: there are 2 (24 slices)")
def _(folder, chest, tumour):
    write_series(folder / "scan", chest)
    return partial(read_ct, folder / "scan", "9")


@case("refused", "a folder without DICOM", "no DICOM CT series")
def _(folder, chest, tumour):
    (folder / "scan").mkdir()
    (folder / "scan" / "README.txt").write_text("not an image")
    return partial(read_ct, folder / "scan")


@case("refused", "a folder with a localiser only", "no DICOM CT series")
def _(folder, chest, tumour):
    write_series(folder / "scan", chest[:1], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    return partial(read_ct, folder / "scan")


@case("refused", "a file that does not exist", "no file or folder")
def _(folder, chest, tumour):
    return partial(read_ct, folder / "ct.nii.gz")


@case("refused", "a text file called .nii.gz", "not a NIfTI file")
def _(folder, chest, tumour):
    (folder / "ct.nii.gz").write_text("dear colleague\n" * 100)
    return partial(read_ct, folder / "ct.nii.gz")


@case("refused", "NIfTI-2", "save it as NIfTI-1")
def _(folder, chest, tumour):
    return partial(read_ct, nifti_with(folder / "ct.nii", image_of(chest), kind=(0, struct.pack("<i", 540))))


@case("refused", "a text file called .nrrd", "not an NRRD file")
def _(folder, chest, tumour):
    (folder / "ct.nrrd").write_text("dear colleague\n" * 100)
    return partial(read_ct, folder / "ct.nrrd")


@case("refused", "a text file called .mha", "not a MetaImage file")
def _(folder, chest, tumour):
    (folder / "ct.mha").write_text("dear colleague\n" * 100)
    return partial(read_ct, folder / "ct.mha")


@case("refused", "a picture, .png", "holds no CT")
def _(folder, chest, tumour):
    picture = sitk.Cast(image_of(chest)[:, :, 10] > 0, sitk.sitkUInt8)
    return partial(read_ct, saved(picture, folder / "ct.png"))


@case("refused", "noise called .nrrd with an NRRD start", "cannot be understood")
def _(folder, chest, tumour):
    (folder / "ct.nrrd").write_bytes(b"NRRD0004\n" + np.random.default_rng(1).bytes(5000))
    return partial(read_ct, folder / "ct.nrrd")


SPACINGS = {"zero": 0.0, "negative": -2.5, "not a number": np.nan, "infinite": np.inf}
for name, value in SPACINGS.items():

    @case("refused", f"a spacing that is {name}, .nii", "zero, negative or not a number")
    def _(folder, chest, tumour, value=value):
        return partial(read_ct, nifti_with(folder / "ct.nii", image_of(chest), mm=(88, struct.pack("<f", value))))


for number in (b"0", b"-2.5"):

    @case("refused", f"a spacing of {number.decode()}, .mha", "zero, negative or not a number")
    def _(folder, chest, tumour, number=number):
        path = saved(image_of(chest), folder / "ct.mha", False)
        return partial(
            read_ct, edited(path, b"ElementSpacing = 0.75 0.75 2.5", b"ElementSpacing = 0.75 0.75 " + number)
        )


@case("refused", "an NRRD without spacing", "does not state its voxel spacing")
def _(folder, chest, tumour):
    path = saved(image_of(chest), folder / "ct.nrrd", False)
    edited(path, b"space directions: (0.75,0,0) (0,0.75,0) (0,0,2.5)\n", b"")
    edited(path, b"space: left-posterior-superior\n", b"")
    return partial(read_ct, edited(path, b"space origin: (-10,-20,30)\n", b""))


@case("refused", "a mask 0.02 mm off", "0.02 mm away")
def _(folder, chest, tumour):
    ct = read_ct(saved(image_of(chest), folder / "ct.nii.gz"))
    return partial(read_mask, saved(image_of(tumour, origin=(-10, -20.02, 30)), folder / "mask.nii.gz"), ct)


@case("refused", "a mask of another size", "32 x 28 x 23 voxels, the CT 32 x 28 x 24")
def _(folder, chest, tumour):
    ct = read_ct(saved(image_of(chest), folder / "ct.nii.gz"))
    return partial(read_mask, saved(image_of(tumour[:-1]), folder / "mask.nii.gz"), ct)


@case("refused", "a mask with fractions", "not whole numbers")
def _(folder, chest, tumour):
    return partial(read_mask, saved(image_of(tumour * np.float32(0.7)), folder / "mask.nii.gz"))


@case("refused", "a mask with NaN", "not whole numbers")
def _(folder, chest, tumour):
    mask = tumour.astype(np.float32)
    mask[0, 0, 0] = np.nan
    return partial(read_mask, saved(image_of(mask), folder / "mask.nii.gz"))


@case("refused", "a mask with negative values", "labels from 0 to 65535")
def _(folder, chest, tumour):
    return partial(read_mask, saved(image_of(-tumour.astype(np.int16)), folder / "mask.nii.gz"))


for kind, change in {"": lambda v: v, ", shifted to start at 0": lambda v: v + 1024}.items():

    @case("refused", f"a copy of the image as mask{kind}", "copy of the image")
    def _(folder, chest, tumour, change=change):
        ct = read_ct(saved(image_of(chest), folder / "ct.nii.gz"))
        return partial(read_mask, saved(image_of(change(chest)), folder / "mask.nii.gz"), ct)


@case("refused", "a mask of a quarter of the image", "marks 25.0 % of all voxels")
def _(folder, chest, tumour):
    ct = read_ct(saved(image_of(chest), folder / "ct.nii.gz"))
    mask = np.zeros_like(tumour)
    mask[:6] = 1
    return partial(read_mask, saved(image_of(mask), folder / "mask.nii.gz"), ct)


@case("refused", "a label that the mask does not have", "no label 2: it has 1")
def _(folder, chest, tumour):
    return partial(read_mask, saved(image_of(tumour), folder / "mask.nii.gz"), None, 2)


@case("refused", "a DICOM folder as mask", "must be one of")
def _(folder, chest, tumour):
    write_series(folder / "scan", chest)
    return partial(read_mask, folder / "scan")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is closed to an administrator")
def test_a_file_closed_to_us_is_refused(tmp_path, chest):
    path = saved(image_of(chest), tmp_path / "ct.nii.gz")
    path.chmod(0)
    with pytest.raises(InputRefused, match="cannot be opened"):
        read_ct(path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is closed to an administrator")
def test_a_dicom_folder_with_a_file_closed_to_us_is_refused(tmp_path, chest):
    write_series(tmp_path, chest)[-1].chmod(0)
    with pytest.raises(InputRefused, match="1 of the folder's files cannot be opened"):
        read_ct(tmp_path)


@pytest.mark.parametrize(("build", "outcome", "words", "name"), CASES)
def test_every_input_gets_its_stated_outcome(build, outcome, words, name, tmp_path, chest, tumour, outcome_row):
    read = build(tmp_path, chest, tumour)
    before = hashes(tmp_path)
    try:
        volume = read()
        got, message = ("warning" if volume.warnings else "right"), " ".join(volume.warnings)
        assert len(volume.warnings) < 2, "one oddity, one line"
    except InputRefused as refusal:
        got, message = "refused", str(refusal)
    outcome_row(name, got, message)

    assert got == outcome, message
    assert words in message
    assert "\n" not in message
    assert hashes(tmp_path) == before
    assert str(tmp_path) not in message, "paths may hold names"
