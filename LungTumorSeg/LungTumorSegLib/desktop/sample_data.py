"""Sample scans for Slicer's Sample Data module: a synthetic chest made here at two dates, and a public collection.

The synthetic ones are made in a child process, so that Slicer's window lives on, and need no network. The public one is
brought by MONAI's downloader, which knows its address and checksum; nothing is downloaded before the user agrees.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from LungTumorSegLib.desktop.program import Program
from LungTumorSegLib.desktop.settings import job_launch, own_python
from LungTumorSegLib.worker.launch import hosted, worker_command

CATEGORY = "LungTumorSeg"
ICONS = Path(__file__).resolve().parents[2] / "Resources" / "Icons"
PHANTOM, LATER, COLLECTION = "Lung tumour phantom", "Lung tumour phantom, later", "MSD lung"
THUMBNAILS = {PHANTOM: ICONS / "Phantom.png", LATER: ICONS / "PhantomLater.png"}
ARCHIVE = "Task06_Lung"  # its folder, as the Medical Segmentation Decathlon names it

_under_way: dict[str, Program] = {}


def register() -> None:
    """Add the samples to the Sample Data module. For slicer.app's startupCompleted."""
    import SampleData

    logic = SampleData.SampleDataLogic
    if not hasattr(logic, "registerCustomSampleDataCategory"):
        return  # Slicer before 5.12: the panel says so
    logic.registerCustomSampleDataCategory(CATEGORY, title=_("Lung Tumor Segmentation"))
    for name, make in ((PHANTOM, make_phantom), (LATER, make_phantom), (COLLECTION, bring_collection)):
        logic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=name,
            thumbnailFileName=str(THUMBNAILS[name]) if name in THUMBNAILS else None,
            uris=[],  # the Sample Data module counts them, made or not
            fileNames=[],
            customDownloader=lambda source, make=make: make(source.sampleName),
        )


def folder() -> Path:
    """Ours in Slicer's cache. It may not exist yet."""
    return Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory()) / CATEGORY


def size_on_disk() -> int:
    """Bytes."""
    return sum(path.stat().st_size for path in folder().rglob("*") if path.is_file())


def stop_all() -> None:
    """End what is under way, and see it gone."""
    for program in _under_way.values():
        program.close()
    _under_way.clear()


def delete_all() -> None:
    """Stop what is under way, delete all sample scans. What is loaded stays in the scene."""
    stop_all()
    shutil.rmtree(folder(), ignore_errors=True)


def make_phantom(name: str = PHANTOM) -> None:
    """Make the synthetic chest CT, or take the one that was made, and load it."""
    place = folder() / name
    if (place / "tumours.json").exists():  # written last
        load_phantom(name)
        return
    own = worker_command(own_python(), environment=slicer.util.startupEnvironment())
    arguments = [str(place), *(["--later"] if name == LATER else [])]
    command = [*hosted(own.command[0], "LungTumorSegLib.volume.sample"), *arguments]
    say = _("Making a synthetic chest CT...")
    _run(name, command, own.environment, say, lambda: load_phantom(name), _("The sample CT could not be made."))


def load_phantom(name: str) -> object:
    node = slicer.util.loadVolume(str(folder() / name / "ct.nii.gz"), {"name": name})
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    return node


def bring_collection(name: str = COLLECTION) -> None:
    """Ask, download the collection, load its first scan with the radiologist's outline."""
    if (folder() / ARCHIVE).exists():
        load_collection()
        return
    question = _(
        "The lung scans of the Medical Segmentation Decathlon (Task06_Lung, CC BY-SA 4.0) take some 9 GB to download "
        "and as much to unpack, into\n{folder}\nDownload them?"
    )
    if not slicer.util.confirmOkCancelDisplay(question.format(folder=folder())):
        return
    launch = job_launch()
    command = [*launch.command, "download", "msd-lung", "-o", str(folder())]
    say = _("Downloading...")
    _run(name, command, launch.environment, say, load_collection, _("The collection could not be downloaded."))


def load_collection() -> object:
    scan = min((folder() / ARCHIVE / "imagesTr").glob("lung_*.nii.gz"))
    node = slicer.util.loadVolume(str(scan), {"name": COLLECTION})
    slicer.util.loadSegmentation(str(folder() / ARCHIVE / "labelsTr" / scan.name), {"name": COLLECTION})
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    return node


def _run(
    name: str, command: list[str], environment: dict[str, str] | None, say: str, done: Callable, trouble: str
) -> None:
    """One at a time of each name."""
    if name in _under_way:
        return

    def ended(exit_code: int | None) -> None:
        program = _under_way.pop(name)
        slicer.util.showStatusMessage("")
        if exit_code == 0:
            done()
        elif not program.stopped:
            slicer.util.errorDisplay(trouble, detailedText=program.last_words)

    slicer.util.showStatusMessage(say)
    _under_way[name] = Program(command, environment, slicer.util.showStatusMessage, ended)
