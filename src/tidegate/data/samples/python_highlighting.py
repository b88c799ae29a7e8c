"""Python source from the standard library with a label for each character, as an editor colours it.

The labels are those of Python's own tokenizer. The parts have no file in common. Each text is a few whole statements,
so that no text begins within a string.
"""

import io
import json
import keyword
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tidegate.errors import DataError

# Files that all supported versions of Python have.
FILES = {
    "train": (
        "abc argparse ast bisect calendar cmd code codeop colorsys configparser contextlib copy dataclasses difflib "
        "dis filecmp fnmatch fractions functools glob graphlib gzip heapq hmac imaplib inspect keyword linecache"
    ),
    "validation": "csv queue shlex textwrap",
    "test": "bdb reprlib sched string zipapp",
}
SIZE = 400  # characters after which a text ends with its statement
LARGEST = 12_000  # characters of one file: its first statements
KINDS = {tokenize.COMMENT: "comment", tokenize.STRING: "string", tokenize.NUMBER: "number", tokenize.OP: "operator"}


def write(folder: Path, seed: int) -> None:
    """Write JSON Lines of {"text": ..., "tags": [a label for each character]}; ``seed`` is ignored.

    Raises:
        DataError: this Python has no source files of its standard library.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    for part, names in FILES.items():
        with (folder / f"{part}.jsonl").open("w", encoding="utf-8") as file:
            for name in names.split():
                try:
                    source = (root / f"{name}.py").read_text(encoding="utf-8")
                except OSError as error:
                    raise DataError(
                        f"{root / name}.py cannot be read ({error.strerror}): this sample needs the source files of "
                        "Python's standard library."
                    ) from error
                for text, tags in labelled(source):
                    file.write(json.dumps({"text": text, "tags": tags}) + "\n")


def labelled(source: str) -> Iterator[tuple[str, list[str]]]:
    """Return pieces of Python source, and a label for each character: keyword, name, string, comment, number, ...."""
    lines = list(io.StringIO(source))  # at line feeds only, as the tokenizer counts
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    tags = ["space" if character.isspace() else "operator" for character in source]  # a backslash is no token
    begin = 0
    for it in tokenize.generate_tokens(io.StringIO(source).readline):
        start, end = starts[it.start[0] - 1] + it.start[1], starts[min(it.end[0], len(starts)) - 1] + it.end[1]
        kind = KINDS.get(it.type)
        if it.type == tokenize.NAME:
            kind = "keyword" if keyword.iskeyword(it.string) else "name"
        elif tokenize.tok_name[it.type].startswith(("FSTRING", "TSTRING")):
            kind = "string"
        if kind is not None:
            tags[start:end] = [kind] * (end - start)
        if it.type == tokenize.NEWLINE and starts[it.end[0]] - begin >= SIZE:
            yield source[begin : starts[it.end[0]]], tags[begin : starts[it.end[0]]]
            begin = starts[it.end[0]]
            if begin >= LARGEST:
                return
    if begin < len(source):
        yield source[begin:], tags[begin:]
