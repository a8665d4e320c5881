"""The lesions as rows of a Qt table; a click tells which."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from LungTumorSegLib.measurement.wording import density, diameter


class LesionTable:
    """Fills a QTableWidget. `on_chosen` is called with the `Lesion` of the row that was clicked or reached by key."""

    def __init__(self, widget, on_chosen: Callable):
        self._widget = widget
        self._lesions: list = []
        self._on_chosen = on_chosen
        titles = {
            "": _("The lesion's number, kept for good"),
            _("Side"): _("Left or right lung"),
            _("Axes\nmm"): _("RECIST 1.1: long x short diameter in the slice; point at a value for its range"),
            _("3D\nmm"): _("Largest diameter in any direction"),
            _("\nmL"): _("Volume: voxels times voxel volume"),
            _("Mean\nHU"): _("Mean density"),
            _("Tar-\nget"): _("Large enough for a RECIST 1.1 target lesion"),
            _("Mark"): _("edited: you drew an axis; corrected: you painted; node: lymph node"),
        }
        widget.setColumnCount(len(titles))
        widget.setHorizontalHeaderLabels(list(titles))
        for column, sentence in enumerate(titles.values()):
            widget.horizontalHeaderItem(column).setToolTip(sentence)
        widget.verticalHeader().setVisible(False)
        widget.horizontalHeader().setDefaultSectionSize(24)  # else the last is wider than it need be
        widget.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        widget.horizontalHeader().setStretchLastSection(True)
        # Both: a key moves the current cell without a click; a click on the current row brings the view back to it.
        widget.connect("cellClicked(int,int)", lambda row, _column: self._choose(row))
        widget.connect("currentCellChanged(int,int,int,int)", lambda row, _c, before, _b: self._moved(row, before))

    @property
    def chosen(self):
        """The lesion of the current row, or None."""
        row = self._widget.currentRow()
        return self._lesions[row] if 0 <= row < len(self._lesions) else None

    def show(self, lesions: list) -> None:
        """Fill the rows anew; the chosen lesion stays chosen."""
        chosen = self.chosen
        self._lesions = []  # a row that goes is not a choice
        self._widget.setRowCount(len(lesions))
        for row, lesion in enumerate(lesions):
            for column, (text, tip) in enumerate(_cells(lesion)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(tip)
                self._widget.setItem(row, column, item)
        self._widget.resizeRowsToContents()
        rows = [row for row, lesion in enumerate(lesions) if chosen is not None and lesion.id == chosen.id]
        self._widget.setCurrentCell(rows[0] if rows else -1, 0)
        self._lesions = list(lesions)

    def _moved(self, row: int, before: int) -> None:
        if before >= 0 and row != before:
            self._choose(row)

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self._lesions):
            self._on_chosen(self._lesions[row])


def _cells(lesion) -> list[tuple[str, str]]:
    """Text and tool tip of each column."""
    ranges = _("long axis {long} mm, short axis {short} mm; in brackets at thresholds 0.7 to 0.3").format(
        long=diameter(lesion.long_axis_mm, lesion.long_axis_interval_mm),
        short=diameter(lesion.short_axis_mm, lesion.short_axis_interval_mm),
    )
    marks = (
        (_("edited"), lesion.edited),
        (_("corrected"), getattr(lesion, "corrected", False)),
        (_("node"), lesion.node),
    )
    sides = {"left": _("left"), "right": _("right")}
    return [
        (str(lesion.id), ""),
        (sides.get(lesion.side, "–"), ""),
        (f"{lesion.long_axis_mm:.1f} × {lesion.short_axis_mm:.1f}", ranges),
        (f"{lesion.max_3d_diameter_mm:.1f}", ""),
        (f"{lesion.volume_ml:.2f}", ""),
        (density(lesion.mean_hu, "–"), ""),
        (_("yes") if lesion.measurable else "–", ""),
        ("\n".join(word for word, on in marks if on), ""),
    ]
