"""JSON Lines, and JSON files that are a list of objects."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from tidegate.data.lines import read_lines
from tidegate.data.tables.cell_values import Repeated, WrittenNumber, described
from tidegate.errors import DataError
from tidegate.io.wording import quoted

SURROGATE = re.compile("[\ud800-\udfff]")
BLANKS = " \t\r\n"
BLANK = re.compile(f"[{BLANKS}]*")
MOST_DIGITS = 4000  # Python refuses to convert integers of more than 4,300
HINT = "Give an object a line, or a list of objects."


class JsonTable:
    """A file of JSON objects: one a line, or all in a list.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def columns(self) -> list[str]:
        """Return the names that objects have: of all objects, since some may lack one.

        Raises:
            DataError: the file is malformed.
        """
        return list(dict.fromkeys(chain.from_iterable(made for made, _ in self._objects())))

    def rows(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Read the objects, as they stand; names in ``columns`` may be missing.

        Raises:
            DataError: the file is malformed, or a value in one of the columns is repeated or no Unicode text.
        """
        for number, (made, escaped) in enumerate(self._objects(), 1):
            for name in columns:
                value = made.get(name)
                if isinstance(value, Repeated):
                    raise DataError(f"{self.path}, row {number}: the name {quoted(name)} occurs twice in this object.")
                if escaped and _has_surrogate(value):
                    raise DataError(
                        f"{self.path}, row {number}: column {quoted(name)} holds half of a surrogate pair (\\ud800 to "
                        "\\udfff), which is no character."
                    )
            yield made

    def _objects(self) -> Iterator[tuple[dict[str, Any], bool]]:
        """The objects, and whether their text has escapes that may be halves of characters."""
        lines = enumerate((text for _, text in read_lines(self.path)), 1)
        seen = False
        for number, line in lines:
            if not line.strip(BLANKS):
                continue
            if not seen and line.lstrip(BLANKS).startswith("["):
                rest = "\n".join(chain([line], (text for _, text in lines)))
                yield from self._list(rest, number)
                return
            seen = True
            value, end = self._value(line, _after_blanks(line, 0), number)
            if line[end:].strip(BLANKS):
                self._refuse(line, end, number, "something follows the object")
            yield self._object(value, line, 0, number), _escaped(line)

    def _list(self, text: str, first: int) -> Iterator[tuple[dict[str, Any], bool]]:
        escaped, at = _escaped(text), _after_blanks(text, text.index("[") + 1)
        more = text[at : at + 1] != "]"
        while more:
            value, end = self._value(text, at, first)
            yield self._object(value, text, at, first), escaped
            at = _after_blanks(text, end)
            if text[at : at + 1] not in (",", "]"):
                self._refuse(text, at, first, "expecting ',' or ']'")
            more = text[at] == ","
            at = _after_blanks(text, at + 1) if more else at
        at = _after_blanks(text, at + 1)
        if at < len(text):
            self._refuse(text, at, first, "something follows the list")

    def _value(self, text: str, start: int, first: int) -> tuple[Any, int]:
        try:
            return DECODER.raw_decode(text, start)
        except json.JSONDecodeError as error:
            self._refuse(text, error.pos, first, error.msg)
        except RecursionError:
            self._refuse(text, start, first, "it is nested too deeply")

    def _object(self, value: Any, text: str, start: int, first: int) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        line = first + text.count("\n", 0, start)
        raise DataError(f"{self.path}, line {line}: a row should be an object, but is {described(value)}. {HINT}")

    def _refuse(self, text: str, position: int, first: int, what: str) -> NoReturn:
        line = first + text.count("\n", 0, position)
        column = position - text.rfind("\n", 0, position)
        raise DataError(f"{self.path} is malformed: line {line}, column {column}: {what}. {HINT}") from None


def _unique(found: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(found)
    if len(made) < len(found):
        made |= {name: Repeated() for name, count in Counter(name for name, _ in found).items() if count > 1}
    return made


def _integer(digits: str) -> int | WrittenNumber:
    return int(digits) if len(digits) < MOST_DIGITS else WrittenNumber(digits)


DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=WrittenNumber, parse_int=_integer)


def _after_blanks(text: str, start: int) -> int:
    found = BLANK.match(text, start)
    return found.end() if found else start


def _escaped(text: str) -> bool:
    return "\\ud" in text or "\\uD" in text


def _has_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return SURROGATE.search(value) is not None
    return isinstance(value, list) and any(isinstance(it, str) and SURROGATE.search(it) for it in value)
