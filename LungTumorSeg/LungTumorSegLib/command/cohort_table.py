"""cohort.csv and cohort.json: a row a case and lesion, from one process or several that share the cases.

Each of several ranks writes what became of its cases into a file of its own, then joins all that are there. A rank that
joined too early joins again when it sees another rank's file, so the last table written holds them all; no lock is
needed, and a file is never half there. What a rank wrote in an earlier run it takes away before it begins.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from LungTumorSegLib.command.shard import Shard
from LungTumorSegLib.export.csv_table import COLUMNS
from LungTumorSegLib.measurement.measure import CONVENTION, Lesion
from LungTumorSegLib.measurement.wording import DISCLAIMER

SHARDS = ".shards"
DONE, FAILED, WAITING = "done", "failed", "not reached"


@dataclass(frozen=True)
class CaseOutcome:
    """number : the case's place among all, from 1. status : `DONE`, `FAILED` or `WAITING`. failure : its one line.

    skipped : it was done before. lesions : as in lesions.json.
    """

    number: int
    case: str
    status: str
    failure: str = ""
    skipped: bool = False
    lesions: list[dict] = field(default_factory=list)


def forget_earlier(folder: Path, shard: Shard) -> None:
    """Take away what this rank wrote in earlier runs, of whatever model and options: another rank that is done before
    it would join that to its own, and might fail for a case that failed then."""
    for file in (folder / SHARDS).glob(f"*/{shard.file}"):
        file.unlink(missing_ok=True)


def write_tables(folder: Path, outcomes: list[CaseOutcome], shard: Shard, facts: dict) -> list[CaseOutcome]:
    """Write this rank's outcomes and the tables of all that is known; returns all that stands in the tables.

    facts : what all ranks of one run have in common, JSON-ready. Files of other facts are not joined, nor of another
        run where the starter names its runs (`Shard.run`).
    """
    if shard.of == 1:
        write_both(folder, outcomes, facts)
        return outcomes
    run = json.dumps([facts, shard.run], sort_keys=True)
    place = folder / SHARDS / hashlib.sha256(run.encode()).hexdigest()[:12]
    place.mkdir(parents=True, exist_ok=True)
    own = [asdict(outcome) for outcome in outcomes]
    write_whole(place / shard.file, json.dumps(own))
    joined, parts = [], None
    while (there := {path: path.read_bytes() for path in place.glob(f"*-of-{shard.of}.json")}) != parts:
        parts = there
        joined = [CaseOutcome(**case) for content in parts.values() for case in json.loads(content)]
        joined.sort(key=lambda outcome: outcome.number)
        write_both(folder, joined, facts)
    return joined


def write_both(folder: Path, outcomes: list[CaseOutcome], facts: dict) -> None:
    counts = Counter(outcome.status for outcome in outcomes)
    rest = facts["cases"] - len(outcomes)
    content = {
        **facts,
        "done": counts[DONE],
        "failed": counts[FAILED],
        "not_reached": counts[WAITING] + rest,
        "results": [
            {name: value for name, value in asdict(outcome).items() if name not in ("number", "skipped")}
            for outcome in outcomes
        ],
        "convention": CONVENTION,
        "note": DISCLAIMER,
    }
    write_whole(folder / "cohort.json", json.dumps(content, indent=2) + "\n")
    write_whole(folder / "cohort.csv", csv_of(outcomes))


def csv_of(outcomes: list[CaseOutcome]) -> str:
    """A row a lesion; a case without lesions, or that failed, has one row."""
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["case", "status", "failure", *COLUMNS])
    for outcome in outcomes:
        head = [outcome.case, outcome.status, outcome.failure]
        lesions = [Lesion(**fields) for fields in outcome.lesions]
        lines.writerows([*head, *(value(lesion) for value in COLUMNS.values())] for lesion in lesions)
        if not lesions:
            lines.writerow([*head, *[""] * len(COLUMNS)])
    return text.getvalue()


def write_whole(path: Path, text: str) -> None:
    """The whole file or, after a crash, the one before."""
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(unfinished, 0o644)
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
