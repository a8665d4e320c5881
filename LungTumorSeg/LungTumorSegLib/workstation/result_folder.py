"""The scene's result of a CT as a folder, just as `segment` writes one, so that every command works on it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.export.handover import Handover, write_in_steps
from LungTumorSegLib.scene import maps, segments
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.scene.volumes import SceneVolumes, change_token
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.workstation import words
from LungTumorSegLib.workstation.jobs import Jobs
from LungTumorSegLib.workstation.run_facts import run_facts
from LungTumorSegLib.workstation.source import source_of


class ResultFolder:
    """Makes the folder when it is asked for, and keeps it until the result is another one.

    find_file : what file an instance UID of a loaded DICOM volume is (Slicer: `slicer.dicomDatabase.fileForInstance`)
    """

    def __init__(self, jobs: Jobs, find_file: Callable[[str], str] | None = None):
        self._jobs, self._find_file = jobs, find_file
        self._volumes = SceneVolumes()
        self._made: tuple[str, Path] | None = None  # of which result, where

    def make(self, result: Result, done: Callable[[Path], None], formats: str = "", to: Path | None = None) -> None:
        """Have the folder written; `done` gets its path, later. Failures are told to the host.

        formats, to : also export these, as `lungtumorseg export --format` names them, into the folder `to`.

        Raises `InputRefused` where there is nothing to write.
        """
        given = hand_over(result, self._volumes, self._find_file)
        name = fingerprint(given, result)
        there = given.source is None or Path(given.source).exists()  # else the folder is to hold the CT itself
        if self._made is not None and self._made[0] == name and there:
            self._export(self._made[1], done, formats, to)
            return
        self.forget()
        raw, folder = self._jobs.new_folder(), self._jobs.new_folder() / "result"

        def assemble() -> None:
            words_ = ["assemble", raw, "-o", folder, "--progress", "json"]
            if formats:
                words_ += ["--format", formats, "--to", to]
            self._jobs.run(words_, finished, lambda end: (shutil.rmtree(raw, ignore_errors=True), self._jobs.tell(end)))

        def finished(_end) -> None:
            shutil.rmtree(raw, ignore_errors=True)
            self._made = name, folder
            done(folder)

        self._jobs.write(write_in_steps(raw, given), assemble)

    def forget(self) -> None:
        """Remove the folder."""
        if self._made is not None:
            shutil.rmtree(self._made[1].parent, ignore_errors=True)
            self._made = None
        self._volumes.forget()

    def _export(self, folder: Path, done: Callable[[Path], None], formats: str, to: Path | None) -> None:
        if formats:
            self._jobs.run(["export", folder, "-o", to, "--format", formats], lambda end: done(folder))
        else:
            done(folder)


def hand_over(result: Result, volumes: SceneVolumes, find_file=None) -> Handover:
    """The result as it stands in the scene. Raises `InputRefused` where there is none."""
    node = result.segmentation_node
    if node is None:
        raise InputRefused(words.nothing_to_export())
    volume = volumes.volume(result.ct)
    source, series = source_of(result.ct, find_file)
    probability = result.probability_node and copied(maps.map_box(result.probability_node))
    heat = result.heat_node and copied(maps.map_box(result.heat_node))
    labels = segments.read_labels(node)
    numbers = set(np.unique(labels.values).tolist())
    return Handover(
        volume.voxels,
        volume.geometry,
        Box(labels.start, labels.values.astype(np.uint16, copy=False)),
        probability,
        heat,
        [lesion.as_dict() for lesion in result.lesions if lesion.id in numbers],
        run_facts(result),
        source,
        series,
    )


def copied(box: Box) -> Box:
    """The scene may change while it is written."""
    return Box(box.start, np.array(box.values))


def fingerprint(given: Handover, result: Result) -> str:
    """The same for the same result. Maps by when they were changed: they are too large to be looked at each time."""
    nodes = [node for node in (result.ct, result.probability_node, result.heat_node) if node is not None]
    facts = [change_token(node) for node in nodes], given.lesions, given.run, given.source, given.labels.start
    digest = hashlib.sha256(repr((facts, given.labels.values.shape)).encode())
    digest.update(np.ascontiguousarray(given.labels.values).data)
    return digest.hexdigest()
