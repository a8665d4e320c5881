"""Names that are not UTF-8, as old archives unpack an umlaut: one line, where SimpleITK would end the process."""

import os

import numpy as np
import pytest
import SimpleITK as sitk
from small_scans import write_series

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.itk_name import itk_name
from LungTumorSegLib.volume.picture import read_picture
from LungTumorSegLib.volume.probability_map import read_grid
from LungTumorSegLib.volume.reading import read_ct, read_mask
from LungTumorSegLib.volume.writing import check_place, write_volume

VOXELS = np.arange(4 * 8 * 8, dtype=np.int16).reshape(4, 8, 8) - 500


def latin_1(path, name: str):
    """A path that ends in this name, as bytes in Latin-1; skips where the system takes no such name."""
    odd = os.fsdecode(os.fsencode(path) + b"/" + name.encode("latin-1"))
    try:
        open(odd, "x").close()
        os.unlink(odd)
    except (OSError, UnicodeError):
        pytest.skip("this system's file names are UTF-8")
    return path / os.path.basename(odd)


def test_a_file_of_such_a_name_is_refused_by_every_reader(tmp_path):
    scan, picture = latin_1(tmp_path, "M\xfcller.nii.gz"), latin_1(tmp_path, "M\xfcller.png")
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS), str(tmp_path / "plain.nii.gz"))
    (tmp_path / "plain.nii.gz").rename(scan)
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((8, 8), np.uint8)), str(tmp_path / "plain.png"))
    (tmp_path / "plain.png").rename(picture)
    for read, path in ((read_ct, scan), (read_mask, scan), (read_grid, scan), (read_picture, picture)):
        with pytest.raises(InputRefused, match=r"^The file's name is not UTF-8: rename the file\.$"):
            read(path)


def test_a_folder_of_such_a_name_is_refused_for_reading_and_writing(tmp_path):
    folder = latin_1(tmp_path, "M\xfcller")
    write_series(folder, VOXELS)
    with pytest.raises(InputRefused, match=r"^The folder's name is not UTF-8: rename the folder\.$"):
        read_ct(folder)
    before = sorted(folder.iterdir())
    with pytest.raises(InputRefused, match=r"^The folder's name is not UTF-8: rename the folder\.$"):
        write_volume(folder / "ct.nii.gz", Volume(VOXELS, Geometry(VOXELS.shape, (1, 1, 1))))
    with pytest.raises(InputRefused, match=r"^The folder's name is not UTF-8: choose another folder\.$"):
        check_place(folder)
    assert sorted(folder.iterdir()) == before


def test_no_slice_of_such_a_name_is_passed_over(tmp_path):
    write_series(tmp_path, VOXELS)
    last = max(tmp_path.iterdir())
    last.rename(latin_1(tmp_path, "M\xfcller.dcm"))
    with pytest.raises(InputRefused, match=r"^1 of the folder's files have names that are not UTF-8: rename them\.$"):
        read_ct(tmp_path)


def test_umlauts_in_utf_8_are_fine(tmp_path):
    write_volume(tmp_path / "Müller.nii.gz", Volume(VOXELS, Geometry(VOXELS.shape, (1, 1, 1))))
    assert itk_name(tmp_path / "Müller.nii.gz").endswith("Müller.nii.gz")
    assert np.array_equal(read_ct(tmp_path / "Müller.nii.gz").voxels, VOXELS)
