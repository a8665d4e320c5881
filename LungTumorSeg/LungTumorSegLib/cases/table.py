"""Tables that people write: CSV files, also as Excel saves them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.whole_file import write_whole

UTF_8 = "utf-8-sig"  # Excel and Notepad begin UTF-8 with a mark, which is no part of the first column's name


def read_table(file: Path, *columns: str) -> list[dict[str, str]]:
    """The rows of a CSV file with at least these columns, two or more. `InputRefused`, one line, for any other file."""
    try:
        with file.open(newline="", encoding=UTF_8) as lines:
            heading = lines.readline()
            table = csv.DictReader(chain([heading], lines), delimiter=delimiter_of(heading))
            rows = list(table)
    except (UnicodeDecodeError, csv.Error):
        raise InputRefused(f"{file.name} is no CSV file in UTF-8: save it as one.") from None
    except OSError as error:
        raise InputRefused(f"{file.name} cannot be read ({error.strerror}): name another file.") from None
    if not set(columns) <= set(table.fieldnames or ()):
        raise InputRefused(f"{file.name} needs the columns {', '.join(columns[:-1])} and {columns[-1]}: add them.")
    return rows


def read_filled(file: Path, key: str, of: str, *columns: str) -> list[dict[str, str]]:
    """As `read_table`, of rows in which the first two columns are filled, without blanks around them. Emptied rows,
    which Excel keeps, are passed over; one that is filled by half is refused."""
    rows = []
    for row in read_table(file, key, of, *columns):
        pair = {column: (row[column] or "").strip() for column in (key, of)}
        if all(pair.values()):
            rows.append(row | pair)
        elif any(pair.values()):
            raise InputRefused(f"{file.name} has a row with {''.join(pair.values())} alone: write both {key} and {of}.")
    return rows


def write_rows(file: Path, rows: Iterable[Sequence[str]], delimiter: str = ",", encoding: str = "utf-8") -> None:
    """A CSV file of these rows in place of what was there, whole."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    write_whole(file, text.getvalue().encode(encoding))


def delimiter_of(heading: str) -> str:
    """Where the comma parts whole numbers from their decimals, as in Germany, Excel parts columns with semicolons."""
    return ";" if ";" in heading and "," not in heading else ","
