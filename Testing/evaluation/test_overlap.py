from math import isnan

import numpy as np
import pytest
import SimpleITK as sitk
from scored_masks import two_outlines
from sklearn import metrics as sk

from LungTumorSegLib.evaluation.overlap import METRICS, Counts, hard_counts, soft_counts


def row(*values) -> np.ndarray:
    return np.array(values).reshape(1, 1, -1)


def test_counts_and_metrics_of_ten_voxels_by_hand():
    counts = hard_counts(row(1, 1, 1, 1, 0, 0, 0, 0, 0, 0), row(0, 1, 1, 1, 1, 1, 0, 0, 0, 0))
    assert counts == Counts(both=3, false=1, missed=2, neither=4)
    assert counts.dice == pytest.approx(6 / 9)
    assert counts.iou == pytest.approx(3 / 6)
    assert counts.precision == pytest.approx(3 / 4)
    assert counts.recall == pytest.approx(3 / 5)
    assert counts.f2 == pytest.approx(15 / 24)
    assert counts.accuracy == pytest.approx(7 / 10)
    assert counts.mcc == pytest.approx((3 * 4 - 1 * 2) / (4 * 5 * 5 * 6) ** 0.5)


def test_pure_probabilities_by_hand():
    counts = soft_counts(row(0.9, 0.5, 0.2, 0.0), row(1, 1, 0, 0))
    assert (counts.both, counts.false, counts.missed, counts.neither) == pytest.approx((1.4, 0.2, 0.6, 1.8))
    assert counts.dice == pytest.approx(2 * 1.4 / (1.6 + 2))


def test_the_published_rows_are_of_one_kind_with_these_definitions():
    # "Energy efficient lung tumour segmentation": P and R of a row give its Dice and IoU, so they were pooled.
    for dice, precision, recall, iou in [
        (0.861609, 0.854944, 0.86838, 0.756866),
        (0.90812, 0.917452, 0.898976, 0.831703),
        (0.871632, 0.979533, 0.785144, 0.772471),
    ]:
        counts = Counts(1.0, 1 / precision - 1, 1 / recall - 1, 0.0)
        assert (counts.dice, counts.iou) == (pytest.approx(dice, abs=1e-6), pytest.approx(iou, abs=1e-6))


@pytest.mark.parametrize("seed", range(4))
def test_every_metric_equals_scikit_learns(seed):
    prediction, reference = two_outlines(seed)
    p, g = prediction.ravel(), reference.ravel()
    counts = hard_counts(prediction, reference)
    theirs = {
        "dice": sk.f1_score(g, p),
        "iou": sk.jaccard_score(g, p),
        "precision": sk.precision_score(g, p),
        "recall": sk.recall_score(g, p),
        "f2": sk.fbeta_score(g, p, beta=2),
        "accuracy": sk.accuracy_score(g, p),
        "mcc": sk.matthews_corrcoef(g, p),
    }
    assert {name: getattr(counts, name) for name in METRICS} == pytest.approx(theirs, rel=1e-12)


def test_dice_and_iou_equal_itks():
    prediction, reference = two_outlines(7)
    overlap = sitk.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*(sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in (reference, prediction)))
    counts = hard_counts(prediction, reference)
    assert counts.dice == pytest.approx(overlap.GetDiceCoefficient(), rel=1e-12)
    assert counts.iou == pytest.approx(overlap.GetJaccardCoefficient(), rel=1e-12)


def test_probabilities_of_0_and_1_count_as_a_mask():
    prediction, reference = two_outlines(3)
    assert soft_counts(prediction.astype(np.float32), reference) == hard_counts(prediction, reference)


def test_soft_counts_equal_the_sums_over_the_whole_image():
    _, reference = two_outlines(1)
    p = np.random.default_rng(0).random(reference.shape)
    g = reference.astype(float)
    expected = [(p * g).sum(), (p * (1 - g)).sum(), ((1 - p) * g).sum(), ((1 - p) * (1 - g)).sum()]
    counts = soft_counts(p, reference)
    assert [counts.both, counts.false, counts.missed, counts.neither] == pytest.approx(expected, rel=1e-9)


def test_exchanging_the_masks_exchanges_precision_and_recall_only():
    prediction, reference = two_outlines(2)
    one, other = hard_counts(prediction, reference), hard_counts(reference, prediction)
    assert (one.precision, one.recall) == (other.recall, other.precision)
    assert (one.dice, one.iou, one.accuracy) == (other.dice, other.iou, other.accuracy)
    assert one.mcc == pytest.approx(other.mcc, rel=1e-12)


def test_flipping_both_changes_nothing():
    prediction, reference = two_outlines(5)
    for axis in range(3):
        assert hard_counts(np.flip(prediction, axis), np.flip(reference, axis)) == hard_counts(prediction, reference)


def test_masks_that_do_not_meet_share_nothing():
    a, b = np.zeros((2, 5, 5, 5), bool)
    a[0, 0, 0] = b[4, 4, 4] = True
    assert hard_counts(a, b) == Counts(0, 1, 1, 123)


def test_both_masks_empty_leave_all_but_accuracy_undefined():
    empty = np.zeros((3, 4, 5), bool)
    counts = hard_counts(empty, empty)
    assert [name for name in METRICS if isnan(getattr(counts, name))] == [n for n in METRICS if n != "accuracy"]
    assert counts.accuracy == 1


def test_one_empty_mask_scores_zero_and_what_has_no_voxels_is_undefined():
    empty, full = np.zeros((3, 4, 5), bool), np.zeros((3, 4, 5), bool)
    full[1, 1, 1] = True
    missed, false = hard_counts(empty, full), hard_counts(full, empty)
    for counts in (missed, false):
        assert (counts.dice, counts.iou, counts.f2, counts.mcc) == (0, 0, 0, 0)
    assert isnan(missed.precision)
    assert missed.recall == 0
    assert isnan(false.recall)
    assert false.precision == 0


def test_counts_of_a_large_scan_do_not_overflow():
    n = 512 * 512 * 600
    assert Counts(1_000_000, 10, 10, n - 1_000_020).mcc == pytest.approx(1, abs=1e-4)


def test_counts_add_up_to_pooled_ones():
    a, b = two_outlines(1), two_outlines(2)
    pooled = hard_counts(np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]]))
    assert hard_counts(*a) + hard_counts(*b) == pooled
