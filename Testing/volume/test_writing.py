"""Written files hold the same voxels at the same places, and a write that fails changes nothing."""

import errno
import os
import subprocess
import sys
from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation
from small_scans import hashes, image_of

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.orientation import Orientation
from LungTumorSegLib.volume.reading import read_ct, read_mask
from LungTumorSegLib.volume.sample import write_sample
from LungTumorSegLib.volume.writing import check_place, make_folder, write_volume

ALL_48 = [Orientation(p, f) for p in permutations(range(3)) for f in product((False, True), repeat=3)]
UPRIGHT = Geometry((4, 5, 6), (0.7, 0.8, 2.5), (-100.5, -90.25, 33.1))
OBLIQUE = Geometry(
    UPRIGHT.shape, UPRIGHT.spacing, UPRIGHT.origin, Rotation.from_euler("xyz", (12, -7, 20), degrees=True).as_matrix()
)


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("upright", [UPRIGHT, OBLIQUE], ids=["straight", "oblique"])
def test_every_axis_order_comes_back_just_as_with_simpleitk_itself(tmp_path, upright, ending):
    voxels = np.arange(120, dtype=np.uint16).reshape(upright.shape)
    for stored in ALL_48:
        source = Volume(np.ascontiguousarray(stored.apply(voxels)), stored.geometry(upright))
        path = tmp_path / f"mask{ending}"
        write_volume(path, source)
        read = read_mask(path)
        geometry = source.geometry
        own = image_of(source.voxels, geometry.spacing, geometry.origin, geometry.axes)
        sitk.WriteImage(own, str(tmp_path / f"own{ending}"))
        itk = sitk.ReadImage(str(tmp_path / f"own{ending}"))

        np.testing.assert_array_equal(read.voxels, source.voxels)
        assert read.geometry == Geometry(read.geometry.shape, itk.GetSpacing(), itk.GetOrigin(), itk.GetDirection())
        assert read.geometry.same_grid(geometry, 1e-4)
        if ending in (".nrrd", ".mha"):
            assert read.geometry.same_grid(geometry, 1e-9)


def test_a_written_nifti_written_again_does_not_wander(tmp_path):
    volume = Volume(np.arange(120, dtype=np.uint8).reshape(4, 5, 6), OBLIQUE)
    write_volume(tmp_path / "a.nii.gz", volume)
    once = read_mask(tmp_path / "a.nii.gz")
    for _ in range(5):
        write_volume(tmp_path / "a.nii.gz", read_mask(tmp_path / "a.nii.gz"))
    assert read_mask(tmp_path / "a.nii.gz").geometry.same_grid(once.geometry, 1e-5)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float32])
def test_the_type_of_the_voxels_is_kept(tmp_path, kind):
    write_volume(tmp_path / "a.nii.gz", Volume(np.arange(120).reshape(4, 5, 6).astype(kind), UPRIGHT))
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.nii.gz"))).dtype == kind


def test_a_view_that_runs_backwards_is_written_as_it_is_seen(tmp_path, chest):
    seen = Volume(chest[::-1, :, ::-1], Geometry(chest.shape, (1, 1, 1)))
    write_volume(tmp_path / "a.nrrd", seen)
    np.testing.assert_array_equal(read_ct(tmp_path / "a.nrrd").voxels, seen.voxels)


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, ending):
    """A process whose files may grow to 20 kB only: the system refuses the rest, as a full disk does."""
    old = Volume(np.eye(20, dtype=np.int16).reshape(4, 10, 10) - 5, Geometry((4, 10, 10), (1, 1, 1)))
    write_volume(tmp_path / f"ct{ending}", old)
    before = hashes(tmp_path)
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / f"ct{ending}")],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert child.stdout.startswith("refused: The file could not be written"), child.stdout + child.stderr
    assert child.stdout.count("\n") == 1
    assert hashes(tmp_path) == before


FULL_DISK = f"""
import resource, signal, sys
sys.path[:0] = {[p for p in sys.path if p]!r}
import numpy as np
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.sample import write_sample
from LungTumorSegLib.volume.writing import check_place, make_folder, write_volume
noise = np.random.default_rng(0).integers(-1000, 1000, (16, 64, 64)).astype(np.int16)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    write_volume(sys.argv[1], Volume(noise, Geometry(noise.shape, (1, 1, 1))))
    print("written")
except InputRefused as refusal:
    print("refused:", refusal)
"""


def test_a_write_that_is_killed_leaves_the_old_file(tmp_path, monkeypatch, chest):
    volume = Volume(chest, Geometry(chest.shape, (1, 1, 1)))
    write_volume(tmp_path / "ct.nii.gz", volume)
    before = (tmp_path / "ct.nii.gz").read_bytes()

    def fails(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(InputRefused, match="Input/output error"):
        write_volume(tmp_path / "ct.nii.gz", Volume(-chest, volume.geometry))
    assert (tmp_path / "ct.nii.gz").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["ct.nii.gz"]


@pytest.mark.parametrize(
    ("place", "words"),
    [("missing/ct.nii.gz", "No such file"), ("file/ct.nii.gz", "Not a directory"), ("folder.nii.gz", "Is a directory")],
)
def test_a_place_that_cannot_be_written_is_refused_in_one_line(tmp_path, chest, place, words):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.nii.gz").mkdir()
    before = hashes(tmp_path)
    with pytest.raises(InputRefused, match=words) as refusal:
        write_volume(tmp_path / place, Volume(chest, Geometry(chest.shape, (1, 1, 1))))
    assert "\n" not in str(refusal.value)
    assert hashes(tmp_path) == before


@pytest.mark.parametrize("make", [check_place, make_folder, write_sample], ids=lambda make: make.__name__)
@pytest.mark.parametrize("place", ["FILE", "FILE/out", "/proc/out", "/proc"])
def test_a_folder_that_cannot_be_made_or_written_to_is_refused_in_one_line(tmp_path, make, place):
    if place.startswith("/proc") and not os.path.isdir("/proc"):
        pytest.skip("needs /proc, which is closed even to an administrator")
    (tmp_path / "FILE").write_text("in the way")
    with pytest.raises(InputRefused, match=r"cannot write to .*; choose another folder") as refusal:
        make(tmp_path / place)
    assert "\n" not in str(refusal.value)


def test_looking_at_a_place_makes_nothing(tmp_path):
    check_place(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_an_unknown_ending_is_refused(tmp_path, chest):
    with pytest.raises(InputRefused, match="choose one of these endings"):
        write_volume(tmp_path / "ct.jpg", Volume(chest, Geometry(chest.shape, (1, 1, 1))))


def test_a_written_file_may_be_read_by_whom_the_user_lets(tmp_path, chest):
    write_volume(tmp_path / "ct.nii.gz", Volume(chest, Geometry(chest.shape, (1, 1, 1))))
    (tmp_path / "other").touch()
    assert (tmp_path / "ct.nii.gz").stat().st_mode == (tmp_path / "other").stat().st_mode
