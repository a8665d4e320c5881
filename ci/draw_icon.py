"""LungTumorSeg.png (256 pixels) and the module's icon (128), drawn from Resources/LungTumorSeg.svg."""

import os
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

REPOSITORY = Path(__file__).resolve().parents[1]
ICONS = {"LungTumorSeg.png": 256, "LungTumorSeg/Resources/Icons/LungTumorSeg.png": 128}

application = QGuiApplication([])
for name, size in ICONS.items():
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    QSvgRenderer(str(REPOSITORY / "Resources" / "LungTumorSeg.svg")).render(painter)
    painter.end()
    image.save(str(REPOSITORY / name))
