"""The lesions' colours: segments and lines in Slicer's scene, segments in files."""

from __future__ import annotations

# Okabe and Ito's colour-blind safe palette (jfly.uni-koeln.de/color, 2008) without black, brightest first.
LESIONS = (
    (0.90, 0.62, 0.00),
    (0.34, 0.71, 0.91),
    (0.94, 0.89, 0.26),
    (0.00, 0.75, 0.55),
    (0.80, 0.47, 0.65),
    (0.84, 0.37, 0.00),
)


def lesion_colour(number: int) -> tuple[float, float, float]:
    """RGB 0..1 of the lesion with this number (1..)."""
    return LESIONS[(number - 1) % len(LESIONS)]
