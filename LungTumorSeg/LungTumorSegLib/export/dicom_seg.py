"""DICOM SEG: one segment a lesion (PS3.3 A.51), filed beside the CT it was made on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation as HighdicomSegmentation
from highdicom.seg import SegmentationTypeValues, SegmentDescription
from pydicom.sr.coding import Code

from LungTumorSegLib.export.dicom_source import MANUFACTURER, PROGRAM, DicomSource, read_source
from LungTumorSegLib.export.findings import MANUAL, Findings, Maker
from LungTumorSegLib.measurement.colours import lesion_colour
from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.volume.quiet_dicom import quiet_dicom

FILE = "segmentation.dcm"

# PS3.16: CID 7150, CID 7151, CID 4 / CID 4031.
ALTERED_STRUCTURE = Code("49755003", "SCT", "Morphologically Abnormal Structure")
NEOPLASM = Code("108369006", "SCT", "Neoplasm")
LUNG = Code("39607008", "SCT", "Lung")
LYMPH_NODE = Code("59441001", "SCT", "Lymph node")
ARTIFICIAL_INTELLIGENCE = Code("123109", "DCM", "Artificial Intelligence")  # CID 7162


def write_dicom_seg(folder: Path, findings: Findings) -> None:
    """`segmentation.dcm`, explicit little endian. Slices without a lesion are not stored, as usual for SEG."""
    source = read_source(findings)
    with quiet_dicom():
        make_segmentation(source).save_as(folder / FILE, enforce_file_format=True)


def make_segmentation(source: DicomSource) -> HighdicomSegmentation:
    """Segment n is the n-th lesion listed; its tracking id and UID name the lesion."""
    findings = source.findings
    number_of = np.zeros(max(findings.numbers) + 1, np.uint8 if len(findings.lesions) < 256 else np.uint16)
    number_of[findings.numbers] = np.arange(1, len(findings.lesions) + 1)
    described = [describe(source, n, lesion) for n, lesion in enumerate(findings.lesions, start=1)]
    segmentation = HighdicomSegmentation(
        source_images=source.slices,
        pixel_array=number_of[findings.labels],
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        series_instance_uid=source.uid("SEG series"),
        series_number=source.series_number(1),
        sop_instance_uid=source.uid("SEG"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=PROGRAM,
        software_versions=findings.maker.version,
        device_serial_number="0",
        content_label="LUNG_TUMOURS",
        content_description="Lung tumours. Research software, not a medical device.",
        series_description=f"{PROGRAM}: lung tumours (research use)",
        **source.stamp,
    )
    return source.settle(segmentation)


def describe(source: DicomSource, number: int, lesion: Lesion) -> SegmentDescription:
    maker = source.findings.maker
    return SegmentDescription(
        segment_number=number,
        segment_label=f"Tumour {lesion.id}",
        segmented_property_category=ALTERED_STRUCTURE,
        segmented_property_type=NEOPLASM,
        algorithm_type=maker.kind,
        algorithm_identification=None if maker.kind == MANUAL else algorithm(maker),
        tracking_uid=source.tracking_uid(lesion.id),
        tracking_id=source.tracking_id(lesion.id),
        anatomic_regions=[LYMPH_NODE if lesion.node else LUNG],
        display_color=CIELabColor.from_rgb(*(round(255 * c) for c in lesion_colour(lesion.id))),
    )


def algorithm(maker: Maker) -> AlgorithmIdentificationSequence:
    return AlgorithmIdentificationSequence(
        name=f"{PROGRAM} {maker.model}",
        family=ARTIFICIAL_INTELLIGENCE,
        version=maker.algorithm_version,
        source=MANUFACTURER,
    )
