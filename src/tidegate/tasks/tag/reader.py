"""Read sequences with tags: CoNLL columns, CoNLL-U, tables of lists, characters, lines of text."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from tidegate.data.lines import read_lines
from tidegate.data.rows import RECORDS, Row, columns_of, read_table, usual_column
from tidegate.data.tables.cell_values import described, named, text_of
from tidegate.data.words.cutting import AT_BLANKS, Cutting
from tidegate.errors import DataError
from tidegate.io.wording import quoted

TOKENS = ("tokens", "words", "text", "sentence", "characters")
TAGS = ("tags", "ner_tags", "pos_tags", "labels", "upos", "label", "ner", "pos")
CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
BLANKS = re.compile(r"[ \t]+")
# What CoNLL-U writes before a sentence; within one, # is a word.
COMMENT = re.compile(r"#[^\t=]+ =( |$)|# ?(newdoc|newpar)$")
LEVELS = {"tokens": "words", "text": "characters", "frames": "frames"}
LONGEST = 1000  # characters of a word


def read_tagged(path: Path, token_column: str | None, tag_column: str | None, conllu_field: str) -> Iterator[Row]:
    """Read rows with "tokens", or with "text" whose steps are its characters, and "tags" if there are any.

    * ``.conllu``: FORM and the chosen field; a sentence in which it is always ``_`` has no tags.
    * JSON Lines, JSON and Parquet: a column of lists of words, or of texts; a column of lists of tags.
    * ``.txt``: lines of text without tags; an empty line is a text without steps.
    * Anything else: CoNLL columns, one word per line, blank lines between sentences; one column: words only. Lines
      such as ``# name = value`` before a sentence are comments.

    Args:
        path: the file.
        token_column: the column of the words: number from 1 (CoNLL) or name. Default: the first, or found by name.
        tag_column: the column of the tags, likewise. Default: the last, or found by name.
        conllu_field: the field of CoNLL-U to use as tag.

    Raises:
        DataError: a line or row is malformed; the message names file and line.
        EncodingError: a file is not UTF-8.
    """
    kind = path.suffix.lower()
    if path.is_dir():
        raise DataError(f"{path} is a folder: give its files.")
    if kind == ".csv":
        raise DataError(
            f"{path}: a CSV file cannot hold lists of words and tags: give a word and a tag a line, tabs between them "
            '(CoNLL), or JSON Lines of {"tokens": [...], "tags": [...]}.'
        )
    if kind == ".conllu":
        if named := token_column or tag_column:
            raise DataError(
                f"{path}: the columns of CoNLL-U are always the same, but {quoted(named, 40)} is given: leave out "
                "--token-column and --tag-column, and choose the tag with --conllu-field (upos, xpos, feats, ...)."
            )
        return _conllu(path, conllu_field)
    if kind in RECORDS:
        return _records(path, token_column, tag_column)
    if kind == ".txt":
        return _lines(path)
    return _conll(path, _number(path, token_column, 1), _number(path, tag_column, None))


def step_place(row: Row, step: int) -> str:
    """Return file and line of a step."""
    places = row.values.get("places")
    return places[step] if places else f"{row.where}, step {step + 1}"


def level_of(row: Row) -> str:
    """Return the steps of a row with tags: words, characters or frames."""
    return next(level for name, level in LEVELS.items() if name in row.values)


def tokens_of(row: Row, level: str, cutting: Cutting = AT_BLANKS) -> list[str]:
    """Return the words or characters of a row.

    Args:
        row: from `read_tagged`.
        level: "words" or "characters".
        cutting: how a text is cut into words.

    Raises:
        DataError: there are none, words are given to a tagger of characters, or a word is empty or too long.
    """
    if "text" in row.values:
        text = row.values["text"]
        tokens = list(text) if level == "characters" else [it.word for it in cutting.words(text)]
    elif "tokens" in row.values:
        tokens = row.values["tokens"]
    else:
        raise DataError(f"{row.where}: the model reads {level}, but frames were given.")
    for n, token in enumerate(tokens):
        if level == "characters" and len(token) != 1:
            raise DataError(
                f"{step_place(row, n)}: {quoted(token, 40)} is a word, but the model reads single characters."
            )
        if not token:
            raise DataError(f"{step_place(row, n)}: a word is empty.")
        if len(token) > LONGEST:
            raise DataError(
                f"{step_place(row, n)}: a word of {len(token):,} characters, {quoted(token, 40)}: the longest may "
                f"have {LONGEST:,}. Is a space or a line end missing?"
            )
    return tokens


def tags_of(row: Row, steps: int) -> list[str]:
    """Return the tags of a row of ``steps`` steps: from `read_tagged`, or from `tidegate.data.frames.read_frames`.

    Raises:
        DataError: there are none, or not one for each step.
    """
    tags = row.values.get("tags")
    if "frames" in row.values:
        given = row.values.get("label")
        if given is None or isinstance(given, str) or given.ndim != 1 or given.dtype.kind not in "iubU":
            raise DataError(f"{row.where}: 'labels' should be whole numbers or strings (N, T), one for each frame.")
        tags = [str(text_of(tag)) for tag in given.tolist()]
    if tags is None:
        hint = row.values.get("untagged", "Give each step one.")
        raise DataError(f"{row.where}: there are no tags to learn from or to compare with. {hint}")
    if len(tags) != steps:
        what = " (a text, not a list, is read character by character)" if "text" in row.values else ""
        raise DataError(f"{row.where}: there are {len(tags):,} tags for {steps:,} steps{what}.")
    return tags


def _lines(path: Path) -> Iterator[Row]:
    hint = "A .txt file is read as lines of text: if each line is a word and its tag, name it .conll."
    for where, line in read_lines(path):
        yield Row(where, {"text": line, "untagged": hint})


def _number(path: Path, given: str | None, default: int | None) -> int | None:
    if given is None:
        return default
    if not given.isdecimal() or int(given) < 1:
        raise DataError(
            f"{path} has columns without names: give a column's number, 1 or more, and not {quoted(given, 40)}."
        )
    return int(given)


def _conll(path: Path, token: int | None, tag: int | None) -> Iterator[Row]:
    width: int | None = None
    fields: list[list[str]] = []
    places: list[str] = []
    for where, line in read_lines(path):
        if not fields and COMMENT.match(line):
            continue
        if not line.strip() or line.startswith("-DOCSTART-"):
            if fields:
                yield _sentence(fields, places, token, tag)
            fields, places = [], []
            continue
        # Words may hold spaces only where tabs divide the columns.
        found = line.split("\t") if "\t" in line else BLANKS.split(line.strip(" "))
        if width is None:
            width = len(found)
            needed = max(token or 1, tag or 1 if width > 1 else 1)
            if needed > width:
                raise DataError(f"{where}: the line has {width} columns, but column {needed} is asked for.")
        if len(found) != width:
            raise DataError(
                f"{where}: the line has {_columns(len(found))}, but those before have {width}: {quoted(line, 60)}. "
                "Each line should be a word and its tag, with a blank line after each sentence."
            )
        fields.append(found)
        places.append(where)
    if fields:
        yield _sentence(fields, places, token, tag)


def _columns(count: int) -> str:
    return f"{count} column" + "s" * (count != 1)


def _sentence(fields: list[list[str]], places: list[str], token: int | None, tag: int | None) -> Row:
    values: dict[str, Any] = {"tokens": [it[(token or 1) - 1] for it in fields], "places": places}
    if len(fields[0]) > 1:
        values["tags"] = [it[tag - 1 if tag else -1].strip() for it in fields]
        for where, found in zip(places, values["tags"], strict=True):
            if not found:
                raise DataError(f"{where}: the column of the tag is empty.")
    return Row(places[0], values)


def _conllu(path: Path, field: str) -> Iterator[Row]:
    words: list[tuple[str, str, str]] = []
    # A blank line ends a sentence, and so does the end of the file.
    for where, line in chain(read_lines(path), [(str(path), "")]):
        if line.startswith("#"):
            continue
        if line.strip():
            found = line.split("\t")
            if len(found) != len(CONLLU):
                raise DataError(f"{where}: the line has {_columns(len(found))}, but CoNLL-U has 10, with tabs between.")
            if re.fullmatch(r"\d+[-.]\d+", found[0]):
                continue  # the range of a word that is written as one, or a word that is not written
            if found[0] != str(len(words) + 1):
                raise DataError(
                    f"{where}: the word's number is {quoted(found[0], 40)}, but should be {len(words) + 1}."
                )
            words.append((where, found[1], found[CONLLU.index(field)]))
        elif words:
            places, tokens, tags = map(list, zip(*words, strict=True))
            values: dict[str, Any] = {"tokens": tokens, "places": places}
            if any(tag != "_" for tag in tags):
                values["tags"] = tags
            yield Row(words[0][0], values)
            words = []


def _records(path: Path, token_column: str | None, tag_column: str | None) -> Iterator[Row]:
    columns = columns_of(path)
    token = _column(path, columns, token_column, TOKENS)
    if token is None:
        raise DataError(f"{path}: which column is the words? There are: {named(columns)}. Use --token-column.")
    # What is to be tagged need not have the column of tags that the training data had.
    tag = _column(path, columns, tag_column, TAGS) if tag_column is None or tag_column in columns else None
    hint = f"No column {quoted(tag_column, 40) if tag_column else 'of tags'} was found; there are: {named(columns)}."
    for row in read_table(path, [token] if tag is None else [token, tag]):
        given = row.values[token]
        values: dict[str, Any] = {"text": given} if isinstance(given, str) else {"tokens": _texts(row, token, given)}
        values |= {"untagged": hint} if tag is None else {"tags": _texts(row, tag, row.values[tag])}
        yield Row(row.where, values)


def _column(path: Path, columns: Sequence[str], given: str | None, usual: Sequence[str]) -> str | None:
    if given is not None and given not in columns:
        raise DataError(f"{path}: there is no column {quoted(given, 40)}; there are: {named(columns)}.")
    return given or usual_column(columns, usual)


def _texts(row: Row, column: str, given: Any) -> list[str]:
    if not isinstance(given, list):
        raise DataError(f"{row.where}: {quoted(column)} should be a list, but is {described(given)}.")
    for n, it in enumerate(given):
        if type(it) not in (str, int):
            raise DataError(
                f"{row.where}: {quoted(column)} should be a list of texts, but number {n + 1} is {described(it)}."
            )
    return [str(it) for it in given]
