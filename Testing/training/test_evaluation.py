from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import nn

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import Model
from LungTumorSegLib.training.backgrounds import read_backgrounds
from LungTumorSegLib.training.crops import read_nodules
from LungTumorSegLib.training.evaluation import untaught
from LungTumorSegLib.training.prompted_evaluation import Outcome, evaluate_prompted, longest_axial, set_in, summary
from LungTumorSegLib.training.scan_evaluation import cut_out, score
from LungTumorSegLib.training.scans import read_scan
from LungTumorSegLib.training.split import part_of
from LungTumorSegLib.training.taught import PATIENTS, patient_digest
from LungTumorSegLib.volume.geometry import Geometry, Volume


class Bright(nn.Module):
    """Says lesion where the CT is brighter than `limit` HU."""

    def __init__(self, limit: float):
        super().__init__()
        self.limit = limit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x[:, :1] * 1400 - 1000 - self.limit) / 14

    def __deepcopy__(self, memo):
        return self


def model(limit: float) -> Model:
    card = ModelCard(
        name="made", task="prompted", network="ResidualUNet3D", arguments={"input_channels": 4},
        spacing_mm=(0.7, 0.7, 0.7), window=(48, 48, 48), hu_range=(-1000.0, 400.0), adjacent_slices=1, threshold=0.5,
        overlap=0.5, licence="made in a test",
    )  # fmt: skip
    return Model(card, Bright(limit), f"made {limit}")


def test_found_missed_and_false_lesions_are_told_apart():
    lesions = np.zeros((6, 30, 30), np.uint16)
    lesions[1:3, 2:8, 2:8] = 1
    lesions[3:5, 20:24, 20:24] = 2
    found = np.zeros(lesions.shape, np.float32)
    found[1:3, 2:8, 2:5] = 0.9  # half of the first
    found[4, 12:16, 2:6] = 0.9  # nothing there
    found[0, 28, 28] = 0.9  # too small to count
    outcome = score("made", found, lesions, Geometry(lesions.shape, (1.0, 1.0, 2.0)), 0.5)
    assert (outcome.lesions, outcome.found, outcome.false_positives) == (2, 1, 1)
    assert outcome.lesion_dice == (pytest.approx(2 / 3, abs=1e-3), 0.0)


def test_a_scan_without_lesions_can_only_have_false_ones():
    found = np.zeros((4, 20, 20), np.float32)
    found[1, 5:12, 5:12] = 0.9
    outcome = score("made", found, np.zeros(found.shape, np.uint16), Geometry(found.shape, (1.0, 1.0, 2.0)), 0.5)
    assert (outcome.lesions, outcome.found, outcome.false_positives, outcome.dice) == (0, 0, 1, 0.0)


def test_a_summary_tells_how_far_the_mean_would_move_with_other_patients():
    outcomes = [Outcome(f"{n}", f"patient {n // 2}", 6.0 + n, 6.0 + n, 0.8 + 0.01 * n) for n in range(12)]
    told = summary(outcomes)
    low, high = told["dice_interval_95"]
    assert (told["dice"], told["dice_from_10_mm"], told["nodules_from_10_mm"]) == (0.855, 0.875, 8)
    assert 0.80 < low < told["dice"] < high < 0.91
    alone = summary([replace(outcome, patient="one", diameter_mm=5.0) for outcome in outcomes])
    assert (alone["dice"], alone["dice_interval_95"]) == (0.855, [None, None])
    assert alone["dice_from_10_mm"] is alone["diameter_error_median_from_10_mm"] is None


def test_nobody_whom_the_card_names_as_taught_judges_the_model(tiny_data):
    nodules = read_nodules(tiny_data)
    part = part_of(nodules[0].patient)
    card = model(0).card
    of_part = [nodule for nodule in nodules if part_of(nodule.patient) == part]
    assert untaught(nodules, part, card) == of_part != []
    taught = replace(card, provenance={PATIENTS: [patient_digest(nodules[0].patient)]})
    assert untaught(nodules, part, taught) == [n for n in of_part if n.patient != nodules[0].patient] != of_part


def test_a_model_that_outlines_the_nodule_is_scored_near_one_alone_and_in_lungs(tiny_data, tiny_backgrounds):
    nodules = read_nodules(tiny_data)[:4]
    (alone,) = evaluate_prompted(Session(), model(-300), nodules, None)
    assert summary(alone)["dice"] > 0.85
    assert all(abs(outcome.found_mm - outcome.diameter_mm) < 2**0.5 for outcome in alone)  # a voxel's diagonal
    (in_lungs,) = evaluate_prompted(Session(), model(-300), nodules, read_backgrounds(tiny_backgrounds))
    assert summary(in_lungs)["dice_median"] > 0.85
    (boxed,) = evaluate_prompted(Session(), model(-300), nodules, None, boxed=True)
    assert summary(boxed)["dice"] > 0.85


def test_a_model_that_says_lesion_everywhere_is_not_rewarded_by_the_crops_border(tiny_data, tiny_backgrounds):
    nodules = read_nodules(tiny_data)[:2]
    (in_lungs,) = evaluate_prompted(Session(), model(-2000), nodules, read_backgrounds(tiny_backgrounds))
    assert summary(in_lungs)["dice"] < 0.05


def test_beyond_a_crop_that_is_the_whole_scan_nothing_can_be_found(tiny_data):
    nodule = read_nodules(tiny_data)[0]
    ((everywhere,),) = evaluate_prompted(Session(), model(-2000), [nodule], None)
    volume = nodule.mask.sum()
    assert everywhere.dice == pytest.approx(2 * volume / (nodule.mask.size + volume))


def test_each_further_click_lies_where_the_answer_was_wrong_and_moves_it(tiny_data):
    nodules = read_nodules(tiny_data)[:4]
    marked = []
    session = Session()
    prompt = session.prompt
    session.prompt = lambda *given: marked.append(len(given[2]) + len(given[3])) or prompt(*given)
    one, two, three = (summary(each)["dice"] for each in evaluate_prompted(session, model(-600), nodules, None, 3))
    assert 0 < one < two < three
    assert set(marked) == {1, 2, 3}


def test_a_nodule_set_into_a_lung_lies_there_voxel_by_voxel(tiny_data, tiny_backgrounds):
    nodule = read_nodules(tiny_data)[1]
    voxel = np.argwhere(nodule.mask)[3]
    scan, lesion = set_in(nodule, voxel, read_backgrounds(tiny_backgrounds), np.random.default_rng(0))
    assert scan.geometry.spacing == nodule.spacing[::-1]
    assert lesion.shape == scan.voxels.shape
    first = np.argwhere(lesion).min(0) - np.argwhere(nodule.mask).min(0)
    assert (first + voxel == (np.array(lesion.shape) - 1) // 2).all()
    part = tuple(slice(a, a + n) for a, n in zip(first, nodule.mask.shape, strict=True))
    assert (lesion[part] == nodule.mask).all()
    assert np.abs(scan.voxels[lesion] - nodule.image[nodule.mask]).max() <= 1


def test_a_lesion_cut_out_of_its_scan_keeps_its_place_in_the_patient():
    voxels = np.arange(20 * 60 * 60, dtype=np.int16).reshape(20, 60, 60)
    ct = Volume(voxels, Geometry(voxels.shape, (1.0, 1.0, 2.5), (5.0, 6.0, 7.0)))
    lesion = np.zeros(voxels.shape, bool)
    lesion[8:11, 30:34, 20:25] = True
    alone, mask = cut_out(ct, lesion)
    assert alone.voxels.shape == mask.shape == (5, 28, 29)
    assert mask.sum() == lesion.sum()
    here, there = np.argwhere(mask)[0], np.argwhere(lesion)[0]
    assert alone.voxels[tuple(here)] == voxels[tuple(there)]
    assert np.allclose(alone.geometry.ijk_to_lps(here[::-1]), ct.geometry.ijk_to_lps(there[::-1]))


def test_the_longest_axial_diameter_of_a_bar():
    bar = np.zeros((3, 10, 20), bool)
    bar[1, 4, 3:13] = True
    assert longest_axial(bar, (2.0, 0.5, 0.5)) == pytest.approx(4.5)
    assert longest_axial(bar & False, (2.0, 0.5, 0.5)) == 0


def test_a_scan_is_read_with_its_lesions_numbered(tmp_path):
    image = np.random.default_rng(0).integers(-900, 100, (8, 16, 16), np.int16)
    mask = np.zeros(image.shape, np.uint8)
    mask[1:3, 2:5, 2:5] = mask[5:7, 9:14, 9:14] = 1
    for name, array in (("image", image), ("mask", mask)):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"{name}.nii.gz"))
    scan = read_scan(tmp_path)
    assert [(scan.lesions == lesion).sum() for lesion in (1, 2)] == [18, 50]
    with pytest.raises(InputRefused, match=r"image\.nii\.gz"):
        read_scan(tmp_path / "nowhere")
