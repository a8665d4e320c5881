import shutil

import numpy as np
import pytest
import torch
from scipy import ndimage

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.training.backgrounds import read_backgrounds
from LungTumorSegLib.training.composition import background_scene, crop_alone, fitting_place, set_nodule
from LungTumorSegLib.training.crops import folder_digest, read_nodules
from LungTumorSegLib.training.masses import set_mass
from LungTumorSegLib.training.prompted_samples import ALONE, PromptedSamples
from LungTumorSegLib.training.sampling import sample, window_positions
from LungTumorSegLib.training.searching_samples import EDGE, HU_RANGE, SearchingSamples


@pytest.fixture
def chest(tiny_backgrounds):
    return read_backgrounds(tiny_backgrounds)[0]


def lung_window(chest, shape=(32, 32, 32), centre=(150.0, 126.0, 74.0)):
    return background_scene(chest, window_positions(shape, np.array(centre), np.eye(3)), np.eye(3))


def test_the_label_lies_under_the_nodule_wherever_it_is_set(tiny_data, chest):
    nodules = read_nodules(tiny_data)
    for number in range(8):
        rng = np.random.default_rng(number)
        scene = lung_window(chest)
        nodule = nodules[number]
        centre = (np.array(nodule.image.shape) - 1) / 2 * nodule.spacing
        at = rng.uniform(12, 20, 3)
        set_nodule(scene, nodule, centre, at, np.eye(3), rng)
        label = scene.target > 0.5
        assert label.sum().item() == pytest.approx(nodule.mask.sum() * 2, rel=0.15)  # slices 2 mm thick
        assert np.abs(label.nonzero().float().mean(0).numpy() - at).max() < 0.6
        assert scene.image[scene.target > 0.99].min() > -100
        assert scene.image[~(scene.target > 0)].mean() < -750


def test_a_nodule_that_nobody_is_to_find_leaves_no_label(tiny_data, chest):
    scene = lung_window(chest)
    nodule = read_nodules(tiny_data)[3]
    set_nodule(scene, nodule, np.array([8.0, 11, 11]), np.full(3, 15.5), np.eye(3), np.random.default_rng(0), False)
    assert scene.image.max() > -100
    assert scene.target.max() == 0


def test_where_tumour_may_hide_is_reported_unknown_until_a_nodule_covers_it(tiny_data, chest):
    scene = lung_window(chest, centre=(75.0, 128.0, 180.0))
    assert scene.known.min() == 0
    before = scene.known.sum()
    nodule = read_nodules(tiny_data)[3]
    set_nodule(scene, nodule, np.array([8.0, 11, 11]), np.full(3, 15.5), np.eye(3), np.random.default_rng(0))
    assert scene.known[scene.target > 0.5].min() == 1
    assert before < scene.known.sum() < scene.known.numel()


def test_a_crop_alone_is_the_scan_itself_and_ends_anywhere_in_its_margin_but_never_in_the_nodule(tiny_data):
    nodule = read_nodules(tiny_data)[5]
    shape, spacing = nodule.image.shape, np.array(nodule.spacing)
    middle = (np.array(shape) - 1) / 2 * spacing
    whole = 0
    for seed in range(20):
        scene = crop_alone(nodule, middle, shape, np.diag(spacing), np.random.default_rng(seed))
        known = scene.known.numpy() > 0
        assert known[nodule.mask].all()
        within = ndimage.binary_erosion(known, np.ones((1, 3, 3)))  # its last half voxel is edge
        assert np.abs(scene.image.numpy() - nodule.image)[within].max() < 0.1  # HU: what float32 leaves of a thousand
        assert np.array_equal((scene.target.numpy() > 0.5)[known], nodule.mask[known])
        assert scene.target[~scene.known.bool()].sum() == 0
        assert known.any((1, 2)).all()  # no slice is taken away
        whole += known.all()
    assert 0 < whole < 20


def test_beyond_a_crop_alone_its_edge_goes_on_and_counts_for_nothing(tiny_data):
    nodule = read_nodules(tiny_data)[2]
    middle = (np.array(nodule.image.shape) - 1) / 2 * nodule.spacing
    scene = crop_alone(nodule, middle, (48, 48, 48), np.eye(3), np.random.default_rng(0))
    known = scene.known.bool()
    rows = known.any(2).any(0).nonzero()[:, 0]
    assert 0 < rows[0] < rows[-1] < 47
    assert torch.equal(scene.image[24, 0], scene.image[24, rows[0] - 1])
    assert torch.equal(scene.image[24, 47], scene.image[24, rows[-1] + 1])
    assert scene.image.min() > -1000  # no air around it, whose border would give the nodule's size away


def test_a_share_of_the_clicked_windows_is_the_scan_itself(tiny_data, tiny_backgrounds):
    samples = PromptedSamples(read_nodules(tiny_data), read_backgrounds(tiny_backgrounds), (32,))
    # Crops this small never fill a window, and the chest's unknown box is rarely hit.
    alone = sum(bool((samples(np.random.default_rng(n), 0)[2] == 0).any()) for n in range(12))
    assert 1 <= alone <= 12 * 2 * ALONE


def test_places_for_nodules_are_in_or_near_lung_and_never_where_tumour_may_hide(chest):
    index = np.rint(chest.places / chest.spacing).astype(int)
    assert chest.known[tuple(index.T)].all()
    assert (chest.image[tuple(index.T)] < -500).mean() > 0.5


def test_a_nodule_in_air_is_set_into_lung_rather_than_into_the_wall(tiny_data, chest):
    nodule = read_nodules(tiny_data)[0]
    middle = np.array([8.0, 11.5, 11.5])
    rng = np.random.default_rng(0)
    for _ in range(5):
        place, _, misfit = fitting_place(nodule, middle, chest, chest.places, 1.0, rng)
        assert chest.look_up(place) < -700
        assert misfit < 100


def test_a_mass_replaces_lung_and_stops_at_the_wall(chest):
    positions = window_positions((5, 48, 48), np.array([150.0, 126.0, 90.0]), np.eye(3) * 2)
    scene = background_scene(chest, positions, np.eye(3) * 2)
    lungs = sample([chest.lungs], chest.coarse_spacing, positions)[0]
    set_mass(scene, lungs, np.array([2.0, 24, 12]), np.random.default_rng(1))
    label = scene.target > 0.5
    assert label.sum() > 200
    assert lungs[label].min() > 0.4


def test_resampling_reads_linearly_and_repeats_the_edge():
    ramp = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    positions = torch.tensor([[[[0.5, 2.0, 3.0], [2.0, 4.0, 100.0], [-9.0, -9.0, 1.5]]]])
    assert sample([ramp], (1.0, 2.0, 1.0), positions).flatten().tolist() == pytest.approx([13.0, 23.0, 1.5])


def test_a_block_of_one_voxel_is_read_as_that_voxel():
    positions = torch.full((1, 1, 1, 3), 50.0)
    assert sample([np.full((1, 1, 1), 7.0)], (1.0, 1.0, 1.0), positions).item() == 7.0


def test_the_digest_of_a_folder_follows_its_contents(tiny_data, tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    first = folder_digest(tmp_path)
    (tmp_path / "a").write_bytes(b"2")
    assert folder_digest(tmp_path) != first


def test_nodules_are_read_from_a_table_that_excel_saved(tiny_data, tmp_path):
    folder = shutil.copytree(tiny_data, tmp_path / "nodules")
    text = (folder / "nodules.csv").read_text()
    (folder / "nodules.csv").write_text(text, encoding="utf-8-sig")
    assert [nodule.name for nodule in read_nodules(folder)] == [nodule.name for nodule in read_nodules(tiny_data)]


def test_a_folder_without_nodules_or_scans_is_refused(tmp_path):
    with pytest.raises(InputRefused, match=r"nodules\.csv"):
        read_nodules(tmp_path)
    (tmp_path / "nodules.csv").write_text("id,patient\n1,A\n")
    with pytest.raises(InputRefused, match="needs the columns id, patient, readers and longest_axial_diameter_mm"):
        read_nodules(tmp_path)
    with pytest.raises(InputRefused, match="no scans"):
        read_backgrounds(tmp_path)


def test_blocks_for_the_search_come_with_and_without_tumours(tiny_data, tiny_backgrounds):
    scans = [scan.thinned((5.0, 4.0, 4.0)) for scan in read_backgrounds(tiny_backgrounds)]
    samples = SearchingSamples(read_nodules(tiny_data), scans, (1.0,))
    made = [samples(np.random.default_rng(number), 0) for number in range(12)]
    assert {tuple(image.shape) for image, _, _ in made} == {(1, EDGE, EDGE, EDGE)}
    with_tumour = [(image, target) for image, target, _ in made if target.max() > 0.5]
    assert 2 <= len(with_tumour) <= 11
    for image, target in with_tumour:
        lesion = image[0][target[0] > 0.5]
        assert lesion.mean() > (-500 - HU_RANGE[0]) / (HU_RANGE[1] - HU_RANGE[0])
    assert any(known.min() == 0 for _, _, known in made)
