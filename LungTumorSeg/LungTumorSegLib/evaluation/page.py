"""The evaluation on one page: what was compared, the tables, the FROC, the cases from worst to best."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from LungTumorSegLib.evaluation.cohort import Cohort
from LungTumorSegLib.evaluation.tables import WordTable, word_tables, words
from LungTumorSegLib.measurement.wording import DISCLAIMER
from LungTumorSegLib.report.web_page import web_page

STYLE = """
:root { --ink: #1b2026; --faint: #5d6670; --line: #c8ced4; --warning: #a33b00; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1100px; padding: 24px 16px; color: var(--ink); background: #fff;
  font: 15px/1.45 system-ui, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
h1 { font-size: 24px; margin: 0; } h2 { font-size: 17px; margin: 28px 0 6px; }
.warning { color: var(--warning); font-weight: 600; }
.note, .facts { color: var(--faint); font-size: 13px; margin: 4px 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; }
th { text-align: left; font-weight: 400; color: var(--faint); border-bottom: 2px solid var(--line); }
th, td { padding: 3px 22px 3px 0; white-space: nowrap; }
td { border-bottom: 1px solid var(--line); }
td:first-child { font-weight: 600; }
img { max-width: 100%; display: block; margin: 6px 0 14px; }
@media print { h2, img, tr { break-inside: avoid; } }
"""
TITLE = "Predictions against references"


def page(cohort: Cohort, facts: list[str], pictures: dict[str, str], froc: str | None) -> str:
    """facts : lines on what was compared. pictures : case -> file beside the page. froc : its file."""
    tables = "".join(table(part) for part in word_tables(cohort))
    curve = f'<img alt="FROC" src="{quote(froc)}">' if froc else ""
    return web_page(
        TITLE,
        STYLE,
        f"""<h1>{TITLE}</h1>
<p class="warning">{DISCLAIMER}</p>
{"".join(f'<p class="facts">{escape(line)}</p>' for line in facts)}
{tables}
{curve}
{case_table(cohort)}
{case_pictures(cohort, pictures)}""",
    )


def table(part: WordTable) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in part.headings)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in part.rows)
    note = f'<p class="note">{escape(part.note)}</p>' if part.note else ""
    return (
        f"<h2>{escape(part.title)}</h2>\n"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>{note}\n'
    )


def worst_first(cohort: Cohort) -> list:
    """By Dice; what is not defined comes first, with its false positives."""
    return sorted(cohort.cases, key=lambda case: (case.metrics["dice"] == case.metrics["dice"], case.metrics["dice"]))


def case_table(cohort: Cohort) -> str:
    headings = ("case", "Dice", "HD95 mm", "NSD", "volume mL", "long axis mm", "lesions found", "false positives")
    rows = []
    for case in worst_first(cohort):
        m = case.metrics
        rows.append(
            (
                case.name,
                words(m["dice"]),
                words(m["hd95_mm"], 1),
                words(m["nsd"]),
                f"{words(m['volume_ml'], 2)} of {words(m['reference_volume_ml'], 2)}",
                f"{words(m['axial_mm'], 1)} of {words(m['reference_axial_mm'], 1)}",
                f"{m['found']} of {m['lesions']}",
                str(m["false_positives"]),
            )
        )
    return table(WordTable("Cases, the worst first", headings, rows, "Volume and long axis: predicted of reference."))


def case_pictures(cohort: Cohort, pictures: dict[str, str]) -> str:
    return "".join(
        f'<img alt="{escape(case.name, quote=True)}" loading="lazy" src="{quote(pictures[case.name])}">\n'
        for case in worst_first(cohort)
        if case.name in pictures
    )
