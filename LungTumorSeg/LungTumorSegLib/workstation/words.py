"""What the hosts say, as sentences.

A host that speaks another language sets `translate`: Slicer's panel `slicer.i18n.tr`. Translation tools find the
literals by the name `_`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence


def _same(text: str) -> str:
    return text


translate: Callable[[str], str] = _same


def _(text: str) -> str:
    return translate(text)


def progress(stage: str, seconds_left: float | None) -> str:
    """ "Finding lungs, 12 s left" """
    words = stage[:1].upper() + stage[1:]
    if seconds_left is None:
        return _("{stage}…").format(stage=words)
    if seconds_left < 1:
        return _("{stage}, almost done").format(stage=words)
    if seconds_left < 90:
        return _("{stage}, {seconds:.0f} s left").format(stage=words, seconds=seconds_left)
    return _("{stage}, {minutes:.0f} min left").format(stage=words, minutes=seconds_left / 60)


def found(lesions: int, seconds: float, device: str) -> str:
    """ "3 lesions found in 4.1 s on the CPU." """
    return _("{lesions} found in {seconds:.1f} s on {device}.").format(
        lesions=_count(lesions), seconds=seconds, device=_place(device)
    )


def at_threshold(lesions: int, threshold: float) -> str:
    """ "2 lesions at threshold 0.60." """
    return _("{lesions} at threshold {threshold:.2f}.").format(lesions=_count(lesions), threshold=threshold)


def measured(lesions: int, edited: int) -> str:
    """ "3 lesions, 1 measured by your own lines." """
    if not edited:
        return _("{lesions}, measured anew.").format(lesions=_count(lesions))
    return _("{lesions}, {edited} measured by your own lines.").format(lesions=_count(lesions), edited=edited)


def paint_lesion(number: int) -> str:
    return _("Lesion {number} is empty: paint it with the brush.").format(number=number)


def explained(seconds: float, device: str) -> str:
    """ "Grad-CAM made in 2.0 s on the CPU." """
    return _("Grad-CAM made in {seconds:.1f} s on {device}.").format(seconds=seconds, device=_place(device))


def _count(lesions: int) -> str:
    if lesions == 0:
        return _("No lesion")
    return _("1 lesion") if lesions == 1 else _("{count} lesions").format(count=lesions)


def _place(device: str) -> str:
    """ "cuda:0" is "the GPU"; what has no word of its own is said as it is."""
    return {"cpu": _("the CPU"), "cuda": _("the GPU")}.get(device.split(":")[0], device)


def starting() -> str:
    return _("starting")


def cancelled() -> str:
    return _("Cancelled.")


def not_shown() -> str:
    return _("The result could not be shown.")


def no_longer_chosen() -> str:
    return _("The answer was for a CT that is no longer chosen.")


def image_missing(channels: Sequence[str], missing: Sequence[str]) -> str:
    """ "The model reads t1, t2, flair: choose a volume on the grid of the chosen one for flair." """
    return _("The model reads {channels}: choose a volume on the grid of the chosen one for {missing}.").format(
        channels=", ".join(channels), missing=", ".join(missing)
    )


def image_elsewhere(channel: str) -> str:
    return _("The volume for {channel} lies on another grid: resample it to the chosen one's.").format(channel=channel)


def image_twice(channels: Sequence[str]) -> str:
    return _("One volume stands for {channels}: choose another one for each.").format(channels=", ".join(channels))


def job_not_started(why: str) -> str:
    return _("The program could not be started: {why}. Check the worker's Python in the settings.").format(why=why)


def job_failed(code: int, last_line: str) -> str:
    """`last_line`: of its stderr, often the exception."""
    if not last_line:
        return _("The program ended with code {code} and said nothing. Try again.").format(code=code)
    return _("The program ended with code {code}: {line}").format(code=code, line=last_line[:300])


def model_facts(card: dict, place: str, size: int) -> list[str]:
    """The card of a model as sentences; what the card does not say is left out."""
    told = card.get("provenance") if isinstance(card.get("provenance"), dict) else {}
    places = {
        "bundled": _("Comes with the program."),
        "promoted": _("Fine-tuned here and promoted."),
        "imported": _("Imported from a folder."),
    }
    tasks = {
        "automatic": _("Searches the whole CT for lung tumours."),
        "prompted": _("Outlines the lesion at a point or in a box."),
    }
    lines = [
        tasks[card["task"]],
        places[place],
        _("Network: {name}; {size:.1f} MB; tumour from a probability of {threshold:.2f}.").format(
            name=card.get("network"), size=size / 1e6, threshold=card["threshold"]
        ),
    ]
    if told.get("parent"):
        lines.append(_("Fine-tuned from the model {parent}.").format(parent=str(told["parent"])[:12]))
    collections = told.get("collections")
    if isinstance(collections, list):
        lines.append(_("Trained on: {collections}.").format(collections="; ".join(str(name) for name in collections)))
    failures = told.get("known_failures")
    if isinstance(failures, list) and failures:
        lines.append(_("Known failures: {failures}.").format(failures="; ".join(str(failure) for failure in failures)))
    lines.append(_("Licence: {licence}.").format(licence=card.get("licence")))
    if isinstance(told.get("warning"), str):
        lines.append(told["warning"])
    return lines


def handing_over() -> str:
    return _("handing over")


def not_measured() -> str:
    return _("The lesions could not be measured: table and lines are those of before; the log tells more.")


def not_written(error: OSError) -> str:
    why = error.strerror or str(error)
    return _("The files could not be written: {why}. Free some space or choose another place.").format(why=why)


def not_made(fault: str) -> str:
    return _("The files could not be made ({fault}); the log tells more.").format(fault=fault)


def exported(name: str) -> str:
    return _("Exported: {name}").format(name=name)


def nothing_to_export() -> str:
    return _("There is no result to export: press Segment or place a point first.")


def unknown_ending(known: str) -> str:
    return _("The file's ending says what is written: choose one of {known}.").format(known=known)


def no_lesion_no_dicom() -> str:
    return _("There is no lesion, and DICOM objects cannot be empty: nothing was exported.")


def is_new() -> str:
    return _("is new")


def was(number: int) -> str:
    """Of a lesion at the later date: it is lesion `number` of the earlier one."""
    return _("was lesion {number}").format(number=number)


def is_lesion(number: int) -> str:
    """Of a lesion at the earlier date: it is lesion `number` of the later one."""
    return _("is lesion {number} now").format(number=number)


def states() -> dict[str, str]:
    """What else may have become of a lesion, by what `parse_change` calls it."""
    return {"gone": _("is gone"), "small": _("is too small to measure"), "missing": _("was not evaluated")}


def earlier_opened(name: str) -> str:
    return _("The earlier study was opened from {name}.").format(name=name)


def choose_earlier() -> str:
    return _("Choose an earlier CT with a result, or the folder of an earlier result.")


def no_tumours(ct: str, classes: Sequence[str]) -> str:
    return _("{ct}: the model shows {classes}, not tumours alone: RECIST judges tumours.").format(
        ct=ct, classes=", ".join(classes)
    )


def compare_again() -> str:
    return _("The lesions are others than those that were compared: press Compare.")


def sums(lesions: Sequence) -> str:
    """ "2 of target size: their diameters sum to 57.2 mm. All lesions: 30.10 mL." Of a node the short axis counts."""
    if not lesions:
        return ""
    large = [lesion for lesion in lesions if lesion.measurable]
    diameters = sum(lesion.short_axis_mm if lesion.node else lesion.long_axis_mm for lesion in large)
    size = (
        _("{count} of target size: their diameters sum to {sum:.1f} mm.").format(count=len(large), sum=diameters)
        if large
        else _("None of target size.")
    )
    volume = sum(lesion.volume_ml for lesion in lesions)
    return size + " " + _("All lesions: {volume:.2f} mL.").format(volume=volume)
