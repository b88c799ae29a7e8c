"""Times of the rows of a series: numbers, and dates as ISO 8601 writes them. None is rounded."""

import re
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, NamedTuple

from tidegate.data.tables.cell_values import text_of

START = datetime(1, 1, 1)
LARGEST = 400  # digits; more could fill the memory
MONTH = re.compile(r"(\d{4})-(\d\d)")
QUARTER = re.compile(r"(\d{4})-?Q([1-4])")
DAY_OF_YEAR = re.compile(r"(\d{4})-(\d{3})(?=$|[T ])")
MIDNIGHT = re.compile(r"(?<=[T ])24(:?00)?(:?00)?([.,]0+)?(?=$|[Z+-])")
FRACTION = re.compile(r"(:\d\d:\d\d|[T ]\d{6})[.,](\d+)")
OFFSET = re.compile(r" ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$", re.IGNORECASE)
UNIVERSAL = re.compile(r" ?(UTC|GMT)$")

Number = int | Fraction


class Time(NamedTuple):
    """A time.

    Attributes:
        kind: "a number", "a date" or "a date with a time zone"; those of one series are of one kind.
        number: the number, or seconds since the year 1 (in UTC, if there is a zone).
    """

    kind: str
    number: Number


def parse_time(value: Any) -> Time | None:
    """Parse a number or a date: a day, a month, a quarter, a week or a day of the year, with or without a time of day.

    Returns:
        The time, exact to the last digit; None if it is neither, or too large.
    """
    text = text_of(value)
    if text is None or isinstance(value, bool):
        return None
    text = text.strip()
    return None if len(text) > LARGEST else _number(text) or parse_iso(text)


def _number(text: str) -> Time | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > LARGEST:
        return None
    return Time("a number", _plain(Fraction(number)))


def parse_iso(text: str) -> Time | None:
    """Parse a date; see `parse_time`."""
    if found := MONTH.fullmatch(text):
        text = f"{text}-01"
    elif found := QUARTER.fullmatch(text.upper()):
        text = f"{found[1]}-{3 * int(found[2]) - 2:02}-01"
    text = UNIVERSAL.sub("Z", text.upper())
    days, fraction = 0, Fraction(0)
    if found := DAY_OF_YEAR.match(text):
        days, text = int(found[2]) - 1, f"{found[1]}-01-01{text[found.end() :]}"
        if not 0 <= days < 365 + _is_leap(int(found[1])):
            return None
    if MIDNIGHT.search(text):
        days, text = days + 1, MIDNIGHT.sub("00:00:00", text)
    if found := FRACTION.search(text):  # of which Python keeps six digits
        fraction = Fraction(int(found[2]), 10 ** len(found[2]))
        text = text[: found.end(1)] + text[found.end() :]
    if "." in text or "," in text:  # fractions of minutes, which Python reads as those of seconds
        return None
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    kind = "a date" if date.tzinfo is None else "a date with a time zone"
    past = date.replace(tzinfo=None) - START + timedelta(days) - (date.utcoffset() or timedelta())
    return Time(kind, _plain(past.days * 86400 + past.seconds + Fraction(past.microseconds, 10**6) + fraction))


def offset_of(text: str) -> int:
    """Return the seconds of the offset from UTC at the end of a date, such as +01:00; 0 of Z, UTC, GMT and none."""
    found = OFFSET.search(text)
    digits = re.sub("[^0-9]", "", found[1]) if found else ""
    seconds = 3600 * int(digits[:2] or 0) + 60 * int(digits[2:] or 0)
    return -seconds if found and found[1].startswith("-") else seconds


def _plain(number: Fraction) -> Number:
    return int(number) if number.denominator == 1 else number


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def date_text(seconds: Number, kind: str) -> str:
    """Format a time for a message."""
    if kind == "a number":
        return str(Decimal(seconds.numerator) / Decimal(seconds.denominator))
    whole = int(seconds // 1)
    try:
        date = START + timedelta(seconds=whole)
    except OverflowError:  # the last midnight of the year 9999, say
        return f"{whole} s"
    text = date.date().isoformat() if whole % 86400 == 0 and seconds == whole else date.isoformat(" ")
    fraction = seconds - whole
    text += f"{float(fraction):.9f}"[1:].rstrip("0") if fraction else ""
    return text + (" UTC" if kind == "a date with a time zone" else "")
