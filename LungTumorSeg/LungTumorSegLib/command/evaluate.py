"""`lungtumorseg evaluate`: predictions against references, case by case and as a cohort."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LungTumorSegLib.cases.words import counted
from LungTumorSegLib.errors import InputRefused

if TYPE_CHECKING:
    from LungTumorSegLib.evaluation.case_files import CaseFiles
    from LungTumorSegLib.evaluation.case_scores import CaseScores, Settings
    from LungTumorSegLib.evaluation.cohort import Cohort
    from LungTumorSegLib.volume.geometry import Volume


def evaluate(
    predictions: Annotated[Path, typer.Option(help="Folder of masks, probabilities or folders that segment wrote.")],
    references: Annotated[Path, typer.Option(help="Folder of masks, or of folders with a mask, of the same names.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for tables, pictures and the page.")],
    images: Annotated[Path | None, typer.Option(help="Folder of the CTs, for the pictures.")] = None,
    thresholds: Annotated[
        str, typer.Option(help="Of the sweep over the probability, with commas between.")
    ] = "0.3,0.5,0.7,0.8,0.9",
    threshold: Annotated[
        float | None, typer.Option(help="Makes the mask from the probability [the mask written; else 0.5].")
    ] = None,
    tolerance: Annotated[float, typer.Option(help="Of the normalised surface distance (NSD), mm.")] = 2.0,
    smallest: Annotated[float, typer.Option(help="Leave out predicted lesions whose long axis is shorter, mm.")] = 0.0,
    overlap: Annotated[
        float, typer.Option(help="A lesion is found where a candidate's IoU with it is above this [0: they touch].")
    ] = 0.0,
    patients: Annotated[
        Path | None, typer.Option(help="CSV with the columns case, patient [each case is a patient].")
    ] = None,
    resamples: Annotated[int, typer.Option(help="Draws of the bootstrap.", min=100)] = 2000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.", min=0)] = 20150,
    pictures: Annotated[bool, typer.Option(help="Draw every case.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Compare predictions with references: every metric, with 95 % intervals, threshold sweep, FROC and pictures."""
    from LungTumorSegLib.cases.patient_table import patients_of
    from LungTumorSegLib.command.staging import staged
    from LungTumorSegLib.evaluation.case_files import pair
    from LungTumorSegLib.evaluation.case_scores import Settings
    from LungTumorSegLib.evaluation.cohort import Cohort
    from LungTumorSegLib.evaluation.tables import as_dict

    settings = Settings(read_thresholds(thresholds), tolerance, threshold, smallest, overlap)
    if output.resolve() in {folder.resolve() for folder in (predictions, references, images) if folder}:
        raise InputRefused("The evaluation would be mixed with its input: name another folder with -o.")
    cases, problems = pair(predictions, references, images)
    for line in problems:
        print(f"lungtumorseg: {line}", file=sys.stderr)
    if problems:
        raise InputRefused(f"nothing was evaluated: put these {len(problems)} right, or take the cases away")
    names = [case.name for case in cases]
    of_patient = patients_of(patients, names) if patients else names

    with staged(output) as folder:
        drawn = score_all(cases, settings, folder, pictures)
        cohort = Cohort(drawn.scores, of_patient, resamples, seed)
        facts = facts_of(cohort, settings)
        result = {"about": facts, **as_dict(cohort), "lungtumorseg": version("lungtumorseg")}
        write_all(folder, cohort, facts, result, drawn.pictures)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        show(cohort, facts, output)


def read_thresholds(text: str) -> tuple[float, ...]:
    try:
        return tuple(sorted({float(part) for part in text.split(",") if part.strip()}))
    except ValueError:
        raise InputRefused(f"--thresholds {text}: write numbers with commas between, for example 0.5,0.8") from None


class Scored:
    """scores : of each case. pictures : case -> file name."""

    def __init__(self):
        self.scores: list[CaseScores] = []
        self.pictures: dict[str, str] = {}


def score_all(cases: list[CaseFiles], settings: Settings, folder: Path, pictures: bool) -> Scored:
    """One case in memory at a time."""
    from LungTumorSegLib.command.progress import ProgressLine
    from LungTumorSegLib.evaluation.case_picture import write_case_picture
    from LungTumorSegLib.evaluation.case_scores import load, score

    scored, began = Scored(), time.monotonic()
    with ProgressLine() as line:
        for n, files in enumerate(cases):
            left = (time.monotonic() - began) / n * (len(cases) - n) if n else None
            line(f"{n + 1} of {len(cases)}", n / len(cases), left)
            try:
                case = load(files, settings)
                image = image_of(files, case.geometry) if pictures else None
            except InputRefused as refusal:
                raise InputRefused(f"{files.name}: {refusal}") from None
            scored.scores.append(score(case, settings))
            if pictures:
                scored.pictures[files.name] = f"case-{files.name}.png"
                write_case_picture(folder / scored.pictures[files.name], case, scored.scores[-1], image, files.in_hu)
    return scored


def image_of(files: CaseFiles, grid) -> Volume | None:
    from LungTumorSegLib.volume.picture import is_picture, read_picture
    from LungTumorSegLib.volume.reading import read_ct, read_image

    if files.image is None:
        return None
    if is_picture(files.image):
        image = read_picture(files.image)
    else:
        image = read_ct(files.image) if files.in_hu else read_image(files.image)
    if not grid.same_grid(image.geometry):
        raise InputRefused("the image does not lie on the reference's grid: name the CT that was outlined")
    return image


def facts_of(cohort: Cohort, settings: Settings) -> list[str]:
    """What was compared, and how, for the page and the terminal."""
    cases, patients = len(cohort.cases), len(set(cohort.patients))
    cut = "" if settings.threshold is None else f", probability from {settings.threshold:g}"
    least = f"; predicted lesions from {settings.smallest_mm:g} mm" if settings.smallest_mm else ""
    hit = f"an IoU above {settings.overlap:g} with it" if settings.overlap else "a voxel of it"
    few = " So few patients make them too narrow." if patients < 10 else ""
    sure = (
        f"In brackets: 95 % intervals (percentiles of {cohort.resamples} draws of patients, seed {cohort.seed}).{few}"
    )
    if patients < 2:
        sure = "A single patient: no intervals."
    return [
        f"{counted(cases, 'case')} of {counted(patients, 'patient')} with "
        f"{counted(cohort.lesion_count, 'lesion')}{cut}{least}.",
        sure,
        f"NSD at {settings.tolerance_mm:g} mm. A lesion is found where a candidate has {hit}; "
        "a candidate that finds none is a false positive.",
    ]


def write_all(folder: Path, cohort: Cohort, facts: list[str], result: dict, pictures: dict[str, str]) -> None:
    from LungTumorSegLib.evaluation.froc_picture import write_froc
    from LungTumorSegLib.evaluation.page import page
    from LungTumorSegLib.evaluation.tables import write_tables

    write_tables(folder, cohort)
    (folder / "evaluation.json").write_text(json.dumps(result, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    froc = None
    if cohort.lesion_count:
        froc = "froc.png"
        write_froc(folder / froc, cohort)
    (folder / "summary.html").write_text(page(cohort, facts, pictures, froc), encoding="utf-8")


def show(cohort: Cohort, facts: list[str], output: Path) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from LungTumorSegLib.evaluation.tables import word_tables
    from LungTumorSegLib.measurement.wording import DISCLAIMER

    console = Console()
    if not console.is_terminal:  # a file or a pipe has no width to fold a table for
        console = Console(width=max(console.width, 150))
    for line in facts:
        print(line)
    for part in word_tables(cohort):
        view = Table(title=part.title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
        for n, heading in enumerate(part.headings):
            view.add_column(heading, justify="left" if n == 0 else "right")
        for row in part.rows:
            view.add_row(*row)
        console.print(view)
    print(
        f"Written: {output / 'summary.html'}, cases.csv, lesions.csv, cohort.csv, thresholds.csv, evaluation.json, ..."
    )
    print(DISCLAIMER)
