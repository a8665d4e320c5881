"""Findings from what `segment` wrote, or from a mask."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.export.findings import AUTOMATIC, HAND, MANUAL, SEMIAUTOMATIC, Findings, Maker
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.measurement.lung_fields import find_lung_fields
from LungTumorSegLib.measurement.measure import Lesion, measure
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.picture import is_picture, read_picture
from LungTumorSegLib.volume.reading import read_ct, read_image, read_mask


def read_result(
    folder: Path,
    ct: Path | None = None,
    series: str | None = None,
    hu_offset: int | None = None,
    any_image: bool = False,
) -> Findings:
    """What `segment` wrote into a folder, with the CT it was made from.

    `ct`, `series` and `hu_offset` override what the run has noted, for a scan that was moved, or that came as NIfTI and
    is there as DICOM too; its grid must be that of the result. A CT read from the noted place must be the very one; of
    `ct` the series that was segmented is read where it is there, and another scan is warned of. An image that is no CT,
    such as MR, is refused unless `any_image`.
    """
    run, lesions = _read_json(folder / "run.json"), _read_json(folder / "lesions.json").get("lesions")
    noted = run.get("image_path")
    if ct is None and not noted:
        raise InputRefused("The result does not say which CT it was made from: name it with --ct.")
    if ct is None and not Path(noted).exists():
        raise InputRefused("The CT is not where it was when the result was made: name it with --ct.")
    same_place = ct is None
    place = Path(noted) if same_place else ct
    flat = is_picture(place)
    in_hu = not flat and bool(run.get("in_hu", run.get("channels", ["CT"])[:1] == ["CT"]))
    if not flat and not in_hu and not any_image:
        raise InputRefused("The result is of an image that is no CT: choose the result of a CT.")
    if flat:
        scan = read_picture(place)
    elif not in_hu:
        scan = read_image(place)
    else:
        scan = read_ct(
            place,
            series=series or (run.get("series_uid") if same_place else None),
            hu_offset=hu_offset if hu_offset is not None else run.get("hu_offset"),
            resample=bool(run.get("resample")),
            preferred=run.get("series_uid"),
        )
    changed = run.get("image_sha256") not in (None, scan.content_hash)
    if same_place and changed:
        raise InputRefused("The CT has changed since the result was made: segment it again, or name another with --ct.")
    if changed:
        other = "This CT is not the very one that was segmented (other voxels or grid): see that it is the same scan."
        scan = replace(scan, warnings=(*scan.warnings, other))
    other_series = bool(changed and scan.series and run.get("series_uid") not in (None, scan.series.uid))
    labels = read_mask(folder / "lesions.nii.gz", scan.geometry, most_foreground=None).voxels.astype(
        np.uint16, copy=False
    )
    try:
        lesions = [lesion_from(lesion) for lesion in lesions]
        corrected = bool(run.get("corrected")) or any(lesion.edited for lesion in lesions)
        guided = bool(run.get("prompts")) or corrected
        threshold = run.get("threshold")
        maker = Maker(
            MANUAL if run["model"] is None else SEMIAUTOMATIC if guided else AUTOMATIC,
            HAND if run["model"] is None else str(run["model"]),
            str(run["lungtumorseg"]),
            None if threshold is None or run["model"] is None else float(threshold),
            run.get("model_fingerprint") and str(run["model_fingerprint"]),
        )
        written = _time(run["written"]) if "written" in run else _changed(folder / "lesions.json")
    except (TypeError, KeyError, ValueError):
        raise InputRefused("lesions.json or run.json is not as segment writes it: segment the scan again.") from None
    counts = np.bincount(labels.reshape(-1), minlength=1)
    stated = {lesion.id: lesion.voxel_count for lesion in lesions}
    if stated != {int(n): int(counts[n]) for n in np.flatnonzero(counts) if n}:
        raise InputRefused(
            "lesions.nii.gz and lesions.json do not show the same lesions: export the edited mask itself, with --ct."
        )
    classes = tuple(str(name) for name in run.get("classes") or ())
    identity = run.get("identity") and str(run["identity"])
    return Findings(scan, labels, lesions, maker, written, flat, in_hu, classes, identity, other_series)


def read_mask_findings(mask: Path, ct: Volume, version: str, label: str | None = None) -> Findings:
    """The lesions of a mask file (image, RTSTRUCT or DICOM SEG) on a CT's grid.

    A mask with one label is taken apart into its separate lesions, numbered by falling volume; in one with several
    labels each label is a lesion and keeps its number.
    """
    read = read_mask(mask, ct, label)
    labels = read.voxels.astype(np.uint16, copy=False)
    if labels.max(initial=0) == 1 or len(np.unique(labels)) <= 2:
        labels = lesion_labels(labels > 0, ct.geometry, smallest_mm=0.0)
    ct = replace(ct, warnings=ct.warnings + tuple(w for w in read.warnings if "all count as tumour" not in w))
    lungs = find_lung_fields(ct.voxels, ct.geometry) if labels.any() else None
    lesions = measure(labels, ct.geometry, ct=ct.voxels, lungs=lungs)
    maker, identity = Maker(MANUAL, "mask", version), Volume(labels, ct.geometry).content_hash
    return Findings(ct, labels, lesions, maker, _changed(mask), identity=identity)


def lesion_from(fields: dict) -> Lesion:
    """A lesion from `Lesion.as_dict` that went through JSON: lists become the tuples that the fields are."""
    return Lesion(**{name: _tuples(value) for name, value in fields.items()})


def _tuples(value):
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


def _read_json(file: Path) -> dict:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise InputRefused(f"The folder holds no {file.name}: name the folder that segment wrote.") from None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InputRefused(f"{file.name} is damaged: segment the scan again.")
    return content


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _changed(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).replace(microsecond=0)
