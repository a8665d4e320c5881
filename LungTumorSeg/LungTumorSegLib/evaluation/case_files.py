"""Which prediction belongs to which reference, by the case's name, and whether both lie on one grid."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.picture import is_picture, read_picture_mask
from LungTumorSegLib.volume.probability_map import read_grid

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".png")
REFERENCES = ("reference", "truth", "mask", "lesions", "segmentation")  # names within a case's folder, the first counts
IMAGES = ("image", "ct")
CT = "CT"
CHANNEL = "_0000"  # what nnU-Net adds to the name of an image


@dataclass(frozen=True)
class CaseFiles:
    """mask : lesion numbers or a mask as the program wrote it; probability; gradcam : None where not there, but never
    both of the first two. threshold : that the mask was made with, as run.json says. image : the CT. in_hu : False
    where run.json says that the image is none, and for pictures."""

    name: str
    reference: Path
    mask: Path | None
    probability: Path | None
    gradcam: Path | None = None
    threshold: float | None = None
    image: Path | None = None
    in_hu: bool = True


def pair(predictions: Path, references: Path, images: Path | None = None) -> tuple[list[CaseFiles], list[str]]:
    """The cases in order of their names, and what is wrong, one line a problem (any means: do not go on).

    A case is a file NAME.nii.gz (or .nii, .nrrd, .mha; of flat pictures .png) or a folder NAME: of a prediction as
    `segment` writes it (lesions, segmentation, probability, gradcam), of a reference with mask, truth, lesions or
    segmentation in it. One file or one result folder against one file is a single case whatever the names.
    Floating-point files are taken for probabilities. Only headers are read, of pictures all.
    """
    for folder in (predictions, references, *([images] if images else [])):
        if not folder.exists():
            raise InputRefused("One of the folders does not exist: check --predictions, --references and --images.")
    problems: list[str] = []
    if is_single(predictions) and (references.is_file() or is_single(references)):
        name = stem(references)
        found, true = {name: predictions}, {name: references}
        scans = {name: images} if images else {}
    else:
        found, true = entries(predictions, problems), entries(references, problems)
        scans = entries(images, problems) if images else {}
    true = {name: file for name, path in true.items() if (file := reference_in(path))}
    found = {name: path for name, path in found.items() if path.is_file() or is_single(path)}
    problems += [
        f"{name}: there is a reference, but no prediction of that name" for name in sorted(true.keys() - found)
    ]
    problems += [
        f"{name}: there is a prediction, but no reference of that name" for name in sorted(found.keys() - true)
    ]
    cases = []
    for name in sorted(true.keys() & found.keys()):
        image = scans.get(name, scans.get(name + CHANNEL))
        if images and image is None:
            problems.append(f"{name}: there is no image of that name")
        try:
            case = case_of(name, found[name], true[name], image_in(image) if image else None)
            check_grids(case)
        except InputRefused as refusal:
            problems.append(f"{name}: {refusal}")
        else:
            cases.append(case)
    if not cases and not problems:
        raise InputRefused(
            "There is no case: name folders with files NAME.nii.gz, or with folders as segment writes them."
        )
    return cases, problems


def stem(path: Path) -> str:
    """The name without an image file's ending."""
    ending = next((e for e in ENDINGS if path.name.lower().endswith(e)), "")
    return path.name[: len(path.name) - len(ending)]


def entries(folder: Path, problems: list[str]) -> dict[str, Path]:
    """Case name -> file or folder."""
    if not folder.is_dir():
        raise InputRefused("A folder of cases is needed where the other side is one: name the folder, not a file.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not (path.is_dir() or stem(path) != path.name):
            continue
        if stem(path) in found:
            problems.append(f"{stem(path)}: there are two of that name, {found[stem(path)].name} and {path.name}")
        found[stem(path)] = path
    return found


def within(folder: Path, *names: str) -> Path | None:
    """The first image file of one of these names."""
    return next((path for name in names for end in ENDINGS if (path := folder / (name + end)).is_file()), None)


def is_single(path: Path) -> bool:
    """Whether this is one prediction: a file, or a folder as `segment` writes it."""
    return path.is_file() or within(path, "lesions", "segmentation", "probability", "mask") is not None


def reference_in(path: Path) -> Path | None:
    return path if path.is_file() else within(path, *REFERENCES)


def image_in(path: Path) -> Path:
    """The image of a case's folder; the folder itself where it holds none, as it then may be a DICOM series."""
    return path if path.is_file() else within(path, *IMAGES) or path


def case_of(name: str, prediction: Path, reference: Path, image: Path | None) -> CaseFiles:
    in_hu = not is_flat(reference) and not (image is not None and is_picture(image))
    if prediction.is_file():
        real = not is_flat(prediction) and read_grid(prediction)[1]
        mask, probability = (None, prediction) if real else (prediction, None)
        return CaseFiles(name, reference, mask, probability, image=image, in_hu=in_hu)
    run = noted(prediction / "run.json")
    return CaseFiles(
        name,
        reference,
        within(prediction, "lesions", "segmentation", "mask"),
        within(prediction, "probability"),
        within(prediction, "gradcam"),
        run.get("threshold"),
        image,
        in_hu and run.get("channels", [CT])[:1] == [CT],
    )


def noted(run: Path) -> dict:
    """What run.json says of threshold and channels, as far as it can be read."""
    try:
        content = json.loads(run.read_text(encoding="utf-8"))
        kept = {"threshold": float(content["threshold"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return kept | ({"channels": content["channels"]} if isinstance(content.get("channels"), list) else {})


def check_grids(case: CaseFiles) -> None:
    if is_flat(case.reference):  # a PNG states no place: pixels are compared one to one
        sizes = [
            f"{n[2]} x {n[1]}" for n in (grid_of(case.mask or case.probability).shape, grid_of(case.reference).shape)
        ]
        if sizes[0] != sizes[1]:
            raise InputRefused(f"the prediction has {sizes[0]} pixels, the reference {sizes[1]}: export it again")
        return
    grid, _ = read_grid(case.reference)
    files = {"mask": case.mask, "probability": case.probability, "Grad-CAM": case.gradcam}
    if case.image is not None and case.image.is_file() and not is_picture(case.image):
        files["image"] = case.image
    for what, path in files.items():
        if path is None:
            continue
        other, _ = read_grid(path)
        if other.shape != grid.shape:
            sizes = [" x ".join(map(str, g.shape[::-1])) for g in (other, grid)]
            raise InputRefused(
                f"the {what} has {sizes[0]} voxels, the reference {sizes[1]}: resample one onto the other"
            )
        if not grid.same_grid(other):
            raise InputRefused(
                f"the {what} has the reference's size but lies elsewhere in the patient: resample one onto the other"
            )


def grid_of(path: Path) -> Geometry:
    return read_picture_mask(path).geometry if is_flat(path) else read_grid(path)[0]


def is_flat(path: Path) -> bool:
    return path.suffix.lower() == ".png"
