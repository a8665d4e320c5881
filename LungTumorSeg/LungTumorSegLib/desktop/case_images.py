"""Under the model, where it reads several images of a case: a row a channel, which volume shows it."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _


class ImageRows:
    """
    Parameters
    ----------
    widget : holds a QFormLayout, in which the rows are made as a model needs them
    images : `workstation.case_images.CaseImages`
    """

    def __init__(self, widget, images):
        self._widget, self._images = widget, images
        self._rows: list[tuple] = []  # label and combo box
        self._nodes: list = []  # what the boxes offer after their first item
        self._seen = None

    def update(self) -> None:
        """The rows as model, CT and scene are now."""
        images = self._images
        self._widget.visible = images.several
        if not images.several:
            self._seen = None
            return
        nodes, shown = images.choices(), images.shown()
        seen = list(shown.items()), [(node.GetID(), node.GetName()) for node in nodes]
        if seen == self._seen:  # a list that is open stays open
            return
        self._seen, self._nodes = seen, nodes
        while len(self._rows) < len(shown):
            self._add_row()
        for n, (label, box) in enumerate(self._rows):
            label.visible = box.visible = n < len(shown)
        for (label, box), (channel, chosen) in zip(self._rows, shown.items(), strict=False):
            label.text = f"{channel}:"
            box.clear()
            box.addItem(_("Choose a volume"))
            for node in nodes:
                box.addItem(node.GetName())
            box.currentIndex = nodes.index(chosen) + 1 if chosen is not None else 0

    def _add_row(self) -> None:
        label, box, row = qt.QLabel(), qt.QComboBox(), len(self._rows)
        self._widget.layout().addRow(label, box)
        box.connect("activated(int)", lambda index: self._choose(row, index))
        self._rows.append((label, box))

    def _choose(self, row: int, index: int) -> None:
        self._images.choose(self._images.channels[row], self._nodes[index - 1] if index else None)
        self.update()
