"""The measures as a DICOM structured report: TID 1500 in a Comprehensive 3D SR (PS3.16, PS3.3 A.35.13).

Each lesion has two groups under one tracking UID: a volumetric one (TID 1411) that refers to the lesion's segment, and
one (TID 1501) with the lines of both axes as points in the patient, since measurements of a segment may not carry
points of their own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    CoordinatesForMeasurement3D,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    GraphicTypeValues3D,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    ReferencedSegment,
    RelationshipTypeValues,
    SourceSeriesForSegmentation,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import SegmentationStorage, generate_uid

from LungTumorSegLib.export.dicom_seg import ALTERED_STRUCTURE, LUNG, LYMPH_NODE, NEOPLASM
from LungTumorSegLib.export.dicom_source import (
    MANUFACTURER,
    PROGRAM,
    DicomSource,
    exact,
    read_source,
)
from LungTumorSegLib.export.findings import MANUAL, Findings
from LungTumorSegLib.measurement.measure import CONVENTION, Lesion
from LungTumorSegLib.measurement.wording import DISCLAIMER
from LungTumorSegLib.volume.quiet_dicom import quiet_dicom

FILE = "measurements.dcm"

LONG_AXIS = Code("103339001", "SCT", "Long Axis")
SHORT_AXIS = Code("103340004", "SCT", "Short Axis")
VOLUME = Code("118565006", "SCT", "Volume")
ATTENUATION = Code("112031", "DCM", "Attenuation Coefficient")
MEAN = Code("373098007", "SCT", "Mean")
RECIST = Code("126081", "DCM", "RECIST 1.1")
MILLIMETRE = Code("mm", "UCUM", "millimeter")
CUBIC_MILLIMETRE = Code("mm3", "UCUM", "cubic millimeter")
HOUNSFIELD = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
CT_OF_THORAX = Code("24627-2", "LN", "CT Chest")
LEFT, RIGHT = Code("7771000", "SCT", "Left"), Code("24028007", "SCT", "Right")
COMMENT = Code("121106", "DCM", "Comment")
DEVICE = Code("121007", "DCM", "Device")


def write_dicom_sr(folder: Path, findings: Findings) -> None:
    """`measurements.dcm`, which refers to `segmentation.dcm` by its UID: keep both together."""
    source = read_source(findings)
    with quiet_dicom():
        make_report(source).save_as(folder / FILE, enforce_file_format=True)


def make_report(source: DicomSource) -> Comprehensive3DSR:
    groups = []
    for n, lesion in enumerate(source.findings.lesions, start=1):
        groups += [segment_group(source, n, lesion), axes_group(source, lesion)]
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer(source)),
        procedure_reported=CT_OF_THORAX,
        imaging_measurements=groups,
    )
    content[0].ContentSequence.extend([remark(CONVENTION), remark(DISCLAIMER)])
    report = Comprehensive3DSR(
        evidence=[*source.slices, segmentation_named(source)],
        content=content[0],
        series_instance_uid=source.uid("SR series"),
        series_number=source.series_number(2),
        sop_instance_uid=source.uid("SR"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=PROGRAM,
        software_versions=source.findings.maker.version,
        device_serial_number="0",
        is_complete=True,
        series_description=f"{PROGRAM}: measurements (research use)",
        **source.stamp,
    )
    return source.settle(report)


def segment_group(
    source: DicomSource, number: int, lesion: Lesion
) -> VolumetricROIMeasurementsAndQualitativeEvaluations:
    measures = [
        (LONG_AXIS, lesion.long_axis_mm, MILLIMETRE, None),
        (SHORT_AXIS, lesion.short_axis_mm, MILLIMETRE, None),
        (VOLUME, lesion.volume_ml * 1000, CUBIC_MILLIMETRE, None),
    ]
    if lesion.mean_hu is not None:
        measures.append((ATTENUATION, lesion.mean_hu, HOUNSFIELD, MEAN))
    group = VolumetricROIMeasurementsAndQualitativeEvaluations(
        **named(source, lesion),
        referenced_segment=ReferencedSegment(
            sop_class_uid=SegmentationStorage,
            sop_instance_uid=source.uid("SEG"),
            segment_number=number,
            source_series=SourceSeriesForSegmentation(source.first.SeriesInstanceUID),
        ),
        measurements=[
            Measurement(name, exact(value), unit, derivation=derivation) for name, value, unit, derivation in measures
        ],
    )
    for words in remarks(lesion):
        group[0].ContentSequence.append(remark(words))
    return group


def axes_group(source: DicomSource, lesion: Lesion) -> MeasurementsAndQualitativeEvaluations:
    """Both axes with the two ends of each, LPS mm in the CT's frame of reference."""
    axes = [
        (LONG_AXIS, lesion.long_axis_mm, lesion.long_axis_points_lps),
        (SHORT_AXIS, lesion.short_axis_mm, lesion.short_axis_points_lps),
    ]
    return MeasurementsAndQualitativeEvaluations(
        **named(source, lesion),
        measurements=[
            Measurement(
                name,
                exact(value),
                MILLIMETRE,
                referenced_coordinates=[
                    CoordinatesForMeasurement3D(
                        GraphicTypeValues3D.POLYLINE, np.array(ends, float), source.frame_of_reference
                    )
                ],
            )
            for name, value, ends in axes
        ],
    )


def named(source: DicomSource, lesion: Lesion) -> dict:
    """Which lesion it is, where, and how it was measured: the same in both groups."""
    return {
        "tracking_identifier": TrackingIdentifier(
            uid=source.tracking_uid(lesion.id), identifier=source.tracking_id(lesion.id)
        ),
        "finding_category": ALTERED_STRUCTURE,
        "finding_type": NEOPLASM,
        "method": RECIST,
        "algorithm_id": algorithm(source),
        "finding_sites": [site(lesion)],
    }


def remarks(lesion: Lesion) -> list[str]:
    """What has no code: intervals, an edited line."""
    said = []
    for name, interval in [("Long", lesion.long_axis_interval_mm), ("Short", lesion.short_axis_interval_mm)]:
        if interval is not None:
            low, high = interval
            said.append(f"{name} axis at probability thresholds 0.3 to 0.7: {low:.1f} to {high:.1f} mm.")
    if lesion.edited:
        said.append("An axis was edited by a person.")
    return said


def remark(words: str) -> TextContentItem:
    return TextContentItem(name=COMMENT, value=words, relationship_type=RelationshipTypeValues.CONTAINS)


def site(lesion: Lesion) -> FindingSite:
    if lesion.node:
        return FindingSite(LYMPH_NODE)
    return FindingSite(LUNG, laterality={"left": LEFT, "right": RIGHT}.get(lesion.side))


def algorithm(source: DicomSource) -> AlgorithmIdentification:
    maker = source.findings.maker
    name = f"{PROGRAM} measurement" if maker.kind == MANUAL else f"{PROGRAM} {maker.model}"
    return AlgorithmIdentification(name=name, version=maker.algorithm_version)


def observer(source: DicomSource) -> ObserverContext:
    version = source.findings.maker.version
    return ObserverContext(
        CodedConcept.from_code(DEVICE),
        DeviceObserverIdentifyingAttributes(
            uid=generate_uid(entropy_srcs=[PROGRAM, "device", version]),
            name=PROGRAM,
            manufacturer_name=MANUFACTURER,
            model_name=PROGRAM,
        ),
    )


def segmentation_named(source: DicomSource) -> Dataset:
    """As much of the SEG as the report's list of evidence names."""
    named = Dataset()
    named.SOPClassUID, named.SOPInstanceUID = SegmentationStorage, source.uid("SEG")
    named.StudyInstanceUID, named.SeriesInstanceUID = source.first.StudyInstanceUID, source.uid("SEG series")
    return named
