"""What `segment` leaves behind: the maps on the CT's grid, the lesions, the facts of the run, a picture."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np

from LungTumorSegLib.cases.scan import Scan
from LungTumorSegLib.command.asked import Asked
from LungTumorSegLib.command.staging import staged
from LungTumorSegLib.command.version import version
from LungTumorSegLib.measurement.measure import CONVENTION, Lesion
from LungTumorSegLib.measurement.wording import DISCLAIMER
from LungTumorSegLib.report.overview import write_overview
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.writing import write_volume

HEAT = "gradcam.nii.gz"  # only where one was asked for and made
MAPS = "probability.nii.gz", "lesions.nii.gz", "segmentation.nii.gz", HEAT
RUN = "run.json"  # comes last: a folder that has it is whole


def write_results(
    folder: Path,
    ct: Volume,
    probability: Box,
    labels: Box,
    lesions: list[Lesion],
    heat: Box | None,
    run: dict,
    in_hu: bool = True,
) -> None:
    """Write all files, or none: they are made in a folder of their own and moved into place at the end.

    in_hu : False where `ct` is an image on a scale of its own, such as MR.

    Raises
    ------
    InputRefused
        The folder cannot be written to, or the disk is full.
    """
    with staged(folder, last=RUN, gone=(HEAT,) if heat is None else ()) as staging:
        write_maps(staging, ct, probability, labels, heat)
        report = {"convention": CONVENTION, "lesions": [lesion.as_dict() for lesion in lesions], "note": DISCLAIMER}
        (staging / "lesions.json").write_text(json.dumps(report, indent=2) + "\n")
        (staging / RUN).write_text(json.dumps(run, indent=2) + "\n")
        write_overview(staging / "overview.png", ct, probability, labels, lesions, heat, in_hu=in_hu)


def write_maps(folder: Path, ct: Volume, probability: Box, labels: Box, heat: Box | None) -> None:
    """The volumes, each on the CT's own grid."""
    shape = ct.voxels.shape
    # One at a time: four maps of a large scan together would not fit into a small laptop.
    write_volume(folder / "probability.nii.gz", Volume(probability.full(shape), ct.geometry))
    write_volume(folder / "lesions.nii.gz", Volume(labels.full(shape), ct.geometry))
    tumour = Box(labels.start, (labels.values > 0).astype(np.uint8))
    write_volume(folder / "segmentation.nii.gz", Volume(tumour.full(shape), ct.geometry))
    if heat is not None:
        write_volume(folder / HEAT, Volume(heat.full(shape), ct.geometry))


def run_facts(
    scan: Scan,
    images: tuple[Volume, ...],
    metas: list[dict],
    seconds: dict[str, float],
    asked: Asked,
    fingerprint: str | None,
    notes: list[str],
) -> dict:
    """run.json: what ran, on what, how long, at what cost.

    `scan` as the user named it, `images` as read; `metas`: one a request; `asked`: the user's choices, so that the CT
    can be read again and a cohort knows what is done; `fingerprint`: the model's; `notes`: the worker's.
    """
    energy = [meta["energy_joules"] for meta in metas]
    first, (ct, *others) = metas[0], images
    several = {
        "channels": list(scan.channels),
        "other_image_paths": [str(path.absolute()) for path in scan.others],
        "other_images_sha256": [other.content_hash for other in others],
    }
    return {
        "lungtumorseg": version(),
        "identity": uuid4().hex,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": first["model"],
        "model_fingerprint": fingerprint,
        "classes": first.get("classes"),  # a worker elsewhere may be older
        "asked": asked.facts(),
        "prompts": list(asked.prompts),
        "threshold": first["threshold"],
        "device": first["device"],
        "half_precision": first["half"],
        "seconds": seconds,
        "multiply_adds": sum(meta["multiply_adds"] for meta in metas),
        "energy_joules": None if None in energy else sum(energy),
        "image_path": str(scan.path.absolute()),
        "series_uid": ct.series and ct.series.uid,
        "study_date": ct.series and ct.series.study_date,
        "hu_offset": asked.hu_offset,
        "resample": asked.resample,
        "image_sha256": ct.content_hash,
        "image_sha256_of": "voxel type, grid and voxels as read",
        "in_hu": scan.in_hu,
        **(several if others else {}),
        "shape_kji": list(ct.geometry.shape),
        "spacing_mm_ijk": list(ct.geometry.spacing),
        "notes": [
            *dict.fromkeys(warning for image in images for warning in image.warnings),
            *notes,
        ],
        "note": DISCLAIMER,
    }
