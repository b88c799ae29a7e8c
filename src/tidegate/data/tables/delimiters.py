"""What separates the columns of a CSV file: found out from its first lines, or refused if two readings fit."""

import csv
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from tidegate.data.lines import read_lines
from tidegate.errors import DataError
from tidegate.train.options import option

Delimiter = Literal[",", ";", "tab", "|"]
CHARACTERS = {",": ",", ";": ";", "tab": "\t", "|": "|"}
NAMES = {character: name for name, character in CHARACTERS.items()}
LONGEST_CELL = 1 << 30  # characters
LINES = 1000  # of a file that are tried
DECLARED = re.compile(r'"?sep=(.)"?')  # a first line that spreadsheets write and read


@dataclass(frozen=True, repr=False)
class TableOptions:
    """How the tables of a task are read."""

    delimiter: Delimiter | None = option(
        None,
        "What separates the columns of CSV files: , ; | or tab.",
        panel="Data",
        unset="found in each file",
        absent=None,
    )


def find_delimiter(path: Path) -> str:
    r"""Find the character that separates columns: a comma, semicolon, tab or vertical bar.

    It is what a first line ``sep=;`` says. Otherwise it is in the header, and every line has as many columns; if there
    is none, the file has one column.

    Raises:
        DataError: two of them fit, so that the file can be read in two ways.
    """
    lines = [text + "\n" for _, text in islice(read_lines(path), LINES)]
    if lines and (declared := declared_delimiter(lines[0])):
        return declared
    widths = {it: _widths(lines, it) for it in NAMES}
    fitting = [it for it, found in widths.items() if len(set(found)) == 1 and found[0] > 1]
    if not fitting:
        # None fits: the reader will refuse the line where the likeliest one does not.
        heads = [it for it, found in widths.items() if found and found[0] > 1 and max(found[1:], default=2) > 1]
        fitting = [","] if "," in heads else heads
    if len(fitting) > 1:
        several = " or ".join(f"{NAMES[it]!r} ({widths[it][0]} columns)" for it in fitting)
        raise DataError(f"{path}: columns may be separated by {several}: say which with --delimiter.")
    return fitting[0] if fitting else ","


def declared_delimiter(line: str) -> str | None:
    """Return the delimiter that a first line such as ``sep=;`` declares."""
    found = DECLARED.fullmatch(line.rstrip("\n"))
    return found[1] if found else None


def csv_records(lines: Iterable[str], delimiter: str, *, quotes: bool = True) -> Any:
    """Return Python's reader of CSV, which counts its lines (``line_num``); without ``quotes`` they are characters."""
    csv.field_size_limit(LONGEST_CELL)
    quoting = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=delimiter, strict=True, quoting=quoting)


def _widths(lines: Sequence[str], delimiter: str) -> list[int]:
    """Count the cells of each line, up to the first that is malformed or cut off."""
    widths: list[int] = []
    records = csv_records(lines, delimiter)
    with suppress(csv.Error):  # with this delimiter; the reader says so if it is the one
        widths.extend(len(it) for it in records if len(it) > 1 or (it and it[0].strip()))
    return widths
