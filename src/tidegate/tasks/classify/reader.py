"""Read texts with classes: tables, FastText lines, a folder or a file for each class."""

import re
from collections.abc import Iterator
from pathlib import Path

from tidegate.data.rows import Row, columns_of, is_table, read_lines, read_table, usual_column
from tidegate.errors import DataError

TEXTS = ("text", "sentence", "content", "review", "document", "question", "name")
LABELS = ("label", "class", "category", "labels", "target")
FASTTEXT = re.compile(r"^__label__(\S+)(?:[ \t]+|$)")


def read_labelled(path: Path, text: str | None, label: str | None) -> Iterator[Row]:
    """Read rows with "text" and, if there is one, "label"; else "unlabelled" says what to do if one is needed.

    * A table (CSV, TSV, JSON Lines, Parquet): one column of text, one of classes, found by their names by default.
      The only column, or the only one beside the classes, is the text. Tables to classify need no classes.
    * A folder: each folder in it is a class whose files are its texts; each file in it is a class whose lines are.
    * Any other file: lines that begin with ``__label__CLASS`` (FastText); or lines of text without a class,
      of which an empty line is one.

    Args:
        path: a file or folder.
        text: the column of the text.
        label: the column of the class.

    Raises:
        DataError: it is none of these, a column is missing, or a line has no class though others have one.
        EncodingError: a file is not UTF-8.
    """
    if path.is_dir():
        yield from _folder(path)
    elif is_table(path):
        columns = columns_of(path)
        label_column = usual_column(columns, LABELS) if label is None else label if label in columns else None
        text_column = _text_column(path, columns, text, label_column)
        if text_column is None:
            raise DataError(
                f"{path}: which column is the text? There are: {', '.join(map(repr, columns))}. Use --text-column."
            )
        wanted = [name for name in (text_column, label_column) if name is not None]
        there = ", ".join(map(repr, columns))
        hint = f"No column {label or 'of classes'!r:.40} was found; there are: {there}. Use --label-column."
        if label_column is not None:
            hint = f"Column {label_column!r:.40} is empty there: give the text a class, or leave the row out."
        for row in read_table(path, wanted):
            values = {"text": str(row.values[text_column]), "unlabelled": hint}
            if label_column is not None:
                values["label"] = str(row.values[label_column])
            yield Row(row.where, values)
    else:
        yield from _lines(path)


def _text_column(path: Path, columns: list[str], given: str | None, label: str | None) -> str | None:
    if given is not None and given not in columns:
        raise DataError(f"{path}: there is no column {given!r}; there are: {', '.join(map(repr, columns))}.")
    rest = [column for column in columns if column != label]
    return given or usual_column(rest, TEXTS) or (rest[0] if len(rest) == 1 else None)


def _lines(path: Path) -> Iterator[Row]:
    classed: bool | None = None
    hint = "Begin each line with __label__CLASS, or give a table with a column of classes."
    empty: list[str] = []  # until it is known whether lines have classes
    for where, line in read_lines(path):
        if not line.strip():
            empty += [] if classed else [where]
            continue
        found = FASTTEXT.match(line)
        if classed is None:
            classed = found is not None
        if classed != (found is not None):
            raise DataError(
                f"{where}: the line {'begins' if found else 'does not begin'} with __label__CLASS, unlike those before."
            )
        if found:
            rest = line[found.end() :]
            if FASTTEXT.match(rest):
                raise DataError(f"{where}: the line has several classes; give each text one.")
            yield Row(where, {"text": rest, "label": found[1]})
        else:
            yield from (Row(it, {"text": "", "unlabelled": hint}) for it in empty)
            yield Row(where, {"text": line, "unlabelled": hint})
            empty = []
    if not classed:
        yield from (Row(it, {"text": "", "unlabelled": hint}) for it in empty)


def _folder(path: Path) -> Iterator[Row]:
    inside = sorted(it for it in path.iterdir() if not it.name.startswith("."))
    if not inside:
        raise DataError(f"The folder {path} is empty: put a folder or a file for each class in it.")
    for it in inside:
        if it.is_dir():
            for file in sorted(f for f in it.rglob("*") if f.is_file() and not f.name.startswith(".")):
                text = "\n".join(line for _, line in read_lines(file))
                yield Row(str(file), {"text": text, "label": it.name})
        else:
            for where, line in read_lines(it):
                if line.strip():
                    yield Row(where, {"text": line.strip(), "label": it.stem})
