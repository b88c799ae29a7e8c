"""CSV and TSV files."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from tidegate.data.lines import read_lines
from tidegate.data.tables.cell_values import named
from tidegate.data.tables.delimiters import (
    CHARACTERS,
    NAMES,
    Delimiter,
    csv_records,
    declared_delimiter,
    find_delimiter,
)
from tidegate.errors import DataError
from tidegate.io.wording import quoted

ENDINGS = (".csv", ".tsv")


class CsvTable:
    """A CSV or TSV file whose first line names the columns, after a line such as ``sep=;`` if there is one.

    All cells are text.

    Args:
        path: the file. In a TSV file quotation marks are ordinary characters.
        delimiter: what separates the columns of a CSV file. Default: found out.

    Raises:
        DataError: it cannot be found out.
    """

    def __init__(self, path: Path, delimiter: Delimiter | None = None) -> None:
        self.path, self.tabs = path, path.suffix.lower() == ".tsv"
        self.delimiter = "\t" if self.tabs else CHARACTERS[delimiter] if delimiter else find_delimiter(path)

    def columns(self) -> list[str]:
        """Return the names of the columns; one that has no name is left out.

        Raises:
            DataError: the file is empty or malformed.
        """
        return [name for name in self._header(self._records()) if name.strip()]

    def rows(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Read some columns of the rows; blank lines are no rows.

        Raises:
            DataError: a column is missing or there twice, or a line is malformed.
        """
        records = self._records()
        header = self._header(records)
        for name in columns:
            if header.count(name) != 1:
                what = (
                    "two columns have the same name"
                    if name in header
                    else f"there is no column {quoted(name)}; there are"
                )
                raise DataError(f"{self.path}: {what}: {named(header)}.")
        places = {name: header.index(name) for name in columns}
        for record in records:
            yield {name: record[place] for name, place in places.items()}

    def _header(self, records: Iterator[list[str]]) -> list[str]:
        found = next(records, None)
        if found is None:
            raise DataError(f"{self.path} is empty: give a file with examples.")
        return found

    def _records(self) -> Iterator[list[str]]:
        lines = (text + "\n" for _, text in read_lines(self.path))
        first = next(lines, "")
        declares = not self.tabs and declared_delimiter(first) is not None
        reader = csv_records(lines if declares else chain([first], lines), self.delimiter, quotes=not self.tabs)
        width = 0
        try:
            for record in reader:
                if not record or (len(record) == 1 and not record[0].strip() and width != 1):
                    continue
                width = width or len(record)
                if len(record) != width:
                    raise DataError(
                        f"{self.path}, line {reader.line_num + declares}: {self._ragged(len(record), width)}"
                    )
                yield record
        except csv.Error as error:
            raise DataError(f"{self._place(reader, declares)}: {error}.") from error

    def _place(self, reader: Any, before: int) -> str:
        return f"{self.path}, line {reader.line_num + before}"

    def _ragged(self, cells: int, width: int) -> str:
        hint = "" if self.tabs else " Cells that hold the separator must be in double quotes."
        if self.delimiter not in (",", "\t"):
            hint = f" Columns are separated by {NAMES.get(self.delimiter, self.delimiter)!r}: if not, say --delimiter."
        return f"there are {cells} cells, but {width} in the first line.{hint}"
