"""Whether a fine-tuned model may take its base's place: judged by cases that nobody was taught with.

Both models run as the product runs them (`inference.session`), on the site's held-out cases and on cases of the base
that stay the same for ever ("frozen"). The candidate may not be worse for the site, and may not have forgotten:
https://doi.org/10.1073/pnas.1611835114 calls that catastrophic forgetting.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from LungTumorSegLib.cases.case import Case, Dataset
from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.evaluation.overlap import hard_counts
from LungTumorSegLib.inference.options import Options
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.fingerprint import fingerprint
from LungTumorSegLib.networks.model import find, load_card
from LungTumorSegLib.training.clicks import click_inside
from LungTumorSegLib.training.taught import image_digest, may_judge, says_taught, was_taught
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.phantom import make_phantom
from LungTumorSegLib.volume.writing import write_volume

LARGEST_FALL = 0.02  # of the frozen cases' mean Dice
SMALLEST_MM = 3.0  # long axis: what is smaller is not measured either
SEED = 0
EXACT = Options(half="never")  # the same arithmetic for both

COLLECTION = "LIDC-IDRI-"  # the default models' own: of its patients some taught, by `training.split`
PHANTOM_SEEDS = (1001, 1002, 1003)

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Score:
    """One lesion, or of an automatic model one whole scan (`lesion` 0): Dice of the base and of the candidate.

    case : the first digits of the image's hash. missed : nothing of it was found; of a scan, the lesions of which
    nothing was found.
    """

    case: str
    lesion: int
    base: float
    candidate: float
    base_missed: tuple[int, ...]
    candidate_missed: tuple[int, ...]

    @property
    def newly_missed(self) -> int:
        return len(set(self.candidate_missed) - set(self.base_missed))


@dataclass(frozen=True)
class Comparison:
    """The scores of one set of cases. set_aside : by which rule these cases were chosen, in words."""

    cases: int
    patients: int
    set_aside: str
    scores: tuple[Score, ...]

    @property
    def base(self) -> float:
        return float(np.mean([score.base for score in self.scores]))

    @property
    def candidate(self) -> float:
        return float(np.mean([score.candidate for score in self.scores]))

    @property
    def newly_missed(self) -> int:
        return sum(score.newly_missed for score in self.scores)

    def as_dict(self) -> dict:
        return {
            "cases": self.cases,
            "patients": self.patients,
            "set_aside": self.set_aside,
            "dice_base": self.base,
            "dice_candidate": self.candidate,
            "newly_missed": self.newly_missed,
            "scores": [asdict(score) for score in self.scores],
        }


@dataclass(frozen=True)
class Verdict:
    """reasons : why the candidate is not promoted, a line each; none where it is."""

    task: str
    base_fingerprint: str
    candidate_fingerprint: str
    site: Comparison
    frozen: Comparison

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(reasons(self.site, self.frozen))

    @property
    def promoted(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, eq=False)
class Seen:
    """What one score was made from, for a picture. part : "site" or "frozen". case : the first digits of its hash.
    truth, base, candidate : bool [k, j, i]; dice : of base and candidate."""

    part: str
    case: str
    lesion: int
    ct: Volume
    truth: np.ndarray
    base: np.ndarray
    candidate: np.ndarray
    dice: tuple[float, float]


Watch = Callable[[Seen], None]


def unwatched(seen: Seen) -> None:
    pass


def judge(
    candidate: str | Path,
    base: str | Path,
    site: Path,
    frozen: Path | None,
    progress: Progress = lambda stage, done: None,
    watch: Watch = unwatched,
) -> Verdict:
    """Run both models on the site's held-out cases and on the frozen ones.

    frozen : None takes phantoms made here. watch : called with each lesion, or scan, that is judged.

    Raises `InputRefused` where the models cannot be compared, the candidate's card does not say what it was taught
    with, a case to judge by was among that, none shows a lesion, or the base's files changed meanwhile.
    """
    before = fingerprint(base)
    new, old = load_card(candidate), load_card(base)
    refuse_pair(new, old, fingerprint(candidate) == before)
    site_data, models, session = read_dataset(site), (find(base), find(candidate)), Session()
    with tempfile.TemporaryDirectory() as made:
        if frozen is None:
            progress("making phantoms", 0.0)
            frozen_set = phantoms(Path(made))
        else:
            frozen_data = read_dataset(frozen)
            frozen_set = frozen_data, *test_cases(frozen_data, old)
        sets = {"site": (site_data, *held_out(site_data, new)), "frozen": frozen_set}
        for what, (_data, cases, _rule) in sets.items():
            refuse_cases(what, cases, new)
        compared = []
        for what, chosen in sets.items():
            scores = Scores(session, models, new, what, watch)
            compared.append(
                compare(scores, *chosen, lambda done, what=what: progress(f"judging the {what} cases", done))
            )
    if fingerprint(base) != before:
        raise InputRefused("the base model was changed meanwhile: nothing is promoted; put it back and try again")
    return Verdict(new.task, before, fingerprint(candidate), *compared)


def reasons(site: Comparison, frozen: Comparison) -> Iterable[str]:
    if not site.candidate >= site.base:
        yield f"Dice on the site's held-out cases falls from {site.base:.4f} to {site.candidate:.4f}"
    if not frozen.base - frozen.candidate <= LARGEST_FALL:
        yield (
            f"Dice on the frozen cases falls from {frozen.base:.4f} to {frozen.candidate:.4f}, "
            f"by more than {LARGEST_FALL}"
        )
    if frozen.newly_missed:
        lesions = "1 lesion" if frozen.newly_missed == 1 else f"{frozen.newly_missed} lesions"
        yield f"{lesions} of the frozen cases that the base finds, it misses entirely"


def refuse_pair(new: ModelCard, old: ModelCard, same: bool) -> None:
    if same:
        raise InputRefused("the candidate is the base itself: there is nothing to promote")
    if new.task == "gate":
        raise InputRefused("a gate is promoted with the model that it belongs to: name that one")
    for what in ("task", "classes", "channels"):
        if getattr(new, what) != getattr(old, what):
            raise InputRefused(f"the candidate has other {what} than the base: it cannot take the base's place")
    if not says_taught(new):
        raise InputRefused(
            "the candidate's card does not say which cases it was taught with: train it by lungtumorseg train"
        )


def held_out(dataset: Dataset, card: ModelCard) -> tuple[list[Case], str]:
    """The site's cases to judge by: the dataset's own test part; without one, of data that the candidate was taught
    with the patients who were left out of it; of any other data all. `InputRefused` where none was left out."""
    outlined = [case for case in dataset.cases if case.has_mask]
    test = [case for case in outlined if case.part == "test"]
    if test:
        return test, "the dataset's own test part"
    fresh = [case for case in outlined if not was_taught(card, case)]
    if len(fresh) == len(outlined):
        return outlined, "all cases: none was taught"
    taught = {case.patient for case in outlined if case not in fresh}
    left = [case for case in fresh if case.patient not in taught]
    if not left:
        raise InputRefused("every patient of the site's data was taught to the candidate: give cases it has not seen")
    return left, "patients left out of teaching"


def test_cases(dataset: Dataset, base: ModelCard) -> tuple[list[Case], str]:
    """The frozen cases: the dataset's own test part, else all, but of the default models' collection only the test
    patients (`training.split`) whom the base's card does not name as taught."""
    outlined = [case for case in dataset.cases if case.has_mask]
    test = [case for case in outlined if case.part == "test"]
    if test:
        return test, "the dataset's own test part"
    left = [case for case in outlined if not case.patient.startswith(COLLECTION) or may_judge(base, case.patient)]
    rule = f"all, of {COLLECTION.rstrip('-')} the test patients by hash"
    return left, rule if any(case.patient.startswith(COLLECTION) for case in left) else "all"


def phantoms(folder: Path) -> tuple[Dataset, list[Case], str]:
    """Frozen cases for who has none: synthetic scans, made into the folder. They show gross forgetting and no more."""
    for seed in PHANTOM_SEEDS:
        ct, truth, _ = make_phantom(seed)
        scan = folder / f"phantom-{seed}"
        scan.mkdir()
        write_volume(scan / "image.nii.gz", ct)
        write_volume(scan / "mask.nii.gz", Volume((truth.voxels > 0).astype(np.uint8), truth.geometry))
    dataset = read_dataset(folder)
    return dataset, list(dataset.cases), "synthetic scans: no patient's, they show gross forgetting alone"


def refuse_cases(what: str, cases: list[Case], card: ModelCard) -> None:
    """what : "site" or "frozen"."""
    if not cases:
        raise InputRefused(f"the {what} data hold no outlined case to judge by: give some")
    if taught := sum(was_taught(card, case) for case in cases):
        raise InputRefused(
            f"{taught} of the {len(cases)} {what} cases to judge by were taught to the candidate: "
            "train it without them, or judge it by others"
        )


def compare(
    scores_of: Scores,
    dataset: Dataset,
    cases: list[Case],
    set_aside: str,
    progress: Callable[[float], None],
) -> Comparison:
    """Base and candidate on each case, one case in memory at a time."""
    scores, used, lesions_seen = [], [], 0
    for number, case in enumerate(cases):
        progress(number / len(cases))
        try:
            images, labels, geometry = case.load()
        except InputRefused as refusal:
            raise InputRefused(f"case {case.name}: {refusal}") from None
        lesions = lesions_of(labels, geometry, dataset.most_foreground is None)
        found = scores_of([Volume(image, geometry) for image in images], lesions, image_digest(case))
        scores += found
        used += [case] if found else []
        lesions_seen += int(lesions.max(initial=0))
    if not lesions_seen:
        raise InputRefused(f"none of the {len(cases)} cases to judge by ({set_aside}) shows a lesion: give others")
    return Comparison(len(used), len({case.patient for case in used}), set_aside, tuple(scores))


def lesions_of(labels: np.ndarray, geometry: Geometry, one: bool) -> np.ndarray:
    """The lesions' numbers from 1, 0 elsewhere. one : crops hold one lesion each, however many pieces it has."""
    if one:
        return (labels > 0).astype(np.uint16)
    return lesion_labels(labels > 0, geometry, smallest_mm=SMALLEST_MM)


@dataclass(frozen=True)
class Scores:
    """Judges one case by both models. models : base and candidate. part : "site" or "frozen"."""

    session: Session
    models: Sequence[Path]
    card: ModelCard
    part: str
    watch: Watch

    def __call__(self, volumes: list[Volume], lesions: np.ndarray, digest: str) -> list[Score]:
        """lesions : numbers [k, j, i]. digest : of the image's files."""
        return (self.clicks if self.card.task == "prompted" else self.scan)(volumes, lesions, digest[:12], digest)

    def clicks(self, volumes: list[Volume], lesions: np.ndarray, case: str, digest: str) -> list[Score]:
        """A click in each lesion, always the same one, for both models."""
        scores, ct = [], volumes[0]
        for lesion in range(1, int(lesions.max(initial=0)) + 1):
            true = lesions == lesion
            point = tuple(ct.geometry.ijk_to_lps(fixed_click(true, ct.geometry, digest, lesion)[::-1]))
            found = [mask_of(self.session.prompt(ct, each, [point], options=EXACT), true.shape) for each in self.models]
            missed = [() if (each & true).any() else (lesion,) for each in found]
            dice = tuple(hard_counts(each, true).dice for each in found)
            scores.append(Score(case, lesion, *dice, *missed))
            self.watch(Seen(self.part, case, lesion, ct, true, *found, dice))
        return scores

    def scan(self, volumes: list[Volume], lesions: np.ndarray, case: str, digest: str) -> list[Score]:
        """The whole scan. One without a lesion counts 1 where nothing is found, else 0: false finds must count."""
        first, *others = volumes
        numbers = range(1, int(lesions.max(initial=0)) + 1)
        found = [
            mask_of(self.session.segment(first, each, EXACT, others=others), lesions.shape) for each in self.models
        ]
        touched = [set(np.unique(lesions[each])) for each in found]
        missed = [tuple(n for n in numbers if n not in held) for held in touched]
        dice = tuple(hard_counts(each, lesions).dice if lesions.any() else float(not each.any()) for each in found)
        self.watch(Seen(self.part, case, 0, first, lesions > 0, *found, dice))
        return [Score(case, 0, *dice, *missed)]


def mask_of(prediction, shape: tuple[int, int, int]) -> np.ndarray:
    return prediction.probability.full(shape) >= prediction.threshold


def fixed_click(lesion: np.ndarray, geometry: Geometry, digest: str, number: int) -> np.ndarray:
    """A voxel (k, j, i) of the lesion, drawn as training's clicks are; it depends on image and lesion alone."""
    box = ndimage.find_objects(lesion.astype(np.uint8))[0]
    inside = lesion[box]
    depth = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=geometry.spacing[::-1])[1:-1, 1:-1, 1:-1]
    rng = np.random.default_rng([SEED, int(digest[:8], 16), number])
    return click_inside(inside, depth, rng) + [side.start for side in box]
