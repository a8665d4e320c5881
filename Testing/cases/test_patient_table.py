"""Tables of patients, as people and Excel write them."""

import pytest

from LungTumorSegLib.cases.patient_table import patients_of
from LungTumorSegLib.errors import InputRefused


@pytest.mark.parametrize(
    "text",
    [
        "case,patient\na,P1\nb,P1\n",
        "\ufeffcase;patient;age\na;P1;60\nb;P1;\n;;\n",  # a German Excel's, with an emptied row
    ],
)
def test_every_case_has_its_patient(tmp_path, text):
    table = tmp_path / "who.csv"
    table.write_text(text, encoding="utf-8")
    assert patients_of(table, ["b", "a"]) == ["P1", "P1"]
    with pytest.raises(InputRefused, match=r"who\.csv lacks 1 of 2 cases, the first is c"):
        patients_of(table, ["a", "c"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\na\n", "who.csv needs the columns case and patient"),
        ("case,patient\na,P1\na,P2\n", "who.csv names two patients of a"),
        ("case,patient\na,\n", "who.csv has a row with a alone"),
    ],
)
def test_a_table_that_leaves_a_doubt_is_refused(tmp_path, text, words):
    table = tmp_path / "who.csv"
    table.write_text(text)
    with pytest.raises(InputRefused, match=words):
        patients_of(table, ["a"])


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputRefused, match=r"who\.csv cannot be read \(No such file or directory\): name another file"):
        patients_of(tmp_path / "who.csv", ["a"])
