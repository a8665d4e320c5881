"""The overview picture shows lesions where they are, whatever way the scan is stored."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.measurement.measure import measure
from LungTumorSegLib.report import overview
from LungTumorSegLib.report.overview import write_overview
from LungTumorSegLib.report.views import AXIAL, CORONAL, SAGITTAL, CanonicalScan, direction_letters
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry, Volume

SIDE_MM = 160.0
LESION_LPS = np.array([40.0, -35.0, 30.0])  # patient's left, front, head; the field's middle is 0, 0, 0


def scan(order=(0, 1, 2), flips=(False, False, False), tilt_degrees=0.0):
    """A cube of lung with a ball of 12 mm radius, stored with its axes permuted, flipped and tilted about z."""
    spacing = np.array([4.0, 2.0, 2.0])  # towards head, back, left
    axes = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], float)
    angle = np.deg2rad(tilt_degrees)
    axes = axes @ [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    spacing, axes = spacing[list(order)], axes[list(order)] * np.where(flips, -1, 1)[:, None]
    shape = (SIDE_MM / spacing).astype(int)
    origin = -((shape - 1) / 2 * spacing) @ axes
    geometry = Geometry(shape, spacing[::-1], origin, axes[::-1].T)
    k, j, i = np.indices(shape)
    distance = np.linalg.norm(geometry.ijk_to_lps(np.stack([i, j, k], axis=-1)) - LESION_LPS, axis=-1)
    voxels = np.where(distance < 12, 40, -850).astype(np.int16)
    return Volume(voxels, geometry), np.exp(-((distance / 14.4) ** 2)).astype(np.float32)


def draw(path, volume, probability, **more):
    start = tuple(n // 8 for n in volume.voxels.shape)
    box = Box(start, probability[tuple(slice(n, None) for n in start)])
    geometry = volume.geometry.box(start, volume.geometry.shape)
    labels = lesion_labels(box.values, geometry, 0.5)
    lesions = measure(labels, geometry, box.values, start)
    write_overview(path, volume, box, Box(start, labels), lesions, **more)
    return imread(path)[..., :3], lesions


def centre_of_colour(picture, colour):
    """Mean row and column of the pixels of that colour."""
    found = np.argwhere(np.abs(picture - to_rgb(colour)).max(axis=-1) < 0.08)
    assert len(found) > 50
    return found.mean(axis=0)


def in_whole_scan(picture, number):
    """The picture of the whole scan in the axial (0) or coronal (1) plane; both are square here."""
    side = int(overview.WHOLE * overview.DPI)
    left = round((overview.MARGIN + number * (overview.WHOLE + overview.GAP)) * overview.DPI)
    top = int(overview.HEADER * overview.DPI)
    return picture[top : top + side, left : left + side]


STORED = [
    ((0, 1, 2), (False, False, False)),
    *[((0, 1, 2), tuple(axis == n for axis in range(3))) for n in range(3)],
    ((2, 0, 1), (False, True, False)),
    ((1, 2, 0), (True, False, True)),
]


@pytest.mark.parametrize(("order", "flips"), STORED)
def test_the_lesion_is_drawn_where_it_is(tmp_path, order, flips):
    picture, [lesion] = draw(tmp_path / "overview.png", *scan(order, flips))
    assert lesion.long_axis_mm == pytest.approx(24, abs=2)
    x, y, z = LESION_LPS / SIDE_MM * overview.WHOLE * overview.DPI
    middle = overview.WHOLE * overview.DPI / 2
    # The lesion's number stands beside its ring and draws the mean a little up and right.
    row, column = centre_of_colour(in_whole_scan(picture, 0), overview.LESIONS[0])
    assert (row, column) == (pytest.approx(middle + y, abs=12), pytest.approx(middle + x, abs=12))
    row, column = centre_of_colour(in_whole_scan(picture, 1), overview.LESIONS[0])
    assert (row, column) == (pytest.approx(middle - z, abs=12), pytest.approx(middle + x, abs=12))


def test_the_picture_does_not_depend_on_how_the_scan_is_stored(tmp_path):
    expected, _ = draw(tmp_path / "a.png", *scan())
    found, _ = draw(tmp_path / "b.png", *scan((2, 0, 1), (True, False, True)))
    # The whole pages differ: the slice's number counts in the source array.
    for number in (0, 1):
        assert np.abs(in_whole_scan(expected, number) - in_whole_scan(found, number)).max() < 0.02


def test_an_oblique_scan_is_lettered_as_on_a_scanner(tmp_path):
    volume, probability = scan(tilt_degrees=30)
    letters = CanonicalScan(volume).letters(AXIAL)
    assert sorted(letters) == ["AL", "LP", "PR", "RA"]
    assert CanonicalScan(volume).letters(CORONAL)[2:] == ("H", "F")
    picture, _ = draw(tmp_path / "overview.png", volume, probability)
    centre_of_colour(in_whole_scan(picture, 0), overview.LESIONS[0])


def test_letters_follow_the_radiological_convention():
    for order, flips in STORED:
        seen = CanonicalScan(scan(order, flips)[0])
        assert seen.letters(AXIAL) == ("R", "L", "A", "P")
        assert seen.letters(CORONAL) == ("R", "L", "H", "F")
        assert seen.letters(SAGITTAL) == ("A", "P", "H", "F")


@pytest.mark.parametrize(
    ("direction", "letters"), [((1, 0, 0), "L"), ((0, -1, 0), "A"), ((0, 0.3, 0.954), "H"), ((0, 0.5, -0.866), "FP")]
)
def test_letters_of_a_direction(direction, letters):
    assert direction_letters(np.array(direction)) == letters


def test_the_acquisition_plane_is_the_one_across_the_slices():
    assert CanonicalScan(scan()[0]).acquisition is AXIAL
    sagittal = Geometry((10, 10, 10), (0.8, 0.8, 4.0), direction=[[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    assert CanonicalScan(Volume(np.zeros((10, 10, 10)), sagittal)).acquisition is SAGITTAL


def test_reformats_have_the_right_aspect(tmp_path):
    """In the coronal picture the ball is 5 slices of 4 mm high and 12 pixels of 2 mm wide."""
    picture, _ = draw(tmp_path / "overview.png", *scan())
    middle, scale = overview.WHOLE * overview.DPI / 2, overview.WHOLE * overview.DPI / SIDE_MM
    row, column = middle - LESION_LPS[2] * scale, middle + LESION_LPS[0] * scale
    line = np.argwhere(np.abs(in_whole_scan(picture, 1) - to_rgb(overview.LESIONS[0])).max(axis=-1) < 0.08)
    outline = line[np.hypot(*(line - (row, column)).T) < 14 * scale]  # the ring is wider
    height, width = np.ptp(outline, axis=0) / scale
    assert height == pytest.approx(20, abs=1)
    assert width == pytest.approx(24, abs=1)


def test_both_axes_and_the_grad_cam_are_drawn(tmp_path):
    volume, probability = scan()
    plain, _ = draw(tmp_path / "plain.png", volume, probability)
    with_map, _ = draw(tmp_path / "map.png", volume, probability, gradcam=Box((0, 0, 0), probability))
    for picture in (plain, with_map):
        row = picture[int((overview.HEADER + overview.WHOLE) * overview.DPI) :]
        centre_of_colour(row, "#ffd54a")
        centre_of_colour(row, "#59d0ff")
    assert plain.shape[1] == with_map.shape[1] == 1600
    assert with_map.shape[0] < plain.shape[0]  # one more picture in the row, so smaller ones


def test_no_lesion_is_a_picture_too(tmp_path):
    volume, probability = scan()
    picture, lesions = draw(tmp_path / "overview.png", volume, probability * 0)
    assert lesions == []
    assert picture.shape[1] == 1600
    assert picture.shape[0] < 700


def test_a_scan_of_one_slice(tmp_path):
    volume, probability = scan()
    k = int(np.argmax(probability.max(axis=(1, 2))))
    one = Volume(volume.voxels[k : k + 1], volume.geometry.box((k, 0, 0), (k + 1, 80, 80)))
    picture, [lesion] = draw(tmp_path / "overview.png", one, probability[k : k + 1])
    assert lesion.slice == 0
    centre_of_colour(in_whole_scan(picture, 0), overview.LESIONS[0])


def test_only_a_mask_is_known(tmp_path):
    volume, probability = scan()
    labels = lesion_labels(probability > 0.5, volume.geometry)
    write_overview(tmp_path / "o.png", volume, None, Box((0, 0, 0), labels), measure(labels, volume.geometry))
    assert imread(tmp_path / "o.png").shape[1] == 1600


def test_more_lesions_than_rows_and_lines(tmp_path):
    volume, _ = scan()
    labels = np.zeros(volume.voxels.shape, np.uint16)
    for n in range(20):
        labels[2 + n : 4 + n, 3 * n : 3 * n + 6, 60 - 3 * n : 66 - 3 * n] = n + 1
    lesions = measure(labels, volume.geometry)
    assert len(lesions) == 20
    write_overview(tmp_path / "o.png", volume, None, Box((0, 0, 0), labels), lesions)
    picture = imread(tmp_path / "o.png")
    assert picture.shape[0] > 6 * 300


def test_the_old_picture_survives_a_failed_write(tmp_path, monkeypatch):
    path = tmp_path / "overview.png"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputRefused, match="No space left"):
        draw(path, *scan())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_refused_in_one_line(tmp_path):
    with pytest.raises(InputRefused, match="could not be written"):
        draw(tmp_path / "missing" / "overview.png", *scan())


def test_a_flat_picture_is_shown_in_its_one_plane_without_left_and_right(tmp_path, monkeypatch):
    shown = []

    class Recorded(overview.Panel):
        def __init__(self, axes, scan, view, *more):
            super().__init__(axes, scan, view, *more)
            shown.append((view, {text.get_text() for text in axes.texts} & set("LRAPHF")))

    monkeypatch.setattr(overview, "Panel", Recorded)
    volume, _ = scan()
    film = Volume(volume.voxels[20:21], Geometry((1, *volume.voxels.shape[1:]), volume.geometry.spacing))
    found = (np.indices(film.voxels.shape)[1] < 9).astype(np.float32)
    labels = lesion_labels(found, film.geometry, 0.5, smallest_mm=3.0)
    lesions = measure(labels, film.geometry, found)
    box = Box((0, 0, 0), labels)
    write_overview(tmp_path / "film.png", film, Box((0, 0, 0), found), box, lesions, in_hu=False)
    assert shown == [(AXIAL, set())] * 3  # whole, close up, probability
    shown.clear()
    write_overview(tmp_path / "slice.png", film, Box((0, 0, 0), found), box, lesions)
    assert len(shown) == 6
    assert all(letters for _, letters in shown)
