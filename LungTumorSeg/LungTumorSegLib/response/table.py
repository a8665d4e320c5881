"""The course as tables and as JSON: what is printed, copied and written."""

from __future__ import annotations

from LungTumorSegLib.response.course import Course
from LungTumorSegLib.response.tracks import GONE, MEASURED, MERGED, MISSING, NOT_YET, TOO_SMALL, Track

COLUMNS = (
    "lesion", "role", "organ", "study", "date", "state", "number in study", "counted", "size_mm", "volume_ml",
    "distance_after_registration_mm", "confirmed", "look at", "why no target",
)  # fmt: skip


def study_name(course: Course, n: int) -> str:
    """The date, or baseline and follow-up n where dates are not known."""
    day = course.studies[n].day
    return str(day) if day else ("baseline" if n == 0 else f"follow-up {n}")


def role_in_words(course: Course, track: Track) -> str:
    """``target``, ``non-target (node)``, ``new (node, normal at baseline)``, ``normal node``."""
    role = course.role(track)
    if not track.node or role == "normal node":
        return role
    before = ", normal at baseline" if role == "new" and not track.new else ""
    return f"{role} (node{before})"


def cell(course: Course, track: Track, n: int) -> str:
    """A lesion at a date, in words for people: ``#2  14.3 mm``."""
    finding = track.findings[n]
    size = track.size_mm(course.studies, n)
    numbers = " + ".join(f"#{number}" for number in finding.lesions)
    return {
        MEASURED: lambda: f"{numbers}  {size:.1f} mm",
        GONE: lambda: "gone",
        TOO_SMALL: lambda: f"too small ({size:.0f} mm)",
        MISSING: lambda: "not in the scan" if "outside" in finding.doubt else "not measured",
        MERGED: lambda: f"in #{finding.into}",
        NOT_YET: lambda: "-",
    }[finding.state]()


def doubling(course: Course, track: Track) -> str:
    """``doubles in 120 d``, ``halves in 60 d`` or nothing."""
    days = course.doubling_days(track)
    if days is None or abs(days) >= 10000:
        return ""
    return f"{'doubles' if days > 0 else 'halves'} in {abs(days):.0f} d"


def change(course: Course, track: Track) -> str:
    """Of the size from the first to the last date, in per cent."""
    first, last = track.size_mm(course.studies, track.first), track.size_mm(course.studies, -1)
    if track.first == len(course.studies) - 1 or not first or last is None or track.findings[-1].state == MERGED:
        return ""
    return f"{100 * (last - first) / first:+.1f} %"


def overview(course: Course) -> tuple[list[str], list[list[str]]]:
    """Headings and rows: a lesion a row, a date a column, then sums and responses."""
    count = len(course.studies)
    headings = ["lesion", "role", *(study_name(course, n) for n in range(count)), "change", "volume", "look at"]
    rows = []
    for track in course.tracks:
        doubt = "; ".join(dict.fromkeys(x.doubt for x in track.findings if x.doubt and not x.confirmed))
        cells = [cell(course, track, n) for n in range(count)]
        grown = [change(course, track), doubling(course, track)]
        rows.append([str(track.number), role_in_words(course, track), *cells, *grown, doubt])
    sums = ["not complete" if x.sum_mm is None else f"{float(x.sum_mm):.1f} mm" for x in course.responses]
    if course.selection.targets:
        last = course.responses[-1].from_baseline_percent
        rows.append(["sum", "targets", *sums, "" if last is None else f"{last:+.1f} %", "", ""])
    rows.append(["response", "RECIST 1.1", "", *(x.overall for x in course.responses[1:]), "", "", ""])
    if course.immune is not None:
        rows.append(["response", "iRECIST", "", *(x.overall for x in course.immune[1:]), "", "", ""])
    return headings, rows


def tab_separated(course: Course) -> str:
    """`overview` to paste into a spreadsheet or a report."""
    headings, rows = overview(course)
    return "\n".join("\t".join(line) for line in [headings, *rows]) + "\n"


def long_rows(course: Course) -> list[list]:
    """A lesion and a date a row, `COLUMNS`, full precision; what is not known is None."""
    rows = []
    for track in course.tracks:
        for n, finding in enumerate(track.findings):
            if finding.state == NOT_YET:
                continue
            rows.append([
                track.number, course.role(track), track.organ, n, study_name(course, n), finding.state,
                "+".join(str(number) for number in finding.lesions or [finding.into] if number is not None),
                "short axis" if track.node else "long axis", track.size_mm(course.studies, n),
                track.volume_ml(course.studies, n), finding.distance_mm, "yes" if finding.confirmed else "no",
                finding.doubt, course.selection.why.get(track.number, ""),
            ])  # fmt: skip
    return rows


def as_dict(course: Course) -> dict:
    """All of it, JSON-ready."""
    return {
        "criteria": "RECIST 1.1" + (" and iRECIST" if course.immune is not None else ""),
        "studies": [
            {
                "date": None if study.day is None else str(study.day),
                "registration": None if n == 0 else study.alignment.as_dict(),
                **judged(course, n),
            }
            for n, study in enumerate(course.studies)
        ],
        "lesions": [lesion_dict(course, track) for track in course.tracks],
    }


def judged(course: Course, n: int) -> dict:
    found = course.responses[n]
    values = {
        "sum_mm": None if found.sum_mm is None else float(found.sum_mm),
        "nadir_mm": None if found.nadir_mm is None else float(found.nadir_mm),
    }
    if n == 0:
        return values
    values |= {
        "change_from_baseline_percent": found.from_baseline_percent,
        "change_from_nadir_percent": found.from_nadir_percent,
        "target_response": found.target,
        "non_target_response": found.non_target,
        "new_lesions": found.new_lesions,
        "response": found.overall,
        "in_words": course.in_words(n),
        "who_response": course.who[n],
    }
    if course.immune is not None:
        values |= {"irecist": course.immune[n].overall, "irecist_why": course.immune[n].why}
    return values


def lesion_dict(course: Course, track: Track) -> dict:
    return {
        "lesion": track.number,
        "role": course.role(track),
        "organ": track.organ,
        "node": track.node,
        "why_no_target": course.selection.why.get(track.number),
        "doubling_days": course.doubling_days(track),
        "findings": [
            {
                "study": n,
                "state": finding.state,
                "numbers": list(finding.lesions),
                "merged_into": finding.into,
                "size_mm": track.size_mm(course.studies, n),
                "volume_ml": track.volume_ml(course.studies, n),
                "distance_after_registration_mm": finding.distance_mm,
                "look_at": finding.doubt or None,
                "confirmed": finding.confirmed,
            }
            for n, finding in enumerate(track.findings)
        ],
    }
