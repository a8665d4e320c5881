"""The lesions for other programs."""

from __future__ import annotations

import json
from pathlib import Path

from LungTumorSegLib.export.findings import Findings
from LungTumorSegLib.measurement.measure import CONVENTION
from LungTumorSegLib.measurement.wording import DISCLAIMER


def write_json(folder: Path, findings: Findings) -> None:
    """`lesions.json`: all measures in full precision, units in the names of the keys, points in LPS mm."""
    series, maker = findings.ct.series, findings.maker
    content = {
        "convention": CONVENTION,
        "study": {
            "study_date": series and series.study_date,
            "series_uid": series and series.uid,
            "image_sha256": findings.ct.content_hash,
            "shape_kji": list(findings.ct.geometry.shape),
            "spacing_mm_ijk": list(findings.ct.geometry.spacing),
        },
        "outlined_by": {
            "kind": maker.kind,
            "model": maker.model,
            "weights": maker.weights,
            "classes": list(findings.classes),
            "lungtumorseg": maker.version,
            "threshold": maker.threshold,
            "written": findings.written.isoformat(timespec="seconds"),
        },
        "lesions": [lesion.as_dict() for lesion in findings.lesions],
        "note": DISCLAIMER,
    }
    (folder / "lesions.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
