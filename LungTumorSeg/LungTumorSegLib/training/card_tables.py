"""The README's tables of the default models, made of what was measured on their cards.

``python -m LungTumorSegLib.training.card_tables`` prints them; a test holds the README to them.
"""

from __future__ import annotations

from LungTumorSegLib.networks.model import load_card

PLACES = "crop alone", "set into held-out lungs"
ASKED = "one click", "two clicks", "two clicks, mid-error", "three clicks", "three clicks, mid-error", "a box"


def prompted_rows(metrics: dict) -> list[str]:
    """Dice with its 95 % interval, the same from 10 mm, median error of the long axis."""
    rows = [
        "| | Dice | Dice from 10 mm | median error of the long axis, all / from 10 mm |",
        "| --- | --- | --- | --- |",
    ]
    for name in (f"{place}, {asked}" for place in PLACES for asked in ASKED):
        one = metrics[name]
        shares = [
            f"{one[key]:.3f} ({one[f'{key}_interval_95'][0]:.3f}-{one[f'{key}_interval_95'][1]:.3f})"
            for key in ("dice", "dice_from_10_mm")
        ]
        errors = [f"{one[key]:.1%}" for key in ("diameter_error_median", "diameter_error_median_from_10_mm")]
        rows.append(f"| {name} | {shares[0]} | {shares[1]} | {' / '.join(errors).replace('%', ' %')} |")
    return rows


def automatic_rows(metrics: dict) -> list[str]:
    """A row a whole scan: lesions found, the Dice of each, false finds."""
    rows = ["| test scan | found | Dice of each | false finds |", "| --- | --- | --- | --- |"]
    for scan in metrics["whole scans"]:
        each = ", ".join(f"{dice:.2f}" for dice in scan["lesion_dice"])
        rows.append(f"| {scan['name']} | {scan['found']} of {scan['lesions']} | {each} | {scan['false_positives']} |")
    return rows


ROWS = {"prompted": prompted_rows, "automatic": automatic_rows}


def table(model: str) -> str:
    """Markdown of a default model's table. Raises `InputRefused` where the card cannot be read."""
    return "\n".join(ROWS[model](load_card(model).provenance["metrics"]))


def main() -> None:
    for model in ROWS:
        print(f"{model}\n\n{table(model)}\n")


if __name__ == "__main__":
    main()
