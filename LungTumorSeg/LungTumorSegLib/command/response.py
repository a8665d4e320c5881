"""`lungtumorseg response BASELINE FOLLOWUP...`: what became of the lesions."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LungTumorSegLib.errors import InputRefused

if TYPE_CHECKING:
    from LungTumorSegLib.export.findings import Findings
    from LungTumorSegLib.response.course import Course
    from LungTumorSegLib.response.study import Study
    from LungTumorSegLib.response.tracks import Marks


def response(
    studies: Annotated[
        list[Path], typer.Argument(help="Folders that segment wrote, by date: the baseline first.", metavar="STUDY...")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the response.")],
    days: Annotated[
        list[str] | None,
        typer.Option("--date", help="Date of a study, YYYY-MM-DD; once a study, in order [of the DICOM series]."),
    ] = None,
    cts: Annotated[
        list[Path] | None, typer.Option("--ct", help="CT of a study; once a study, in order [noted in run.json].")
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[N:]A=B",
            help="In follow-up N, lesion A is number B: 1=2, 1=2+3 (split), 1+4=2 (became one), 1=gone, 1=small "
            "(too small to measure), 1=missing (not evaluated), 3=new (number 3 there is new). Repeatable.",
        ),
    ] = None,
    target: Annotated[list[int] | None, typer.Option(help="A target lesion [by RECIST 1.1]. Repeatable.")] = None,
    node: Annotated[
        list[int] | None, typer.Option(help="This lesion is a lymph node: its short axis counts. Repeatable.")
    ] = None,
    organ: Annotated[
        list[str] | None, typer.Option(metavar="A=ORGAN", help="The organ of lesion A [lungs]. Repeatable.")
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="N:B", help="Number B of study N (0 = baseline) is no tumour. Repeatable."),
    ] = None,
    progressed: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Non-target disease has unequivocally progressed at follow-up N."),
    ] = None,
    irecist: Annotated[bool, typer.Option("--irecist", help="Judge by iRECIST, too. Needs dates.")] = False,
    larger: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="iRECIST: non-target or small new lesions grew further at follow-up N."),
    ] = None,
    tsv: Annotated[bool, typer.Option("--tsv", help="Print the table with tabs, to be copied.")] = False,
) -> None:
    """Match the lesions of two or more dates and judge the response by RECIST 1.1.

    Look at pairs.png: the match is a proposal. Say otherwise with --match, --ignore, --target.
    """
    from LungTumorSegLib.command.staging import staged
    from LungTumorSegLib.export.result import read_result
    from LungTumorSegLib.measurement.terminology import not_tumours
    from LungTumorSegLib.report.pairs import write_pairs
    from LungTumorSegLib.report.sums import write_sums
    from LungTumorSegLib.response.course import course
    from LungTumorSegLib.response.table import tab_separated

    if len(studies) < 2:
        raise InputRefused(
            "Give the baseline and at least one follow-up: lungtumorseg response BASELINE FOLLOWUP -o OUT"
        )
    for given, name in ((days, "--date"), (cts, "--ct")):
        if given and len(given) != len(studies):
            raise InputRefused(
                f"{name} is given {len(given)} times for {len(studies)} studies: once a study, in order."
            )
    if output.resolve() in {folder.resolve() for folder in studies}:
        raise InputRefused("The response would be mixed with a study: name another folder with -o.")
    marks = read_marks(match or [], ignore or [], node or [], organ or [], len(studies) - 1)
    when = [parse_day(text) for text in days] if days else [noted_day(folder) for folder in studies]

    dated = in_order(when)
    findings = [read_result(folder, ct) for folder, ct in zip(studies, cts or [None] * len(studies), strict=True)]
    for n, one in enumerate(findings):
        if not one.of_tumours:
            raise InputRefused(f"Study {n}: {not_tumours(one.classes)}: RECIST judges tumours.")
    laid = registered(findings, dated)
    found = course(laid, marks, target or [], progressed or [], irecist, larger or [])

    with staged(output) as folder:
        write_table(folder / "response.csv", found)
        write_facts(folder / "response.json", found, studies, findings)
        write_sums(folder / "sums.png", found)
        write_pairs(folder / "pairs.png", found, [x.ct for x in findings], [x.labels for x in findings])
    if tsv:
        print(tab_separated(found), end="")
        return
    show(found, output)


def read_marks(match: list[str], ignore: list[str], node: list[int], organ: list[str], followups: int) -> Marks:
    from LungTumorSegLib.response.tracks import Marks, parse_change

    ignored, organs = set(), {}
    for text in ignore:
        try:
            n, number = (int(part) for part in text.split(":"))
        except ValueError:
            raise InputRefused(f"--ignore {text}: write STUDY:NUMBER, for example 1:3 (0 = baseline)") from None
        ignored.add((n, number))
    for text in organ:
        number, _, name = text.partition("=")
        if not number.isdecimal() or not name.strip():
            raise InputRefused(f"--organ {text}: write LESION=ORGAN, for example 2=liver")
        organs[int(number)] = name.strip()
    changes = tuple(parse_change(text, followups) for text in match)
    return Marks(changes, frozenset(ignored), frozenset(node), organs)


def parse_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputRefused(f"--date {text}: write YYYY-MM-DD, for example 2026-03-01") from None


def noted_day(folder: Path) -> date | None:
    """The study date that `segment` noted (DICOM only)."""
    try:
        noted = json.loads((folder / "run.json").read_text(encoding="utf-8")).get("study_date")
    except (OSError, ValueError, AttributeError):
        return None  # read_result says what is wrong with the folder
    return parse_day(noted) if noted else None


def in_order(when: list[date | None]) -> list[date | None]:
    from LungTumorSegLib.response.study import check_order

    check_order(when)
    if None in when:
        print(
            "note: a date is not known (--date): the order is taken as given, growth rates are left out",
            file=sys.stderr,
        )
    return when


def registered(findings: list[Findings], when: list[date | None]) -> list[Study]:
    """Every follow-up laid over the baseline."""
    from LungTumorSegLib.response.lungs import lungs_of
    from LungTumorSegLib.response.registration import register
    from LungTumorSegLib.response.study import Study

    lungs = lungs_of(findings[0].ct)
    laid = []
    for n, (found, day) in enumerate(zip(findings, when, strict=True)):
        for warning in found.ct.warnings:
            print(f"note: study {n}: {warning}", file=sys.stderr)
        study = Study(tuple(found.lesions), found.ct.geometry, day)
        if n:
            try:
                fit = register(findings[0].ct, lungs, found.ct, lungs_of(found.ct))
            except InputRefused as refusal:
                raise InputRefused(f"follow-up {n}: {refusal}") from None
            study = replace(study, alignment=fit)
        laid.append(study)
    return laid


def write_table(path: Path, found: Course) -> None:
    from LungTumorSegLib.response.table import COLUMNS, long_rows

    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(COLUMNS)
        lines.writerows(long_rows(found))


def write_facts(path: Path, found: Course, studies: list[Path], findings: list[Findings]) -> None:
    from LungTumorSegLib.measurement.measure import CONVENTION
    from LungTumorSegLib.measurement.wording import DISCLAIMER
    from LungTumorSegLib.response.table import as_dict

    facts = as_dict(found)
    for said, folder, one in zip(facts["studies"], studies, findings, strict=True):
        said["folder"] = str(folder.absolute())
        said["image_sha256"] = one.ct.content_hash
    facts |= {"convention": CONVENTION, "note": DISCLAIMER}
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def show(found: Course, output: Path) -> None:
    """Table, response in words, and what to look at."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from LungTumorSegLib.measurement.wording import DISCLAIMER
    from LungTumorSegLib.response.table import overview, study_name

    headings, rows = overview(found)
    view = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        view.add_column(heading)
    for row in rows:
        if row[0] == "sum" or (row[0] == "response" and not found.selection.targets):
            view.add_section()
        view.add_row(*row)
    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width to fold a table for
        console = Console(width=max(console.width, 140))
    console.print(view)
    for n in range(1, len(found.studies)):
        print(f"{study_name(found, n)}: {found.in_words(n)}")
        print(f"  Registration: {found.studies[n].alignment.in_words()}. WHO: {found.who[n]}.")
    doubts = found.doubts()
    if doubts:
        print(f"To confirm or change, in {output / 'pairs.png'} (--match, --ignore):")
        for n, track in doubts:
            print(f"  {study_name(found, n)}, lesion {track.number}: {track.findings[n].doubt}")
    print(f"Written: {output / 'response.json'}, response.csv, sums.png, pairs.png")
    print(DISCLAIMER)
