"""Detectors: properties of a text that a hidden unit may track, such as being inside quotes; and your own.

A detector gives one value per character: the property after that character was read, which a state that has read it
could know. None of them knows the grammar of a language; what each looks for is described below.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.text_structure import (
    bracket_depth,
    in_comment,
    in_quotes,
    line_positions,
    matches,
    since,
)

Kind = Literal["yes/no", "count"]
FIRST = 3
"""How many characters after a newline "newline" holds, that newline among them."""
TAB = 8
"""Columns to the next stop of a tab."""


@dataclass(frozen=True)
class Detector:
    """A property of a text, character by character.

    Attributes:
        name: its name.
        kind: "yes/no", with values 1 and 0, or "count", with any numbers.
        of: from a text of N characters to N values, each of the property after that character was read; NaN where it is
            undefined.

    Raises:
        ArgumentError: ``kind`` is something else.
    """

    name: str
    kind: Kind
    of: Callable[[str], NDArray[Any]]

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ArgumentError(f"Detector {self.name!r} is of kind {self.kind!r}: give 'yes/no' or 'count'.")

    def __call__(self, text: str) -> NDArray[np.float64]:
        """Return the values of ``of`` for a text of N characters, checked: (N,).

        Raises:
            ArgumentError: they are not N values of the detector's kind.
        """
        made = np.asarray(self.of(text))
        if made.dtype.kind not in "biuf" or made.shape != (len(text),):
            raise ArgumentError(
                f"Detector {self.name!r} gave {made.dtype} of shape {made.shape} for {len(text):,} characters; "
                "it should give one number or bool for each character."
            )
        values = made.astype(np.float64)
        wrong = np.isinf(values) if self.kind == "count" else ~(np.isnan(values) | (values == 0) | (values == 1))
        if wrong.any():
            at = int(wrong.argmax())
            wanted = "a finite number" if self.kind == "count" else "0 or 1"
            raise ArgumentError(f"Detector {self.name!r} gave {values[at]} at character {at}: give {wanted}, or NaN.")
        return values


def pattern(name: str, regex: str | re.Pattern[str]) -> Detector:
    """Return a yes/no detector: the character belongs to a match of a regular expression (matches do not overlap).

    Args:
        name: its name.
        regex: as `re` reads it.

    Raises:
        ArgumentError: it is not a regular expression.
    """
    try:
        compiled = re.compile(regex)
    except re.error as error:
        raise ArgumentError(f"Detector {name!r}: {regex!r} is not a regular expression: {error}.") from error
    return Detector(name, "yes/no", lambda text: matches(compiled, text))


def function(name: str, fn: Callable[[str], Sequence[Any] | NDArray[Any]], kind: Kind = "yes/no") -> Detector:
    """Return a detector of your own: ``fn(text)`` gives a value for each character, NaN where it is undefined.

    Args:
        name: its name.
        fn: from a text to one value per character; the values are checked at every call.
        kind: "yes/no" (bool, or 0 and 1) or "count".
    """
    return Detector(name, kind, lambda text: np.asarray(fn(text)))


def marked(name: str, spans: Iterable[tuple[int, int]]) -> Detector:
    """Return a yes/no detector of spans that were marked by hand in one text.

    Args:
        name: its name.
        spans: (start, end) in characters, as in ``text[start:end]``; they may overlap.

    Raises:
        ArgumentError: a span is empty or negative; when called, a span ends after the text.
    """
    checked = tuple((int(start), int(end)) for start, end in spans)
    for start, end in checked:
        if not 0 <= start < end:
            raise ArgumentError(f"Detector {name!r}: ({start}, {end}) is not a span: give 0 <= start < end.")

    def of(text: str) -> NDArray[np.bool_]:
        inside = np.zeros(len(text), bool)
        for start, end in checked:
            if end > len(text):
                raise ArgumentError(
                    f"Detector {name!r}: ({start}, {end}) ends after the text of {len(text):,} characters."
                )
            inside[start:end] = True
        return inside

    return Detector(name, "yes/no", of)


def per_token(detector: Detector, pieces: Sequence[str]) -> NDArray[np.float64]:
    """Return a detector's values after each token was read: those after the token's last character.

    Args:
        detector: a detector; it is called with the joined pieces.
        pieces: the text of each of N tokens, as `Reading.pieces`. A token with an empty text (a byte in the middle of a
            character) takes the value so far; before the first character it is NaN.

    Returns:
        (N,) float64.

    Raises:
        ArgumentError: the detector did not give one value per character.
    """
    ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
    values = np.concatenate([[np.nan], detector("".join(pieces))])
    return values[ends]


def _capital_next(text: str) -> NDArray[np.float64]:
    values = np.full(len(text), np.nan)
    values[:-1] = [character.isupper() for character in text[1:]]
    return values


def _indentation(text: str) -> NDArray[np.int64]:
    """Return columns of blanks at the beginning of the line, as far as it was read."""
    columns, leading = 0, True
    values = np.zeros(len(text), np.int64)
    for n, character in enumerate(text):
        if character in "\r\n":
            columns, leading = 0, True
        elif leading and character == " ":
            columns += 1
        elif leading and character == "\t":
            columns += TAB - columns % TAB
        else:
            leading = False
        values[n] = columns
    return values


def _each(test: Callable[[str], bool]) -> Callable[[str], NDArray[np.bool_]]:
    return lambda text: np.fromiter(map(test, text), bool, len(text))


def _word_position(text: str) -> NDArray[np.int64]:
    inside = matches(re.compile(r"\w"), text)
    return since(~inside)


DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {
        it.name: it
        for it in (
            Detector("quote", "yes/no", in_quotes),
            Detector("string", "yes/no", lambda text: in_quotes(text, marks=(1,))),
            Detector("docstring", "yes/no", lambda text: in_quotes(text, marks=(3,))),
            Detector("bracket", "yes/no", lambda text: bracket_depth(text) > 0),
            Detector("depth", "count", bracket_depth),
            Detector("comment", "yes/no", in_comment),
            Detector("position", "count", line_positions),
            Detector("newline", "yes/no", lambda text: line_positions(text) < FIRST),
            Detector("indentation", "count", _indentation),
            Detector("indented", "yes/no", lambda text: _indentation(text) > 0),
            Detector("word", "count", _word_position),
            Detector("digit", "yes/no", _each(str.isdigit)),
            Detector("capital", "yes/no", _capital_next),
        )
    }
)
"""The built-in detectors by name.

* quote: inside '...' or "...", or three of either; see `tidegate.lens.hidden_units.text_structure.quotes_and_comments`.
* string: inside one at each end. docstring: inside three.
* bracket: inside any of ( ) [ ] { }; depth: of how many (count); see
  `tidegate.lens.hidden_units.text_structure.bracket_depth`.
* comment: from a # outside quotes to the end of the line.
* position: characters since the newline (count). newline: it or one of the two characters after it was just read.
* indentation: columns of blanks at the beginning of this line, as far as it was read (count; a tab goes to the next
  multiple of 8). indented: this is above 0.
* word: position in a word of letters, digits and _, 1 for its first character; 0 outside (count).
* digit: a digit was just read. capital: a capital letter comes next, which the state can only predict.
"""
