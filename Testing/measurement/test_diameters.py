"""Long axis, short axis and largest diameter against a second implementation, analytic shapes and real nodules."""

import itertools

import brute_force
import numpy as np
import pytest
from scipy import ndimage

from LungTumorSegLib.measurement.diameters import LesionVoxels, largest_diameter, long_axis, short_axis
from LungTumorSegLib.measurement.farthest_pairs import directions_in_plane, directions_in_space
from LungTumorSegLib.measurement.measure import measure
from LungTumorSegLib.volume.geometry import Geometry

SPACINGS = [(0.7, 0.7, 2.5), (0.61, 0.83, 3.0), (1.0, 1.0, 1.0), (0.5, 1.3, 0.4), (3.0, 0.8, 0.8)]


def ellipsoid(shape, centre, radii):
    return (((np.indices(shape).T - centre) / radii) ** 2).sum(axis=-1).T <= 1


def random_mask(kind, random):
    shape = tuple(random.integers(1, [8, 24, 24]))
    if kind == "blob":
        mask = ndimage.gaussian_filter(random.random(shape), 1.5) > 0.5
    elif kind == "speckles":
        mask = random.random(shape) < random.choice([0.02, 0.3, 0.9])
    elif kind == "union":
        parts = [ellipsoid(shape, random.random(3) * shape, random.uniform(1, 7, 3)) for _ in range(3)]
        mask = np.any(parts, axis=0)
    elif kind == "thread":
        steps = random.integers(-1, 2, (40, 3)).cumsum(axis=0) + random.integers(0, shape)
        mask = np.zeros(shape, bool)
        mask[tuple(np.clip(steps, 0, np.array(shape) - 1).T)] = True
    elif kind == "shell":
        smooth = ndimage.gaussian_filter(random.random(shape), 2)
        full = smooth > np.median(smooth)
        mask = full & ~ndimage.binary_erosion(full, iterations=2)
    else:
        k, j, i = np.indices(shape)
        angle, radius = np.arctan2(j - shape[1] / 2, i - shape[2] / 2), np.hypot(j - shape[1] / 2, i - shape[2] / 2)
        mask = radius < shape[2] / 4 * (1 + 0.8 * np.cos(7 * angle + k))
    if not mask.any():
        mask[tuple(n // 2 for n in shape)] = True
    return mask


def assert_equals_brute_force(mask, spacing):
    lesion = LesionVoxels(mask, Geometry(mask.shape, spacing))
    long = long_axis(lesion)
    short = short_axis(lesion, long)
    expected_long = brute_force.long_axis_mm(lesion.slices, lesion.spacing)
    assert long.length_mm == pytest.approx(expected_long, abs=1e-6)
    assert largest_diameter(lesion).length_mm == pytest.approx(
        brute_force.largest_diameter_mm(lesion.slices, lesion.spacing), abs=1e-6
    )
    ends = lesion.geometry.lps_to_ijk(long.ends_lps)[:, ::-1][:, list(lesion.axes)] * lesion.spacing
    along = (ends[1] - ends[0])[1:] / np.linalg.norm(ends[1] - ends[0])
    expected_short = brute_force.short_axis_mm(lesion.slices[long.slice], lesion.spacing[1:], along)
    assert short.length_mm == pytest.approx(min(expected_short, expected_long), abs=1e-6)


@pytest.mark.parametrize("kind", ["blob", "speckles", "union", "thread", "shell", "spiculated"])
def test_all_three_diameters_equal_brute_force_on_random_masks(kind):
    random = np.random.default_rng(sum(kind.encode()))
    for n in range(85):
        assert_equals_brute_force(random_mask(kind, random), SPACINGS[n % len(SPACINGS)])


@pytest.mark.shared
def test_all_three_diameters_equal_brute_force_on_real_nodules(shared_data):
    import SimpleITK as sitk

    for path in sorted((shared_data / "lidc-nodules" / "masks").glob("*.nii.gz"))[::20]:
        image = sitk.ReadImage(str(path))
        mask = sitk.GetArrayFromImage(image) > 0
        surface = mask & ~ndimage.binary_erosion(mask)
        if surface.sum() > 3000:  # brute force would want gigabytes
            continue
        lesion = LesionVoxels(mask, Geometry(mask.shape, image.GetSpacing()))
        expected = brute_force.long_axis_mm(lesion.slices, lesion.spacing)
        assert long_axis(lesion).length_mm == pytest.approx(expected, abs=1e-6)
        expected = brute_force.largest_diameter_mm(surface, lesion.spacing)
        assert largest_diameter(lesion).length_mm == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("directions_and_cosines", [directions_in_plane(), directions_in_space()])
def test_every_line_lies_within_the_promised_angle_of_a_direction(directions_and_cosines):
    directions, cosines = directions_and_cosines
    lines = np.random.default_rng(0).normal(size=(20000, directions.shape[1]))
    lines /= np.linalg.norm(lines, axis=1, keepdims=True)
    assert (np.abs(lines @ directions.T) >= cosines - 1e-12).any(axis=1).all()


def rotation(random):
    axes, _ = np.linalg.qr(random.normal(size=(3, 3)))
    return axes  # right- or left-handed, as flips make it


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 2.5), (0.7, 0.7, 0.7), (0.5, 0.5, 5.0), (2.0, 0.6, 0.6)])
def test_axes_of_analytic_ellipsoids(spacing):
    """60 ellipsoids a spacing: oblique grids, any turn within the slice; the slices' plane holds two of their axes."""
    random = np.random.default_rng(7)
    across = Geometry((1, 1, 1), spacing).slice_axis
    row, column = (axis for axis in range(3) if axis != across)
    pixel = spacing[2 - row]
    for _ in range(60):
        half_long = random.uniform(5, 25)
        half_short = half_long * random.uniform(0.5, 0.95)
        half_across = half_long * random.uniform(0.5, 0.9)
        turn = random.uniform(0, np.pi)
        extent = np.full(3, half_long)
        extent[across] = half_across
        shape = np.ceil(2 * extent / spacing[::-1]).astype(int) + 5
        centre = shape // 2 + random.uniform(-0.5, 0.5, 3)
        centre[across] = shape[across] // 2
        mm = np.moveaxis((np.indices(shape).T - centre).T, 0, -1) * spacing[::-1]
        along = np.cos(turn) * mm[..., row] + np.sin(turn) * mm[..., column]
        aside = np.cos(turn) * mm[..., column] - np.sin(turn) * mm[..., row]
        mask = (along / half_long) ** 2 + (aside / half_short) ** 2 + (mm[..., across] / half_across) ** 2 <= 1
        geometry = Geometry(shape, spacing, tuple(random.normal(size=3) * 100), rotation(random))
        if geometry.slice_axis != across:  # equal spacings: the grid's turn decides
            continue
        [lesion] = measure(mask, geometry)

        assert lesion.long_axis_mm == pytest.approx(2 * half_long, abs=0.5)
        assert lesion.short_axis_mm == pytest.approx(2 * half_short, abs=1.5 * pixel)
        long = np.subtract(*lesion.long_axis_points_lps)
        short = np.subtract(*lesion.short_axis_points_lps)
        assert np.linalg.norm(long) == pytest.approx(lesion.long_axis_mm, abs=1e-9)
        assert np.linalg.norm(short) == pytest.approx(lesion.short_axis_mm, abs=1e-9)
        assert abs(long @ short) < 1e-6
        normal = geometry.axes[:, 2 - across]
        assert abs(long @ normal) < 1e-6
        assert abs(short @ normal) < 1e-6
        assert lesion.short_axis_mm <= lesion.long_axis_mm <= lesion.max_3d_diameter_mm


def test_the_largest_diameter_of_oblique_ellipsoids():
    random = np.random.default_rng(3)
    for _ in range(40):
        half_axes = random.uniform(6, 14) * np.array([1, random.uniform(0.5, 0.9), random.uniform(0.5, 0.9)])
        axes = rotation(random)
        spacing = (0.7, 0.7, random.choice([0.7, 1.25]))
        shape = tuple(int(n) for n in np.ceil(2 * half_axes[0] / np.array(spacing[::-1])) + 4)
        mm = (np.indices(shape).T - np.array(shape) / 2 + random.uniform(-0.5, 0.5, 3)) * spacing[::-1]
        mask = (((mm @ axes) / half_axes) ** 2).sum(axis=-1).T <= 1
        found = largest_diameter(LesionVoxels(mask, Geometry(shape, spacing)))
        assert found.length_mm == pytest.approx(2 * half_axes[0], abs=0.5)


def stored_otherwise(mask, geometry):
    """The same voxels at the same places in the patient, in all 48 orders of the array's axes."""
    for order in itertools.permutations(range(3)):
        for flips in itertools.product([False, True], repeat=3):
            columns = [2 - axis for axis in order[::-1]]
            backwards = np.array(flips[::-1])
            first = np.zeros(3)
            first[columns] = np.where(backwards, np.array(mask.shape[::-1])[columns] - 1, 0)
            turned = mask.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
            yield (
                turned,
                Geometry(
                    turned.shape,
                    tuple(np.array(geometry.spacing)[columns]),
                    tuple(geometry.ijk_to_lps(first)),
                    geometry.axes[:, columns] * np.where(backwards, -1, 1),
                ),
            )


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 2.5), (1.0, 1.0, 1.0)])
@pytest.mark.parametrize("kind", ["symmetric", "union", "voxel"])
def test_flipped_and_transposed_arrays_give_the_same_diameters_at_the_same_places(kind, spacing):
    if kind == "symmetric":  # many pairs are equally long: which one is taken must not depend on the array
        mask = ellipsoid((9, 21, 21), (4, 10, 10), (4, 9, 9))
    elif kind == "union":
        mask = random_mask("union", np.random.default_rng(5))
    else:
        mask = np.ones((1, 1, 1), bool)
    tilt = np.deg2rad(12)
    direction = [[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]]
    geometry = Geometry(mask.shape, spacing, (-40, 25, 900), direction)
    [expected] = measure(mask, geometry)
    for turned, its_geometry in stored_otherwise(mask, geometry):
        [found] = measure(turned, its_geometry)
        for key, value in expected.as_dict().items():
            if key != "slice" and value is not None:
                assert np.allclose(np.array(found.as_dict()[key], float), np.array(value, float), atol=1e-6), key


def test_a_single_voxel_is_half_a_pixel_long():
    [lesion] = measure(np.ones((1, 1, 1), bool), Geometry((1, 1, 1), (0.8, 0.8, 2.0)))
    assert lesion.long_axis_mm == pytest.approx(0.4)
    assert lesion.short_axis_mm == pytest.approx(0.4)
    assert lesion.max_3d_diameter_mm == pytest.approx(0.4)
    assert lesion.volume_ml == pytest.approx(0.00128)


def test_a_row_of_pixels_is_as_long_as_its_centres_and_half_a_pixel():
    [lesion] = measure(np.ones((1, 1, 11), bool), Geometry((1, 1, 11), (0.8, 0.8, 2.0)))
    assert lesion.long_axis_mm == pytest.approx(10 * 0.8 + 0.4)
    assert lesion.short_axis_mm == pytest.approx(0.4)
    assert lesion.long_axis_points_lps == (pytest.approx((-0.2, 0, 0)), pytest.approx((8.2, 0, 0)))


def test_a_column_through_the_slices_is_long_in_space_only():
    [lesion] = measure(np.ones((5, 1, 1), bool), Geometry((5, 1, 1), (0.8, 0.8, 2.0)))
    assert lesion.long_axis_mm == pytest.approx(0.4)
    assert lesion.max_3d_diameter_mm == pytest.approx(4 * 2 + 1)


def test_the_longest_diameter_need_not_lie_in_the_largest_slice():
    mask = np.zeros((2, 20, 20), bool)
    mask[0, 4:14, 4:14] = True
    mask[1, 10, :] = True
    [lesion] = measure(mask, Geometry(mask.shape, (1.0, 1.0, 3.0)))
    assert lesion.slice == 1
    assert lesion.long_axis_mm == pytest.approx(19.5)


def test_the_short_axis_stays_within_the_lesion():
    """A U of 21 x 21 pixels with arms of 3: across the gap would be 20.5 mm, within the lesion it is the floor's 3."""
    mask = np.zeros((1, 60, 21), bool)
    mask[0, :, :3] = mask[0, :, -3:] = mask[0, -3:, :] = True
    lesion = LesionVoxels(mask, Geometry(mask.shape, (1.0, 1.0, 3.0)))
    long = long_axis(lesion)
    short = short_axis(lesion, long)
    points = lesion.geometry.lps_to_ijk(np.linspace(*short.ends_lps, 200)[10:-10])
    assert mask[0, np.rint(points[:, 1]).astype(int), np.rint(points[:, 0]).astype(int)].all()
    assert short.length_mm < 20


def test_a_sagittal_acquisition_is_measured_in_its_own_slices():
    """Slices across i, 5 mm apart: the plane of j and k is searched, and `slice` counts along i."""
    mask = np.zeros((30, 30, 6), bool)
    mask[5:25, 10, 4] = True
    [lesion] = measure(mask, Geometry(mask.shape, (5.0, 0.7, 0.7)))
    assert lesion.slice == 4
    assert lesion.long_axis_mm == pytest.approx(19 * 0.7 + 0.35)
