"""The report as PDF: A4 upright, the table first, then a card a lesion, on as many pages as they need."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass, field

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from LungTumorSegLib.measurement.measure import CONVENTION, Lesion
from LungTumorSegLib.measurement.wording import DISCLAIMER
from LungTumorSegLib.report.facts import BLANKS, INTERVALS, TARGET, TITLE, Facts
from LungTumorSegLib.report.lesion_picture import LesionPicture, bare, left_out, pictures
from LungTumorSegLib.report.measures import COLUMNS, measures, table_row
from LungTumorSegLib.report.views import CanonicalScan
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Volume

# Millimetres from the page's top left corner.
WIDTH, HEIGHT, MARGIN, FOOT = 210.0, 297.0, 16.0, 14.0
RIGHT = WIDTH - MARGIN
SIDE, GAP, ROW, LINE = 48.0, 4.0, 4.6, 4.4
VALUES = MARGIN + 30  # where the facts' values begin
SIZE = 8  # points, of most words
INK, FAINT, HAIRLINE, WARNING = "#1b2026", "#5d6670", "#c8ced4", "#a33b00"
# Right edge of each column but the first two, which begin there.
EDGES = (MARGIN, MARGIN + 13, 64, 84, 102, 122, 139, 154, 172, RIGHT)
FONT = {"font.family": "DejaVu Sans", "pdf.fonttype": 42, "text.parse_math": False}


def pdf_report(volume: Volume, labels: Box, lesions: list[Lesion], facts: Facts) -> bytes:
    """The pages. The same input gives the same bytes.

    volume : the CT, HU. labels : lesion ids, on a part of the volume's grid. lesions : their measures, in this order.
    """
    with rc_context(FONT):
        pages = Pages(facts)
        pages.heading(volume)
        if lesions:
            pages.table(lesions)
            pages.words(f"{CONVENTION} {INTERVALS} {TARGET}")
            for picture in pictures(CanonicalScan(volume), labels, lesions):
                pages.card(picture)
            if left_out(lesions):
                pages.words(left_out(lesions))
        else:
            pages.none_found()
        return pages.bound()


@dataclass(eq=False)
class Pages:
    """Pages filled from top to bottom; `top` is where the next thing begins."""

    facts: Facts
    figures: list[Figure] = field(default_factory=list)
    top: float = HEIGHT

    @property
    def figure(self) -> Figure:
        return self.figures[-1]

    def take(self, height: float) -> float:
        """Room on this page, or on a new one where this has not enough left; answers where it begins."""
        if self.top + height > HEIGHT - MARGIN - FOOT:
            self.figures.append(Figure(figsize=(WIDTH / 25.4, HEIGHT / 25.4), dpi=200))
            FigureCanvasPdf(self.figure)
            self.top = MARGIN
        at, self.top = self.top, self.top + height
        return at

    def heading(self, volume: Volume) -> None:
        facts = [(name, wrapped(value, RIGHT - VALUES)) for name, value in self.facts.lines(volume)]
        rows = sum(len(lines) for _, lines in facts)
        top = self.take(24 + rows * LINE)
        self.write(MARGIN, top, TITLE, size=15, weight="bold")
        self.write(RIGHT, top + 1.5, DISCLAIMER, size=8, color=WARNING, weight="bold", ha="right")
        top += 9.5
        for name, lines in facts:
            self.write(MARGIN, top, name, color=FAINT)
            for line in lines:
                self.write(VALUES, top, line)
                top += LINE
        third = (RIGHT - MARGIN) / 3
        for n, name in enumerate(BLANKS):
            left = MARGIN + n * third
            self.write(left, top + 6, name, color=FAINT)
            self.rule(top + 9.5, left + 21 + 9 * (n == 2), left + third - 3 * (n < 2))

    def table(self, lesions: list[Lesion]) -> None:
        top = self.take(9)
        self.table_head(top)
        for lesion in lesions:
            page = len(self.figures)
            top = self.take(ROW)
            if len(self.figures) > page:
                self.table_head(top)
                self.top += 9
                top += 9
            for column, words in enumerate(table_row(lesion)):
                self.cell(column, top, words, weight="bold" if column in (0, 2, 3) else "normal")
            self.rule(top + ROW - 1, width=0.4)
        self.take(2)

    def table_head(self, top: float) -> None:
        for column, (name, unit) in enumerate(COLUMNS):
            self.cell(column, top, name, color=FAINT)
            self.cell(column, top + 3.4, unit, color=FAINT, size=7)
        self.rule(top + 7.6, width=0.8)

    def cell(self, column: int, top: float, words: str, **style) -> None:
        self.write(EDGES[column], top, words, ha="left" if column < 2 else "right", **style)

    def words(self, text: str) -> None:
        lines = textwrap.wrap(text, 136)
        top = self.take(3.6 * len(lines) + 3)
        self.write(MARGIN, top, "\n".join(lines), color=FAINT, size=7.5, linespacing=1.35)

    def card(self, picture: LesionPicture) -> None:
        top = self.take(SIDE + GAP)
        picture.close_up(self.axes(MARGIN, top))
        picture.whole_slice(self.axes(MARGIN + SIDE + GAP / 2, top))
        left = MARGIN + 2 * SIDE + 1.5 * GAP
        self.write(left, top, f"Lesion {picture.lesion.id}", size=11, weight="bold")
        for n, (name, value) in enumerate(measures(picture.lesion)):
            self.write(left, top + 6.5 + n * 4.1, name, color=FAINT)
            self.write(left + 26, top + 6.5 + n * 4.1, value, weight="bold" if n < 2 else "normal", size=7.5)

    def none_found(self) -> None:
        top = self.take(20)
        self.write(MARGIN, top, "No lesion found", size=13, weight="bold")
        self.write(MARGIN, top + 7, "at this threshold and smallest size. That does not mean that there is none.")

    def axes(self, left: float, top: float) -> Axes:
        return bare(self.figure.add_axes((left / WIDTH, 1 - (top + SIDE) / HEIGHT, SIDE / WIDTH, SIDE / HEIGHT)))

    def write(self, left: float, top: float, words: str, **style) -> None:
        self.figure.text(left / WIDTH, 1 - top / HEIGHT, words, **({"color": INK, "size": SIZE, "va": "top"} | style))

    def rule(self, top: float, left: float = MARGIN, right: float = RIGHT, width: float = 0.6) -> None:
        x, y = [left / WIDTH, right / WIDTH], [1 - top / HEIGHT] * 2
        self.figure.add_artist(Line2D(x, y, color=HAIRLINE, linewidth=width))

    def bound(self) -> bytes:
        """The file, with a foot on every page."""
        stream = io.BytesIO()
        told = {"Title": TITLE, "Creator": f"LungTumorSeg {self.facts.version}", "CreationDate": self.facts.written}
        with PdfPages(stream, metadata=told) as file:
            for n, figure in enumerate(self.figures, start=1):
                foot = HEIGHT - MARGIN - 3
                for left, side, words in [
                    (MARGIN, "left", f"{DISCLAIMER} Nothing on this page may be used to decide about a patient."),
                    (RIGHT, "right", f"{n} / {len(self.figures)}"),
                ]:
                    where = (left / WIDTH, 1 - foot / HEIGHT)
                    figure.text(*where, words, ha=side, va="top", size=7.5, color=FAINT)
                file.savefig(figure)
        return stream.getvalue()


def wrapped(words: str, width: float) -> list[str]:
    """As lines of no more than `width` mm, at `SIZE`. A word that is longer, as a model's name may be, is broken."""
    for letters in range(len(words), 0, -1):
        lines = textwrap.wrap(words, letters)
        if max(breadth(line) for line in lines) <= width:
            return lines
    return [words]


def breadth(line: str) -> float:
    """Millimetres."""
    points, _height, _descent = text_to_path.get_text_width_height_descent(line, FontProperties(size=SIZE), False)
    return points / 72 * 25.4
