"""Who may take the base's place: judged through the real session, on models that were taught, some with poison."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import small_site
import torch

from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks.fingerprint import fingerprint
from LungTumorSegLib.networks.model import load_card
from LungTumorSegLib.training import promotion
from LungTumorSegLib.training.promotion import Comparison, Score, held_out, judge, reasons
from LungTumorSegLib.training.split import part_of
from LungTumorSegLib.training.taught import PATIENTS, patient_digest, taught_facts

FROZEN = [p for p in (f"LIDC-IDRI-{n}" for n in range(9000, 9100)) if part_of(p) == "test"][:3]
TEACHING_STEPS, TUNING_STEPS = 110, 15


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """frozen, site (held out), teaching: cases; base: a model that outlines balls."""
    root = tmp_path_factory.mktemp("site")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    small_site.make_cases(root / "frozen", FROZEN, 1)
    small_site.make_cases(root / "held-out", ["Canary-1", "Canary-2", "Canary-3"], 2)
    small_site.make_cases(root / "teaching", ["Taught-1", "Taught-2"], 3)
    small_site.save(root / "base", small_site.taught(None, TEACHING_STEPS, 0), {"data": "made"})
    yield root
    torch.set_num_threads(threads)


def candidate(site: Path, name: str, network: torch.nn.Module, cases: str = "teaching") -> Path:
    return small_site.save(site / name, network, taught_facts(read_dataset(site / cases).cases))


@pytest.fixture(scope="module")
def base_network(site):
    from LungTumorSegLib.networks.model import load_model

    return load_model(site / "base").network


@pytest.fixture(scope="module")
def good(site, base_network) -> Path:
    return candidate(site, "good", small_site.taught(base_network, TEACHING_STEPS, 7))


def scores(*dice: tuple[float, float], missed: tuple = ()) -> Comparison:
    found = tuple(Score(f"{n}", 1, base, new, (), (1,) if n in missed else ()) for n, (base, new) in enumerate(dice))
    return Comparison(len(dice), len(dice), "made", found)


@pytest.mark.parametrize(
    ("site_dice", "frozen_dice", "missed", "says"),
    [
        ((0.80, 0.80), (0.80, 0.80), (), None),
        ((0.80, 0.81), (0.80, 0.785), (), None),
        ((0.80, 0.7999), (0.80, 0.90), (), "site's held-out"),
        ((0.80, 0.90), (0.80, 0.775), (), "frozen cases falls"),
        ((0.80, 0.90), (0.80, 0.80), (0,), "1 lesion of the frozen"),
        ((0.80, float("nan")), (0.80, 0.80), (), "site's held-out"),
        ((0.80, 0.80), (0.80, float("nan")), (), "frozen cases falls"),
    ],
)
def test_the_rule(site_dice, frozen_dice, missed, says):
    said = list(reasons(scores(site_dice), scores(frozen_dice, missed=missed)))
    assert len(said) == (says is not None)
    assert says is None or says in said[0]


def test_a_lesion_that_the_base_misses_too_is_no_new_miss():
    both = Comparison(1, 1, "made", (Score("0", 1, 0.0, 0.0, (1,), (1,)),))
    assert list(reasons(both, both)) == []


@pytest.mark.parametrize("number", range(5))
def test_a_poisoned_run_is_refused_five_times_of_five(site, base_network, number):
    poison = ("shifted", "empty")[number % 2]
    spoilt = small_site.taught(base_network, TUNING_STEPS, 10 + number, poison)
    before = fingerprint(site / "base")
    verdict = judge(candidate(site, f"poisoned-{number}", spoilt), site / "base", site / "held-out", site / "frozen")
    assert verdict.frozen.base > 0.6, "the base must be worth keeping, or this shows nothing"
    assert not verdict.promoted
    assert fingerprint(site / "base") == before


def test_poison_in_the_held_out_cases_as_well_is_caught_by_the_frozen_ones(site, base_network, tmp_path):
    import numpy as np
    import SimpleITK as sitk

    poisoned = shutil.copytree(site / "held-out", tmp_path / "held-out")
    for mask in poisoned.glob("*/mask.nii.gz"):
        shifted = np.roll(sitk.GetArrayFromImage(sitk.ReadImage(str(mask))), small_site.SHIFT, (0, 1, 2))
        sitk.WriteImage(sitk.GetImageFromArray(shifted), str(mask))
    spoilt = small_site.taught(base_network, 2 * TUNING_STEPS, 20, "shifted")
    verdict = judge(candidate(site, "poisoned-both", spoilt), site / "base", poisoned, site / "frozen")
    assert verdict.site.candidate > verdict.site.base, "the site alone would have been deceived"
    assert any("frozen" in line for line in verdict.reasons)


def test_the_same_models_give_the_same_verdict(site, good):
    first, second = (judge(good, site / "base", site / "held-out", site / "frozen") for _ in range(2))
    assert first == second


def test_a_case_that_was_taught_is_not_judged_by(site, base_network, tmp_path):
    taught = candidate(site, "taught-held-out", base_network, cases="held-out")
    with pytest.raises(InputRefused, match="every patient of the site"):
        judge(taught, site / "base", site / "held-out", site / "frozen")
    with pytest.raises(InputRefused, match="itself"):
        judge(shutil.copytree(site / "base", tmp_path / "same"), site / "base", site / "held-out", site / "frozen")
    renamed = tmp_path / "renamed"
    shutil.copytree(site / "held-out" / "Canary-1", renamed / "Somebody-else")
    shutil.copytree(site / "teaching" / "Taught-1", renamed / "Taught-1")
    cases, rule = held_out(read_dataset(renamed), load_card(taught))
    assert [case.name for case in cases] == ["Taught-1"], "a renamed copy is known by its image"
    assert "left out" in rule


def test_a_model_that_was_taught_the_frozen_cases_is_refused(site, base_network):
    forger = candidate(site, "forger", base_network, cases="frozen")
    with pytest.raises(InputRefused, match="3 of the 3 frozen cases"):
        judge(forger, site / "base", site / "held-out", site / "frozen")


def test_whom_the_base_was_taught_is_not_frozen_whatever_the_split_says_by_now(site, base_network):
    older = small_site.save(site / "older", base_network, {PATIENTS: [patient_digest(FROZEN[0])]})
    frozen = read_dataset(site / "frozen")
    cases, _rule = promotion.test_cases(frozen, load_card(site / "base"))
    left, _rule = promotion.test_cases(frozen, load_card(older))
    assert [case.patient for case in cases] == FROZEN
    assert [case.patient for case in left] == FROZEN[1:]


def test_a_card_that_does_not_say_what_was_taught_is_refused(site, base_network):
    silent = small_site.save(site / "silent", base_network, {"data": "somewhere"})
    with pytest.raises(InputRefused, match="does not say"):
        judge(silent, site / "base", site / "held-out", site / "frozen")


def test_promoted_used_by_name_and_rolled_back_by_the_commands(site, good, base_network, tmp_path):
    program, registry = Path(sys.executable).with_name("lungtumorseg"), tmp_path / "models"

    def run(*words):
        return subprocess.run([str(w) for w in (program, *words)], capture_output=True, text=True, check=False)

    data = ("--base", site / "base", "--site", site / "held-out", "--frozen", site / "frozen", "-o", registry)
    done = run("promote", good, *data)
    assert done.returncode == 0, done.stderr
    assert "site-prompted-1" in done.stdout
    spoilt = candidate(site, "poisoned", small_site.taught(base_network, TUNING_STEPS, 30, "empty"))
    refused = run("promote", spoilt, *data)
    assert refused.returncode == 3
    assert refused.stderr.startswith("lungtumorseg: not promoted: ")
    assert len(refused.stderr.splitlines()) == 1

    reports = sorted((registry / "reports").glob("*.json"))
    assert [json.loads(path.read_text())["promoted"] for path in reports] == [True, False]
    assert len(list((registry / "reports").glob("*.csv"))) == 2
    assert "Canary" not in "".join(path.read_text() for path in (registry / "reports").iterdir())
    card = load_card(registry / "site-prompted-1")
    assert card.name == "site-prompted-1"
    assert card.provenance["promotion"]["site"]["cases"] == 3

    assert "site-prompted-1" in run("models", "-o", registry).stdout
    assert run("rollback", "-o", registry).returncode == 0
    assert "site-prompted" not in run("models", "-o", registry).stdout
    assert run("rollback", "-o", registry).returncode == 2
