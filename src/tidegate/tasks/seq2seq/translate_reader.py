"""Read pairs of texts: tables, tab-separated lines, or two aligned files."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from tidegate.data.lines import read_lines
from tidegate.data.rows import Row, columns_of, is_table, read_table, text_cell, usual_column
from tidegate.data.tables.cell_values import named
from tidegate.data.tables.delimiters import Delimiter
from tidegate.errors import DataError
from tidegate.io.wording import quoted

SOURCES = ("source", "src", "input", "question", "from")
TARGETS = ("target", "tgt", "output", "answer", "translation", "to")


class Pair(NamedTuple):
    """Two aligned files."""

    source: Path
    target: Path

    def __str__(self) -> str:
        return f"{self.source} and {self.target}"


def paired(paths: Sequence[Path]) -> Sequence[Path | Pair]:
    """Return two files of plain text as one `Pair`, other paths unchanged."""
    plain = len(paths) == 2 and not any(it.is_dir() or is_table(it) for it in paths)
    return [Pair(*paths)] if plain else paths


def read_parallel(
    path: Path | Pair, source: str | None = None, target: str | None = None, delimiter: Delimiter | None = None
) -> Iterator[Row]:
    """Rows with "source" and, where there is one, "target"; else "untargeted" may say what to do if one is needed.

    * A `Pair`: the lines of two files.
    * CSV, JSON Lines, JSON or Parquet, or TSV if ``source`` is given: columns are found by their names by default.
      The only column is the source whatever its name. What is to be translated need not have the target's column.
    * Any other file, and TSV: lines ``source<tab>target``, without a header and without quoting; further columns are
      left alone. A line without a tab is a source only. An empty line is a blank row.
    * A folder: all files in it.

    Args:
        path: what to read.
        source: the column of the source.
        target: the column of the target.
        delimiter: what separates the columns of a CSV file. Default: found out.

    Raises:
        DataError: a column is missing, or named where it cannot be; or two files have different numbers of lines.
        EncodingError: a file is not UTF-8.
    """
    if isinstance(path, Pair):
        if named := source or target:
            raise DataError(f"{path} are two files of lines, which have no column {quoted(named)}: leave out its name.")
        yield from _pair(path)
    elif path.is_dir():
        for file in sorted(it for it in path.iterdir() if it.is_file() and not it.name.startswith(".")):
            yield from read_parallel(file, source, target, delimiter)
    elif is_table(path) and (path.suffix.lower() != ".tsv" or source is not None):
        yield from _table(path, source, target, delimiter)
    else:
        if target is not None and path.suffix.lower() == ".tsv":
            raise DataError(
                f"{path}: the column of the target is {quoted(target)}, but that of the source is not said: say "
                "--source-column too if the first line names the columns, or neither."
            )
        yield from _lines(path)


def beside_files(path: Path | Pair) -> list[str]:
    """Return the names of the folders in a folder of files: they are not read."""
    inside = sorted(path.iterdir()) if isinstance(path, Path) and path.is_dir() else []
    return [it.name for it in inside if it.is_dir() and not it.name.startswith(".")]


def _lines(path: Path) -> Iterator[Row]:
    for where, line in read_lines(path):
        fields = zip(("source", "target"), line.split("\t"), strict=False) if line.strip() else [("source", "")]
        yield Row(where, dict(fields), blank=not line.strip())


def _pair(pair: Pair) -> Iterator[Row]:
    lines = zip_longest(read_lines(pair.source), read_lines(pair.target))
    for number, (source, target) in enumerate(lines, 1):
        if source is None or target is None:
            counts = [sum(1 for _ in read_lines(it)) for it in pair]
            raise DataError(
                f"{pair.source} has {counts[0]:,} lines, but {pair.target} has {counts[1]:,}: line n of one should "
                "belong to line n of the other. Look for lines that are missing, or broken in two."
            )
        yield Row(f"{pair}, line {number}", {"source": source[1], "target": target[1]})


def _table(path: Path, source: str | None, target: str | None, delimiter: Delimiter | None) -> Iterator[Row]:
    columns = columns_of(path, delimiter)
    there = named(columns)
    name = quoted(target, 40) if target else "of targets"
    hint = f"No column {name} was found; there are: {there}. Say --target-column."
    if source is not None and source not in columns:
        raise DataError(f"{path}: there is no column {quoted(source)}; there are: {there}.")
    target = usual_column(columns, TARGETS) if target is None else target if target in columns else None
    source = (
        source or usual_column(columns, SOURCES) or (columns[0] if columns != [target] and len(columns) == 1 else None)
    )
    if source is None:
        raise DataError(
            f"{path}: which column holds the source? There are: {there}. Say --source-column and --target-column."
        )
    wanted = [it for it in (source, target) if it is not None]
    for row in read_table(path, wanted, delimiter=delimiter):
        values = {"source": text_cell(row, source)}
        values |= {"untargeted": hint} if target is None else {"target": text_cell(row, target)}
        yield Row(row.where, values)
