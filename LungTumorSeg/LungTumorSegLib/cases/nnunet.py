"""nnU-Net's raw layout, version 2 (Isensee et al. 2021, doi:10.1038/s41592-020-01008-z; its dataset_format.md).

dataset.json names `channel_names`, `labels` (name -> number, or numbers for regions) and `file_ending`; imagesTr holds
CASE_0000, CASE_0001 ... (a file a channel), labelsTr CASE, imagesTs the test cases, labelsTs (where there) their masks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from LungTumorSegLib.cases.case import CT, Case, Dataset
from LungTumorSegLib.cases.naming import patient_of, read_json, volumes, whole_numbers
from LungTumorSegLib.cases.pairing import by_stem, missing_image, missing_mask
from LungTumorSegLib.cases.problem import STOPS, Problem

LAYOUT = "nnU-Net raw"
LOOKS = "dataset.json (with channel_names), imagesTr with CASE_0000, labelsTr"
CHANNEL = re.compile(r"^(.+)_(\d{4})$")


def fits(folder: Path) -> bool:
    return (folder / "dataset.json").is_file() and "channel_names" in read_json(folder / "dataset.json")


def read(folder: Path) -> Dataset:
    content = read_json(folder / "dataset.json")
    channels = tuple(CT if str(name).upper() == CT else str(name) for name in content["channel_names"].values())
    classes = {}
    for name, number in (content.get("labels") or {}).items():
        for one in number if isinstance(number, list) else [number]:  # a region is a union: its labels keep one name
            classes.setdefault(one, name)
    cases, problems = [], []
    for part, images, labels in (("train", "imagesTr", "labelsTr"), ("test", "imagesTs", "labelsTs")):
        found: dict[str, dict[int, Path]] = defaultdict(dict)
        files, twice = by_stem(volumes(folder / images), "images")
        problems += twice
        for name, path in files.items():
            named = CHANNEL.match(name)
            if named:
                found[named.group(1)][int(named.group(2))] = path
            else:
                problems.append(
                    Problem(name, STOPS, "channels", "The name does not end in a channel", "name it CASE_0000")
                )
        masks, twice = by_stem(volumes(folder / labels), "masks")
        problems += twice
        problems += [missing_image(name) for name in sorted(masks.keys() - found.keys())]
        for name, files in sorted(found.items()):
            paths = tuple(files[n] for n in sorted(files))
            if part == "train" and name not in masks:
                problems.append(missing_mask(name))
            cases.append(Case(name, patient_of(name), paths, masks.get(name), part, channels=channels))
    return Dataset(LAYOUT, tuple(cases), whole_numbers(classes), channels, tuple(problems))
