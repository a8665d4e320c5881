"""The lesions as rows of a Qt table; a click tells which."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from LungTumorSegLib.measurement.wording import diameter


class LesionTable:
    """Fills a QTableWidget. `on_chosen` is called with the `Lesion` of the row that was clicked or reached by key."""

    def __init__(self, widget, on_chosen: Callable):
        self._widget = widget
        self._lesions: list = []
        self._on_chosen = on_chosen
        titles = [_("Lesion"), _("Long\nmm"), _("Short\nmm"), _("3D\nmm"), _("Volume\nmL"), _("Slice"), _("Mark")]
        widget.setColumnCount(len(titles))
        widget.setHorizontalHeaderLabels(titles)
        widget.verticalHeader().setVisible(False)
        widget.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        # Both: a key moves the current cell without a click; a click on the current row brings the view back to it.
        widget.connect("cellClicked(int,int)", lambda row, _column: self._choose(row))
        widget.connect("currentCellChanged(int,int,int,int)", lambda row, _c, before, _b: self._moved(row, before))

    @property
    def chosen(self):
        """The lesion of the current row, or None."""
        row = self._widget.currentRow()
        return self._lesions[row] if 0 <= row < len(self._lesions) else None

    def show(self, lesions: list) -> None:
        self._lesions = []  # a row that goes is not a choice
        self._widget.setRowCount(len(lesions))
        for row, lesion in enumerate(lesions):
            texts = [
                str(lesion.id),
                # On two lines: the panel is narrow.
                diameter(lesion.long_axis_mm, lesion.long_axis_interval_mm).replace(" ", "\n"),
                diameter(lesion.short_axis_mm, lesion.short_axis_interval_mm).replace(" ", "\n"),
                f"{lesion.max_3d_diameter_mm:.1f}",
                f"{lesion.volume_ml:.2f}",
                str(lesion.slice),
                "\n".join(word for word, on in ((_("edited"), lesion.edited), (_("node"), lesion.node)) if on),
            ]
            for column, text in enumerate(texts):
                self._widget.setItem(row, column, qt.QTableWidgetItem(text))
        self._lesions = list(lesions)
        self._widget.resizeRowsToContents()

    def _moved(self, row: int, before: int) -> None:
        if before >= 0 and row != before:
            self._choose(row)

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self._lesions):
            self._on_chosen(self._lesions[row])
