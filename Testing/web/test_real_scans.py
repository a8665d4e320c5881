"""Real scans through the page, with the real worker and the models that come with the program."""

import zipfile

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from app_process import Served
from browsing import at, coloured_pixels, come_in, downloaded, open_ct, segment, until

from LungTumorSegLib.volume.reading import read_ct, read_mask

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("real"), real=True)
    yield served
    served.close()


@pytest.fixture(scope="module")
def page(real, chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = come_in(context, real)
    page.set_default_timeout(300_000)
    yield page
    context.close()


def test_a_whole_scan_is_segmented_and_its_mask_comes_on_the_scans_grid(page, real, shared_data, tmp_path):
    scan = shared_data / "scans" / "LIDC-IDRI-0003"
    segment(open_ct(page, scan / "image.nii.gz"), " found in ")
    page.wait_for_timeout(1000)
    assert coloured_pixels(page, "axial") > 20
    page.click(".v-tab:has-text('Export')")
    mask = sitk.ReadImage(str(downloaded(page, "#export-nifti", tmp_path)))
    ct = read_ct(scan / "image.nii.gz")
    found, wanted = sitk.GetArrayFromImage(mask) > 0, read_mask(scan / "mask.nii.gz", ct).voxels > 0
    assert found.shape == wanted.shape
    assert np.allclose(mask.GetOrigin(), ct.geometry.origin, atol=1e-3)
    assert (found & wanted).any()


def test_a_dicom_series_is_opened_clicked_and_exported_for_the_archive(page, real, shared_data, tmp_path):
    folder = shared_data / "dicom" / "radphantom-pat2"
    ct = read_ct(folder)
    tumour = shared_data / "scans" / "radphantom-pat2" / "mask.nii.gz"
    places = np.argwhere(sitk.GetArrayFromImage(sitk.ReadImage(str(tumour))) > 0)
    middle = places[np.argmin(np.linalg.norm(places - places.mean(axis=0), axis=1))]
    place = sitk.ReadImage(str(tumour)).TransformIndexToPhysicalPoint([int(n) for n in middle[::-1]])
    open_ct(page, folder)
    page.click(".v-tab:has-text('Segment')")
    real.ask("jump", list(place))
    page.click("#tool-inside")
    page.wait_for_timeout(300)
    page.mouse.click(*at(page, real, "Axial", place))
    found = until(lambda: real.ask("voxels"), bool, page)
    assert min(np.linalg.norm(np.subtract(lesion["middle"], place)) for lesion in found.values()) < 20
    page.keyboard.press("Escape")
    page.click(".v-tab:has-text('Export')")
    with zipfile.ZipFile(downloaded(page, "#export-dicom", tmp_path)) as packed:
        packed.extractall(tmp_path)
    segmentation = pydicom.dcmread(tmp_path / "segmentation.dcm")
    assert segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID == ct.series.uid
