"""The report as one web page: pictures inside the file, nothing loaded from elsewhere, prints on A4."""

from __future__ import annotations

from base64 import b64encode
from html import escape

from LungTumorSegLib.measurement.measure import CONVENTION, Lesion
from LungTumorSegLib.measurement.wording import DISCLAIMER
from LungTumorSegLib.report.facts import BLANKS, INTERVALS, TARGET, TITLE, Facts
from LungTumorSegLib.report.lesion_picture import LesionPicture, left_out, pictures
from LungTumorSegLib.report.measures import COLUMNS, measures, table_row
from LungTumorSegLib.report.views import CanonicalScan
from LungTumorSegLib.report.web_page import web_page
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Volume

STYLE = """
:root { --ink: #1b2026; --faint: #5d6670; --line: #c8ced4; --warning: #a33b00; }
@page { size: A4; margin: 14mm 15mm; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 190mm; padding: 8mm 5mm; color: var(--ink); background: #fff;
  font: 10pt/1.4 system-ui, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 2mm 6mm; }
h1 { font-size: 16pt; line-height: 1.2; margin: 0; }
h2 { font-size: 12pt; margin: 0 0 1.5mm; }
.warning { color: var(--warning); font-weight: 600; font-size: 9pt; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4mm 5mm; margin: 0; font-size: 9pt; }
dt, .faint { color: var(--faint); }
dd { margin: 0; }
dd.main { font-weight: 600; }
.facts { margin: 4mm 0; }
.blanks { display: flex; gap: 5mm; font-size: 9pt; color: var(--faint); margin: 6mm 0 5mm; }
.blanks span { flex: 1; display: flex; gap: 2mm; white-space: nowrap; }
.blanks span::after { content: ""; flex: 1; border-bottom: .3mm solid var(--line); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 9pt; }
th { font-weight: 400; color: var(--faint); vertical-align: bottom; border-bottom: .4mm solid var(--line); }
th small { display: block; font-size: 7.5pt; }
th, td { text-align: right; padding: .7mm 0 .7mm 3mm; white-space: nowrap; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; padding-left: 0; }
td { border-bottom: .2mm solid var(--line); }
td:first-child, td:nth-child(3), td:nth-child(4) { font-weight: 600; }
tr, article { break-inside: avoid; }
.note { font-size: 8pt; color: var(--faint); margin: 3mm 0 5mm; }
article { display: grid; grid-template-columns: 48mm 48mm 1fr; gap: 3mm 4mm; margin: 0 0 4mm; }
article img { width: 100%; aspect-ratio: 1; display: block; }
article dl { font-size: 8.5pt; gap: .3mm 3mm; }
footer { border-top: .3mm solid var(--line); padding-top: 2mm; font-size: 8pt; color: var(--faint); }
@media print { body { max-width: none; padding: 0; } }
@media screen and (max-width: 170mm) {
  article { grid-template-columns: 1fr 1fr; }
  article div { grid-column: 1 / -1; }
}
"""


def html_report(volume: Volume, labels: Box, lesions: list[Lesion], facts: Facts) -> str:
    """The page. volume : the CT, HU. labels : lesion ids on a part of its grid. lesions : in this order."""
    if lesions:
        cards = "".join(card(picture) for picture in pictures(CanonicalScan(volume), labels, lesions))
        rest = f'<p class="note">{left_out(lesions)}</p>' if left_out(lesions) else ""
        note = f'<p class="note">{escape(CONVENTION)} {INTERVALS} {TARGET}</p>'
        body = table(lesions) + note + cards + rest
    else:
        body = (
            "<h2>No lesion found</h2><p>at this threshold and smallest size. That does not mean that there is none.</p>"
        )
    return web_page(
        TITLE,
        STYLE,
        f"""<header><h1>{TITLE}</h1><span class="warning">{DISCLAIMER}</span></header>
<dl class="facts">{terms(facts.lines(volume))}</dl>
<div class="blanks">{"".join(f"<span>{name}</span>" for name in BLANKS)}</div>
{body}
<footer>{DISCLAIMER} Nothing on this page may be used to decide about a patient.</footer>""",
    )


def table(lesions: list[Lesion]) -> str:
    head = "".join(f"<th>{name}<small>{unit}</small></th>" for name, unit in COLUMNS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(words)}</td>" for words in table_row(lesion)) + "</tr>\n" for lesion in lesions
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>\n'


def card(picture: LesionPicture) -> str:
    number = picture.lesion.id
    names = (f"Lesion {number} with its axes", f"Lesion {number} in its slice")
    images = "".join(
        f'<img alt="{name}" src="data:image/png;base64,{b64encode(png).decode("ascii")}">'
        for name, png in zip(names, picture.png(), strict=True)
    )
    words = terms(measures(picture.lesion), main=2)
    return f"<article>{images}<div><h2>Lesion {number}</h2><dl>{words}</dl></div></article>\n"


def terms(lines: list[tuple[str, str]], main: int = 0) -> str:
    """Names and values; the first `main` of them stand out."""
    values = ["<dd class='main'>" if n < main else "<dd>" for n in range(len(lines))]
    return "".join(
        f"<dt>{escape(name)}</dt>{dd}{escape(value)}</dd>" for dd, (name, value) in zip(values, lines, strict=True)
    )
