"""A finished model with what was measured of it on its card, as a new folder; the model itself stays as it is.

``python -m LungTumorSegLib.training.measured_card RUN -o prompted --metrics test.json --like prompted
--set threshold=0.4 --failure "faint lesions come out too small"``
"""

from __future__ import annotations

import argparse
import json
import tomllib
from dataclasses import replace
from pathlib import Path

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks.model import load_card, load_model, save_model

CHOSEN = ("licence", "outlined_by", "overlap", "suspicion", "threshold", "window")  # fields that no weight depends on
PROVENANCE = ("collections",)  # what is told of the data by hand


def write_measured(
    model: str | Path,
    out: Path,
    metrics: dict,
    failures: list[str],
    chosen: dict | None = None,
    like: str | Path | None = None,
    history: str = "",
) -> None:
    """Writes the folder `out`, which must not exist; its name is the new model's.

    metrics : as `LungTumorSegLib.training.evaluation` printed them, beside those that training wrote. failures : known
    ones, in plain words. chosen : fields of the card that are no matter of the weights (`CHOSEN`). like : a model whose
    licence and data's collections hold for this one too. history : what in the run was not as its recipe says.
    `InputRefused` for a field of the weights, and as by `load_model` and `save_model`.
    """
    made, chosen = load_model(model), dict(chosen or {})
    if wrong := sorted(chosen.keys() - set(CHOSEN)):
        raise InputRefused(f"{wrong[0]} cannot be chosen after training: one of {', '.join(CHOSEN)}")
    provenance = dict(made.card.provenance)
    if like is not None:
        other = load_card(like)
        chosen = {"licence": other.licence, **chosen}
        provenance |= {key: other.provenance[key] for key in PROVENANCE if key in other.provenance}
    provenance["metrics"] = {**provenance.get("metrics", {}), **metrics}
    provenance["known_failures"] = failures
    if history:
        provenance["history"] = history
    save_model(out, made.network, replace(made.card, name=out.name, provenance=provenance, **chosen), made.gate)


def assignment(text: str) -> tuple[str, object]:
    """`window=[64,64,64]` as a key and a value, written as TOML; a bare word is a text."""
    key, _, value = text.partition("=")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", help="name or folder")
    arguments.add_argument("-o", "--out", type=Path, required=True, help="the new folder, its name the model's")
    arguments.add_argument("--metrics", type=Path, help="JSON that LungTumorSegLib.training.evaluation printed")
    arguments.add_argument("--failure", action="append", default=[], help="a known failure, in plain words")
    arguments.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help=", ".join(CHOSEN))
    arguments.add_argument("--like", help="a model whose licence and collections hold for this one too")
    arguments.add_argument("--history", default="", help="what in the run was not as its recipe says")
    given = arguments.parse_args()
    metrics = json.loads(given.metrics.read_text()) if given.metrics else {}
    chosen = dict(map(assignment, given.set))
    try:
        write_measured(given.model, given.out, metrics, given.failure, chosen, given.like, given.history)
    except InputRefused as refusal:
        raise SystemExit(f"{refusal}") from None


if __name__ == "__main__":
    main()
