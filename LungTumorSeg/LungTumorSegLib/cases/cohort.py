"""Whether a folder holds one scan or many, and which: for those who only want to look at them, masks or not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from LungTumorSegLib.cases import brats, dicom_folders
from LungTumorSegLib.cases.case import Case
from LungTumorSegLib.cases.layouts import LAYOUTS, in_one_line
from LungTumorSegLib.cases.naming import IMAGE_WORD, MASK_WORD, is_volume, listed, stem, volumes
from LungTumorSegLib.cases.scan import Scan
from LungTumorSegLib.cases.words import counted
from LungTumorSegLib.volume.quiet_dicom import quiet_dicom

MOST_FILES_ASKED = 20  # files of a folder looked into before it is believed to hold no DICOM
UNFIT = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class Cohort:
    """scans : by name; none where the folder is one scan, or holds none.

    looks : what the folder was taken for, one line; empty where it could be nothing else.
    case : the one case of several images that the folder is.
    """

    scans: tuple[Scan, ...]
    looks: str = ""
    case: Scan | None = None


@quiet_dicom()
def find_cohort(folder: str | Path, leave_out: Path | None = None) -> Cohort:
    """What lies in a folder. No voxel is read. `InputRefused` where a dataset's table is damaged.

    DICOM files in the folder itself, or of one study in the folders inside it, are one scan. Else it is a dataset in a
    layout that `read_dataset` knows, or the images of one case as BraTS names them, or image files, or folders, each
    with an image file or the DICOM files of one study (a folder of a patient with several studies counts as that many).

    leave_out : a folder that is not looked into, such as the one for the results.
    """
    folder = Path(folder)
    inner = [path for path in listed(folder) if path.is_dir() and not (leave_out and same(path, leave_out))]
    if study_in(folder) is not None:
        return Cohort(())
    with in_one_line():
        layout = next((each for each in LAYOUTS if each is not dicom_folders and each.fits(folder)), None)
        cases = layout.read(folder).cases if layout else ()
    if layout is not None:
        return Cohort(named(map(of_case, cases)), f"the folder is a dataset ({layout.LAYOUT})")
    case = brats.read_case(folder)
    if case is not None:
        looks = f"the folder is one case of {len(case.images)} images ({', '.join(case.channels)})"
        return Cohort((), looks, of_case(case))
    dicom = {path: studies(path) for path in inner}
    images = [scan for path in inner if not dicom[path] for scan in image_in(path)]
    files = without_masks(folder)
    if not files and not images and len({study for found in dicom.values() for study in found.values()}) == 1:
        holding = counted(sum(map(bool, dicom.values())), "folder")
        return Cohort((), f"the folder's DICOM files, in {holding}, are of one study: read as one scan")
    series = [Scan("_".join(place.relative_to(folder).parts), place) for found in dicom.values() for place in found]
    scans = named([*(Scan(stem(path), path) for path in files), *images, *series])
    looks = "image files, masks left aside" if len(files) < len(volumes(folder)) else "image files"
    return Cohort(scans, f"the folder holds {looks if files else 'a folder a scan'}" if scans else "")


def of_case(case: Case) -> Scan:
    """What a dataset's case is to those who want to see its scan."""
    first, *others = case.images
    lacks = len(case.channels) - len(case.images)
    problem = f"{lacks} of its {len(case.channels)} images ({', '.join(case.channels)}) are missing: add them."
    return Scan(case.name, first, problem if lacks else "", tuple(others), case.channels, case.kind == "slice")


def image_in(folder: Path) -> list[Scan]:
    """The one image file of a folder; of several the one that is called image, ct or scan, masks left aside."""
    files = without_masks(folder)
    called = [path for path in files if IMAGE_WORD.search(f"-{stem(path)}")]
    if not files:
        return []
    if len(files) > 1 and len(called) != 1:
        return [Scan(folder.name, folder, f"The folder holds {len(files)} images: leave one, or name one image.")]
    return [Scan(folder.name, (called or files)[0])]


def without_masks(folder: Path) -> list[Path]:
    return [path for path in volumes(folder) if not MASK_WORD.search(f"-{stem(path)}")]


def studies(folder: Path) -> dict[Path, str]:
    """Folders below, or the folder itself, that hold the DICOM files of one study each, and the study's UID."""
    study = study_in(folder)
    if study is not None:
        return {folder: study}
    below = {}
    for path in listed(folder):
        if path.is_dir() and not path.is_symlink():
            below |= studies(path)
    return {folder: next(iter(below.values()))} if len(set(below.values())) == 1 else below


def study_in(folder: Path) -> str | None:
    """The study of the first DICOM file in the folder itself; None where its first files are none."""
    for path in [path for path in listed(folder) if path.is_file() and not is_volume(path)][:MOST_FILES_ASKED]:
        try:
            header = dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SOPClassUID"])
        except (InvalidDicomError, OSError, ValueError, EOFError, AttributeError, TypeError):
            continue
        if "SOPClassUID" in header:  # not a DICOMDIR
            return str(header.get("StudyInstanceUID") or path.parent)
    return None


def named(scans: Iterable[Scan]) -> tuple[Scan, ...]:
    """In the order of their names, each with one that no other has and that can name a folder everywhere."""
    taken: dict[str, Scan] = {}
    for scan in sorted(scans, key=lambda scan: (scan.name, scan.path)):
        plain = UNFIT.sub("_", scan.name).strip(". ") or "scan"
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken[name.lower()] = replace(scan, name=name)
    return tuple(taken.values())


def same(a: Path, b: Path) -> bool:
    return a.resolve() == b.resolve()
