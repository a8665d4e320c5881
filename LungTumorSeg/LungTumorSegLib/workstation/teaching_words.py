"""What the hosts say about teaching a model, as sentences; translated as those of `words`."""

from __future__ import annotations

from LungTumorSegLib.workstation.words import _


def case_added(said: str) -> str:
    """said : the command's line, "case-003: 2 lesions, 4.10 mL"."""
    return _("Added {case}.").format(case=said)


def case_removed(name: str) -> str:
    return _("{case} is removed.").format(case=name)


def too_few_patients(count: int) -> str:
    return _(
        "{count} patients with lesions so far: at least 2 are needed, for one of them is kept back to judge by."
    ).format(count=count)


def busy() -> str:
    return _("Another step is under way: wait for it, or stop it.")


def training() -> str:
    return _("Training: the cases stay on this machine, and the model begun with stays as it is.")


def stopped() -> str:
    return _("Stopped. Resume goes on where it was.")


def trained() -> str:
    return _("Trained. Now the old and the new model are compared on patients who were not taught.")


def worth_promoting() -> str:
    return _("The new model is no worse on the patients kept back, and has forgotten nothing: it may be promoted.")


def not_worth_promoting(reasons: tuple[str, ...]) -> str:
    return _("The new model should not be used: {reasons}.").format(reasons="; ".join(reasons))


def synthetic() -> str:
    return _("Forgetting was judged by synthetic scans alone: choose a folder of cases that must not be forgotten.")


def promoted(name: str) -> str:
    return _("Promoted: choose the model {name} to segment with it.").format(name=name)


def discarded() -> str:
    return _("Discarded: nothing has changed.")


def rolled_back(name: str, now: str | None) -> str:
    if now is None:
        return _("{name} is no longer in use; the models that come with the program are.").format(name=name)
    return _("{name} is {now} again.").format(name=name, now=now)


def nothing_to(what: str) -> str:
    """what : "resume", "compare", "promote"."""
    return {
        "resume": _("There is no stopped training to go on with."),
        "compare": _("There is no trained model to compare."),
        "promote": _("There is no compared model that may be promoted."),
    }[what]


def wrong_epochs() -> str:
    return _("Epochs must be a whole number from 1 to 1000.")


def recipe_of(task: str) -> str:
    """In plain words, what Start does."""
    if task == "prompted":
        return _(
            "Teaches points and boxes your outlines: simulated clicks in your lesions, with a small rate; elsewhere "
            "the model is held to its own answers. The result lies half-way between the old and the tuned model."
        )
    return _(
        "Teaches the search your lesions, and its wrong finds in your scans as what they are, with a small rate; "
        "elsewhere the model is held to its own answers. The result lies half-way between the old and the tuned model."
    )
