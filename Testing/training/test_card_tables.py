"""The README says of the default models what their cards say."""

from pathlib import Path

import pytest

from LungTumorSegLib.training.card_tables import ROWS, automatic_rows, table

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", ROWS)
def test_the_readme_holds_the_table_of_the_card(model):
    assert table(model) in README


def test_a_scan_is_a_row_with_each_of_its_lesions():
    scan = {"name": "A", "lesions": 3, "found": 2, "false_positives": 1, "lesion_dice": [0.914, 0.0, 0.876]}
    assert automatic_rows({"whole scans": [scan]})[2:] == ["| A | 2 of 3 | 0.91, 0.00, 0.88 | 1 |"]
