"""One case: what is compared, and every metric of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.evaluation.case_files import CaseFiles, grid_of, is_flat
from LungTumorSegLib.evaluation.lesions import Detection, detect, numbered
from LungTumorSegLib.evaluation.overlap import METRICS, Counts, hard_counts, soft_counts
from LungTumorSegLib.evaluation.sizes import size_errors
from LungTumorSegLib.evaluation.surfaces import surface_distances
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.picture import read_picture_mask
from LungTumorSegLib.volume.probability_map import read_probability
from LungTumorSegLib.volume.reading import read_mask

MASK, PURE = "the mask", "pure probabilities"
THRESHOLD = 0.5


@dataclass(frozen=True)
class Settings:
    """thresholds : of the sweep. tolerance_mm : of NSD. threshold : makes the mask from the probability; None: the
    mask that was written counts, else the threshold that run.json notes, else 0.5. smallest_mm : predicted lesions of
    a shorter long axis are left out. overlap : see `lesions`."""

    thresholds: tuple[float, ...] = (0.3, 0.5, 0.7, 0.8, 0.9)
    tolerance_mm: float = 2.0
    threshold: float | None = None
    smallest_mm: float = 0.0
    overlap: float = 0.0

    def __post_init__(self):
        given = (*self.thresholds, *([] if self.threshold is None else [self.threshold]))
        if not all(0 < threshold <= 1 for threshold in given):
            raise InputRefused("Thresholds must be above 0 and at most 1, for example 0.5,0.8.")
        if not self.tolerance_mm >= 0 or not self.smallest_mm >= 0 or not 0 <= self.overlap < 1:
            raise InputRefused("--tolerance and --smallest must be 0 mm or more, --overlap from 0 to below 1.")


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """On one grid [k, j, i]: numbers of the lesions, of reference and prediction; probability; Grad-CAM."""

    name: str
    geometry: Geometry
    reference: np.ndarray
    prediction: np.ndarray
    probability: np.ndarray | None
    gradcam: np.ndarray | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CaseScores:
    """metrics : name -> value (NaN where not defined). counts : how the mask was made -> voxel counts."""

    name: str
    metrics: dict[str, float]
    counts: dict[str, Counts]
    detection: Detection


def load(files: CaseFiles, settings: Settings) -> LoadedCase:
    if is_flat(files.reference):
        truth, grid = read_picture_mask(files.reference), grid_of(files.mask or files.probability)
    else:
        truth = read_mask(files.reference, most_foreground=None)
        grid = truth.geometry
    probability = gradcam = None
    if files.probability is not None:
        probability = read_probability(files.probability).voxels
    if files.gradcam is not None:
        gradcam = read_probability(files.gradcam).voxels
    if files.mask is not None and not (settings.threshold is not None and probability is not None):
        flat = is_flat(files.mask)
        mask = read_picture_mask(files.mask) if flat else read_mask(files.mask, grid, most_foreground=None)
        prediction = numbered(mask.voxels, grid, settings.smallest_mm)
    elif probability is not None:
        threshold = next(t for t in (settings.threshold, files.threshold, THRESHOLD) if t is not None)
        prediction = lesion_labels(probability, grid, threshold, settings.smallest_mm)
    else:  # case_files sees to it that one of them is there
        raise InputRefused("There is neither a mask nor a probability.")
    reference = numbered(truth.voxels, grid)
    return LoadedCase(files.name, grid, reference, prediction, probability, gradcam)


def score(case: LoadedCase, settings: Settings) -> CaseScores:
    """Every metric of one case. Masks are tumour where not 0."""
    counts = {MASK: hard_counts(case.prediction, case.reference)}
    if case.probability is not None:
        counts[PURE] = soft_counts(case.probability, case.reference)
        for threshold in settings.thresholds:
            counts[f"{threshold:g}"] = hard_counts(case.probability >= threshold, case.reference)
    surfaces = surface_distances(case.prediction, case.reference, case.geometry.spacing)
    sizes = asdict(size_errors(case.prediction, case.reference, case.geometry))
    detection = detect(case.prediction, case.reference, case.geometry, case.probability, settings.overlap)
    metrics = {name: getattr(counts[MASK], name) for name in METRICS}
    if PURE in counts:
        metrics["soft_dice"] = counts[PURE].dice
    metrics |= {"hd95_mm": surfaces.hausdorff(95), "nsd": surfaces.within(settings.tolerance_mm)}
    metrics |= {name: value for name, value in sizes.items() if name.startswith(("volume_error", "recist"))}
    for name in ("volume_ml", "axial_mm", "spatial_mm"):
        metrics[name], metrics[f"reference_{name}"] = sizes[name]
    metrics |= {
        "lesions": len(detection.lesions),
        "found": detection.found,
        "false_positives": detection.false_positives,
    }
    return CaseScores(case.name, metrics, counts, detection)
