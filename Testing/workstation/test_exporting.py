"""Exports of a scene's result by real jobs, read back."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from bench import REPOSITORY, add_volume

from LungTumorSegLib.export.result import read_result
from LungTumorSegLib.scene import segments
from LungTumorSegLib.scene.diameters import diameter_lines
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.volume.reading import read_ct, read_mask
from LungTumorSegLib.workstation.exporting import Exporting
from LungTumorSegLib.workstation.run_facts import keep_run


@pytest.fixture
def exported(bench, scene, phantom, probability):
    """The phantom's tumours as a result, with a line that the user drew."""
    ct, truth = phantom
    node = add_volume(scene, ct, "4: CT Chest, 5.0 mm")
    result = Result(scene, node)
    result.show(probability(truth.voxels), 0.5, 0.0)
    keep_run(result.segmentation_node, {"model": "automatic", "device": "cpu"}, None)
    bench.desk.choose_ct(node)
    assert bench.rest()  # a result that the scene holds is measured in steps
    return bench


def scene_mask(bench) -> np.ndarray:
    labels = segments.read_labels(bench.desk.result.segmentation_node)
    return labels.full(bench.desk.ct.GetImageData().GetDimensions()[::-1])


def assert_same(bench, path: Path, geometry) -> None:
    """The file is the scene's mask on the CT's grid, and `lungtumorseg measure` finds the table's diameters in it."""
    image = sitk.ReadImage(str(path))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), scene_mask(bench) > 0)
    np.testing.assert_allclose(image.GetOrigin(), geometry.origin, atol=1e-4)
    np.testing.assert_allclose(image.GetSpacing(), geometry.spacing, atol=1e-6)
    said = subprocess.run(
        [sys.executable, "-m", "LungTumorSegLib.command", "measure", path, "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    measured = sorted(json.loads(said.stdout)["lesions"], key=lambda x: x["volume_ml"])
    shown = sorted(bench.desk.lesions, key=lambda x: x.volume_ml)
    assert len(measured) == len(shown) == 3
    for ours, theirs in zip(shown, measured, strict=True):
        for name in ("long_axis_mm", "short_axis_mm", "max_3d_diameter_mm"):
            assert getattr(ours, name) == pytest.approx(theirs[name], abs=1e-4)
        assert ours.volume_ml == pytest.approx(theirs["volume_ml"], rel=1e-5)


def test_the_nifti_is_the_scenes_mask_on_the_cts_grid_and_measures_the_same(exported, phantom, tmp_path):
    name = exported.exporting.default_name("nifti")
    assert name == "4-CT-Chest-5-0-mm-tumours.nii.gz"
    exported.exporting.nifti(tmp_path / name)
    assert exported.rest()
    assert exported.host.failures == []
    assert exported.host.sentences[-1] == f"Exported: {name}"
    assert_same(exported, tmp_path / name, phantom[0].geometry)


def test_so_it_is_on_a_real_scan_with_three_nodules(bench, scene, probability, shared_data, tmp_path):
    folder = shared_data / "scans" / "LIDC-IDRI-0003"
    volume = read_ct(folder / "image.nii.gz")
    node = add_volume(scene, volume, "LIDC-IDRI-0003")
    Result(scene, node).show(probability(read_mask(folder / "mask.nii.gz", volume).voxels), 0.5, 0.0)
    bench.desk.choose_ct(node)
    bench.exporting.nifti(tmp_path / "mask.nii.gz")
    assert bench.rest()
    assert bench.host.failures == []
    assert_same(bench, tmp_path / "mask.nii.gz", volume.geometry)


def test_dicom_objects_refer_to_the_series_that_the_ct_was_loaded_from(bench, scene, probability, tmp_path):
    sys.path[:0] = [str(REPOSITORY / "Testing" / "export")]
    from made_series import MadeSeries, lesion_voxels

    volume = read_ct(MadeSeries().write(tmp_path / "series"))
    node = add_volume(scene, volume, "CT chest")
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3 4.5.6")
    Result(scene, node).show(probability(lesion_voxels()), 0.5, 0.0)
    bench.desk.choose_ct(node)
    exporting = Exporting(bench.desk, bench.jobs, {"1.2.3": volume.series.files[0]}.get)
    found = []
    exporting.dicom(tmp_path / "out", found.extend)
    assert bench.until(lambda: found)
    assert [file.name for file in found] == ["segmentation.dcm", "measurements.dcm"]
    segmentation = pydicom.dcmread(found[0])
    assert segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID == volume.series.uid
    assert len(segmentation.SegmentSequence) == len(bench.desk.lesions)


def test_a_name_that_is_taken_gets_a_number(exported, tmp_path):
    first = exported.exporting.free_path(tmp_path, "csv")
    first.touch()
    assert first.name == "4-CT-Chest-5-0-mm-tumours.csv"
    assert exported.exporting.free_path(tmp_path, "csv").name == "4-CT-Chest-5-0-mm-tumours-2.csv"
    assert exported.exporting.free_path(tmp_path, "dicom").name == "4-CT-Chest-5-0-mm-tumours-dicom"


def test_what_a_hand_still_drags_is_exported_as_it_is_seen(segmented, tmp_path):
    before = int((scene_mask(segmented) > 0).sum())
    segmented.desk.drag_threshold(0.7)
    dragged = scene_mask(segmented) > 0
    assert 0 < dragged.sum() < before
    segmented.exporting.nifti(tmp_path / "mask.nii.gz")
    assert segmented.rest()
    assert segmented.host.failures == []
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "mask.nii.gz"))), dragged)
    assert sum(lesion.voxel_count for lesion in segmented.desk.lesions) == dragged.sum()


def result_folder(bench) -> Path:
    found = []
    bench.exporting.result(found.append)
    assert bench.rest()
    assert bench.host.failures == []
    return found[0]


def test_the_folder_is_as_segment_writes_it_with_the_users_line(exported):
    lesion = exported.desk.lesions[0]
    line = diameter_lines(exported.desk.ct)[lesion.id, "long"]
    end = line.GetNthControlPointPositionWorld(1)
    line.SetNthControlPointPositionWorld(1, end[0], end[1] + 4, end[2])
    folder = result_folder(exported)
    names = {"run.json", "lesions.json", "lesions.nii.gz", "segmentation.nii.gz", "probability.nii.gz", "overview.png"}
    assert names | {"ct.nrrd"} == {file.name for file in folder.iterdir()}
    written = json.loads((folder / "lesions.json").read_text())["lesions"]
    assert [lesion["edited"] for lesion in written] == [True, False, False]
    assert written[0]["long_axis_mm"] == pytest.approx(exported.desk.lesions[0].long_axis_mm, abs=1e-9)
    assert Path(json.loads((folder / "run.json").read_text())["image_path"]) == folder / "ct.nrrd"
    assert read_result(folder).maker.kind == "SEMIAUTOMATIC"
    assert result_folder(exported) == folder  # nothing has changed: no job
    exported.desk.mark_node(2, True)
    assert result_folder(exported) != folder


def test_a_result_is_the_same_one_whatever_is_done_to_it_and_when_it_is_opened_again(exported, scene, tmp_path):
    from LungTumorSegLib.command.unpack import unpack
    from LungTumorSegLib.export.handover import read_handover
    from LungTumorSegLib.workstation.earlier import show_earlier

    first = read_result(result_folder(exported)).identity
    exported.desk.mark_node(2, True)
    folder = result_folder(exported)
    assert read_result(folder).identity == first is not None
    unpack(folder, tmp_path / "raw")
    exported.desk.choose_ct(show_earlier(scene, read_handover(tmp_path / "raw"), "Earlier"))
    assert exported.rest()
    assert read_result(result_folder(exported)).identity == first


def test_the_file_that_the_ct_came_from_is_named_as_long_as_it_holds_the_same(exported, phantom, tmp_path):
    from LungTumorSegLib.volume.writing import write_volume
    from LungTumorSegLib.workstation.source import note_source

    write_volume(tmp_path / "ct.nii.gz", phantom[0])
    note_source(exported.desk.ct, tmp_path / "ct.nii.gz")
    folder = result_folder(exported)
    assert json.loads((folder / "run.json").read_text())["image_path"] == str(tmp_path / "ct.nii.gz")
    assert not (folder / "ct.nrrd").exists()
    import slicer

    slicer.util.arrayFromVolume(exported.desk.ct)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(exported.desk.ct)
    folder = result_folder(exported)
    assert json.loads((folder / "run.json").read_text())["image_path"] == str(folder / "ct.nrrd")


def test_table_and_reports_are_written(exported, tmp_path):
    exported.exporting.table(tmp_path / "table")
    exported.exporting.report(tmp_path / "report.pdf")
    exported.exporting.report(tmp_path / "report.html")
    assert exported.rest()
    assert exported.host.failures == []
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 4
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert "not a medical device" in (tmp_path / "report.html").read_text()


def test_dicom_of_a_ct_that_was_none_is_refused_in_one_line(exported, tmp_path):
    exported.exporting.dicom(tmp_path / "out")
    assert exported.rest()
    assert len(exported.host.failures) == 1
    assert exported.host.failures[0][0].startswith("No DICOM SEG and SR: the CT was not read from DICOM")
    assert not (tmp_path / "out").exists()


def test_without_a_result_the_export_says_so(bench, ct, tmp_path):
    bench.exporting.nifti(tmp_path / "x.nii.gz")
    bench.desk.choose_ct(ct)
    bench.exporting.nifti(tmp_path / "x.nii.gz")
    assert [sentence for sentence, _ in bench.host.failures] == [
        "There is no result to export: press Segment or place a point first."
    ] * 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_one_sentence(exported, tmp_path):
    exported.exporting.nifti(tmp_path / "missing" / "x.nii.gz")
    assert exported.rest()
    assert exported.host.failures[0][0].startswith("The files could not be written: No such file or directory.")


def test_files_on_their_way_are_removed_at_the_end(exported):
    folder = result_folder(exported)
    exported.close()
    assert not folder.parent.parent.exists()


def test_cancel_stops_an_export(exported, tmp_path):
    exported.exporting.report(tmp_path / "report.pdf")
    exported.tick()
    exported.jobs.cancel()
    assert exported.rest()
    assert exported.host.sentences[-1] == "Cancelled."
    assert list(tmp_path.iterdir()) == []


def test_the_table_is_copied_with_tabs(exported):
    rows = [line.split("\t") for line in exported.desk.table_text().splitlines()]
    assert rows[0][:4] == ["Lesion", "Side", "Long axis mm", "Short axis mm"]
    assert [row[0] for row in rows[1:]] == ["1", "2", "3"]
    assert {len(row) for row in rows} == {11}
