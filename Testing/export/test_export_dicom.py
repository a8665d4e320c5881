"""SEG and SR as others read them, and what they must not hold."""

import os
import time
from dataclasses import replace

import highdicom
import numpy as np
import pydicom
import pytest
from made_series import OBLIQUE, PLANES, MadeSeries
from validators import MISSING, dciodvfy, groups_by_dcmqi, segments_by_dcmqi, values_of

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.export.dicom_seg import write_dicom_seg
from LungTumorSegLib.export.dicom_source import read_source
from LungTumorSegLib.export.dicom_sr import write_dicom_sr
from LungTumorSegLib.export.findings import MANUAL, SEMIAUTOMATIC, Maker
from LungTumorSegLib.measurement.measure import CONVENTION
from LungTumorSegLib.volume.reading import read_ct, read_mask

validated = pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)}")
COPIED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime")
COPIED += ("StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyDescription")


@pytest.fixture(params=list(PLANES), scope="module")
def written(request, found, tmp_path_factory):
    """Findings in each plane, and the folder with their SEG and SR."""
    findings, folder = found(request.param), tmp_path_factory.mktemp(request.param)
    write_dicom_seg(folder, findings)
    write_dicom_sr(folder, findings)
    return findings, folder


@validated
@pytest.mark.parametrize("file", ["segmentation.dcm", "measurements.dcm"])
def test_dciodvfy_finds_neither_errors_nor_warnings(written, file):
    assert dciodvfy(written[1] / file) == ([], [])


@validated
def test_dcmqi_reads_every_voxel_back_to_its_place(written, tmp_path):
    findings, folder = written
    masks, told = segments_by_dcmqi(folder / "segmentation.dcm", findings.ct.geometry, tmp_path)
    assert list(masks) == ["Lesion 1", "Lesion 2", "Lesion 4"]
    for number in findings.numbers:
        assert np.array_equal(masks[f"Lesion {number}"], findings.labels == number)
    assert {segment["SegmentedPropertyTypeCodeSequence"]["CodeValue"] for segment in told} == {"108369006"}
    assert {segment["SegmentAlgorithmType"] for segment in told} == {"AUTOMATIC"}


@validated
def test_dcmqi_reads_every_value_its_method_and_its_segment(written, tmp_path):
    findings, folder = written
    groups = [group for group in groups_by_dcmqi(folder / "measurements.dcm", tmp_path) if "ReferencedSegment" in group]
    segmentation = pydicom.dcmread(folder / "segmentation.dcm")
    for n, (group, lesion) in enumerate(zip(groups, findings.lesions, strict=True), start=1):
        values = values_of(group)
        assert values["Long Axis"] == pytest.approx(lesion.long_axis_mm, rel=1e-12)
        assert values["Short Axis"] == pytest.approx(lesion.short_axis_mm, rel=1e-12)
        assert values["Volume"] == pytest.approx(lesion.volume_ml * 1000, rel=1e-12)
        assert group["measurementMethod"]["CodeValue"] == "126081"
        assert group["segmentationSOPInstanceUID"] == segmentation.SOPInstanceUID
        assert group["ReferencedSegment"] == n
        assert group["TrackingUniqueIdentifier"] == segmentation.SegmentSequence[n - 1].TrackingUID


def test_highdicom_reads_the_segments_back(written):
    findings, folder = written
    segmentation = highdicom.seg.segread(folder / "segmentation.dcm")
    slices = [s.SOPInstanceUID for s in read_source(findings).slices]
    frames = segmentation.get_pixels_by_source_instance(slices, assert_missing_frames_are_empty=True)
    for n, number in enumerate(findings.numbers):
        assert np.array_equal(frames[..., n] > 0, findings.labels == number)


@pytest.fixture
def rounded(found):
    """Findings on a scan whose files state its cosines with three digits, as its positions do not need."""
    return found("oblique", changes={"ImageOrientationPatient": np.round(OBLIQUE[:, :2], 3).T.ravel().tolist()})


def test_of_a_scan_with_rounded_cosines_the_segments_state_what_its_files_state(rounded, tmp_path):
    assert any("straightened" in warning for warning in rounded.ct.warnings)
    write_dicom_seg(tmp_path, rounded)
    made, slices = pydicom.dcmread(tmp_path / "segmentation.dcm"), read_source(rounded).slices
    shared = made.SharedFunctionalGroupsSequence[0]
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == slices[0].ImageOrientationPatient
    at = [frame.PlanePositionSequence[0].ImagePositionPatient for frame in made.PerFrameFunctionalGroupsSequence]
    assert all(position in [slice_.ImagePositionPatient for slice_ in slices] for position in at)


def test_of_a_scan_with_rounded_cosines_the_segments_come_back_onto_it(rounded, tmp_path):
    write_dicom_seg(tmp_path, rounded)
    read = read_mask(tmp_path / "segmentation.dcm", rounded.ct)
    for n, number in enumerate(rounded.numbers, start=1):
        assert np.array_equal(read.voxels == n, rounded.labels == number)


def test_our_own_reader_takes_the_segments_back_onto_the_scan(written):
    findings, folder = written
    read = read_mask(folder / "segmentation.dcm", findings.ct)
    for n, number in enumerate(findings.numbers, start=1):
        assert np.array_equal(read.voxels == n, findings.labels == number)


def test_the_axes_of_the_report_are_lines_in_the_patient(written):
    findings, folder = written
    content = highdicom.sr.srread(folder / "measurements.dcm").content
    for lesion in findings.lesions:
        uid = read_source(findings).tracking_uid(lesion.id)
        (group,) = content.get_image_measurement_groups(tracking_uid=uid)
        for measurement, length, ends in zip(
            group.get_measurements(),
            (lesion.long_axis_mm, lesion.short_axis_mm),
            (lesion.long_axis_points_lps, lesion.short_axis_points_lps),
            strict=True,
        ):
            (line,) = measurement.referenced_coordinates
            assert line.frame_of_reference_uid == findings.ct.series.frame_of_reference
            assert line.value == pytest.approx(np.array(ends), abs=1e-4)  # SCOORD3D holds 32-bit numbers
            assert np.linalg.norm(np.diff(line.value, axis=0)) == pytest.approx(length, abs=1e-4)


def test_the_report_says_how_was_measured_and_that_it_is_for_research(written):
    said = [str(item.get("TextValue", "")) for item in every_item(pydicom.dcmread(written[1] / "measurements.dcm"))]
    assert CONVENTION in said
    assert "Research software, not a medical device." in said


def test_a_single_segment_is_written_and_read(found, tmp_path):
    findings = found(only=4)
    write_dicom_seg(tmp_path, findings)
    write_dicom_sr(tmp_path, findings)
    assert np.array_equal(read_mask(tmp_path / "segmentation.dcm", findings.ct).voxels > 0, findings.labels > 0)
    assert len(highdicom.sr.srread(tmp_path / "measurements.dcm").content.get_volumetric_roi_measurement_groups()) == 1


@validated
def test_a_single_segment_is_valid(found, tmp_path):
    findings = found(only=4)
    write_dicom_seg(tmp_path, findings)
    write_dicom_sr(tmp_path, findings)
    for file in ("segmentation.dcm", "measurements.dcm"):
        assert dciodvfy(tmp_path / file) == ([], [])


@validated
def test_sides_nodes_intervals_and_edited_lines_are_said_and_valid(axial, tmp_path):
    left, right, node = axial.lesions
    lesions = [
        replace(left, side="left", long_axis_interval_mm=(11.04, 12.96), short_axis_interval_mm=(7.0, 9.0)),
        replace(right, side="right", edited=True),
        replace(node, node=True),
    ]
    findings = replace(axial, lesions=lesions)
    write_dicom_seg(tmp_path, findings)
    write_dicom_sr(tmp_path, findings)
    for file in ("segmentation.dcm", "measurements.dcm"):
        assert dciodvfy(tmp_path / file) == ([], [])
    groups = [g for g in groups_by_dcmqi(tmp_path / "measurements.dcm", tmp_path) if "ReferencedSegment" in g]
    assert [g["FindingSite"]["CodeMeaning"] for g in groups] == ["Lung", "Lung", "Lymph node"]
    assert [g.get("Laterality", {}).get("CodeMeaning") for g in groups] == ["Left", "Right", None]
    said = [str(item.get("TextValue", "")) for item in every_item(pydicom.dcmread(tmp_path / "measurements.dcm"))]
    assert "Long axis at probability thresholds 0.3 to 0.7: 11.0 to 13.0 mm." in said
    assert said.count("An axis was edited by a person.") == 1


@pytest.mark.parametrize("file", ["segmentation.dcm", "measurements.dcm"])
def test_patient_and_study_are_those_of_the_scan_and_nothing_else_is_taken(found, tmp_path, file):
    findings = found(private=True)
    write_dicom_seg(tmp_path, findings)
    write_dicom_sr(tmp_path, findings)
    made, source = pydicom.dcmread(tmp_path / file), pydicom.dcmread(findings.ct.series.files[0])
    for name in COPIED:
        assert made[name].value == source[name].value, name
    assert made.PatientName == "Müller^Test"
    content = (tmp_path / file).read_bytes()
    for secret in (b"Secret", b"private canary", b"CANARY", b"Operator"):
        assert secret not in content
    made.remove_private_tags()
    assert made == pydicom.dcmread(tmp_path / file)


@pytest.fixture
def in_new_york(monkeypatch):
    if not hasattr(time, "tzset"):
        pytest.skip("this system's clock cannot be moved")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


def dates_of(dataset) -> list[str]:
    """What the object dates of its own; the findings were written on 2025-03-15 at 09:30 UTC."""
    own = (dataset.ContentDate + dataset.ContentTime, dataset.InstanceCreationDate + dataset.InstanceCreationTime)
    contributed = [item.ContributionDateTime for item in dataset.get("ContributingEquipmentSequence", ())]
    return [str(each) for each in (*own, *contributed)]


@pytest.mark.parametrize(
    ("stated", "clock"),
    [
        ("+0100", "20250315103000"),
        ("-0930", "20250315000000"),
        ("+1400", "20250315233000"),
        ("+0000", "20250315093000"),
    ],
)
def test_all_is_dated_in_the_zone_that_the_scan_states(found, tmp_path, in_new_york, stated, clock):
    findings = found(changes={"TimezoneOffsetFromUTC": stated})
    write_dicom_seg(tmp_path, findings)
    write_dicom_sr(tmp_path, findings)
    for file in ("segmentation.dcm", "measurements.dcm"):
        made = pydicom.dcmread(tmp_path / file)
        assert made.TimezoneOffsetFromUTC == stated
        assert made.StudyTime == "101500"
        assert {date[:14] for date in dates_of(made)} == {clock}
        assert all(date[14:] in ("", stated) for date in dates_of(made))


@pytest.mark.parametrize("odd", [None, "", "-0000", "0100", "+2500", "CET"])
def test_a_scan_that_states_no_zone_gets_none_and_this_machines_clock(found, tmp_path, in_new_york, odd):
    findings = found(changes={} if odd is None else {"TimezoneOffsetFromUTC": odd})
    write_dicom_seg(tmp_path, findings)
    write_dicom_sr(tmp_path, findings)
    for file in ("segmentation.dcm", "measurements.dcm"):
        made = pydicom.dcmread(tmp_path / file)
        assert "TimezoneOffsetFromUTC" not in made
        assert {date[:14] for date in dates_of(made)} == {"20250315053000"}
        assert all(date[14:] in ("", "-0400") for date in dates_of(made))


@validated
def test_a_stated_zone_is_valid(found, tmp_path):
    findings = found(changes={"TimezoneOffsetFromUTC": "+0545"})
    write_dicom_seg(tmp_path, findings)
    write_dicom_sr(tmp_path, findings)
    for file in ("segmentation.dcm", "measurements.dcm"):
        assert dciodvfy(tmp_path / file) == ([], [])


def test_the_same_findings_by_another_clock_are_other_objects(axial, tmp_path, in_new_york):
    write_dicom_seg(tmp_path, axial)
    here = pydicom.dcmread(tmp_path / "segmentation.dcm").SOPInstanceUID
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    write_dicom_seg(tmp_path, axial)
    assert pydicom.dcmread(tmp_path / "segmentation.dcm").SOPInstanceUID != here


def test_series_stand_beside_the_scanners_and_say_what_they_are(exported):
    seg, sr = (pydicom.dcmread(exported / name) for name in ("segmentation.dcm", "measurements.dcm"))
    assert (seg.SeriesNumber, sr.SeriesNumber) == (401, 402)
    assert "lung tumours" in seg.SeriesDescription
    assert "measurements" in sr.SeriesDescription
    assert "research" in seg.SeriesDescription
    assert sr.VerificationFlag == "UNVERIFIED"


def test_the_same_findings_give_the_same_bytes_and_others_give_other_uids(axial, exported, tmp_path):
    write_dicom_seg(tmp_path, axial)
    write_dicom_sr(tmp_path, axial)
    for file in ("segmentation.dcm", "measurements.dcm"):
        assert (tmp_path / file).read_bytes() == (exported / file).read_bytes()
    others = replace(axial, maker=replace(axial.maker, threshold=0.6))
    write_dicom_seg(tmp_path, others)
    before, after = (pydicom.dcmread(folder / "segmentation.dcm") for folder in (exported, tmp_path))
    assert before.SOPInstanceUID != after.SOPInstanceUID
    assert before.SegmentSequence[0].TrackingUID == after.SegmentSequence[0].TrackingUID


def test_lesions_of_another_result_of_the_scan_are_others_whatever_their_numbers(axial, tmp_path):
    """As of two clicks, each of which is lesion 1 of its own result."""
    uids = set()
    for click in ("first", "second"):
        write_dicom_seg(tmp_path, replace(axial, identity=click))
        uids |= {segment.TrackingUID for segment in pydicom.dcmread(tmp_path / "segmentation.dcm").SegmentSequence}
    assert len(uids) == 6


def test_a_result_from_before_results_had_an_identity_keeps_the_uids_of_its_lesions(axial):
    series = axial.ct.series.uid
    before = pydicom.uid.generate_uid(entropy_srcs=["LungTumorSeg", "lesion", series, "4"])
    assert read_source(axial).tracking_uid(4) == before


@pytest.mark.parametrize(("kind", "named"), [(SEMIAUTOMATIC, True), (MANUAL, False)])
def test_the_segment_says_who_outlined_it(axial, tmp_path, kind, named):
    write_dicom_seg(tmp_path, replace(axial, maker=Maker(kind, "prompted", "0.2.0")))
    segment = pydicom.dcmread(tmp_path / "segmentation.dcm").SegmentSequence[0]
    assert segment.SegmentAlgorithmType == kind
    assert ("SegmentationAlgorithmIdentificationSequence" in segment) == named
    if named:
        assert segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmVersion == "0.2.0"


def test_attributes_that_may_be_missing_or_odd_do_not_stop_the_export(found, tmp_path):
    findings = found(changes={"PatientSex": "X", "SeriesNumber": None, "StudyID": "", "PatientBirthDate": ""})
    write_dicom_seg(tmp_path, findings)
    made = pydicom.dcmread(tmp_path / "segmentation.dcm")
    assert (made.SeriesNumber, made.PatientSex) == (9001, "")


@pytest.mark.parametrize("empty", [True, False])
def test_slices_that_do_not_say_how_thick_they_are_are_as_thick_as_they_lie_apart(found, tmp_path, empty):
    findings = found(changes={"SliceThickness": ""})
    for file in findings.ct.series.files if not empty else ():
        slice_ = pydicom.dcmread(file)
        del slice_.SliceThickness
        slice_.save_as(file)
    write_dicom_seg(tmp_path, findings)
    (shared,) = pydicom.dcmread(tmp_path / "segmentation.dcm").SharedFunctionalGroupsSequence
    assert shared.PixelMeasuresSequence[0].SliceThickness == 2.5
    assert MISSING or dciodvfy(tmp_path / "segmentation.dcm")[0] == []


def test_nothing_that_the_libraries_say_of_a_patient_reaches_the_terminal(found, tmp_path, capfd, recwarn):
    findings = found(changes={"PatientName": "CanaryWithoutComma", "PatientBirthDate": "long ago"})
    write_dicom_seg(tmp_path, findings)
    write_dicom_sr(tmp_path, findings)
    assert capfd.readouterr() == ("", "")
    assert not [w for w in recwarn if "Canary" in str(w.message)]


def test_a_scan_that_was_interpolated_is_refused(found, tmp_path):
    findings = found()
    loose = replace(findings.ct, series=replace(findings.ct.series, files=()))
    with pytest.raises(InputRefused, match="one file a slice"):
        write_dicom_seg(tmp_path, replace(findings, ct=loose))


def test_a_series_without_a_frame_of_reference_is_refused(tmp_path, axial):
    folder = MadeSeries(changes={"FrameOfReferenceUID": ""}).write(tmp_path / "ct")
    with pytest.raises(InputRefused, match="lack UIDs"):
        write_dicom_seg(tmp_path, replace(axial, ct=read_ct(folder)))


def test_a_series_whose_slices_share_a_uid_is_refused(tmp_path, axial):
    folder = MadeSeries(changes={"SOPInstanceUID": "1.2.3"}).write(tmp_path / "ct")
    with pytest.raises(InputRefused, match="share a UID"):
        write_dicom_seg(tmp_path, replace(axial, ct=read_ct(folder)))


def every_item(dataset):
    yield dataset
    for item in dataset.get("ContentSequence", ()):
        yield from every_item(item)
