"""The values of a table's cells: texts, numbers, true and false, lists; and which of them are a text."""

import math
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from tidegate.io.wording import quoted

SHOWN = 30  # names in a message
ABSENT = ("", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "+nan", "null", "none", "nil")  # lower case
NUMBER = re.compile(r"[-+]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?|nan|inf|infinity)", re.IGNORECASE)


class WrittenNumber(float):
    """A number that keeps the digits it was written with: 1.50 is the text "1.50".

    Args:
        text: the digits.
    """

    def __new__(cls, text: str) -> "WrittenNumber":
        """Make a number from its digits."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str


class Repeated:
    """The value of a name that a JSON object has more than once."""


def text_of(value: Any) -> str | None:
    """Return the text that a cell is, digit for digit as the file has it; None if it is not a text.

    Texts are themselves. Whole numbers are their digits, other numbers what was written, or the shortest digits of a
    binary number. Truth values are "true" and "false". Lists, objects, nan and infinity are not texts.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, WrittenNumber):
        return value.text
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    return None


def number_of(value: Any) -> float | None:
    """Return the number that a cell is, nan and infinity included; None if it is none.

    In a text only digits of ASCII, a point and an exponent are a number: Python would also read 1_000.
    """
    if isinstance(value, str):
        return float(value) if NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def is_missing(value: Any) -> bool:
    """Whether a cell says that there is no value: empty, nan, or a word such as NA or null."""
    if isinstance(value, str):
        return value.strip().lower() in ABSENT
    return value is None or (isinstance(value, float) and math.isnan(value))


def described(value: Any) -> str:
    """Describe a value in a message, briefly: what is nested is not shown."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Repeated):
        return "several values, since its name occurs more than once"
    return quoted(value, 40)


def named(names: Iterable[str]) -> str:
    """List names in a message: the first 30 of them, each cut to 40 characters."""
    names = iter(names)
    some = ", ".join(quoted(name, 40) for name in islice(names, SHOWN))
    return some + (", ..." if next(names, None) is not None else "")
