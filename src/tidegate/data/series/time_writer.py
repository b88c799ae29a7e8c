"""Write times as a file writes them."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from tidegate.data.series.date_formats import UNIX, DateFormat
from tidegate.data.series.times import OFFSET, START, Number, date_text, offset_of
from tidegate.data.tables.cell_values import text_of

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DATES = ("%Y-%m-%d", "%Y%m%d", "%Y-%m", "%Y-Q%q", "%YQ%q", "%G-W%V", "%GW%V", "%G-W%V-%u", "%Y-%j")
CLOCKS = ("", "%H", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H:%M:%S,%f", "%H%M", "%H%M%S")
FORMATS = [date + mark + clock for date, clock in product(DATES, CLOCKS) for mark in (("T", " ") if clock else ("",))]
HALVES = ("%I:%M %p", "%I:%M:%S %p")
DECIMALS = re.compile(r"[.,](\d+)$")

Offset = Callable[[Number], int]
"""The seconds that local time is ahead of UTC at a moment."""


class TimeWriter:
    """Writes times as a file does.

    Args:
        written: times and how the file writes them, at least one.
        kind: of the times, see `tidegate.data.series.times.Time`.
        dates: the format that they have. Default: numbers, and dates as ISO 8601 has them.
        offset: of the zone of local times. Default: times have an offset of their own, or none.

    Attributes:
        is_own: whether times are written as in the file; else as ISO 8601.
    """

    def __init__(
        self,
        written: Sequence[tuple[Number, Any]],
        kind: str,
        *,
        dates: DateFormat | None = None,
        offset: Offset | None = None,
    ) -> None:
        per_second = None if dates is None else dates.per_second
        self.kind, self.per_second, self._offset = kind, per_second, offset
        self.example = written[-1][1]
        texts = [(number, (text_of(value) or "").strip()) for number, value in written]
        self._ending = ""
        if kind == "a date with a time zone" and offset is None and per_second is None:
            ends = {text: match.start() for _, text in texts if (match := OFFSET.search(text))}
            self._ending = texts[-1][1][ends[texts[-1][1]] :]
            texts = [(number + offset_of(text), text[: ends[text]]) for number, text in texts]
        elif offset is not None:
            texts = [(number + offset(number), text) for number, text in texts]
        self._fixed = offset_of(self._ending)
        self._digits = max((len(it[1]) for _, text in texts if (it := DECIMALS.search(text))), default=0)
        self._format, self._padded = "", True
        is_date = kind != "a number" and per_second is None
        if is_date:
            self._format, self._padded = _find(texts, None if dates is None else dates.text, self._digits)
        self.is_own = bool(self._format) or not is_date

    def text(self, number: Number) -> Any:
        """Write a time: a text, or a number where the file has numbers."""
        if self.kind == "a number" or self.per_second is not None:
            return self._number(number)
        if not self._format:
            return date_text(number, self.kind)
        wall = number + (self._fixed if self._offset is None else self._offset(number))
        return _fill(self._format, wall, self._digits, self._padded) + self._ending

    def _number(self, number: Number) -> Any:
        number = number if self.per_second is None else (number - UNIX) * self.per_second
        if isinstance(self.example, str):
            exact = Decimal(number.numerator) / Decimal(number.denominator)
            return f"{exact:.{self._digits}f}"
        return int(number) if number.denominator == 1 and isinstance(self.example, int) else float(number)


def _find(texts: Sequence[tuple[Number, str]], date: str | None, digits: int) -> tuple[str, bool]:
    """Return the format that writes all times as they are, and whether its numbers are padded; "" if none does."""
    own = [] if date is None else [date, *(f"{date}{m}{c}" for c in (*CLOCKS[1:], *HALVES) for m in (" ", "T"))]
    for form, padded in product(FORMATS if date is None else own, (True, False)):
        if all(_fill(form, number, digits, padded) == text for number, text in texts):
            return form, padded
    return "", True


def _fill(form: str, wall: Number, digits: int, padded: bool) -> str:
    """Write a local time by a format; what is no date gives an empty text."""
    try:
        date = START + timedelta(seconds=int(wall // 1))
    except OverflowError:
        return ""
    two = "02" if padded else "d"
    year, week, weekday = date.isocalendar()
    parts = {
        "Y": f"{date.year:04}",
        "y": f"{date.year % 100:02}",
        "m": f"{date.month:{two}}",
        "b": MONTHS[date.month - 1][:3],
        "B": MONTHS[date.month - 1],
        "d": f"{date.day:{two}}",
        "j": f"{date.timetuple().tm_yday:03}",
        "a": DAYS[weekday - 1][:3],
        "A": DAYS[weekday - 1],
        "H": f"{date.hour:{two}}",
        "I": f"{(date.hour + 11) % 12 + 1:{two}}",
        "p": "AM" if date.hour < 12 else "PM",
        "M": f"{date.minute:02}",
        "S": f"{date.second:02}",
        "f": f"{int((wall % 1) * 10**digits):0{max(digits, 1)}}",
        "q": str((date.month + 2) // 3),
        "G": f"{year:04}",
        "V": f"{week:02}",
        "u": str(weekday),
        "z": "",
        "%": "%",
    }
    exact = (wall % 1) * 10**digits if "%f" in form else wall % 1
    return re.sub("%(.)", lambda it: parts.get(it[1], it[0]), form) if Fraction(exact).denominator == 1 else ""
