"""Which cases a model was taught with, as hashes on its card: so that nobody judges it by them.

A hash of the image's file tells a case that was renamed, or outlined anew; one of the patient tells another scan of
theirs. Neither names anybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from LungTumorSegLib.cases.case import Case
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.training.file_digests import file_digests
from LungTumorSegLib.training.split import Part, part_of

IMAGES, PATIENTS = "training_images_sha256", "training_patients_sha256"


def taught_facts(cases: Iterable[Case]) -> dict[str, list[str]]:
    """For a card's provenance: the hashes of the images and patients that a model is taught with."""
    cases = list(cases)
    return {
        IMAGES: sorted({image_digest(case) for case in cases}),
        PATIENTS: sorted({patient_digest(case.patient) for case in cases}),
    }


def with_taught_before(facts: dict, parent: ModelCard) -> dict:
    """The facts of a model that was begun with another: what taught that one has taught this one too."""
    before = parent.provenance
    return facts | {key: sorted({*facts.get(key, ()), *before.get(key, ())}) for key in (IMAGES, PATIENTS)}


def says_taught(card: ModelCard) -> bool:
    """True where the card names what the model was taught with."""
    return all(isinstance(card.provenance.get(key), list) and card.provenance[key] for key in (IMAGES, PATIENTS))


def was_taught(card: ModelCard, case: Case) -> bool:
    """True where the card names the case's patient or image; False for a card that names none."""
    return patient_taught(card, case.patient) or image_digest(case) in card.provenance.get(IMAGES, ())


def patient_taught(card: ModelCard, patient: str) -> bool:
    """True where the card names the patient; False for a card that names none."""
    return patient_digest(patient) in card.provenance.get(PATIENTS, ())


def may_judge(card: ModelCard, patient: str, part: Part = "test") -> bool:
    """Whether a patient of the default models' collection is of that part and not named by the card as taught: the
    split of today is not that of every model."""
    return part_of(patient) == part and not patient_taught(card, patient)


def image_digest(case: Case) -> str:
    """SHA-256 (hex) over the contents of the files of a case's images (`file_digests`), whatever they are called."""
    digest = hashlib.sha256()
    for path in case.images:
        for each in sorted(file_digests(case, path)):
            digest.update(each)
    return digest.hexdigest()


def patient_digest(patient: str) -> str:
    return hashlib.sha256(f"patient:{patient}".encode()).hexdigest()
