"""Dates as people write them: 31.12.2024, 12/31/2024 11:00 PM, Jan 5, 2024, seconds since 1970."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import Any

from tidegate.data.series.times import LARGEST, Time, date_text, parse_iso, parse_time
from tidegate.data.tables.cell_values import described, text_of
from tidegate.errors import ArgumentError, DataError
from tidegate.io.wording import quoted

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
MONTH_NUMBERS = {name[:length]: n for n, name in enumerate(MONTHS, 1) for length in (3, 4, len(name))}
DIRECTIVES = {
    "Y": ("year", "[0-9]{4}"),
    "y": ("year of two digits", "[0-9]{2}"),
    "m": ("month", "[0-9]{1,2}"),
    "b": ("month name", r"[A-Za-z]{3,9}\b\.?"),
    "d": ("day", "[0-9]{1,2}"),
    "j": ("day of the year", "[0-9]{1,3}"),
    "a": ("weekday", r"[A-Za-z]{2,9}\b\.?"),
    "H": ("hour", "[0-9]{1,2}"),
    "I": ("hour", "[0-9]{1,2}"),
    "p": ("AM or PM", r"[AaPp]\.?[Mm]\.?"),
    "M": ("minute", "[0-9]{1,2}"),
    "S": ("second", "[0-9]{1,2}"),
    "f": ("decimals of the second", "[0-9]+"),
    "z": ("offset", "Z|UTC|GMT|[-+][0-9]{2}(?::?[0-9]{2})?"),
}
SAME = {"B": "b", "A": "a"}
TIMES = (" %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
EPOCHS = {"epoch-s": 1, "epoch-ms": 10**3, "epoch-us": 10**6, "epoch-ns": 10**9}
UNIX = 719_162 * 86_400  # seconds from the year 1 to 1970
CENTURY = 69  # two digits from here on are of the years 1969 to 1999, as POSIX has it
ORDERS = ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y", "%Y{0}%m{0}%d", "%d{0}%m{0}%y", "%m{0}%d{0}%y", "%y{0}%m{0}%d")
DOTTED = ("%d.%m.%Y", "%Y.%m.%d", "%d.%m.%y")  # with points the day comes first, wherever they are in use
NAMED = (
    "%d %b %Y",
    "%b %d %Y",
    "%b %d, %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b, %Y",
    "%a, %d %b %Y",
    "%b %Y",
    "%b-%Y",
    "%m/%Y",
    "%Y/%m",
)


class DateFormat:
    """A way to write dates.

    Args:
        text: the format as ``datetime.strptime`` has it, such as ``%d.%m.%Y %H:%M``, with the directives %Y %y %m %b %B
            %d %j %a %A %H %I %p %M %S %f %z and English names of months. After a format without a time of day one may
            follow, with or without an offset. Or ``epoch-s``, ``epoch-ms``, ``epoch-us``, ``epoch-ns``: a number of
            seconds, milliseconds and so on since 1970.

    Raises:
        ArgumentError: it is none.
    """

    def __init__(self, text: str) -> None:
        self.text, self.per_second = text, EPOCHS.get(text)
        if self.per_second is None:
            found = re.findall(r"%(.?)", text)
            letters = [SAME.get(it, it) for it in found]
            if (
                not {"Y", "y"} & set(letters)
                or not set(letters) <= {*DIRECTIVES, "%"}
                or len(set(letters)) < len(found)
            ):
                raise ArgumentError(
                    f"date_format is {quoted(text)}, but should be a format with a year and each directive once, such "
                    f"as %d.%m.%Y or '%m/%d/%Y %H:%M', or one of {', '.join(EPOCHS)}."
                )
            self.letters = set(letters)

    @cached_property
    def patterns(self) -> Sequence[re.Pattern[str]]:
        """What texts look like: with each time of day, if the format has none."""
        times = () if self.letters & set("HIMSfp") or "d" not in self.letters else TIMES
        return [_pattern(self.text), *(_pattern(self.text + it + end) for it in times for end in ("", "%z", " %z"))]

    def parse(self, value: Any) -> Time | None:
        """Parse a date; None if it is written otherwise."""
        text = (text_of(value) or "").strip()
        if self.per_second is not None:
            return _moment(text, self.per_second)
        if len(text) > LARGEST:
            return None
        found = next((match for it in self.patterns if (match := it.fullmatch(text))), None)
        return None if found is None else _time(found.groupdict())

    def words(self) -> str:
        """Describe the format: day.month.year (%d.%m.%Y)."""
        if self.per_second is not None:
            return self.text
        return re.sub("%(.)", lambda it: DIRECTIVES[SAME.get(it[1], it[1])][0], self.text) + f" ({self.text})"


def _pattern(text: str) -> re.Pattern[str]:
    made = ""
    for directive, blanks, other in re.findall(r"%(.)|(\s+)|([^%\s])", text.replace("T%H", " %H")):
        letter = SAME.get(directive, directive)
        if letter == "f":
            made = made.removesuffix(r"\.") + "[.,]"  # decimals follow a point or a comma
        made += f"(?P<{letter}>{DIRECTIVES[letter][1]})" if letter else r"(?:\s+|T)" if blanks else re.escape(other)
    return re.compile(made)


def _time(found: dict[str, str]) -> Time | None:
    """Parse the parts of a date by writing it as ISO 8601 does."""
    year = found["Y"] if "Y" in found else str(int(found["y"]) + (1900 if int(found["y"]) >= CENTURY else 2000))
    month = MONTH_NUMBERS.get(found["b"].lower().rstrip("."), 0) if "b" in found else int(found.get("m", 1))
    day = f"{year}-{int(found['j']):03}" if "j" in found else f"{year}-{month:02}-{int(found.get('d', 1)):02}"
    hour = int(found.get("H", found.get("I", 0)))
    if "p" in found or "I" in found:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (found.get("p", "a")[0].lower() == "p")
    clock = f"{hour:02}:{int(found.get('M', 0)):02}:{int(found.get('S', 0)):02}"
    fraction = "." + found["f"] if "f" in found else ""
    return parse_iso(f"{day}T{clock}{fraction}{found.get('z', '').replace('UTC', 'Z').replace('GMT', 'Z')}")


def _moment(text: str, per_second: int) -> Time | None:
    try:
        number = Fraction(Decimal(text)) / per_second if len(text) <= LARGEST else None
    except (InvalidOperation, OverflowError, ValueError):
        return None
    if number is None or abs(number) > 1e12:
        return None
    whole = number + UNIX
    return Time("a date with a time zone", int(whole) if whole.denominator == 1 else whole)


COMMON = [DateFormat(it) for it in (*(order.format(mark) for mark in "/-" for order in ORDERS), *DOTTED, *NAMED)]


def is_date(value: Any, given: DateFormat | None = None) -> bool:
    """Whether a cell has a date: of a given format, or else as ISO 8601 or a common format writes it."""
    if given is not None:
        return given.parse(value) is not None
    time = parse_time(value)
    return time.kind != "a number" if time is not None else any(it.parse(value) is not None for it in COMMON)


class DateFinder:
    """Find the format of the dates of a file: ISO 8601 and numbers as ever, else the one common format that fits all.

    Args:
        column: the column of times, for messages.
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self.fitting: list[DateFormat] | None = None
        self.first = ""
        self.doubts: dict[tuple[str, str], str] = {}

    @property
    def is_sure(self) -> bool:
        """Whether at most one format is left."""
        return self.fitting is not None and len(self.fitting) < 2

    def add(self, value: Any, where: str) -> None:
        """Take a cell into account; an empty one is left for the reader to refuse.

        Raises:
            DataError: no format fits this cell and those before.
        """
        if self.is_sure or value in (None, ""):
            return
        if self.fitting is None:
            plain = isinstance(value, int | float) or parse_time(value) is not None
            self.fitting, self.first = [] if plain else COMMON, f"{where} has {described(value)}"
        times = {it: time for it in self.fitting if (time := it.parse(value)) is not None}
        if not times and self.fitting not in ([], COMMON):
            raise DataError(
                f"{where}: column {quoted(self.column)} holds {described(value)}, but {self.first}, and no format of "
                "dates fits both: write all dates alike, or say --date-format."
            )
        self.fitting = list(times)
        for a, b in combinations(times, 2):
            if times[a] != times[b]:
                self.doubts.setdefault(
                    (a.text, b.text), f"{where}: {described(value)} is {_either(a, times[a])} or {_either(b, times[b])}"
                )

    def found(self) -> DateFormat | None:
        """Return the format; None for ISO 8601 and numbers.

        Raises:
            DataError: several formats fit all dates.
        """
        left = self.fitting or []
        for a, b in combinations(left, 2):
            if (a.text, b.text) in self.doubts:
                raise DataError(
                    f"{self.doubts[a.text, b.text]}, and so are all other dates in column {quoted(self.column)}: say "
                    f"--date-format {a.text} or --date-format {b.text}"
                )
        return left[0] if left else None


def _either(form: DateFormat, time: Time) -> str:
    return f"{date_text(time.number, time.kind)} as {form.words()}"
