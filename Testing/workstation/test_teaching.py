"""The Train tab's work without widgets, with the real commands as child processes."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from LungTumorSegLib.cases.adding import add_case
from LungTumorSegLib.cases.local import list_cases
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import registry
from LungTumorSegLib.volume.reading import read_ct, read_mask
from LungTumorSegLib.worker.child import Child
from LungTumorSegLib.worker.launch import job_command
from LungTumorSegLib.workstation.teaching import Teaching
from LungTumorSegLib.workstation.tuning_recipe import recipe_epochs, recipe_rate
from LungTumorSegLib.workstation.tuning_runs import COMPARED, PROMOTED, STOPPED, TRAINING, Knobs

BALL_MM = 4.0


class Told:
    def __init__(self):
        self.sentences, self.failures, self.changes = [], [], 0

    def changed(self):
        self.changes += 1

    def said(self, sentence):
        self.sentences.append(sentence)

    def failed(self, sentence, details=""):
        self.failures.append((sentence, details))


class Tab:
    """A host with a timer."""

    def __init__(self, folder: Path, models: Path, frozen: Path | None = None):
        self.children, self.told = [], Told()
        self.teaching = Teaching(folder, job_command(), self.new_process, self.told, frozen, models)

    def new_process(self):
        self.children.append(Child())
        return self.children[-1]

    def until(self, condition, seconds=600.0):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            for child in self.children:
                child.deliver(0.02)
            self.teaching.tick()
        return condition()

    def rest(self):
        assert self.until(lambda: not self.teaching.busy)
        assert self.told.failures == []


def ball(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    index = np.stack(np.meshgrid(*[np.arange(24)] * 3, indexing="ij"), -1)
    inside = ((index - 12 - rng.uniform(-2, 2, 3)) ** 2).sum(-1) < BALL_MM**2
    return (np.where(inside, 20, -850) + rng.normal(0, 40, inside.shape)).astype(np.int16), inside.astype(np.uint8)


def write_scan(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True)
    for name, array in zip(("image", "mask"), ball(seed), strict=True):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / f"{name}.nii.gz"))


def add(dataset: Path, scans: Path, seed: int) -> None:
    """What `case add` does, without a process of its own."""
    write_scan(scans / str(seed), seed)
    ct = read_ct(scans / str(seed) / "image.nii.gz")
    add_case(dataset, ct, read_mask(scans / str(seed) / "mask.nii.gz", ct).voxels, f"Patient {seed}")


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    """A dataset of three patients, a base that learnt nothing, and frozen cases."""
    torch = pytest.importorskip("torch")
    from LungTumorSegLib.networks import catalogue
    from LungTumorSegLib.networks.card import ModelCard
    from LungTumorSegLib.networks.model import save_model

    root = tmp_path_factory.mktemp("ward")
    arguments = {"input_channels": 3, "widths": (4, 8, 8, 8), "blocks": (1, 1, 1, 1)}
    card = ModelCard(
        "base", "prompted", "ResidualUNet3D", arguments, (1.0, 1.0, 1.0), (32, 32, 32), (-1000.0, 400.0), 1, 0.5, 0.0,
        "made in a test",
    )  # fmt: skip
    torch.manual_seed(0)
    save_model(root / "base", catalogue.build("ResidualUNet3D", **arguments), card)
    for seed in (90, 91):
        write_scan(root / "frozen" / f"Frozen-{seed}", seed)
    for seed in (1, 2, 3):
        add(root / "folder" / "cases", root / "scans", seed)
    return root


@pytest.fixture
def tab(ward, tmp_path):
    """A tab of its own with the ward's cases."""
    shutil.copytree(ward / "folder", tmp_path / "folder")
    return Tab(tmp_path / "folder", tmp_path / "models", ward / "frozen")


def test_cases_are_listed_with_pictures_and_without_names(ward):
    tab = Tab(ward / "folder", ward / "models")
    cases = tab.teaching.cases()
    assert [case.name for case in cases] == ["case-001", "case-002", "case-003"]
    assert [case.lesions for case in cases] == [1, 1, 1]
    assert cases[0].volume_ml == pytest.approx(4 / 3 * np.pi * BALL_MM**3 / 1000, rel=0.15)
    assert all(tab.teaching.thumbnail(case).read_bytes()[1:4] == b"PNG" for case in cases)
    written = b"".join(path.read_bytes() for path in (ward / "folder").rglob("*") if path.suffix in (".json", ".csv"))
    assert b"Patient 1" not in written


def test_a_case_added_again_gets_the_new_mask(ward, tab, tmp_path):
    before = tab.teaching.cases()[0]
    _hu, mask = ball(1)
    shutil.copytree(ward / "scans" / "1", tmp_path / "again")
    mask[:, :, :12] = 0
    sitk.WriteImage(sitk.GetImageFromArray(mask), str(tmp_path / "again" / "mask.nii.gz"))
    words = ["case", "add", tmp_path / "again" / "image.nii.gz", "--mask", tmp_path / "again" / "mask.nii.gz"]
    tab.teaching._begin("adding", [*words, "--to", tab.teaching.dataset, "--replace"], lambda end: None)
    tab.rest()
    cases = tab.teaching.cases()
    assert len(cases) == 3
    assert cases[0].volume_ml < before.volume_ml


def test_a_mask_that_cannot_be_taught_is_refused_in_words_and_leaves_nothing(tab, tmp_path):
    write_scan(tmp_path / "scan", 7)
    full = sitk.GetImageFromArray(np.ones((24, 24, 24), np.uint8))
    sitk.WriteImage(full, str(tmp_path / "scan" / "mask.nii.gz"))
    words = ["case", "add", tmp_path / "scan" / "image.nii.gz", "--mask", tmp_path / "scan" / "mask.nii.gz"]
    tab.teaching._begin("adding", [*words, "--to", tab.teaching.dataset], lambda end: None)
    assert tab.until(lambda: not tab.teaching.busy)
    assert "mask" in tab.told.failures[0][0].lower()
    assert len(tab.teaching.cases()) == 3
    assert not [path for path in tab.teaching.dataset.iterdir() if path.name.startswith(".")]


def test_a_removed_case_is_gone_and_its_number_is_not_given_to_the_others(tab):
    tab.teaching.remove_case("case-002")
    assert [case.name for case in list_cases(tab.teaching.dataset)] == ["case-001", "case-003"]
    assert "case-002" not in (tab.teaching.dataset / "patients.csv").read_text()
    with pytest.raises(InputRefused, match="no case"):
        tab.teaching.remove_case("../folder")


def test_a_step_whose_result_cannot_be_shown_is_told_of_and_over(ward, tab):
    def broken(end):
        raise OSError("no space left")

    scan = ward / "scans" / "1"
    words = ["case", "add", scan / "image.nii.gz", "--mask", scan / "mask.nii.gz", "--to", tab.teaching.dataset]
    tab.teaching._begin("adding", [*words, "--replace"], broken)
    changes = tab.told.changes
    assert tab.until(lambda: not tab.teaching.busy)
    (failure,) = tab.told.failures
    assert failure[0] == "The result could not be shown."
    assert "no space left" in failure[1]
    assert tab.told.changes > changes


def test_too_few_patients_are_refused_before_anything_starts(tab, ward):
    for name in ("case-002", "case-003"):
        tab.teaching.remove_case(name)
    with pytest.raises(InputRefused, match="at least 2"):
        tab.teaching.start(Knobs("prompted", str(ward / "base")))
    assert tab.teaching.state is None
    assert not tab.teaching.busy


def test_a_run_is_stopped_found_by_another_host_resumed_compared_and_decided(tab, ward, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    teaching = tab.teaching
    teaching.start(Knobs("prompted", str(ward / "base"), epochs=3, learning_rate=1e-3))
    assert teaching.state == TRAINING
    with pytest.raises(InputRefused, match="under way"):
        teaching.compare()
    assert tab.until(lambda: len(teaching.curves()) >= 1)
    teaching.stop()
    tab.rest()
    assert teaching.state == STOPPED

    other = Tab(teaching.folder, tab.teaching._models, ward / "frozen")
    assert other.teaching.state == STOPPED
    assert other.teaching.run.knobs == Knobs("prompted", str(ward / "base"), 3, 1e-3)
    other.teaching.resume()
    assert other.until(lambda: other.teaching.progress is not None)
    other.rest()  # trained, and compared by itself
    assert other.teaching.state == COMPARED
    assert [row["step"] for row in other.teaching.curves()] == [10, 20, 30]
    compared = other.teaching.compared()
    assert (compared.site.patients, compared.frozen.cases) == (1, 2)
    assert len(compared.pictures) == 3
    assert compared.pictures[0].name.startswith("site")
    assert compared.pictures[0].read_bytes()[1:4] == b"PNG"
    if compared.reasons:
        with pytest.raises(InputRefused, match="no compared model"):
            other.teaching.promote()
    other.teaching.discard()
    assert other.teaching.state is None
    assert list((teaching.folder / "runs").iterdir()) == []


def test_what_is_no_worse_is_promoted_by_its_comparison_and_rolled_back(tab, ward, tmp_path):
    from LungTumorSegLib.cases.layouts import read_dataset
    from LungTumorSegLib.networks.card import ModelCard
    from LungTumorSegLib.networks.fingerprint import fingerprint
    from LungTumorSegLib.networks.model import load_model, save_model
    from LungTumorSegLib.training.promotion import Comparison, Score, Verdict
    from LungTumorSegLib.training.promotion_report import write_comparison
    from LungTumorSegLib.training.taught import taught_facts

    base = load_model(ward / "base")
    cases = read_dataset(tab.teaching.dataset).cases
    card = ModelCard(**{**vars(base.card), "name": "run-001", "provenance": taught_facts(cases[:1])})
    runs = tab.teaching.folder / "runs"
    runs.mkdir()
    save_model(runs / "run-001", base.network, card)  # says the same as its base: no worse
    knobs = '{"task": "prompted", "base": "%s", "epochs": null, "learning_rate": null, "device": "cpu"}'
    (runs / "run-001.json").write_text('{"knobs": %s, "promoted": ""}' % (knobs % os.fspath(ward / "base")))
    one = Comparison(1, 1, "made", (Score("0", 1, 0.8, 0.8, (), ()),))
    verdict = Verdict("prompted", fingerprint(ward / "base"), fingerprint(runs / "run-001"), one, one)
    write_comparison(runs / "run-001-comparison", verdict)
    assert tab.teaching.state == COMPARED
    assert tab.teaching.compared().reasons == ()
    tab.teaching.promote()
    tab.rest()
    assert tab.teaching.state == PROMOTED
    assert registry.names_in_use(tmp_path / "models") == {"site-prompted": "site-prompted-1"}
    assert "site-prompted" in tab.told.sentences[-1]
    tab.teaching.roll_back("prompted")
    assert registry.names_in_use(tmp_path / "models") == {}


def test_the_recipes_say_what_automatic_means():
    for task in ("prompted", "automatic"):
        assert recipe_epochs(task) >= 1
        assert 0 < recipe_rate(task) < 1e-2
