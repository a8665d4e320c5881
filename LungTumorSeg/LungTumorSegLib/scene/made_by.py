"""Which model made our segments and what they are by its names: attributes of our segmentation node, saved with it."""

from __future__ import annotations

from LungTumorSegLib.scene import ownership

RUN = ownership.PREFIX + "Run"  # what run.json says of the model and its run, as JSON
CLASSES = ownership.PREFIX + "Classes"  # what a segment is, by the model's names, as JSON; none: a tumour

MadeBy = dict[str, str | None]


def made_by(node) -> MadeBy:
    """As it stands with our segmentation node, to be given back by `say_made_by`."""
    return {name: node.GetAttribute(name) if node is not None else None for name in (RUN, CLASSES)}


def say_made_by(node, made: MadeBy) -> None:
    for name, text in made.items():
        node.SetAttribute(name, text)  # None takes it away
