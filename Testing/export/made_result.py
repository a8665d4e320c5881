"""What `segment` leaves of the made series' three lesions, without a model."""

import json
from pathlib import Path

from made_series import lesion_voxels

from LungTumorSegLib.measurement.measure import measure
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.writing import write_volume


def write_result(folder: Path, scan: Volume, place: Path, density: bool = True, **facts) -> Path:
    """Of a scan that was read from `place`; `facts` stand in run.json besides those that every run notes."""
    folder.mkdir()
    labels = lesion_voxels()
    lesions = measure(labels, scan.geometry, ct=scan.voxels if density else None)
    write_volume(folder / "lesions.nii.gz", Volume(labels, scan.geometry))
    (folder / "lesions.json").write_text(json.dumps({"lesions": [lesion.as_dict() for lesion in lesions]}))
    run = {
        "lungtumorseg": "0.2.0",
        "written": "2025-03-15T09:30:00+00:00",
        "model": "automatic",
        "threshold": 0.5,
        "image_path": str(place),
        "series_uid": scan.series and scan.series.uid,
        "image_sha256": scan.content_hash,
    }
    (folder / "run.json").write_text(json.dumps(run | facts))
    return folder
