"""The formats that are not DICOM: values, grids and what they say of an empty result."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from made_series import MadeSeries

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.export.csv_table import write_csv
from LungTumorSegLib.export.formats import FORMATS, choose
from LungTumorSegLib.export.nrrd import header, write_nrrd
from LungTumorSegLib.export.run_length import decode, encode, read_run_length, slice_names, write_run_length
from LungTumorSegLib.measurement import terminology
from LungTumorSegLib.measurement.colours import lesion_colour
from LungTumorSegLib.measurement.measure import CONVENTION, Lesion
from LungTumorSegLib.volume.reading import read_ct

DISCLAIMER = "Research software, not a medical device."


def read(file):
    image = sitk.ReadImage(str(file))
    return sitk.GetArrayFromImage(image), image


def test_every_format_writes_the_files_that_it_names_and_no_others(exported):
    assert sorted(f.name for f in exported.iterdir()) == sorted(f for each in FORMATS.values() for f in each.files)


@pytest.mark.parametrize("name", ["segmentation.nii.gz", "lesions.nii.gz", "segmentation.seg.nrrd"])
def test_every_mask_lies_on_the_grid_of_the_scan(axial, exported, name):
    image, grid = read(exported / name)[1], axial.ct.geometry
    assert image.GetSize() == grid.shape[::-1]
    assert image.GetSpacing() == pytest.approx(grid.spacing, abs=1e-6)
    assert image.GetOrigin() == pytest.approx(grid.origin, abs=1e-4)
    assert image.GetDirection() == pytest.approx(grid.axes.ravel(), abs=1e-6)


def test_label_values_are_the_stated_ones(axial, exported):
    tumour, _ = read(exported / "segmentation.nii.gz")
    lesions, _ = read(exported / "lesions.nii.gz")
    nrrd, _ = read(exported / "segmentation.seg.nrrd")
    assert tumour.dtype == np.uint8
    assert np.array_equal(tumour, axial.labels > 0)
    assert np.array_equal(lesions, axial.labels)
    assert np.array_equal(nrrd, axial.labels)


def test_slicer_itself_reads_the_segments_with_names_colours_and_terminology(axial, exported):
    slicer = pytest.importorskip("slicer")
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(exported / "segmentation.seg.nrrd"))
    assert storage.ReadData(node)
    segmentation = node.GetSegmentation()
    assert [segmentation.GetNthSegment(n).GetName() for n in range(3)] == ["Tumour 1", "Tumour 2", "Tumour 4"]
    for n, number in enumerate(axial.numbers):
        segment = segmentation.GetNthSegment(n)
        assert segment.GetColor() == pytest.approx(lesion_colour(number), abs=1e-5)
        assert segment.GetTerminology() == terminology.entry((), axial.lesions[n].node)
        assert segment.GetLabelValue() == number


def test_colours_are_those_of_the_scene():
    segments = pytest.importorskip("LungTumorSegLib.scene.segments")
    assert [lesion_colour(n) for n in range(1, 9)] == [segments.lesion_colour(n) for n in range(1, 9)]


def reference_encoder(mask: np.ndarray) -> str:
    """The challenge's own way, pixel by pixel: along each column, counting from the end of the run before."""
    code, skipped, run = [], 0, 0
    for value in mask.T.reshape(-1):
        if value:
            run += 1
        else:
            if run:
                code += [skipped, run]
                skipped, run = 0, 0
            skipped += 1
    if run:
        code += [skipped, run]
    return " ".join(map(str, code)) or "-1"


def test_run_lengths_are_those_of_the_challenge_and_come_back():
    random = np.random.default_rng(5)
    for _ in range(200):
        shape = tuple(random.integers(1, 9, 2))
        mask = random.random(shape) < random.choice([0, 0.1, 0.5, 0.9, 1])
        assert encode(mask) == reference_encoder(mask)
        assert np.array_equal(decode(encode(mask), shape), mask)


def test_a_code_counts_down_the_columns_from_the_end_of_the_run_before():
    mask = np.zeros((4, 3), bool)
    mask[1:3, 0] = mask[0, 2] = True
    assert encode(mask) == "1 2 5 1"


@pytest.mark.parametrize("code", ["3", "1 99", "-4 2"])
def test_a_code_that_does_not_fit_is_refused(code):
    with pytest.raises(ValueError, match="does not fit"):
        decode(code, (4, 3))


def test_the_run_length_file_has_a_line_a_slice_by_its_dicom_name(axial, exported):
    lines = (exported / "rle.csv").read_text().splitlines()
    assert lines[0] == "ImageId,EncodedPixels"
    names = slice_names(axial)
    assert [line.split(",")[0] for line in lines[1:]] == names
    assert lines[1].split(",")[1] == "-1"
    assert np.array_equal(read_run_length(exported / "rle.csv", axial.labels.shape, names), axial.labels > 0)


def test_slices_that_share_a_uid_go_by_their_numbers(tmp_path, axial):
    folder = MadeSeries(changes={"SOPInstanceUID": "1.2.3"}).write(tmp_path / "ct")
    findings = replace(axial, ct=read_ct(folder))
    write_run_length(tmp_path, findings)
    names = slice_names(findings)
    assert names == [str(k) for k in range(len(axial.labels))]
    assert np.array_equal(read_run_length(tmp_path / "rle.csv", axial.labels.shape, names), axial.labels > 0)


def test_the_table_has_units_in_its_headings_and_all_digits(axial, exported):
    with (exported / "lesions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, lesion in zip(rows, axial.lesions, strict=True):
        assert int(row["lesion"]) == lesion.id
        assert float(row["long axis (mm)"]) == lesion.long_axis_mm
        assert float(row["volume (mL)"]) == lesion.volume_ml
        assert float(row["mean (HU)"]) == lesion.mean_hu
        assert row["convention"] == CONVENTION
        assert row["note"] == DISCLAIMER


def test_the_json_makes_the_same_lesions_again(axial, exported):
    content = json.loads((exported / "lesions.json").read_text())
    assert [json.loads(json.dumps(Lesion(**fields).as_dict())) for fields in content["lesions"]] == content["lesions"]
    assert content["lesions"] == json.loads(json.dumps([lesion.as_dict() for lesion in axial.lesions]))
    assert content["convention"] == CONVENTION
    assert content["note"] == DISCLAIMER
    assert content["study"]["study_date"] == "2025-03-14"
    assert content["outlined_by"]["kind"] == "AUTOMATIC"


def test_no_file_but_the_dicom_ones_names_the_patient(exported):
    for file in exported.iterdir():
        content = file.read_bytes()
        named = b"P-17" in content or "Müller".encode() in content or "Müller".encode("latin-1") in content
        assert named == (file.suffix == ".dcm"), file.name


def test_every_file_is_the_same_when_made_again(axial, exported, tmp_path):
    for each in FORMATS.values():
        each.write(tmp_path, axial)
    assert [f.name for f in tmp_path.iterdir() if f.read_bytes() != (exported / f.name).read_bytes()] == []


def test_an_empty_result_is_written_as_such(nothing, tmp_path):
    write_nrrd(tmp_path, nothing)
    write_run_length(tmp_path, nothing)
    write_csv(tmp_path, nothing)
    assert not read(tmp_path / "segmentation.seg.nrrd")[0].any()
    assert len((tmp_path / "lesions.csv").read_text().splitlines()) == 1
    codes = {line.split(",")[1] for line in (tmp_path / "rle.csv").read_text().splitlines()[1:]}
    assert codes == {"-1"}


def test_without_a_lesion_there_is_no_dicom_and_it_is_said(nothing):
    wanted, notes = choose([], nothing)
    assert "seg" not in wanted
    assert "report.pdf" in [file for name in wanted for file in FORMATS[name].files]
    assert any("there is no lesion" in note for note in notes)


def test_a_report_brings_the_segmentation_that_it_refers_to(axial):
    assert choose(["sr"], axial)[0] == ["seg", "sr"]


def test_a_scan_that_was_interpolated_is_exported_without_the_dicom_that_would_name_its_slices(axial):
    interpolated = replace(axial, ct=replace(axial.ct, series=replace(axial.ct.series, files=())))
    wanted, notes = choose([], interpolated)
    assert {"nifti", "csv", "pdf"} < set(wanted)
    assert not {"seg", "sr"} & set(wanted)
    assert notes == ["No DICOM SEG and SR: the CT was interpolated, or is one file with many slices."]


def test_an_unknown_format_is_refused_with_the_names_that_there_are(axial):
    with pytest.raises(InputRefused, match="choose from nifti, nrrd, rle"):
        choose(["docx"], axial)


def test_a_node_lies_in_no_lung(axial):
    told = header(replace(axial, lesions=[axial.lesions[0], replace(axial.lesions[1], node=True), axial.lesions[2]]))
    regions = [told[f"Segment{n}_Tags"].split("~")[-2] for n in range(3)]
    assert regions == ["SCT^39607008^Lung", "SCT^59441001^Lymph node", "SCT^39607008^Lung"]


@pytest.mark.parametrize(
    ("classes", "called"), [(("left lung", "right lung"), "Region"), (("left lung",), "left lung"), (("core",), "core")]
)
def test_what_a_model_shows_that_is_no_tumour_is_never_called_one(axial, tmp_path, classes, called):
    lungs = replace(axial, classes=classes)
    wanted, notes = choose([], lungs)
    assert {"seg", "sr", "html", "pdf"}.isdisjoint(wanted)
    assert {"nifti", "nrrd", "csv", "json"} <= set(wanted)
    assert len(notes) == 2
    for name in ("seg", "sr", "html", "pdf"):
        with pytest.raises(InputRefused, match=f"the model shows {', '.join(classes)}, not tumours alone"):
            choose([name], lungs)
    told = header(lungs)
    assert told["Segment1_Name"] == f"{called} 2"
    assert "Neoplasm" not in str(told)
    assert "Lung~" not in str(told)
    write_csv(tmp_path, lungs)
    with (tmp_path / "lesions.csv").open(newline="", encoding="utf-8") as file:
        assert [row["measurable (RECIST 1.1)"] for row in csv.DictReader(file)] == ["", "", ""]


@pytest.mark.parametrize("classes", [(), ("lung tumour",), ("cancer",), ("Tumor core", "enhancing tumor"), ("GTV-1",)])
def test_tumours_by_whatever_name_are_exported_as_such(axial, classes):
    tumours = replace(axial, classes=classes)
    assert choose([], tumours) == (list(FORMATS), [])
    assert header(tumours)["Segment0_Name"] == "Tumour 1"
