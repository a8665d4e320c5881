"""Slicer's DICOM database: where the files of a loaded series lie, and new files into it."""

from __future__ import annotations

from collections.abc import Callable

import ctk
import slicer


def is_open() -> bool:
    database = slicer.app.dicomDatabase()
    return database is not None and database.isOpen


def file_of_instance(uid: str) -> str:
    """The file of a SOP Instance UID; empty where the database does not know it."""
    return slicer.app.dicomDatabase().fileForInstance(uid) if is_open() else ""


class DatabaseImport:
    """Copies a folder's files into the database, in the background; `done` is called once, when they are there."""

    def __init__(self, folder: str, done: Callable[[], None]):
        self._done = done
        self._indexer = ctk.ctkDICOMIndexer()
        self._indexer.backgroundImportEnabled = True
        self._indexer.setDatabase(slicer.app.dicomDatabase())
        self._indexer.connect("indexingComplete(int,int,int,int)", self._complete)
        self._indexer.addDirectory(folder, True)

    def _complete(self, _patients: int, _studies: int, _series: int, _images: int) -> None:
        done, self._done = self._done, None
        if done is not None:
            self._indexer.deleteLater()  # with its thread: the connection to us keeps it otherwise
            done()
