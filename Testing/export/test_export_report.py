"""The report for printing."""

import re
import shutil
import subprocess
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from matplotlib import rc_context

from LungTumorSegLib.export.findings import SEMIAUTOMATIC, Maker
from LungTumorSegLib.export.report import facts, write_html, write_pdf
from LungTumorSegLib.measurement.measure import CONVENTION
from LungTumorSegLib.report.lesion_picture import left_out, pictures
from LungTumorSegLib.report.measures import measures, table_row
from LungTumorSegLib.report.page_pdf import FONT, RIGHT, WIDTH, Pages
from LungTumorSegLib.report.views import CanonicalScan
from LungTumorSegLib.volume.box import Box


class Page(HTMLParser):
    """What a browser would load, and the words on the page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.loaded, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loaded += [value for name, value in attributes if name in ("src", "href", "data", "poster", "srcset")]

    def handle_data(self, data):
        self.words.append(data)


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.fixture(scope="module")
def nine(axial, tmp_path_factory):
    """The report of nine lesions: the three, over and over."""
    lesions = [replace(axial.lesions[n % 3], id=n + 1) for n in range(9)]
    folder = tmp_path_factory.mktemp("nine")
    write_pdf(folder, replace(axial, lesions=lesions))
    write_html(folder, replace(axial, lesions=lesions))
    return folder


def test_the_page_loads_nothing_and_runs_nothing(exported):
    page = Page((exported / "report.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert all(url.startswith("data:image/png;base64,") for url in page.loaded)
    assert len(page.loaded) == 6
    assert all(b64decode(url.split(",")[1]).startswith(b"\x89PNG") for url in page.loaded)


def test_the_page_says_every_measure_the_convention_and_the_disclaimer(axial, exported):
    words = Page((exported / "report.html").read_text(encoding="utf-8")).words
    for lesion in axial.lesions:
        for name, value in measures(lesion):
            assert name in words
            assert value in words
        assert set(table_row(lesion)) <= set(words)
    assert any(CONVENTION in text for text in words)
    assert sum("not a medical device" in text for text in words) == 2
    assert "2025-03-14" in words


def test_values_carry_units_and_intervals(axial):
    lesion = replace(axial.lesions[0], long_axis_mm=12.34, long_axis_interval_mm=(11.96, 13.04), mean_hu=-51.6)
    told = dict(measures(lesion))
    assert told["Long axis"] == "12.3 mm (12.0–13.0)"
    assert told["Mean density"].startswith("−52 HU")
    assert told["Volume"].endswith(" mL")


def test_what_was_not_measured_is_left_out(axial):
    bare = replace(axial.lesions[0], mean_hu=None, mean_probability=None, side=None, long_axis_interval_mm=None)
    assert {"Mean density", "Mean probability", "Place"}.isdisjoint(dict(measures(bare)))
    assert table_row(bare)[1] == "–"


def test_three_lesions_fit_on_one_page(exported):
    assert pages_of((exported / "report.pdf").read_bytes()) == 1


def test_many_lesions_take_more_pages_and_all_stand_in_the_table(nine):
    assert pages_of((nine / "report.pdf").read_bytes()) == 3
    page = Page((nine / "report.html").read_text(encoding="utf-8"))
    assert page.tags.count("tr") == 10
    assert page.tags.count("article") == 9


def test_of_very_many_lesions_the_first_have_pictures_and_it_is_said(axial):
    many = [replace(axial.lesions[0], id=n + 1) for n in range(30)]
    scan = CanonicalScan(axial.ct)
    assert [p.lesion.id for p in pictures(scan, Box((0, 0, 0), axial.labels), many)] == list(range(1, 25))
    assert left_out(many) == "Pictures of the first 24 lesions; 6 more stand in the table only."
    assert left_out(many[:24]) == ""


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not on this machine")
def test_every_page_of_the_pdf_is_numbered_and_says_what_it_is_not(nine):
    told = subprocess.run(["pdftotext", "-layout", str(nine / "report.pdf"), "-"], capture_output=True, check=True)
    pages = told.stdout.decode().split("\f")[:-1]
    assert all("not a medical device" in page for page in pages)
    assert [re.search(r"(\d) ?/ ?3\n", page)[1] for page in pages] == ["1", "2", "3"]


def test_an_empty_result_says_that_nothing_was_found_and_what_that_means(nothing, tmp_path):
    write_html(tmp_path, nothing)
    write_pdf(tmp_path, nothing)
    words = " ".join(Page((tmp_path / "report.html").read_text(encoding="utf-8")).words)
    assert "No lesion found" in words
    assert "does not mean that there is none" in words
    assert pages_of((tmp_path / "report.pdf").read_bytes()) == 1


def test_sagittal_and_oblique_scans_are_drawn_too(found, tmp_path):
    for plane in ("sagittal", "oblique"):
        write_pdf(tmp_path, found(plane, only=1))
        assert pages_of((tmp_path / "report.pdf").read_bytes()) == 1


@pytest.mark.parametrize("model", ["prompted-tuned-on-our-own-cases-2025-03", "W" * 64])
def test_a_long_name_of_a_model_stays_on_the_page_and_the_threshold_is_said(axial, model):
    pages = Pages(facts(replace(axial, maker=Maker(SEMIAUTOMATIC, model, "0.2.0", 0.5, "0123456789abcdef"))))
    with rc_context(FONT):
        pages.heading(axial.ct)
        edges = {text.get_text(): text.get_window_extent().x1 for text in pages.figure.texts}
        pixels = pages.figure.bbox.width
    assert max(edges.values()) <= RIGHT / WIDTH * pixels + 1
    said = "".join(edges)
    assert model in said.replace(" ", "")
    assert "probability from 0.5" in " ".join(edges)
    assert pages.top == pytest.approx(16 + 46 + 4.4 * (1 if model.startswith("p") else 2))
