"""Classes of characters, by which the effect of an intervention is broken down."""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.detectors import Detector, pattern, per_token
from tidegate.lens.hidden_units.text_structure import Quote, bracket_depth, in_quotes, quotes_and_comments

CharacterClass = str | re.Pattern[str] | Callable[[str], bool] | Detector
"""A regular expression (characters of a match in the whole text), a test of one character, or a yes/no detector."""


def members(kind: CharacterClass, name: str, pieces: Sequence[str]) -> NDArray[np.bool_]:
    """Return which tokens belong to a class; of several characters, the last one decides.

    Args:
        kind: the class.
        name: its name, for messages.
        pieces: the text of each of N tokens.

    Returns:
        (N,).

    Raises:
        ArgumentError: it is not a regular expression, or is a detector of kind "count".
    """
    if isinstance(kind, Detector):
        if kind.kind != "yes/no":
            raise ArgumentError(
                f"Class {name!r}: detector {kind.name!r} is of kind 'count', but a class needs a yes/no detector."
            )
        own = kind
    elif isinstance(kind, str | re.Pattern):
        own = pattern(name, kind)
    else:
        test = kind
        own = Detector(name, "yes/no", lambda text: np.fromiter((bool(test(it)) for it in text), bool, len(text)))
    whole = np.array([bool(piece) for piece in pieces], bool)  # a byte in the middle of a character is in no class
    return whole & (per_token(own, pieces) == 1)


def _opening_quotes(text: str) -> NDArray[np.bool_]:
    # Of quotes that were opened before the text, the opening mark is not in it.
    return _at(text, [it.start for it in quotes_and_comments(text)[0] if _begins_here(text, it)])


def _closing_quotes(text: str) -> NDArray[np.bool_]:
    return _at(text, [quote.end - quote.marks for quote in quotes_and_comments(text)[0] if quote.closed])


def _begins_here(text: str, quote: Quote) -> bool:
    marks = text[quote.start : quote.start + quote.marks]
    own_end = not quote.closed or quote.end - quote.start >= 2 * quote.marks  # else these are the marks that close it
    return own_end and marks in ("'", '"', "'''", '"""')


def _at(text: str, places: list[int]) -> NDArray[np.bool_]:
    found = np.zeros(len(text), bool)
    found[places] = True
    return found


def within(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where it is inside both before and after the character: neither the first mark nor the last."""
    return inside & np.concatenate([[False], inside[:-1]]) if len(inside) else inside


CHARACTER_CLASSES: Mapping[str, CharacterClass] = MappingProxyType(
    {
        "letters": r"[^\W\d_]",
        "digits": r"\d",
        "blanks": r"[^\S\r\n]",
        "newline": r"[\r\n]",
        "quotes": r"['\"]",
        "opening quotes": Detector("opening quotes", "yes/no", _opening_quotes),
        "closing quotes": Detector("closing quotes", "yes/no", _closing_quotes),
        "inside quotes": Detector("inside quotes", "yes/no", lambda text: within(in_quotes(text))),
        "brackets": r"[()\[\]{}]",
        "opening brackets": r"[(\[{]",
        "closing brackets": r"[)\]}]",
        "inside brackets": Detector("inside brackets", "yes/no", lambda text: within(bracket_depth(text) > 0)),
        "other punctuation": r"[^\w\s'\"()\[\]{}]|_",
    }
)
"""Classes by name. Every character is in one of: letters, digits, blanks, newline, quotes, brackets, other punctuation;
the others overlap with them. Of three quotes in a row the first counts as the one that opens or closes."""
