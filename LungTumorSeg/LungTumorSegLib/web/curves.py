"""The curves of a training as a drawing (SVG) for the page: loss and Dice, an epoch a point."""

from __future__ import annotations

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 360, 150, 34, 20, 16
LINES = (("loss", "#6ea8ff", "loss"), ("validation_score", "#8fd06a", "Dice of patients kept back"))


def drawn(rows: list[dict]) -> str:
    """rows : of `Teaching.curves`. Empty text where there is nothing to draw yet."""
    steps = [row.get("step") for row in rows]
    if not any(row.get("loss") is not None for row in rows):
        return ""
    last = max([step for step in steps if step is not None] + [1])
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss and Dice by step" style="width: 100%" '
        'font-size="10" font-family="Roboto, sans-serif" fill="#8d95a1">'
        f'<path d="M{LEFT},{TOP} V{HEIGHT - BOTTOM} H{WIDTH - 4}" stroke="#2a2f38" fill="none"/>'
        f'<text x="{WIDTH - 4}" y="{HEIGHT - 6}" text-anchor="end">step {last:.0f}</text>'
    ]
    for place, (key, colour, title) in enumerate(LINES):
        points = [(row["step"], row[key]) for row in rows if row.get(key) is not None and row.get("step") is not None]
        highest = 1.0 if key == "validation_score" else max([value for _, value in points] or [1.0]) or 1.0
        at = [
            (LEFT + (WIDTH - LEFT - 8) * step / last, HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / highest)
            for step, value in points
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>' for x, y in at]
        now = f" {points[-1][1]:.3f}" if points else ""
        parts.append(f'<text x="{LEFT + 4 + 110 * place}" y="10" fill="{colour}">{title}{now}</text>')
    return "".join(parts) + "</svg>"
