"""Medical Segmentation Decathlon (Antonelli et al. 2022, doi:10.1038/s41467-022-30695-9).

dataset.json names the classes (`labels`), the channels (`modality`) and the cases (`training`: pairs of image and label
paths; `test`: paths); imagesTr, labelsTr and imagesTs hold the files.
"""

from __future__ import annotations

from pathlib import Path

from LungTumorSegLib.cases.case import CT, Case, Dataset
from LungTumorSegLib.cases.naming import is_volume, patient_of, read_json, stem, volumes, whole_numbers
from LungTumorSegLib.cases.pairing import missing_image, missing_mask
from LungTumorSegLib.cases.problem import WARNING, Problem
from LungTumorSegLib.errors import InputRefused

LAYOUT = "Medical Segmentation Decathlon"
LOOKS = "dataset.json (with training), imagesTr, labelsTr"


def fits(folder: Path) -> bool:
    return (folder / "dataset.json").is_file() and "training" in read_json(folder / "dataset.json")


def read(folder: Path) -> Dataset:
    """Channels of one case lie in one file in this layout; only data with one channel are read from it."""
    content = read_json(folder / "dataset.json")
    channels = tuple(str(name) for name in (content.get("modality") or {"0": CT}).values())
    if len(channels) != 1:
        raise InputRefused(
            f"The task has {len(channels)} channels in one file: convert it to nnU-Net's layout, a file each."
        )
    channels = tuple(CT if name.upper() == CT else name for name in channels)
    problems, cases, listed_files = [], [], set()
    entries = content.get("training") or []
    if not all(isinstance(entry, dict) and {"image", "label"} <= entry.keys() for entry in entries):
        raise InputRefused("dataset.json: each entry of training needs image and label: mend it.")
    entries = [(entry["image"], entry["label"], "train") for entry in entries]
    entries += [(entry, None, "test") for entry in content.get("test") or [] if isinstance(entry, str)]
    for image, label, part in entries:
        paths = [_inside(folder, path) for path in (image, label) if path is not None]
        name = stem(paths[0])
        listed_files.add(paths[0].resolve())
        if not is_volume(paths[0]):
            problems.append(missing_image(name))
            continue
        mask = paths[1] if label is not None and is_volume(paths[1]) else None
        if part == "train" and mask is None:
            problems.append(missing_mask(name))
        cases.append(Case(name, patient_of(name), (paths[0],), mask, part, channels=channels))
    for path in volumes(folder / "imagesTr"):
        if path.resolve() not in listed_files:
            problems.append(Problem(stem(path), WARNING, "note", "Not listed in dataset.json: not used", "list it"))
    return Dataset(
        LAYOUT, tuple(cases), whole_numbers(content.get("labels") or {"1": "tumour"}), channels, tuple(problems)
    )


def _inside(folder: Path, path: object) -> Path:
    if not isinstance(path, str) or Path(path).is_absolute() or ".." in Path(path).parts:
        raise InputRefused("dataset.json names a file outside its folder: mend it.")
    return folder / path
