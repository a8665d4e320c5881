"""NIfTI masks with fixed label values."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from LungTumorSegLib.export.findings import Findings
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.writing import write_volume


def write_nifti(folder: Path, findings: Findings) -> None:
    """`segmentation.nii.gz`: uint8, 0 = background, 1 = tumour. `lesions.nii.gz`: uint16, n = lesion n."""
    grid = findings.ct.geometry
    write_volume(folder / "segmentation.nii.gz", Volume((findings.labels > 0).view(np.uint8), grid))
    write_volume(folder / "lesions.nii.gz", Volume(findings.labels, grid))
