"""BraTS: a folder a patient with one file a sequence (T1, contrast-enhanced T1, T2, FLAIR) and one of labels.

Names as of 2013 (VSD.Brain.XX.O.MR_T1c.N.mha, VSD.Brain_3more.XX.O.OT.N.mha, each in a folder of its own), 2017-2021
(CASE_t1ce.nii.gz, CASE_seg.nii.gz) and 2023 (CASE-t1c.nii.gz). Labels: Menze et al. 2015, doi:10.1109/TMI.2014.2377694.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from LungTumorSegLib.cases.case import Case, Dataset
from LungTumorSegLib.cases.naming import classes_of, is_volume, listed, patient_of, stem
from LungTumorSegLib.cases.pairing import missing_image
from LungTumorSegLib.cases.problem import STOPS, WARNING, Problem
from LungTumorSegLib.cases.sequences import SEQUENCE

LAYOUT = "BraTS"
LOOKS = "CASE/ with t1, t1c, t2, flair and seg as .mha, .nii or .nii.gz"
CHANNELS = ("t1", "t1c", "t2", "flair")
CLASSES = {1: "necrotic core", 2: "oedema", 3: "non-enhancing or enhancing tumour", 4: "enhancing tumour"}
WORDS = {**SEQUENCE, "seg": "seg", "ot": "seg"}
WORD = re.compile(r"[-_.](?:MR_)?([A-Za-z0-9]+?)(?:\.\d+)?$", re.IGNORECASE)


def fits(folder: Path) -> bool:
    return any(len(_sequences(case).keys() & set(CHANNELS)) > 1 for case in listed(folder) if case.is_dir())


def read(folder: Path) -> Dataset:
    """Sequences that no case has are no channels; a case that lacks one that others have is a problem."""
    found = {case.name: _sequences(case) for case in listed(folder) if case.is_dir()}
    channels = tuple(name for name in CHANNELS if any(name in files for files in found.values()))
    cases, problems = [], []
    for name, files in found.items():
        there = tuple(channel for channel in channels if channel in files)
        if not there:
            problems += [missing_image(name)] if "seg" in files else []
            continue
        twice = [sequence for sequence, paths in files.items() if len(paths) > 1]
        if twice:
            problems.append(
                Problem(name, STOPS, "channels", f"Several files of {', '.join(twice)}", "leave one of each")
            )
        if "seg" not in files:
            problems.append(
                Problem(name, WARNING, "missing-mask", "No labels: left out of training", "add them to train on it")
            )
        mask = files["seg"][0] if "seg" in files else None
        paths = tuple(files[channel][0] for channel in there)
        cases.append(Case(name, patient_of(name), paths, mask, channels=channels))
    return Dataset(LAYOUT, tuple(cases), classes_of(folder, CLASSES), channels, tuple(problems))


def read_case(folder: Path) -> Case | None:
    """The case whose files a folder holds: at least two sequences, one file each, named alike but for the sequence.

    None where it holds something else. Labels are left aside.
    """
    found = {name: files for name, files in _sequences(folder).items() if name != "seg"}
    images = [files[0] for files in found.values()]
    names = {stem(path)[: WORD.search(stem(path)).start()] for path in images}
    if len(found) < 2 or len(names) > 1 or any(len(files) > 1 for files in found.values()):
        return None
    channels = tuple(name for name in CHANNELS if name in found)
    paths = tuple(found[name][0] for name in channels)
    return Case(folder.resolve().name, patient_of(folder.resolve().name), paths, channels=channels)


def _sequences(case: Path) -> dict[str, list[Path]]:
    files = defaultdict(list)
    for path in sorted(case.rglob("*")):
        word = WORD.search(stem(path)) if is_volume(path) else None
        if word and word.group(1).lower() in WORDS:
            files[WORDS[word.group(1).lower()]].append(path)
    return dict(files)
