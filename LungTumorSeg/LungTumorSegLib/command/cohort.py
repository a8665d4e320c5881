"""`lungtumorseg segment FOLDER_OF_CASES -o OUT`: every scan of a folder, through one warm worker.

A case that is done (same image, model and options) is skipped, one that fails does not stop the others, and several
processes share the cases (`shard`). What is printed names cases by number alone: names may be patients', and what a
cluster's job prints is a log; the tables name them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from LungTumorSegLib.cases.channels import as_read
from LungTumorSegLib.cases.cohort import Cohort
from LungTumorSegLib.cases.scan import Scan
from LungTumorSegLib.command.asked import Asked
from LungTumorSegLib.command.cohort_table import DONE, FAILED, WAITING, CaseOutcome, forget_earlier, write_tables
from LungTumorSegLib.command.fault_log import details_in, log_fault
from LungTumorSegLib.command.one_scan import Stopwatch, count_in_words, read_images, segment_scan
from LungTumorSegLib.command.outputs import HEAT, RUN
from LungTumorSegLib.command.progress import ProgressLine
from LungTumorSegLib.command.shard import own_card, shard_of
from LungTumorSegLib.command.staging import unfinished
from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.measurement.wording import DISCLAIMER
from LungTumorSegLib.volume.writing import check_place, make_folder
from LungTumorSegLib.worker.client import WorkerClient, WorkerFault
from LungTumorSegLib.worker.launch import worker_command

SOME_FAILED = 3  # the exit code
NOBODY = re.compile(r".?|\d{2,3}")  # names that tell of no patient, and stand in lines as words and numbers of theirs
UNFINISHED_AFTER = 3600.0  # seconds after which a folder that a killed run left half written is nobody's


def segment_cohort(cohort: Cohort, folder: Path, output: Path, asked: Asked, worker: str | None) -> None:
    """Segment this process's share of the cases into a folder each, write the tables, and say how it went.

    Raises `InputRefused` where the output cannot be written to, before a model is loaded; `typer.Exit` with 3 where
    cases failed (of several ranks, the one that completes the table raises it: a starter such as torchrun ends all
    ranks when one of them does not return 0), 130 after Ctrl-C.
    """
    shard = shard_of()
    own = shard.share(cohort.scans)
    check_place(output)
    forget_earlier(output, shard)  # before the model is loaded: another rank may be done by then
    outcomes = []
    with ProgressLine() as line, WorkerClient(launch(worker)) as client, told_to_stop() as stop:
        line.say(f"note: {cohort.looks}: {len(cohort.scans)} scans")
        if shard.of > 1:
            share = f"rank {shard.rank} of {shard.of} ({shard.starter}): {len(own)} scans are its share"
            line.say(f"note: {share}")
        model = client.wait(client.load(asked.model, on_progress=line)).meta
        facts = facts_of(cohort, folder, asked, model["fingerprint"])
        make_folder(output)
        progress = CohortProgress(line, len(own))
        for place, scan in own:
            if stop.is_set():
                outcomes.append(CaseOutcome(place + 1, scan.name, WAITING))
            else:
                outcomes.append(one_case(client, place + 1, scan, output / scan.name, asked, model, progress))
    try:
        known = write_tables(output, outcomes, shard, facts)
    except OSError as error:
        raise InputRefused(
            f"the tables could not be written: {error.strerror}; the scans that are done stay; make room and run the "
            "same command again"
        ) from None
    say(outcomes, output, stop.is_set())
    if stop.is_set():
        raise typer.Exit(130)
    if len(known) == len(cohort.scans) and any(outcome.status == FAILED for outcome in known):
        raise typer.Exit(SOME_FAILED)


def launch(worker: str | None):
    """As for one scan; where ranks share a machine with several graphics cards, with a card of its own."""
    return worker_command(worker, environment={**os.environ, **own_card()})


def facts_of(cohort: Cohort, folder: Path, asked: Asked, fingerprint: str | None) -> dict:
    return {
        "folder": str(folder.absolute()),
        "taken_for": cohort.looks,
        "cases": len(cohort.scans),
        "model": asked.model,
        "model_fingerprint": fingerprint,
        "asked": asked.facts(),
    }


def one_case(
    client: WorkerClient,
    number: int,
    scan: Scan,
    output: Path,
    asked: Asked,
    model: dict,
    progress: CohortProgress,
) -> CaseOutcome:
    """Do a case, or find it done. What goes wrong with it becomes its one line; what Ctrl-C stops is not reached.

    model : its "fingerprint" and the "channels" that it reads.
    """
    progress.begin(number)
    clock, hashes = Stopwatch(), []
    try:
        if scan.problem:
            raise InputRefused(scan.problem)
        progress("reading", 0.0)
        scan = as_read(scan, model["channels"])
        images = read_images(scan, asked)
        hashes = [image.content_hash for image in images]
        clock.lap("reading")
        if is_done(output, asked, model["fingerprint"], hashes):
            progress.end(number, "done before", computed=False)
            return CaseOutcome(number, scan.name, DONE, skipped=True, lesions=lesions_of(output))
        sweep(output)
        done = segment_scan(client, scan, images, output, asked, progress, clock)
        told = f"{count_in_words(len(done.lesions))}, {sum(clock.laps.values()):.1f} s"
        if done.unexplained:
            told += f", {without_names(done.unexplained, scan, output)}"
        progress.end(number, told)
        return CaseOutcome(number, scan.name, DONE, lesions=lesions_of(output))
    except (Cancelled, KeyboardInterrupt):
        if not hashes or not is_done(output, asked, model["fingerprint"], hashes):
            return CaseOutcome(number, scan.name, WAITING)
        return CaseOutcome(number, scan.name, DONE, lesions=lesions_of(output))  # it came just too late
    except (InputRefused, WorkerFault) as refusal:
        why = without_names(str(refusal), scan, output)
    except Exception as fault:
        log = log_fault(fault)
        why = f"this should not have happened ({type(fault).__name__}); {details_in(log and log.name)}"
    progress.end(number, f"failed: {why}")
    return CaseOutcome(number, scan.name, FAILED, failure=why)


def is_done(output: Path, asked: Asked, model: str | None, images: list[str]) -> bool:
    """True where the folder holds what these images (their hashes), this model and these options give.

    run.json is the last file to come, so where it is the others are; but for a heat map that could not be made.
    """
    if asked.explain and not (output / HEAT).exists():
        return False
    try:
        run = json.loads((output / RUN).read_text(encoding="utf-8"))
        seen = [run["image_sha256"], *run.get("other_images_sha256", [])]
        noted = run["model_fingerprint"], run["asked"], run["prompts"], seen
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return model is not None and noted == (model, json.loads(json.dumps(asked.facts())), [], images)


def lesions_of(output: Path) -> list[dict]:
    return json.loads((output / "lesions.json").read_text(encoding="utf-8"))["lesions"]


def sweep(output: Path) -> None:
    """Take away what a killed run left of this case: folders of `staging` that are older than any case takes."""
    for path in unfinished(output):
        if time.time() - path.stat().st_mtime > UNFINISHED_AFTER:
            shutil.rmtree(path, ignore_errors=True)


def without_names(line: str, scan: Scan, output: Path) -> str:
    """Paths and names of the case as words of their own: a scan called "at" leaves "that" alone."""
    words = {}
    for path, word in ((output, "its folder"), *((image, "its file") for image in scan.images)):
        words |= {str(path): word} | ({} if NOBODY.fullmatch(path.name) else {path.name: word})
    named = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.sub(rf"(?<![^\W_])({named})(?![^\W_])", lambda found: words[found[0]], line)


class CohortProgress:
    """Progress of all cases on one line: the time left at the pace of those computed so far."""

    def __init__(self, line: ProgressLine, cases: int):
        self._line, self._cases = line, cases
        self._ended = self._computed = 0
        self._seconds = 0.0
        self._begun = time.monotonic()
        self._number = 0

    def begin(self, number: int) -> None:
        self._number, self._begun = number, time.monotonic()

    def __call__(self, stage: str, fraction: float, seconds_left: float | None = None) -> None:
        left = None
        if self._computed:
            pace = self._seconds / self._computed
            left = max(0.0, pace * (self._cases - self._ended) - (time.monotonic() - self._begun))
        done = (self._ended + fraction) / self._cases
        self._line(f"case {self._ended + 1} of {self._cases}, {stage}", done, left)

    def end(self, number: int, what: str, computed: bool = True) -> None:
        self._ended += 1
        self._computed += computed
        self._seconds += (time.monotonic() - self._begun) * computed
        self._line.say(f"case {number}: {what}")


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """Set by Ctrl-C and by SIGTERM, with which torchrun and SLURM end a process; each interrupts what runs."""
    stop = threading.Event()

    def interrupt(*_) -> None:
        stop.set()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(outcomes: list[CaseOutcome], output: Path, stopped: bool) -> None:
    done, failed = (sum(outcome.status == status for outcome in outcomes) for status in (DONE, FAILED))
    skipped = sum(outcome.skipped for outcome in outcomes)
    before = f" ({skipped} before)" if skipped else ""
    print(f"{done} of {len(outcomes)} scans done{before}, {failed} failed.")
    if stopped:
        print("Cancelled: the same command goes on where it stopped.")
    print(f"Tables: {output / 'cohort.csv'}, {output / 'cohort.json'}")
    print(DISCLAIMER)
