"""The user's hands on the panel of the test host."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest


def click(widget):
    """With the mouse, where the widget is seen: a button of a tab that is not shown cannot be clicked."""
    assert widget.q.isVisible(), f"{widget.q.objectName()} is not seen"
    QTest.mouseClick(widget.q, Qt.MouseButton.LeftButton)


def tick(box):
    """A check box, on its square."""
    assert box.q.isVisible(), f"{box.q.objectName()} is not seen"
    QTest.mouseClick(box.q, Qt.MouseButton.LeftButton, pos=QPoint(8, box.q.height() // 2))


def open_tab(module, name):
    """By a click on the tab."""
    tabs = module.ui.tabs.q
    index = [tabs.tabText(n) for n in range(tabs.count())].index(name)
    QTest.mouseClick(tabs.tabBar(), Qt.MouseButton.LeftButton, pos=tabs.tabBar().tabRect(index).center())


def choose(box, text):
    """An item of a combo box, by its keys."""
    assert box.q.isVisible(), f"{box.q.objectName()} is not seen"
    box.q.setFocus()
    index = box.q.findText(text)
    assert index >= 0, f"no {text} in {[box.q.itemText(n) for n in range(box.q.count())]}"
    while box.q.currentIndex() != index:
        QTest.keyClick(box.q, Qt.Key.Key_Down if box.q.currentIndex() < index else Qt.Key.Key_Up)


def pick(box, text):
    """An item of a combo box's list, at once, as its popup does."""
    assert box.q.isVisible(), f"{box.q.objectName()} is not seen"
    assert box.q.isEnabled(), f"{box.q.objectName()} cannot be opened"
    index = box.q.findText(text)
    assert index >= 0, f"no {text} in {[box.q.itemText(n) for n in range(box.q.count())]}"
    box.q.setCurrentIndex(index)
    box.q.activated.emit(index)


def click_row(table, row, column=0):
    assert table.q.isVisible(), f"{table.q.objectName()} is not seen"
    item = table.q.item(row, column)
    QTest.mouseClick(table.q.viewport(), Qt.MouseButton.LeftButton, pos=table.q.visualItemRect(item).center())


def press(host, key):
    """A key while the mouse is over the views: the main window has it."""
    QTest.keyClick(host.window, key)


def rows(table):
    """The texts of a table."""
    return [[table.q.item(r, c).text() for c in range(table.q.columnCount())] for r in range(table.q.rowCount())]
