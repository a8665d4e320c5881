"""The report for printing, as a web page and as PDF."""

from __future__ import annotations

from pathlib import Path

from LungTumorSegLib.export.findings import Findings
from LungTumorSegLib.report.facts import Facts
from LungTumorSegLib.report.page_html import html_report
from LungTumorSegLib.report.page_pdf import pdf_report
from LungTumorSegLib.volume.box import Box


def write_html(folder: Path, findings: Findings) -> None:
    """`report.html`: one file, pictures inside, nothing loaded from elsewhere."""
    page = html_report(findings.ct, Box((0, 0, 0), findings.labels), findings.lesions, facts(findings))
    (folder / "report.html").write_text(page, encoding="utf-8")


def write_pdf(folder: Path, findings: Findings) -> None:
    """`report.pdf`: A4 pages."""
    pages = pdf_report(findings.ct, Box((0, 0, 0), findings.labels), findings.lesions, facts(findings))
    (folder / "report.pdf").write_bytes(pages)


def facts(findings: Findings) -> Facts:
    series, maker = findings.ct.series, findings.maker
    return Facts(
        study_date=series.study_date if series else None,
        outlined_by=maker.words,
        threshold=maker.threshold,
        version=maker.version,
        written=findings.written,
        image=findings.ct.content_hash,
    )
