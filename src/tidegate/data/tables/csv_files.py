"""CSV and TSV files."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tidegate.data.lines import read_lines
from tidegate.data.tables.cell_values import named
from tidegate.errors import DataError

SEPARATORS = {".csv": ",", ".tsv": "\t"}
LONGEST_CELL = 1 << 30  # characters


class CsvTable:
    """A CSV or TSV file whose first line names the columns. All cells are text.

    Args:
        path: the file. In a TSV file quotation marks are ordinary characters.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._separator = SEPARATORS[path.suffix.lower()]

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
                    else f"there is no column {name!r:.80}; there are"
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
        csv.field_size_limit(LONGEST_CELL)
        quoting = csv.QUOTE_NONE if self._separator == "\t" else csv.QUOTE_MINIMAL
        lines = (text + "\n" for _, text in read_lines(self.path))
        reader = csv.reader(lines, delimiter=self._separator, strict=True, quoting=quoting)
        width = 0
        try:
            for record in reader:
                if not record or (len(record) == 1 and not record[0].strip() and width != 1):
                    continue
                width = width or len(record)
                if len(record) != width:
                    raise DataError(
                        f"{self.path}, line {reader.line_num}: there are {len(record)} cells, but {width} in the first "
                        "line." + ("" if quoting else " Cells that hold the separator must be in double quotes.")
                    )
                yield record
        except csv.Error as error:
            raise DataError(f"{self.path}, line {reader.line_num}: {error}.") from error
