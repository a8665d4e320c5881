"""The curves of a training as a drawing (SVG) for the page: loss and Dice, an epoch a point."""

from __future__ import annotations

from math import isfinite

from LungTumorSegLib.web.plot import Plot

WIDTH, HEIGHT, LEFT, RIGHT = 364, 130, 36, 98
LOSSES = (("loss", "#6ea8ff", "taught"), ("validation_loss", "#ffb35a", "kept back"))
SCORE, SCORE_COLOUR = "validation_score", "#8fd06a"


def drawn(rows: list[dict]) -> str:
    """rows : of `Teaching.curves`. Loss above, Dice below it as soon as there is any; empty text where there is nothing
    to draw yet."""
    # The loss of an epoch that taught nothing is no number: it is left out, as what was not measured.
    rows = [{key: value for key, value in row.items() if value is not None and isfinite(value)} for row in rows]
    rows = [row for row in rows if "step" in row]
    if not any("loss" in row for row in rows):
        return ""
    steps, losses = [row["step"] for row in rows], []
    for key, colour, name in LOSSES:
        values = [row.get(key) for row in rows]
        if any(value is not None for value in values):
            losses.append((values, colour, name))
    highest = max(value for values, _, _ in losses for value in values if value is not None) or 1.0
    pictures = [_picture(steps, losses, "loss", highest * 1.05)]
    scores = [row.get(SCORE) for row in rows]
    if any(score is not None for score in scores):
        pictures.append(_picture(steps, [(scores, SCORE_COLOUR, "kept back")], "Dice", 1.0))
    return "".join(pictures)


def _picture(steps: list[float], lines: list[tuple[list, str, str]], unit: str, highest: float) -> str:
    plot = Plot(WIDTH, HEIGHT, LEFT, RIGHT, (min(0.0, steps[0]), max(steps[-1], 1.0)), (0.0, highest))
    plot.scale(unit, 2)
    plot.stations(sorted({0.0, steps[-1]}), [f"{step:.0f}" for step in sorted({0.0, steps[-1]})], "step")
    for values, colour, name in lines:
        known = [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
        plot.line(*zip(*known, strict=True), colour, f"{name} {known[-1][1]:.3f}")
    return plot.drawing(f"{unit} by step")
