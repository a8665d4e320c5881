"""`lungtumorseg export` as a person runs it: result folders and masks, NIfTI and DICOM, and what it refuses."""

import errno
import json
import os
import shutil

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from LungTumorSegLib.command.export import export
from LungTumorSegLib.errors import InputRefused

IMAGES = {"segmentation.nii.gz", "lesions.nii.gz", "segmentation.seg.nrrd", "rle.csv", "lesions.csv", "lesions.json"}
IMAGES |= {"report.html", "report.pdf"}
DICOM = {"segmentation.dcm", "measurements.dcm"}


@pytest.fixture(scope="module")
def as_dicom(sample, tmp_path_factory):
    """The sample CT as a DICOM series, every other row and column: small, and on a grid of its own."""
    folder = tmp_path_factory.mktemp("dicom")
    image = sitk.ReadImage(str(sample / "ct.nii.gz"))[::2, ::2, :]
    voxels, study, series, frame = sitk.GetArrayFromImage(image), *(pydicom.uid.generate_uid() for _ in range(3))
    for k, layer in enumerate(voxels):
        d = pydicom.Dataset()
        d.file_meta = pydicom.dataset.FileMetaDataset()
        d.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = study, series, frame
        d.PatientName, d.PatientID, d.StudyDate, d.Modality = "Canary^Patient", "canary-7", "20240501", "CT"
        d.SeriesNumber, d.InstanceNumber = 2, k + 1
        d.ImagePositionPatient = list(image.TransformIndexToPhysicalPoint((0, 0, k)))
        d.ImageOrientationPatient = list(np.reshape(image.GetDirection(), (3, 3))[:, :2].T.ravel())
        d.PixelSpacing, d.SliceThickness = list(image.GetSpacing()[1::-1]), image.GetSpacing()[2]
        d.Rows, d.Columns = layer.shape
        d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 1
        d.RescaleIntercept, d.RescaleSlope = 0, 1
        d.PixelData = layer.astype(np.int16).tobytes()
        d.save_as(folder / f"{k:03}.dcm", enforce_file_format=True)
    truth = sitk.ReadImage(str(sample / "truth.nii.gz"))[::2, ::2, :]
    sitk.WriteImage(truth, str(folder.parent / "truth.nii.gz"))
    return folder, folder.parent / "truth.nii.gz"


def test_a_result_is_exported_into_its_own_folder_in_every_format_that_can_be(lungtumorseg, segmented):
    done = lungtumorseg("export", segmented)
    assert done.returncode == 0, done.stderr
    assert {f.name for f in (segmented / "export").iterdir()} == IMAGES
    assert "No DICOM SEG and SR: the CT was not read from DICOM" in done.stderr
    assert "not a medical device" in done.stdout
    shutil.rmtree(segmented / "export")


def test_a_nifti_scan_asks_for_dicom_in_vain_with_one_line(lungtumorseg, segmented, tmp_path):
    done = lungtumorseg("export", segmented, "-o", tmp_path / "out", "--format", "csv,seg")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "read from DICOM" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_mask_on_a_dicom_scan_is_exported_with_seg_and_sr(lungtumorseg, as_dicom, tmp_path):
    ct, mask = as_dicom
    done = lungtumorseg("export", mask, "--ct", ct, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {f.name for f in (tmp_path / "out").iterdir()} == IMAGES | DICOM
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    seg = pydicom.dcmread(tmp_path / "out" / "segmentation.dcm")
    assert {s.SegmentAlgorithmType for s in seg.SegmentSequence} == {"MANUAL"}
    assert seg.PatientID == "canary-7"
    report = json.loads((tmp_path / "out" / "lesions.json").read_text())
    assert len(report["lesions"]) == len(seg.SegmentSequence) == 3
    assert report["study"]["study_date"] == "2024-05-01"
    assert "canary" not in (done.stdout + done.stderr).lower()


def test_an_exported_segmentation_comes_back_as_a_mask_with_the_same_lesions(as_dicom, tmp_path):
    ct, mask = as_dicom
    export(mask, ct, tmp_path / "one", ["seg,nifti"])
    export(tmp_path / "one" / "segmentation.dcm", ct, tmp_path / "two", ["nifti"])
    first, second = (sitk.ReadImage(str(tmp_path / folder / "lesions.nii.gz")) for folder in ("one", "two"))
    assert np.array_equal(sitk.GetArrayFromImage(first), sitk.GetArrayFromImage(second))


def test_a_result_whose_mask_was_edited_is_not_exported_with_old_measures(segmented, tmp_path):
    edited = shutil.copytree(segmented, tmp_path / "edited")
    image = sitk.ReadImage(str(edited / "lesions.nii.gz"))
    voxels = sitk.GetArrayFromImage(image)
    voxels[tuple(np.argwhere(voxels)[0])] = 0
    changed = sitk.GetImageFromArray(voxels)
    changed.CopyInformation(image)
    sitk.WriteImage(changed, str(edited / "lesions.nii.gz"))
    with pytest.raises(InputRefused, match="do not show the same lesions"):
        export(edited)
    assert not (edited / "export").exists()


def test_a_result_without_lesions_is_exported_and_says_so(as_dicom, tmp_path, capsys):
    ct, mask = as_dicom
    empty = sitk.ReadImage(str(mask)) * 0
    sitk.WriteImage(empty, str(tmp_path / "empty.nii.gz"))
    export(tmp_path / "empty.nii.gz", ct, tmp_path / "out")
    said = capsys.readouterr()
    assert "No lesion:" in said.out
    assert "there is no lesion" in said.err
    assert {f.name for f in (tmp_path / "out").iterdir()} == IMAGES


def test_what_cannot_be_exported_is_refused_in_one_line(segmented, sample, tmp_path):
    moved = shutil.copytree(segmented, tmp_path / "moved")
    run = json.loads((moved / "run.json").read_text())
    (moved / "run.json").write_text(json.dumps(run | {"image_path": str(tmp_path / "gone.nii.gz")}))
    other = shutil.copytree(segmented, tmp_path / "other")
    (other / "run.json").write_text(json.dumps(run | {"image_sha256": "0" * 64}))
    broken = shutil.copytree(segmented, tmp_path / "broken")
    (broken / "lesions.json").write_text('{"lesions": [{"id": 1}]}')
    for arguments, says in [
        ((moved,), "--ct"),
        ((other,), "has changed"),
        ((broken,), "not as segment writes it"),
        ((tmp_path / "nowhere",), "no result or mask"),
        ((tmp_path,), "holds no run.json"),
        ((sample / "truth.nii.gz",), "name the CT with --ct"),
        ((segmented, None, segmented), "overwrite the result"),
        ((segmented, None, None, ["docx"]), "no format docx"),
        ((segmented, None, sample / "ct.nii.gz"), "is a file"),
    ]:
        with pytest.raises(InputRefused, match=says) as refusal:
            export(*arguments)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["segmentation.nii.gz", "lesions.nii.gz"])
def test_a_mask_or_a_ct_is_not_overwritten_by_what_is_made_from_it(as_dicom, sample, segmented, tmp_path, name):
    ct, mask = as_dicom
    (tmp_path / "mask").mkdir()
    shutil.copy(mask, tmp_path / "mask" / name)
    (tmp_path / "link").symlink_to(tmp_path / "mask")
    (tmp_path / "ct").mkdir()
    shutil.copy(sample / "ct.nii.gz", tmp_path / "ct" / name)
    result = shutil.copytree(segmented, tmp_path / "result")
    run = json.loads((result / "run.json").read_text())
    (result / "run.json").write_text(json.dumps(run | {"image_path": str(tmp_path / "ct" / name)}))
    for read, image, out in [
        (tmp_path / "mask" / name, ct, tmp_path / "mask"),
        (tmp_path / "mask" / name, ct, tmp_path / "link"),
        (sample / "truth.nii.gz", tmp_path / "ct" / name, tmp_path / "ct"),
        (result, None, tmp_path / "ct"),
    ]:
        before = (out / name).read_bytes()
        with pytest.raises(InputRefused, match="what the results are made from") as refusal:
            export(read, image, out, ["nifti"])
        assert "\n" not in str(refusal.value)
        assert [path.name for path in out.iterdir()] == [name]
        assert (out / name).read_bytes() == before


def test_old_files_stay_whole_where_an_export_fails(as_dicom, tmp_path, monkeypatch):
    ct, mask = as_dicom
    export(mask, ct, tmp_path / "out", ["csv,rle"])
    before = {f.name: f.read_bytes() for f in (tmp_path / "out").iterdir()}

    def full_disk(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("LungTumorSegLib.export.run_length.encode", full_disk)
    with pytest.raises(InputRefused, match="No space left"):
        export(mask, ct, tmp_path / "out", ["csv,rle"])
    assert {f.name: f.read_bytes() for f in (tmp_path / "out").iterdir()} == before
    assert [f.name for f in tmp_path.iterdir()] == ["out"]


def dicom_in(folder) -> set[str]:
    return {f.name for f in folder.glob("*.dcm")}


def emptied(mask, place):
    """The mask without a lesion."""
    sitk.WriteImage(sitk.ReadImage(str(mask)) * 0, str(place))
    return place


def test_seg_and_sr_of_an_earlier_result_go_where_there_is_no_lesion_any_more(as_dicom, tmp_path, capsys):
    ct, mask = as_dicom
    export(mask, ct, tmp_path / "out", ["csv,seg,sr"])
    assert dicom_in(tmp_path / "out") == DICOM
    export(emptied(mask, tmp_path / "empty.nii.gz"), ct, tmp_path / "out", ["csv,seg,sr"])
    assert len((tmp_path / "out" / "lesions.csv").read_text().splitlines()) == 1
    assert dicom_in(tmp_path / "out") == set()
    assert "segmentation.dcm, measurements.dcm of an earlier result: taken away" in capsys.readouterr().err


def test_an_sr_that_refers_to_a_seg_that_is_no_more_goes_and_one_of_the_same_findings_stays(as_dicom, tmp_path):
    ct, mask = as_dicom
    other = tmp_path / "other.nii.gz"
    sitk.WriteImage(sitk.BinaryErode(sitk.ReadImage(str(mask)) > 0), str(other))
    export(mask, ct, tmp_path / "out", ["sr"])
    export(mask, ct, tmp_path / "out", ["csv"])
    export(mask, ct, tmp_path / "out", ["seg"])
    assert dicom_in(tmp_path / "out") == DICOM
    export(other, ct, tmp_path / "out", ["seg"])
    assert dicom_in(tmp_path / "out") == {"segmentation.dcm"}


def test_what_another_program_wrote_stays_and_what_is_older_than_the_result_is_told_of(as_dicom, tmp_path, capsys):
    ct, mask = as_dicom
    export(mask, ct, tmp_path / "out", ["csv,sr"])
    for name in DICOM:
        foreign = pydicom.dcmread(tmp_path / "out" / name)
        foreign.ManufacturerModelName = "Another"
        foreign.save_as(tmp_path / "out" / name)
    capsys.readouterr()
    export(mask, ct, tmp_path / "out", ["csv"])
    assert "older" not in capsys.readouterr().err
    for file in (tmp_path / "out").iterdir():
        os.utime(file, (0, 0))
    export(emptied(mask, tmp_path / "empty.nii.gz"), ct, tmp_path / "out", ["rle"])
    assert dicom_in(tmp_path / "out") == DICOM
    assert "lesions.csv, segmentation.dcm, measurements.dcm in the folder: older" in capsys.readouterr().err
