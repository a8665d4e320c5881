"""The Train tab with the real commands: corrected scans become cases, a small model learns a moment, is compared and
promoted, or refused, and the page obeys."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from app_process import Served
from browsing import come_in, open_ct, refusal, said, segment, until

from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.reading import read_ct, read_mask
from LungTumorSegLib.volume.writing import write_volume

sys.path.append(str(Path(__file__).resolve().parents[1] / "training"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "workstation"))
torch = pytest.importorskip("torch")

SHAPE = 24, 60, 60


def chest(path: Path, seed: int) -> Path:
    """Lung with two bright balls, where the worker that pretends finds them; 1 mm voxels."""
    from pretending_worker import BALLS

    voxels = np.random.default_rng(seed).normal(-850, 40, SHAPE)
    kji = np.indices(SHAPE)
    for *middle, radius, _peak in BALLS:
        apart = np.sqrt(sum((axis - m) ** 2 for axis, m in zip(kji, middle, strict=True)))
        voxels[apart < radius / 2] += 870
    write_volume(path, Volume(voxels.astype(np.int16), Geometry(SHAPE, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))))
    return path


def put_model(registry_folder: Path, name: str, network) -> None:
    """As if it had been promoted."""
    from small_site import save

    from LungTumorSegLib.networks import registry

    def fill(folder: Path, version: str) -> None:
        save(registry_folder.parent / version, network, {})
        shutil.copytree(registry_folder.parent / version, folder, dirs_exist_ok=True)

    registry.put_in(registry_folder, name, fill, "")


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    """A process of its own. Of the two small models for clicks one learnt nothing, the other outlines balls."""
    from small_site import ARGUMENTS, taught

    from LungTumorSegLib.networks import catalogue

    folder = tmp_path_factory.mktemp("ward")
    torch.manual_seed(0)
    put_model(folder / "models", "site-prompted", catalogue.build("ResidualUNet3D", **ARGUMENTS).eval())
    put_model(folder / "models", "taught", taught(None, 60, 0))
    served = Served(folder)
    yield served
    served.close()


@pytest.fixture(scope="module")
def page(ward, chromium, tmp_path_factory):
    """Two scans were segmented and added to the cases."""
    folder = tmp_path_factory.mktemp("chests")
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = come_in(context, ward)
    page.set_default_timeout(1_800_000)
    for number in (1, 2):
        page.click(".v-tab:has-text('Segment')")
        segment(open_ct(page, chest(folder / f"patient{number}.nii.gz", number)))
        page.click(".v-tab:has-text('Train')")
        page.click("#add-case")
        cases(page, number)
    yield page
    context.close()


def cases(page, count: int) -> None:
    """Wait until there are so many."""
    page.wait_for_function("n => document.querySelectorAll('.lts-case').length === n", arg=count)


def models_in_use(served) -> dict:
    return json.loads((served.folder / "models" / "current.json").read_text())["models"]


def learn(page, base: str, epochs: int, rate: str) -> None:
    """A moment's training of this model, until it is compared with what it was."""
    page.click(".v-select:has(#base)")
    page.click(f".v-list-item:has-text('{base}')")
    page.fill("#epochs", str(epochs))
    page.fill("#rate", rate)
    page.click("#train-start")
    page.wait_for_selector("#train-stop")
    page.wait_for_selector("#curves svg")
    page.wait_for_selector("#compared")
    page.wait_for_selector("#train-start")


def test_a_case_is_the_ct_with_the_mask_of_the_scene(page, ward, tmp_path):
    ward.ask("save", str(tmp_path / "scene.npz"))
    case = ward.folder / "teaching" / "cases" / "case-002"
    ct = read_ct(case / "image.nii.gz")
    with np.load(tmp_path / "scene.npz") as held:
        assert np.array_equal(ct.voxels, held["voxels"])
        assert np.array_equal(read_mask(case / "mask.nii.gz", ct).voxels > 0, held["labels"] > 0)
        assert (held["labels"] > 0).any()


def test_a_removed_case_is_gone_and_may_be_added_again(page, ward):
    page.locator(".lts-case .lts-remove").last.click()
    page.click("#train-yes")
    cases(page, 1)
    assert [path.name for path in (ward.folder / "teaching" / "cases").glob("case-*")] == ["case-001"]
    page.click("#train-start")
    assert "at least 2 are needed" in refusal(page)
    page.click("#add-case")
    cases(page, 2)


def test_cases_may_be_kept_in_another_folder(page, ward, tmp_path):
    page.fill("#teaching-folder", str(tmp_path / "nowhere" / "ours"))
    page.press("#teaching-folder", "Enter")
    assert "no folder nowhere" in refusal(page)
    page.wait_for_function("() => document.querySelector('#teaching-folder').value === ''")
    cases(page, 2)
    page.fill("#teaching-folder", str(tmp_path / "ours"))
    page.press("#teaching-folder", "Enter")
    cases(page, 0)
    page.click("#add-case")
    cases(page, 1)
    assert len(list((tmp_path / "ours" / "cases").glob("case-*"))) == 1
    page.fill("#teaching-folder", "")
    page.press("#teaching-folder", "Enter")
    cases(page, 2)
    assert len(list((ward.folder / "teaching" / "cases").glob("case-*"))) == 2


def test_a_model_learns_a_moment_is_promoted_at_once_in_use_and_rolled_back(page, ward):
    learn(page, "site-prompted", 2, "")
    assert page.locator("#compared tbody tr").count() == 2
    page.click("#train-promote")
    said(page, "site-prompted")
    assert models_in_use(ward)["site-prompted"] == ["site-prompted-1", "site-prompted-2"]
    until(lambda: Path(ward.ask("prompted_model")).name, lambda name: name == "site-prompted-2", page)
    page.click("text=Roll back")
    until(lambda: models_in_use(ward)["site-prompted"], lambda versions: versions == ["site-prompted-1"], page)
    until(lambda: Path(ward.ask("prompted_model")).name, lambda name: name == "site-prompted-1", page)


def test_a_model_that_became_worse_is_refused_and_nothing_changes(page, ward):
    before, answering = models_in_use(ward), ward.ask("prompted_model")
    learn(page, "taught", 1, "0.5")
    comparison = sorted((ward.folder / "teaching" / "runs").glob("*-comparison"))[-1]
    reasons = json.loads((comparison / "comparison.json").read_text())["reasons"]
    assert reasons
    for reason in reasons:
        assert reason in page.inner_text(".lts-panel")
    assert page.locator("#train-promote").count() == 0
    assert (models_in_use(ward), ward.ask("prompted_model")) == (before, answering)
    page.click("#train-discard")
    page.click("#train-yes")
    until(comparison.exists, lambda there: not there, page)
    assert models_in_use(ward) == before
