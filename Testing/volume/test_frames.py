"""Enhanced multi-frame CTs: each frame lies where it says it lies."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import EnhancedCTImageStorage, generate_uid
from small_scans import write_series

from LungTumorSegLib.errors import AnswerNeeded, InputRefused
from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.reading import read_ct

ACROSS = [1, 0, 0, 0, 1, 0]
GRID = Geometry((24, 28, 32), (0.75, 0.75, 2.5), (-10, -20, 30))


def at(z: np.ndarray, y: np.ndarray | float = -20.0) -> list[tuple[float, ...]]:
    return [tuple(map(float, point)) for point in np.broadcast(-10.0, y, z)]


EVENLY = at(30 + 2.5 * np.arange(24))


def group(**attributes) -> list[pydicom.Dataset]:
    item = pydicom.Dataset()
    for name, value in attributes.items():
        setattr(item, name, value)
    return [item]


def write_frames(file: Path, voxels: np.ndarray, positions=EVENLY, *, spacing=(0.75, 0.75), cosines=None, rescale=None):
    """One file with a frame a slice of `voxels` (HU). `cosines`, `rescale`: one a frame, instead of a shared one."""
    [one] = write_series(file.parent, voxels[:1], prefix=f"{file.stem}-")
    d = pydicom.dcmread(one)
    one.unlink()
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleIntercept", "RescaleSlope"):
        delattr(d, name)
    d.NumberOfFrames = len(voxels)
    d.PixelData = (voxels.astype(np.int32) + 1024).astype(np.uint16).tobytes()
    shared = {"PlaneOrientationSequence": group(ImageOrientationPatient=ACROSS)} if cosines is None else {}
    if spacing:
        shared["PixelMeasuresSequence"] = group(PixelSpacing=list(spacing), SliceThickness=2.5)
    if rescale is None:
        shared["PixelValueTransformationSequence"] = group(RescaleIntercept=-1024, RescaleSlope=1)
    d.SharedFunctionalGroupsSequence = group(**shared)
    frames = []
    for n, position in enumerate(positions):
        own = {"PlanePositionSequence": group(ImagePositionPatient=list(position))}
        if cosines is not None:
            own["PlaneOrientationSequence"] = group(ImageOrientationPatient=cosines[n])
        if rescale is not None:
            own["PixelValueTransformationSequence"] = group(RescaleIntercept=rescale[n], RescaleSlope=1)
        frames += group(**own)
    d.PerFrameFunctionalGroupsSequence = frames
    d.save_as(file, enforce_file_format=True)
    return file


@pytest.mark.parametrize("order", ["up", "down", "mixed"])
def test_frames_in_any_order_come_to_their_own_places(tmp_path, chest, order):
    along = {"up": np.arange(24), "down": np.arange(24)[::-1], "mixed": np.random.default_rng(1).permutation(24)}[order]
    ct = read_ct(write_frames(tmp_path / "ct.dcm", chest[along], [EVENLY[k] for k in along]))
    np.testing.assert_array_equal(ct.voxels, chest)
    assert ct.geometry.same_grid(GRID)
    assert ct.warnings == ()
    assert ct.series.files == ()


def test_frames_with_rounded_positions_keep_their_pixel_spacing(tmp_path, chest):
    ct = read_ct(write_frames(tmp_path / "ct.dcm", chest, at(np.round(0.625 * np.arange(24), 2))))
    np.testing.assert_allclose(ct.geometry.spacing, (0.75, 0.75, 0.625), atol=1e-3)
    assert 0 < ct.series.off_grid_mm < 0.01  # what a SEG that repeats these positions may be off by


def test_a_missing_frame_is_asked_about_and_interpolated(tmp_path, chest):
    kept = np.delete(np.arange(24), 7)
    file = write_frames(tmp_path / "ct.dcm", chest[kept], [EVENLY[k] for k in kept])
    with pytest.raises(AnswerNeeded, match="not evenly spaced"):
        read_ct(file)
    ct = read_ct(file, resample=True)
    assert ct.geometry.same_grid(GRID)
    np.testing.assert_array_equal(ct.voxels[kept], chest[kept])


def test_the_same_rescale_stated_frame_by_frame_is_applied(tmp_path, chest):
    np.testing.assert_array_equal(read_ct(write_frames(tmp_path / "ct.dcm", chest, rescale=[-1024] * 24)).voxels, chest)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spacing": None}, "do not state how far apart their pixels lie"),
        ({"positions": at(30 + 2.5 * np.arange(24), -20 + 0.75 * np.arange(24))}, "gantry tilt by 17 degrees"),
        ({"positions": at(30 + 2.5 * (np.arange(24) // 2))}, "Several images lie at the same place"),
        ({"positions": EVENLY[1:]}, "more or fewer slices than it holds"),
        ({"rescale": [-1024] * 12 + [0] * 12}, "differ in how their values become HU"),
        ({"cosines": [ACROSS] * 23 + [[1, 0, 0, 0, 0, -1]]}, "in several planes"),
        ({"positions": []}, "more or fewer slices than it holds"),
    ],
    ids=["no spacing", "sheared", "phases", "a place short", "rescale", "planes", "no places"],
)
def test_frames_that_make_no_grid_are_refused(tmp_path, chest, changes, words):
    file = write_frames(tmp_path / "ct.dcm", chest, **changes)
    with pytest.raises(InputRefused, match=words) as refusal:
        read_ct(file)
    assert "\n" not in str(refusal.value)


def test_many_frames_without_functional_groups_are_refused(tmp_path, chest):
    d = pydicom.dcmread(write_frames(tmp_path / "ct.dcm", chest))
    del d.PerFrameFunctionalGroupsSequence
    d.save_as(tmp_path / "ct.dcm")
    with pytest.raises(InputRefused, match="does not state where its slices lie"):
        read_ct(tmp_path)


def test_a_series_in_several_files_of_many_frames_is_refused(tmp_path, chest):
    first = pydicom.dcmread(write_frames(tmp_path / "a.dcm", chest))
    second = pydicom.dcmread(write_frames(tmp_path / "b.dcm", chest))
    second.SeriesInstanceUID = first.SeriesInstanceUID
    second.save_as(tmp_path / "b.dcm")
    with pytest.raises(InputRefused, match="comes in several files"):
        read_ct(tmp_path)
