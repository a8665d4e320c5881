"""What others read in exported DICOM: ci/benchmark export FOLDER..., folders that `lungtumorseg export` wrote.

Of each folder's segmentation.dcm and measurements.dcm: errors and warnings of dciodvfy (dicom3tools), voxels that
differ from lesions.nii.gz after dcmqi's segimage2itkimage, and the largest difference of a value that dcmqi's
tid1500reader reads from that of lesions.json. Warnings are counted apart where they are about an attribute of patient
or study, which is the source's and is copied as it is.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Testing" / "export"))
from validators import MISSING, dciodvfy, groups_by_dcmqi, segments_by_dcmqi, values_of

from LungTumorSegLib.volume.reading import read_mask

SOURCES = ("PatientName", "PatientID", "StudyDate", "StudyTime", "StudyID")


def main(folders: list[str]) -> None:
    if MISSING or not folders:
        sys.exit(f"missing: {', '.join(MISSING)}" if MISSING else __doc__)
    print("| folder | lesions | voxels | dciodvfy errors | warnings (the source's) | voxels changed | value off by |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for folder in map(Path, folders):
        print(f"| {folder} | {' | '.join(map(str, row(folder)))} |", flush=True)


def row(folder: Path) -> list:
    mask = read_mask(folder / "lesions.nii.gz", most_foreground=None)
    lesions = json.loads((folder / "lesions.json").read_text())["lesions"]
    errors, warnings = [], []
    for file in ("segmentation.dcm", "measurements.dcm"):
        found = dciodvfy(folder / file)
        errors += found[0]
        warnings += found[1]
    copied = sum(any(name in line for name in SOURCES) for line in warnings)
    with tempfile.TemporaryDirectory() as scratch:
        masks, _ = segments_by_dcmqi(folder / "segmentation.dcm", mask.geometry, Path(scratch))
        groups = groups_by_dcmqi(folder / "measurements.dcm", Path(scratch))
    read = np.zeros(mask.voxels.shape, np.int64)
    for lesion in lesions:
        read[masks[f"Lesion {lesion['id']}"]] = lesion["id"]
    off = 0.0
    for lesion, group in zip(lesions, (g for g in groups if "ReferencedSegment" in g), strict=True):
        values = values_of(group)
        wanted = {"Long Axis": lesion["long_axis_mm"], "Short Axis": lesion["short_axis_mm"]}
        wanted["Volume"] = lesion["volume_ml"] * 1000
        off = max(off, *(abs(values[name] / value - 1) for name, value in wanted.items()))
    changed = int((read != mask.voxels).sum())
    voxels = int((mask.voxels > 0).sum())
    return [len(lesions), voxels, len(errors), f"{len(warnings)} ({copied})", changed, f"{off:.0e}"]


if __name__ == "__main__":
    main(sys.argv[1:])
