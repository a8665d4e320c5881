"""What a comparison of a candidate with its base showed, as JSON and as a table; no case is named but by its hash."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import model as models
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.fingerprint import fingerprint
from LungTumorSegLib.networks.model import files_of, find, load_card
from LungTumorSegLib.training.promotion import LARGEST_FALL, SEED, Comparison, Score, Verdict
from LungTumorSegLib.volume.whole_file import write_whole

RULE = (
    f"promoted where the mean Dice of the site's held-out cases does not fall, that of the frozen cases falls by "
    f"{LARGEST_FALL} at most, and no lesion of the frozen cases that the base finds is missed entirely"
)
COMPARISON = "comparison.json"
COLUMNS = ("cases", "case", "lesion", "dice_base", "dice_candidate", "newly_missed")


def write_report(folder: Path, name: str, verdict: Verdict) -> str:
    """`<name>-<time>.json` and `.csv` in the folder; returns the JSON's file name."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    stem = f"{name}-{now:%Y%m%dT%H%M%S%f}"
    content = {"when": now.isoformat(timespec="seconds"), "name": name, **facts_of(verdict)}
    for part, comparison in (("site", verdict.site), ("frozen", verdict.frozen)):
        content[part] = comparison.as_dict()
    write_whole(folder / f"{stem}.json", (json.dumps(content, indent=2) + "\n").encode())
    with (folder / f"{stem}.csv").open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(COLUMNS)
        for part, comparison in (("site", verdict.site), ("frozen", verdict.frozen)):
            for each in comparison.scores:
                lesion = each.lesion or "whole scan"
                lines.writerow([part, each.case, lesion, each.base, each.candidate, each.newly_missed])
    return f"{stem}.json"


def write_comparison(folder: Path, verdict: Verdict) -> None:
    """`comparison.json` and `.csv` into a folder: what `read_comparison` reads."""
    name = write_report(folder, "comparison", verdict)
    for ending in (".json", ".csv"):
        (folder / name).with_suffix(ending).replace(folder / f"comparison{ending}")


def read_comparison(folder: Path, candidate: str | Path, base: str | Path) -> Verdict:
    """The verdict that was written there; its reasons follow from its scores anew.

    `InputRefused` where none was, it is damaged, or one of the models is no longer the one that was compared.
    """
    try:
        told = json.loads((folder / COMPARISON).read_text(encoding="utf-8"))
        parts = []
        for part in ("site", "frozen"):
            scores = tuple(
                Score(**{**score, **{key: tuple(score[key]) for key in ("base_missed", "candidate_missed")}})
                for score in told[part]["scores"]
            )
            parts.append(Comparison(told[part]["cases"], told[part]["patients"], told[part]["set_aside"], scores))
        verdict = Verdict(told["task"], told["base_fingerprint"], told["candidate_fingerprint"], *parts)
    except (OSError, ValueError, KeyError, TypeError):
        raise InputRefused(f"{folder.name} holds no comparison: make one with --compare") from None
    if (verdict.base_fingerprint, verdict.candidate_fingerprint) != (fingerprint(base), fingerprint(candidate)):
        raise InputRefused("base or candidate is no longer the model that was compared: compare them anew")
    return verdict


def facts_of(verdict: Verdict) -> dict:
    """For the report's head and the promoted model's card."""
    return {
        "promoted": verdict.promoted,
        "reasons": list(verdict.reasons),
        "rule": RULE,
        "task": verdict.task,
        "clicks": f"one a lesion, seed {SEED}" if verdict.task == "prompted" else None,
        "base_fingerprint": verdict.base_fingerprint,
        "base_unchanged": True,
        "candidate_fingerprint": verdict.candidate_fingerprint,
        **{
            part: {key: value for key, value in comparison.as_dict().items() if key != "scores"}
            for part, comparison in (("site", verdict.site), ("frozen", verdict.frozen))
        },
    }


def copy_model(candidate: str | Path, verdict: Verdict, report: str, folder: Path, name: str) -> None:
    """The candidate's files into an empty folder, with a card that has its new name and says how it was promoted."""
    source = find(candidate)
    for path in files_of(source):
        copy = folder / path.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        models.write(copy, path.read_bytes())
    card: ModelCard = load_card(source)
    told = {**card.provenance, "promotion": {**facts_of(verdict), "report": report}}
    (folder / models.CARD).unlink()
    models.write(folder / models.CARD, replace(card, name=name, provenance=told).to_json().encode())
    models.flush_folder(folder)
