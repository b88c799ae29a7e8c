"""Read files of examples row by row; each row has its file and line, for messages."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tidegate.drawing.brief import brief_repr
from tidegate.errors import DataError, EncodingError
from tidegate.io.optional import needed

TABLES = {".csv": ",", ".tsv": "\t"}
LONGEST_CELL = 1 << 30  # characters
RECORDS = {".jsonl": "json", ".ndjson": "json", ".json": "json", ".parquet": "parquet"}


@dataclass(frozen=True)
class Row:
    """One row of a file, not yet encoded.

    Attributes:
        where: the file and the line or row, for messages.
        values: its contents.
    """

    where: str
    values: dict[str, Any]

    __repr__ = brief_repr


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    r"""Read the lines of a UTF-8 file, each with its place: without ``\n`` or ``\r\n``, and without a byte order mark.

    Raises:
        EncodingError: a line is not UTF-8; the message names the file and the line.
        DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise EncodingError(
                        f"{path}, line {number}: byte 0x{line[error.start]:02X} is not UTF-8 ({error.reason}). If it "
                        "is text in another encoding (Latin-1, Windows-1252, EUC-KR): convert it first, for example "
                        "with `iconv -f LATIN1 -t UTF-8`."
                    ) from None
                yield f"{path}, line {number}", text.rstrip("\n").removesuffix("\r")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def is_table(path: Path) -> bool:
    """Whether `read_table` reads a file, according to its name."""
    return path.suffix.lower() in TABLES.keys() | RECORDS.keys()


def read_table(path: Path, columns: Sequence[str], *, header: bool = True) -> Iterator[Row]:
    """Read the rows of a CSV, TSV, JSON Lines, JSON or Parquet file, streamed by `datasets`.

    Args:
        path: the file.
        columns: the columns that every row must have. Those of CSV and TSV are text.
        header: whether the first line of a CSV or TSV names its columns; if not, they are called "0", "1" and so on.

    Raises:
        DataError: a column is missing, a row has no value in a column, or the file is malformed or empty; the
            message names the file and the row.
        EncodingError: a text file is not UTF-8.
        MissingDependencyError: `datasets` is not installed.
    """
    kind, options = RECORDS.get(path.suffix.lower(), "csv"), {}
    if kind == "csv":
        options = _csv_options(path, columns, header)
    # Reading it first names the line that is not UTF-8, which the parser cannot.
    elif kind == "json" and not sum(1 for _, text in read_lines(path) if text.strip()):
        raise DataError(f"{path} is empty: give a file with examples.")
    with _parser_errors(path):
        rows = iter(_load(kind, str(path), options))
    number = 0
    while True:
        with _parser_errors(path):
            values = next(rows, None)
        if values is None:
            break
        number += 1
        where = f"{path}, row {number}"
        for name in columns:
            if name not in values:
                raise DataError(f"{where}: there is no column {name!r}; there are: {_names(values)}.")
            if values[name] is None:
                raise DataError(f"{where}: column {name!r} is empty.")
        yield Row(where, values)
    if not number:
        raise DataError(f"{path} has no row: give a file with examples.")


def usual_column(columns: Sequence[str], usual: Sequence[str]) -> str | None:
    """Return the column with the first of some usual names; None if there is none."""
    return next((column for name in usual for column in columns if column.strip().lower() == name), None)


def columns_of(path: Path) -> list[str]:
    """Read the names of a table's columns.

    Raises:
        DataError: the file is empty or malformed.
    """
    if path.suffix.lower() in TABLES:
        return _csv_header(path)
    with _parser_errors(path):
        first = next(iter(_load(RECORDS[path.suffix.lower()], str(path), {})), None)
    if first is None:
        raise DataError(f"{path} has no row: give a file with examples.")
    return list(first)


def _csv_records(path: Path) -> Iterator[list[str]]:
    """Read the records of a CSV or TSV file, without blank lines.

    Raises:
        DataError: a record has another number of cells than the first. (The parser would fill in missing ones.)
    """
    csv.field_size_limit(LONGEST_CELL)
    lines = (text + "\n" for _, text in read_lines(path))
    reader = csv.reader(lines, delimiter=TABLES[path.suffix.lower()], strict=True, quoting=_quoting(path))
    width = 0
    try:
        for record in reader:
            if not record:
                continue
            width = width or len(record)
            if len(record) != width:
                raise DataError(
                    f"{path}, line {reader.line_num}: there are {len(record)} cells, but {width} in the first line."
                    + ("" if _quoting(path) else " Cells that hold the separator must be in double quotes.")
                )
            yield record
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}.") from error


def _quoting(path: Path) -> Literal[0, 3]:
    """Return the quoting of a file: in TSV files quotation marks are ordinary characters."""
    return csv.QUOTE_NONE if path.suffix.lower() == ".tsv" else csv.QUOTE_MINIMAL


def _csv_header(path: Path) -> list[str]:
    found = next(_csv_records(path), None)
    if not found:
        raise DataError(f"{path} is empty: give a file with examples.")
    return found


def _csv_options(path: Path, columns: Sequence[str], header: bool) -> dict[str, Any]:
    datasets, found = _needed("datasets"), _csv_header(path)
    names = found if header else [str(n) for n in range(len(found))]
    for name in columns:
        if name not in names:
            what = f"no column {name!r}; there are: {_names(names)}" if header else f"no column number {name}"
            raise DataError(f"{path}: there is {what}.")
    if len(set(names)) < len(names):
        raise DataError(f"{path}: two columns have the same name: {_names(names)}.")
    for _ in _csv_records(path):  # names the malformed line
        pass
    features = datasets.Features({name: datasets.Value("string") for name in names})
    # "NA" and "null" are ordinary words; only an absent value is missing.
    options = {"sep": TABLES[path.suffix.lower()], "features": features, "keep_default_na": False}
    options["quoting"] = _quoting(path)
    return options | ({} if header else {"names": names, "header": None})


def _load(kind: str, file: str, options: dict[str, Any]) -> Any:
    return _needed("datasets").load_dataset(kind, data_files=file, split="train", streaming=True, **options)


def _needed(package: str) -> Any:
    return needed(package, "Reading tables needs")


@contextmanager
def _parser_errors(path: Path) -> Iterator[None]:
    """Turn the errors of parsers into a DataError that names the file."""
    datasets, pandas, pyarrow = map(_needed, ("datasets", "pandas", "pyarrow"))
    malformed = (ValueError, pandas.errors.ParserError, pyarrow.ArrowException, datasets.exceptions.DatasetsError)
    try:
        yield
    except malformed as error:
        cause = error.__cause__ or error.__context__ or error
        raise DataError(f"{path} is malformed: {str(cause).splitlines()[0] if str(cause) else cause!r}") from error


def _names(names: Any) -> str:
    return ", ".join(repr(name) for name in names)
