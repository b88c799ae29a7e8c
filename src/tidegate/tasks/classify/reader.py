"""Read texts with classes: tables, FastText lines, a folder or a file for each class."""

import re
from collections.abc import Iterator
from pathlib import Path

from tidegate.data.lines import read_lines
from tidegate.data.rows import Row, columns_of, is_table, read_table, text_cell, usual_column
from tidegate.data.tables.cell_values import named
from tidegate.data.tables.delimiters import Delimiter
from tidegate.errors import DataError
from tidegate.io.wording import quoted

TEXTS = ("text", "sentence", "content", "review", "document", "question", "name")
LABELS = ("label", "class", "category", "labels", "target")
FASTTEXT = re.compile(r"^__label__(\S+)(?:[ \t]+|$)")


def read_labelled(path: Path, text: str | None, label: str | None, delimiter: Delimiter | None = None) -> Iterator[Row]:
    """Read rows with "text" and, if there is one, "label"; else "unlabelled" says what to do if one is needed.

    * A table (CSV, TSV, JSON Lines, Parquet): one column of text, one of classes, found by their names by default.
      The only column, or the only one beside the classes, is the text. Tables to classify need no classes.
    * A folder with folders: each of these is a class whose files are its texts; see `beside_classes`.
    * A folder without folders: each file in it is a class whose lines are its texts.
    * Any other file: lines that begin with ``__label__CLASS`` (FastText), or lines of text without a class.

    Args:
        path: a file or folder.
        text: the column of the text.
        label: the column of the class.
        delimiter: what separates the columns of a CSV file. Default: found out.

    Raises:
        DataError: it is none of these, a column is missing, or a line has no class though others have one.
        EncodingError: a file is not UTF-8.
    """
    if path.is_dir():
        yield from _folder(path)
    elif is_table(path):
        columns = columns_of(path, delimiter)
        label_column = usual_column(columns, LABELS) if label is None else label if label in columns else None
        text_column = _text_column(path, columns, text, label_column)
        if text_column is None:
            raise DataError(f"{path}: which column is the text? There are: {named(columns)}. Use --text-column.")
        wanted = [name for name in (text_column, label_column) if name is not None]
        there = named(columns)
        name = quoted(label, 40) if label else "of classes"
        hint = f"No column {name} was found; there are: {there}. Use --label-column."
        if label_column is not None:
            hint = f"Column {quoted(label_column, 40)} is empty there: give the text a class, or leave the row out."
        for row in read_table(path, wanted, delimiter=delimiter):
            values = {"text": text_cell(row, text_column), "unlabelled": hint}
            if label_column is not None:
                values["label"] = text_cell(row, label_column)
            yield Row(row.where, values)
    else:
        yield from _lines(path)


def _text_column(path: Path, columns: list[str], given: str | None, label: str | None) -> str | None:
    if given is not None and given not in columns:
        raise DataError(f"{path}: there is no column {quoted(given)}; there are: {named(columns)}.")
    rest = [column for column in columns if column != label]
    return given or usual_column(rest, TEXTS) or (rest[0] if len(rest) == 1 else None)


def _lines(path: Path) -> Iterator[Row]:
    classed: bool | None = None
    hint = "Begin each line with __label__CLASS, or give a table with a column of classes."
    for where, line in read_lines(path):
        if not line.strip():
            yield Row(where, {"text": "", "unlabelled": hint}, blank=True)
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
            yield Row(where, {"text": line, "unlabelled": hint})


def beside_classes(path: Path) -> list[str]:
    """Return the names of files beside the folders of classes in a folder: they are no classes, and are not read."""
    inside = _visible(path) if path.is_dir() else []
    return [it.name for it in inside if not it.is_dir()] if any(it.is_dir() for it in inside) else []


def _visible(path: Path) -> list[Path]:
    return sorted(it for it in path.iterdir() if not it.name.startswith("."))


def _folder(path: Path) -> Iterator[Row]:
    inside = _visible(path)
    if not inside:
        raise DataError(f"The folder {path} is empty: put a folder or a file for each class in it.")
    folders = [it for it in inside if it.is_dir()]
    for folder in folders:
        for file in sorted(f for f in folder.rglob("*") if f.is_file() and not f.name.startswith(".")):
            text = "\n".join(line for _, line in read_lines(file))
            yield Row(str(file), {"text": text, "label": folder.name})
    if folders:
        return
    if len({it.stem for it in inside}) < len(inside):
        names = ", ".join(it.name for it in inside)
        raise DataError(f"The folder {path} should have a file for each class, but two have the same name: {names}.")
    for file in inside:
        for where, line in read_lines(file):
            if line.strip():
                yield Row(where, {"text": line.strip(), "label": file.stem})
