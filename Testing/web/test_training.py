"""The Train tab with the real commands: a corrected scan becomes a case, a small model learns a moment, is compared and
promoted, and the page offers it."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from app_process import Served
from browsing import come_in, open_ct, said, segment, until

sys.path.append(str(Path(__file__).resolve().parents[1] / "training"))
torch = pytest.importorskip("torch")


@pytest.fixture
def ward(tmp_path, monkeypatch):
    """A process of its own, with a small model that learnt nothing and the cases of two patients."""
    from small_site import ARGUMENTS, ball

    from LungTumorSegLib.cases.adding import add_case
    from LungTumorSegLib.networks import catalogue, registry
    from LungTumorSegLib.networks.card import ModelCard
    from LungTumorSegLib.networks.model import save_model
    from LungTumorSegLib.volume.reading import read_ct, read_mask

    def fill(folder: Path, name: str) -> None:
        torch.manual_seed(0)
        card = ModelCard(
            name, "prompted", "ResidualUNet3D", ARGUMENTS, (1.0, 1.0, 1.0), (32, 32, 32), (-1000.0, 400.0), 1, 0.5, 0.0,
            "made in a test",
        )  # fmt: skip
        save_model(tmp_path / "base", catalogue.build("ResidualUNet3D", **ARGUMENTS), card)
        shutil.copytree(tmp_path / "base", folder, dirs_exist_ok=True)

    registry.put_in(tmp_path / "models", "site-prompted", fill, "")
    for seed in (1, 2):
        folder = tmp_path / "scans" / str(seed)
        folder.mkdir(parents=True)
        hu, inside = ball(np.random.default_rng(seed), 24, np.array((12.0, 12.0, 12.0)))
        for name, array in (("image", hu), ("mask", inside.astype(np.uint8))):
            sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / f"{name}.nii.gz"))
        ct = read_ct(folder / "image.nii.gz")
        add_case(tmp_path / "teaching" / "cases", ct, read_mask(folder / "mask.nii.gz", ct).voxels, f"Patient {seed}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    served = Served(tmp_path)
    yield served
    served.close()


def test_a_case_is_added_a_model_learns_is_compared_and_promoted(ward, chromium, ct_file, tmp_path):
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = come_in(context, ward)
    segment(open_ct(page, ct_file))
    page.click(".v-tab:has-text('Train')")
    assert page.locator(".lts-case").count() == 2
    page.click("#add-case")
    page.wait_for_function("() => document.querySelectorAll('.lts-case').length === 3")
    page.locator(".lts-case .lts-remove").last.click()
    page.wait_for_function("() => document.querySelectorAll('.lts-case').length === 2")
    page.fill("#epochs", "2")
    page.click("#train-start")
    page.wait_for_selector("#curves svg")
    page.wait_for_selector("#compared")
    page.click("#train-promote")
    said(page, "site-prompted")
    state = json.loads((tmp_path / "models" / "current.json").read_text())
    assert state["models"]["site-prompted"] == ["site-prompted-1", "site-prompted-2"]
    page.click("text=Roll back")
    until(
        lambda: json.loads((tmp_path / "models" / "current.json").read_text())["models"]["site-prompted"],
        lambda versions: versions == ["site-prompted-1"],
        page,
    )
    context.close()
