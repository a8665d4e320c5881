"""The whole of a radiologist's work in the page, nothing of it pretended: the models that come with the program, and a
training that trains. On the sample scan, and on real ones where they are there.

load, Segment, threshold, point, paint, measure, every export, a case, a moment's training, promoted or refused.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from app_process import Served
from browsing import (
    at,
    coloured_pixels,
    come_in,
    downloaded,
    drag,
    grey_levels,
    hush,
    open_ct,
    refusal,
    said,
    segment,
    take,
    until,
)
from downloads import laid_on, lies_on, on_grid, seg_voxels, table, unpacked
from scipy import ndimage

from LungTumorSegLib.cases.adding import add_case
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.phantom import make_phantom
from LungTumorSegLib.volume.reading import read_ct, read_mask
from LungTumorSegLib.volume.writing import write_volume

pytest.importorskip("torch")

STEPS = 10  # of the threshold's slider, a hundredth each


@dataclass
class Scan:
    """file : what is opened, a file or a folder. truth : the mask that somebody drew, [k, j, i] on its grid."""

    file: Path
    ct: Volume
    truth: np.ndarray
    dicom: bool = False


def phantom(folder: Path, _shared) -> Scan:
    ct, mask, _ = make_phantom(seed=0)
    write_volume(folder / "ct.nii.gz", ct)
    return Scan(folder / "ct.nii.gz", read_ct(folder / "ct.nii.gz"), mask.voxels > 0)


def whole_scan(_folder: Path, shared) -> Scan:
    scan = shared() / "scans" / "LIDC-IDRI-0003"
    ct = read_ct(scan / "image.nii.gz")
    return Scan(scan / "image.nii.gz", ct, read_mask(scan / "mask.nii.gz", ct).voxels > 0)


def dicom_series(_folder: Path, shared) -> Scan:
    ct = read_ct(shared() / "dicom" / "radphantom-pat2")
    mask = sitk.ReadImage(str(shared() / "scans" / "radphantom-pat2" / "mask.nii.gz"))
    grid = sitk.GetImageFromArray(np.zeros(ct.geometry.shape, np.uint8))
    grid.SetSpacing(ct.geometry.spacing)
    grid.SetOrigin(ct.geometry.origin)
    grid.SetDirection(np.ravel(ct.geometry.direction).tolist())
    truth = sitk.GetArrayFromImage(sitk.Resample(mask, grid, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0
    return Scan(shared() / "dicom" / "radphantom-pat2", ct, truth, dicom=True)


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    """The app with the real worker. A case of another patient is in the user's dataset, one of a third must not be
    forgotten."""
    folder = tmp_path_factory.mktemp("ward")
    for name, seed in (("teaching/cases", 1), ("frozen", 2)):
        ct, mask, _ = make_phantom(seed, (60, 128, 128), (2.8, 2.8, 4.5))
        add_case(folder / name, ct, mask.voxels, f"Patient {seed}")
    served = Served(folder, real=True)
    yield served
    served.close()


@pytest.fixture(scope="module")
def page(ward, chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    page = come_in(context, ward)
    page.set_default_timeout(1_800_000)
    yield page
    context.close()


@pytest.mark.parametrize("make", [phantom, whole_scan, dicom_series], ids=lambda make: make.__name__)
def test_from_a_scan_to_a_taught_model(make, page, ward, request, tmp_path):
    scan = make(tmp_path, lambda: request.getfixturevalue("shared_data"))
    loop = Loop(page, ward, scan, tmp_path)
    loop.load()
    loop.find()
    loop.move_the_threshold()
    loop.place_a_point()
    loop.paint()
    loop.measure()
    loop.export_images()
    loop.export_documents()
    loop.teach()
    assert page.outside == []
    assert [words for words in page.wrong if "404" not in words] == []


class Loop:
    def __init__(self, page, served, scan: Scan, folder: Path):
        self.page, self.served, self.scan, self.folder = page, served, scan, folder

    def labels(self) -> np.ndarray:
        """The lesions' numbers in the scene, on the CT's grid."""
        self.served.ask("save", str(self.folder / "scene.npz"))
        with np.load(self.folder / "scene.npz") as held:
            return held["labels"]

    def counts(self) -> dict[int, int]:
        return {int(number): lesion["count"] for number, lesion in self.served.ask("voxels").items()}

    def tab(self, name: str) -> None:
        self.page.click(f".v-tab:has-text('{name}')")

    # The steps

    def load(self) -> None:
        self.tab("Segment")
        open_ct(self.page, self.scan.file)
        self.served.ask("save", str(self.folder / "scene.npz"))
        with np.load(self.folder / "scene.npz") as held:
            assert np.array_equal(held["voxels"], self.scan.ct.voxels)
        grid = self.served.ask("grid")
        for name, value in self.scan.ct.geometry.as_dict().items():
            assert np.allclose(grid[name], value, atol=1e-3), name
        for view in ("axial", "coronal", "sagittal"):
            until(lambda view=view: grey_levels(self.page, view), lambda levels: levels > 8, self.page)

    def find(self) -> None:
        segment(self.page, " found in ")
        assert (self.labels() > 0)[self.scan.truth].any(), "nothing of the tumour was found"
        until(lambda: coloured_pixels(self.page, "axial"), lambda count: count > 20, self.page)

    def move_the_threshold(self) -> None:
        before, threshold = self.counts(), self.served.ask("threshold")
        self.page.focus(".v-slider:has(#threshold) [role=slider]")
        for key, wanted in (("ArrowRight", threshold + STEPS / 100), ("ArrowLeft", threshold)):
            for _ in range(STEPS):
                self.page.keyboard.press(key)
            until(lambda: self.served.ask("threshold"), lambda now, wanted=wanted: abs(now - wanted) < 1e-6, self.page)
            if key == "ArrowRight":
                until(self.counts, lambda now: sum(now.values()) < sum(before.values()), self.page)
        until(self.counts, lambda now: now == before, self.page)

    def place_a_point(self) -> None:
        """Deep in the largest tumour; what answers is the model for clicks."""
        depth = ndimage.distance_transform_edt(self.scan.truth, self.scan.ct.geometry.spacing[::-1])
        self.kji = np.array(np.unravel_index(depth.argmax(), depth.shape))
        self.place = self.scan.ct.geometry.ijk_to_lps(self.kji[None, ::-1].astype(float))[0]
        self.served.ask("jump", self.place.tolist())
        take(self.page, self.served, "inside")
        hush(self.page, self.served)
        self.page.mouse.click(*at(self.page, self.served, "Axial", self.place))
        said(self.page, " found in ")
        self.page.keyboard.press("Escape")
        until(lambda: self.served.ask("tool"), lambda tool: tool == "", self.page)
        assert self.served.ask("prompts") == [1, 0, 0]
        self.lesion = int(self.labels()[tuple(self.kji)])
        assert self.lesion > 0
        assert str(self.lesion) in self.served.ask("voxels")

    def paint(self) -> None:
        """Beside the lesion, in the slice of the point; it grows by what is painted, the others do not."""
        self.tab("Measure")
        self.page.click(f"#lesions tbody tr >> nth={sorted(self.counts()).index(self.lesion)}")
        self.tab("Segment")
        before = self.counts()
        k, j, _ = self.kji
        right = np.flatnonzero(self.labels()[k, j] == self.lesion).max()
        beside = self.scan.ct.geometry.ijk_to_lps(np.array([[right + 2.0, j, k]]))[0]
        self.served.ask("jump", beside.tolist())
        take(self.page, self.served, "paint")
        drag(self.page, at(self.page, self.served, "Axial", beside), (10, 4))
        grown = until(self.counts, lambda now: now[self.lesion] > before[self.lesion], self.page)
        assert {n: count for n, count in grown.items() if n != self.lesion} == {
            n: count for n, count in before.items() if n != self.lesion
        }
        self.page.keyboard.press("Escape")
        until(lambda: self.served.ask("edited"), bool, self.page)

    def measure(self) -> None:
        """The table says what the scene holds; a line that is dragged is the table's."""
        self.tab("Measure")
        rows = self.page.locator("#lesions tbody tr")
        row = rows.nth(sorted(self.counts()).index(self.lesion))
        volume = self.counts()[self.lesion] * self.scan.ct.geometry.voxel_volume_mm3 / 1000
        until(row.inner_text, lambda text: f"\t{volume:.2f}\t" in text, self.page)
        row.click()
        end = self.served.ask("line", self.lesion, "long")[0]
        self.served.ask("jump", end)
        x, y = at(self.page, self.served, "Axial", end)
        self.page.mouse.move(x - 30, y - 30)
        self.page.mouse.move(x, y, steps=3)
        until(lambda: self.served.ask("held", self.lesion, "long"), bool, self.page)
        drag(self.page, (x, y), (14, -10))
        until(lambda: self._off((x + 14, y - 10)), lambda pixels: pixels < 3, self.page)
        until(row.inner_text, lambda text: "edited" in text, self.page)
        ends = np.array(self.served.ask("line", self.lesion, "long"))
        self.length = float(np.linalg.norm(ends[0] - ends[1]))
        until(row.inner_text, lambda text: f"{self.length:.1f} ×" in text, self.page)
        assert rows.count() == len(self.counts())

    def export_images(self) -> None:
        """Mask and scene: every voxel at its place."""
        self.tab("Export")
        wanted, ct = self.labels(), self.scan.ct
        mask = on_grid(sitk.ReadImage(str(downloaded(self.page, "#export-nifti", self.folder))), ct)
        assert np.array_equal(mask > 0, wanted > 0)
        scene = unpacked(downloaded(self.page, "#export-scene", self.folder))
        images = [sitk.ReadImage(str(path)) for path in scene.rglob("*.nrrd")]
        images = [image for image in images if lies_on(image, ct)]  # not those of the scans before
        assert any(np.array_equal(laid_on(image, ct), wanted) for image in images)
        assert any(np.array_equal(laid_on(image, ct), ct.voxels) for image in images)
        assert list(scene.rglob("*.mrk.json"))

    def export_documents(self) -> None:
        """Table and report, and of a CT from DICOM SEG and SR."""
        rows = table(downloaded(self.page, "#export-csv", self.folder))
        assert {int(row["lesion"]): int(row["voxels"]) for row in rows} == self.counts()
        own = next(row for row in rows if int(row["lesion"]) == self.lesion)
        assert (own["edited"], round(float(own["long axis (mm)"]), 3)) == ("yes", round(self.length, 3))
        assert downloaded(self.page, "#export-report", self.folder).read_bytes()[:5] == b"%PDF-"
        if not self.scan.dicom:
            self.page.click("#export-dicom")
            assert "DICOM" in refusal(self.page)
            return
        folder = unpacked(downloaded(self.page, "#export-dicom", self.folder))
        assert np.array_equal(seg_voxels(folder / "segmentation.dcm", self.scan.ct), self.labels() > 0)
        series = pydicom.dcmread(folder / "segmentation.dcm").ReferencedSeriesSequence[0].SeriesInstanceUID
        assert series == self.scan.ct.series.uid
        assert pydicom.dcmread(folder / "measurements.dcm").Modality == "SR"

    def teach(self) -> None:
        """The scan becomes a case; a moment's training; the judgement is obeyed, whichever it is."""
        self.tab("Train")
        self.page.click("#add-case")
        self.page.wait_for_function("() => document.querySelectorAll('.lts-case').length === 2")
        (case,) = set((self.served.folder / "teaching" / "cases").glob("case-*")) - {self._neighbour}
        ct = read_ct(case / "image.nii.gz")
        assert np.array_equal(ct.voxels, self.scan.ct.voxels)
        assert np.array_equal(read_mask(case / "mask.nii.gz", ct).voxels > 0, self.labels() > 0)
        before = self.served.ask("prompted_model")
        self.page.fill("#epochs", "1")
        self.page.fill("#frozen", str(self.served.folder / "frozen"))
        self.page.press("#frozen", "Enter")
        self.page.click("#train-start")
        self.page.wait_for_selector("#train-stop")
        self.page.wait_for_selector("#curves svg")
        self.page.wait_for_selector("#compared")
        run = max((self.served.folder / "teaching" / "runs").glob("run-*.json")).stem
        judged = json.loads((self._runs / f"{run}-comparison" / "comparison.json").read_text())
        assert judged["frozen"]["cases"] == 1
        if judged["reasons"]:
            assert self.page.locator("#train-promote").count() == 0
            assert judged["reasons"][0] in self.page.inner_text(".lts-panel")
            assert self.served.ask("prompted_model") == before
        else:
            self.page.click("#train-promote")
            said(self.page, "site-prompted")
            assert self.served.ask("prompted_model") != before
        self.page.locator(".lts-case .lts-remove").last.click()
        self.page.click("#train-yes")
        self.page.wait_for_function("() => document.querySelectorAll('.lts-case').length === 1")

    def _off(self, place: tuple[float, float]) -> float:
        """How many pixels the nearer end of the long axis lies off a place in the window."""
        ends = self.served.ask("line", self.lesion, "long")
        return min(np.hypot(*np.subtract(at(self.page, self.served, "Axial", end), place)) for end in ends)

    @property
    def _runs(self) -> Path:
        return self.served.folder / "teaching" / "runs"

    @property
    def _neighbour(self) -> Path:
        return self.served.folder / "teaching" / "cases" / "case-001"
