"""Read tables row by row; each row has its file and number, for messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tidegate.data.tables.cell_values import described, named, text_of
from tidegate.data.tables.csv_files import ENDINGS, CsvTable
from tidegate.data.tables.delimiters import NAMES, Delimiter
from tidegate.data.tables.json_files import JsonTable
from tidegate.data.tables.parquet_files import ParquetTable
from tidegate.drawing.brief import brief_repr
from tidegate.errors import DataError
from tidegate.io.wording import quoted


@dataclass(frozen=True)
class Row:
    """One row of a file, not yet encoded.

    Attributes:
        where: the file and the line or row, for messages.
        values: its contents.
        blank: whether it is a blank line between others: nothing to learn from, but one to be answered by a line.
        number: of a row of a table, counted from 1; 0 of others.
    """

    where: str
    values: dict[str, Any]
    blank: bool = False
    number: int = 0

    __repr__ = brief_repr


class Table(Protocol):
    """A kind of table."""

    def columns(self) -> list[str]:
        """Return the names of the columns."""
        ...

    def rows(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Read some columns of the rows; a value may be None or missing."""
        ...


RECORDS = {".jsonl": JsonTable, ".ndjson": JsonTable, ".json": JsonTable, ".parquet": ParquetTable}


def is_table(path: Path) -> bool:
    """Whether `read_table` reads a file, according to its name."""
    return path.suffix.lower() in (*ENDINGS, *RECORDS)


def read_table(
    path: Path, columns: Sequence[str], *, empty: Sequence[str] = (), delimiter: Delimiter | None = None
) -> Iterator[Row]:
    """Read the rows of a CSV, TSV, JSON Lines, JSON or Parquet file one after the other.

    Values are what the file says: cells of CSV and TSV are text, a string in JSON is the text it is, whatever it looks
    like, and no value depends on other rows. Columns that are not asked for are not looked at.

    Args:
        path: the file.
        columns: the columns that every row must have.
        empty: those of them in which a value may be missing, which is then None.
        delimiter: what separates the columns of a CSV file. Default: found out.

    Raises:
        DataError: a column is missing, a row has no value in a column, or the file is malformed or empty; the
            message names the file and the row.
        EncodingError: a text file is not UTF-8.
        MissingDependencyError: pyarrow is not installed, which reads Parquet.
    """
    number = 0
    for number, values in enumerate(_table(path, delimiter).rows(columns), 1):
        where = f"{path}, row {number}"
        for name in columns:
            if values.get(name) is None and name not in empty:
                if name not in values:
                    raise DataError(f"{where}: there is no column {quoted(name)}; there are: {named(values)}.")
                raise DataError(f"{where}: column {quoted(name)} is empty.")
        yield Row(where, {name: values.get(name) for name in columns}, number=number)
    if not number:
        raise DataError(f"{path} has no row: give a file with examples.")


def columns_of(path: Path, delimiter: Delimiter | None = None) -> list[str]:
    """Read the names of a table's columns; columns without a name, such as row numbers, are left out.

    Raises:
        DataError: the file is empty or malformed.
    """
    found = _table(path, delimiter).columns()
    if not found:
        raise DataError(f"{path} has no row, or no column with a name: give a file with examples.")
    return found


def usual_column(columns: Sequence[str], usual: Sequence[str]) -> str | None:
    """Return the column with the first of some usual names; None if there is none."""
    return next((column for name in usual for column in columns if column.strip().lower() == name), None)


def text_cell(row: Row, column: str) -> str:
    """Return the text in a column of a table; see `tidegate.data.tables.cell_values.text_of`.

    Raises:
        DataError: it is not a text, but an object, a list, nan or infinity.
    """
    value = row.values[column]
    found = text_of(value)
    if found is None:
        raise DataError(
            f"{row.where}: column {quoted(column)} should hold texts or numbers, but holds {described(value)}."
        )
    return found


def delimiter_of(path: Path, delimiter: Delimiter | None = None) -> str:
    """Return what separates the columns of a CSV or TSV file; "" for other files."""
    return CsvTable(path, delimiter).delimiter if path.suffix.lower() in ENDINGS else ""


def layout_words(path: Path, delimiter: Delimiter | None = None) -> list[str]:
    """Say how a table is read, if that had to be found out and is unusual, as in "columns separated by ';'"."""
    found = "" if delimiter or path.suffix.lower() == ".tsv" else delimiter_of(path)
    return [] if found in ("", ",") else [f"columns separated by {NAMES.get(found, found)!r}"]


def layout_notes(path: Path, delimiter: Delimiter | None = None) -> list[str]:
    """Say in lines for the user how a table, or those in a folder, are read, if that is unusual."""
    files = sorted(it for it in path.iterdir() if it.is_file()) if path.is_dir() else [path]
    return [f"{it} is read as: {', '.join(words)}" for it in files if (words := layout_words(it, delimiter))]


def _table(path: Path, delimiter: Delimiter | None) -> Table:
    ending = path.suffix.lower()
    return CsvTable(path, delimiter) if ending in ENDINGS else RECORDS[ending](path)
