"""What the worker's Python has and lacks, and how it comes there.

Asked in a child process (`worker.environment`): torch is never imported in Slicer. Installed by a child, too
(`installing`): torch by the PyTorch extension's PyTorchUtils, the rest by `slicer.packaging`, into Slicer's own Python
only; another Python's packages are its owner's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import qt
import slicer
import slicer.packaging
from slicer.i18n import tr as _

from LungTumorSegLib.desktop.program import Program
from LungTumorSegLib.desktop.settings import own_python
from LungTumorSegLib.worker.launch import Launch, hosted

RESOURCES = Path(__file__).resolve().parents[2] / "Resources"
REQUIREMENTS, TRAINING = RESOURCES / "requirements.txt", RESOURCES / "requirements-training.txt"
TORCH = ">=2.10"
# MB on the disk, with what each brings along: measured on Linux, torch without CUDA; nobody's exact figure elsewhere.
MEGABYTES = {"torch": 700, "monai": 10, "matplotlib": 40, "lightning": 20, "scikit-image": 50}
OTHERS_MEGABYTES = 2
# With an NVIDIA card torch comes with CUDA, several times as large; kept free for that, and while pip unpacks.
CARD_MEGABYTES, UNPACKING = 8000, 2.0
INSTALLED_KEY = "LungTumorSeg/InstalledPackages"


@dataclass(frozen=True)
class Survey:
    """What `worker.environment` tells of a Python. `packages`: version by name, None where one is missing."""

    python: str
    folder: str
    free_bytes: int
    packages: dict[str, str | None]
    cards: list[str]

    def lacks(self, requirement) -> bool:
        version = self.packages.get(requirement.name)
        return version is None or not requirement.specifier.contains(version, prereleases=True)


@dataclass(frozen=True)
class Need:
    """A requirement (packaging.requirements.Requirement) that the survey does not find met, and its size."""

    name: str
    wanted: str
    megabytes: int


def requirements(training: bool = False) -> list:
    """torch first: what follows depends on it, and would bring another build of it along."""
    files = [REQUIREMENTS, TRAINING] if training else [REQUIREMENTS]
    torch = slicer.packaging.Requirement("torch" + TORCH)
    return [torch, *(each for file in files for each in slicer.packaging.load_requirements(file))]


def needs(survey: Survey, training: bool = False) -> list[Need]:
    """What is missing or too old, in the order in which it is installed."""
    lacking = [each for each in requirements(training) if survey.lacks(each)]
    return [Need(each.name, str(each), size(each.name, survey)) for each in lacking]


def size(name: str, survey: Survey) -> int:
    """MB on the disk, about."""
    if name == "torch" and survey.cards and survey.cards != ["Apple"]:
        return CARD_MEGABYTES
    return MEGABYTES.get(name, OTHERS_MEGABYTES)


def has_room(survey: Survey, wanted: list[Need]) -> bool:
    return survey.free_bytes > UNPACKING * 1e6 * sum(need.megabytes for need in wanted)


def look(launch: Launch, told: Callable[[Survey | None, str], None]) -> Program | None:
    """Have the worker's Python described; `told` gets the survey, or None and the program's last words.

    None where the worker runs by a command of its own (ssh): what is there is seen when it is tested.
    """
    if launch.inline:
        return None
    names = [each.name for each in requirements(training=True)]
    lines: list[str] = []

    def ended(exit_code: int | None) -> None:
        try:
            facts = json.loads(lines[-1]) if exit_code == 0 else None
            survey = Survey(**facts) if facts else None
        except (ValueError, TypeError, IndexError):
            survey = None
        if not program.stopped:
            told(survey, program.last_words)

    command = [*hosted(launch.command[0], "LungTumorSegLib.worker.environment"), *names]
    program = Program(command, launch.environment, lines.append, ended)
    return program


def may_install(launch: Launch) -> bool:
    """Only into Slicer's own Python: its path, which Windows spells differently in PATH and in the command."""
    return not launch.inline and Path(launch.command[0]) == Path(own_python())


def pytorch_extension() -> str | None:
    """The file of the PyTorch extension's module, None where it is not installed."""
    module = getattr(slicer.modules, "pytorchutils", None)
    return module.path if module is not None else None


def install(
    launch: Launch, wanted: list[Need], on_line: Callable[[str], None], on_end: Callable[[int | None], None]
) -> Program:
    """Install what is wanted into Slicer's Python. `Program.stop` stops it; what is not finished is asked for
    again by `needs`."""
    names = {need.name for need in wanted}
    files = [
        file
        for file in (REQUIREMENTS, TRAINING)
        if names & {each.name for each in slicer.packaging.load_requirements(file)}
    ]
    command = [launch.command[0], "-m", "LungTumorSegLib.desktop.installing", "install"]
    if "torch" in names:
        command += ["--pytorch-utils", pytorch_extension(), "--torch", TORCH]

    remember(names)  # now: what a stop leaves half done can be removed, too
    return Program([*command, *map(str, files)], launch.environment, on_line, on_end)


def remove(launch: Launch, on_line: Callable[[str], None], on_end: Callable[[int | None], None]) -> Program:
    """Take what `install` brought out of Slicer's Python again."""

    def ended(exit_code: int | None) -> None:
        if exit_code == 0:
            qt.QSettings().remove(INSTALLED_KEY)
        on_end(exit_code)

    command = [launch.command[0], "-m", "LungTumorSegLib.desktop.installing", "remove", *installed_by_us()]
    return Program(command, launch.environment, on_line, ended)


def installed_by_us() -> list[str]:
    """The packages that `install` brought, by name."""
    names = slicer.util.settingsValue(INSTALLED_KEY, "")
    return [name for name in names.split(",") if name]


def remember(names: set[str]) -> None:
    qt.QSettings().setValue(INSTALLED_KEY, ",".join(sorted({*installed_by_us(), *names})))


def by_hand(launch: Launch, wanted: list[Need]) -> str:
    """The command for a Python that is not Slicer's."""
    python, *wanted = (f'"{word}"' for word in (launch.command[0], *(need.wanted for need in wanted)))
    return _("{python} -m pip install {packages}").format(python=python, packages=" ".join(wanted))
