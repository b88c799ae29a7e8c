"""Texts and what they are to become: tables, tab-separated lines, or two files whose lines belong together."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from tidegate.data.rows import Row, columns_of, is_table, read_lines, read_table
from tidegate.errors import DataError

SOURCES = ("source", "src", "input", "question", "from")
TARGETS = ("target", "tgt", "output", "answer", "translation", "to")


class Pair(NamedTuple):
    """Two files; line n of one belongs to line n of the other."""

    source: Path
    target: Path

    def __str__(self) -> str:
        return f"{self.source} and {self.target}"


def paired(paths: Sequence[Path]) -> Sequence[Path | Pair]:
    """Two files of plain text as one `Pair`; anything else as it is."""
    plain = len(paths) == 2 and not any(it.is_dir() or is_table(it) for it in paths)
    return [Pair(*paths)] if plain else paths


def read_parallel(path: Path | Pair, source: str | None = None, target: str | None = None) -> Iterator[Row]:
    """Rows with "source" and, where there is one, "target".

    * A `Pair`: the lines of two files.
    * CSV, JSON Lines, JSON or Parquet, or TSV if ``source`` is given: columns found by their names unless given.
    * Any other file, and TSV: lines ``source<tab>target``, without a header and without quoting; further columns are
      left alone, and so are empty lines. A line without a tab is a source only.
    * A folder: all files in it.

    Args:
        path: what to read.
        source: the column of the source.
        target: the column of the target.

    Raises:
        DataError: a column is missing, or named where it cannot be; or two files have different numbers of lines.
        EncodingError: a file is not UTF-8.
    """
    if isinstance(path, Pair):
        if named := source or target:
            raise DataError(f"{path} are two files of lines, which have no column {named!r:.80}: leave out its name.")
        yield from _pair(path)
    elif path.is_dir():
        for file in sorted(it for it in path.iterdir() if it.is_file() and not it.name.startswith(".")):
            yield from read_parallel(file, source, target)
    elif is_table(path) and (path.suffix.lower() != ".tsv" or source is not None):
        yield from _table(path, source, target)
    else:
        if target is not None and path.suffix.lower() == ".tsv":
            raise DataError(
                f"{path}: the column of the target is {target!r:.80}, but that of the source is not said: say "
                "--source-column too if the first line names the columns, or neither."
            )
        for where, line in read_lines(path):
            if line.strip():
                cells = line.split("\t")
                yield Row(where, dict(zip(("source", "target"), cells, strict=False)))


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


def _table(path: Path, source: str | None, target: str | None) -> Iterator[Row]:
    columns = columns_of(path)
    target = _column(path, columns, target, TARGETS)
    source = _column(path, columns, source, SOURCES)
    if source is None:
        there = ", ".join(map(repr, columns))
        raise DataError(
            f"{path}: which column holds the source? There are: {there}. Say --source-column and --target-column."
        )
    wanted = [it for it in (source, target) if it is not None]
    for row in read_table(path, wanted):
        values = {"source": str(row.values[source])}
        if target is not None:
            values["target"] = str(row.values[target])
        yield Row(row.where, values)


def _column(path: Path, columns: Sequence[str], given: str | None, usual: Sequence[str]) -> str | None:
    if given is not None:
        if given not in columns:
            raise DataError(f"{path}: there is no column {given!r}; there are: {', '.join(map(repr, columns))}.")
        return given
    return next((column for name in usual for column in columns if column.strip().lower() == name), None)
