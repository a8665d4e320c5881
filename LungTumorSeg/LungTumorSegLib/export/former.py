"""What a former export left in a folder, beside the files of a newer one."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from LungTumorSegLib.export.findings import Findings
from LungTumorSegLib.export.formats import FORMATS

OBJECTS = {"segmentation.dcm": "SEG", "measurements.dcm": "SR"}  # with the words of their UIDs


def contradicted(folder: Path, findings: Findings) -> list[str]:
    """Names of our SEG and SR in the folder that are of other findings, as their UIDs tell; never another program's."""
    there = [name for name in OBJECTS if (folder / name).is_file()]
    if not there:
        return []
    from pydicom import dcmread  # only where it is needed: 0.2 s
    from pydicom.errors import InvalidDicomError

    from LungTumorSegLib.export.dicom_source import MANUFACTURER, PROGRAM, uid_of, written_by_clock
    from LungTumorSegLib.volume.quiet_dicom import quiet_dicom

    found = []
    for name in there:
        try:
            with quiet_dicom():
                made = dcmread(folder / name, stop_before_pixels=True)
        except (OSError, InvalidDicomError):
            continue
        ours = (made.get("Manufacturer"), made.get("ManufacturerModelName")) == (MANUFACTURER, PROGRAM)
        written = written_by_clock(findings, made.get("TimezoneOffsetFromUTC"))
        if ours and made.get("SOPInstanceUID") != uid_of(findings, written, OBJECTS[name]):
            found.append(name)
    return found


def older(folder: Path, findings: Findings, known: Collection[str]) -> list[str]:
    """Files in the folder, by name, as an export writes them, but from before the findings. known : leave these out.

    Nothing in them says that they are ours, so they are told of, not removed.
    """
    names = [name for each in FORMATS.values() for name in each.files if name not in known]
    when = findings.written.timestamp()
    return [name for name in names if (folder / name).is_file() and (folder / name).stat().st_mtime < when]
