"""A folder a scan: image.nii.gz and, where there is one, mask.nii.gz; the folder's name is the case's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from LungTumorSegLib.cases.case import Case, Dataset
from LungTumorSegLib.cases.naming import classes_of, listed, patient_of, stem, volumes
from LungTumorSegLib.cases.pairing import by_stem, missing_image
from LungTumorSegLib.cases.problem import WARNING, Problem

LAYOUT = "a folder a scan"
LOOKS = "CASE/image.nii.gz and CASE/mask.nii.gz"


def fits(folder: Path) -> bool:
    return any(stem(path) == "image" for case in listed(folder) for path in volumes(case))


def read(folder: Path) -> Dataset:
    cases, problems = [], []
    for case in listed(folder):
        files, twice = by_stem(volumes(case), "files")
        problems += [replace(each, case=case.name) for each in twice if each.case in ("image", "mask")]
        if "image" in files:
            cases.append(Case(case.name, patient_of(case.name), (files["image"],), files.get("mask")))
            if "mask" not in files:
                problems.append(
                    Problem(
                        case.name, WARNING, "missing-mask", "No mask: left out of training", "add one to train on it"
                    )
                )
        elif "mask" in files:
            problems.append(missing_image(case.name))
    return Dataset(LAYOUT, tuple(cases), classes_of(folder, {1: "tumour"}), problems=tuple(problems))
