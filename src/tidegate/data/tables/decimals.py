"""Numbers in the cells of a table as people write them: with a decimal point or comma, and thousands set apart."""

import re
from typing import Any, Literal

from tidegate.data.tables.cell_values import described, number_of
from tidegate.errors import DataError

DecimalMark = Literal[".", ","]
OTHER: dict[DecimalMark, DecimalMark] = {".": ",", ",": "."}
SPACES = " '’\u00a0\u2009\u202f"  # between thousands; besides, the mark that is not the decimal one


def _pattern(mark: DecimalMark) -> re.Pattern[str]:
    grouped = rf"[1-9][0-9]{{0,2}}([{OTHER[mark]}{SPACES}])[0-9]{{3}}(?:\1[0-9]{{3}})*"
    digits = rf"(?=[{mark}]?[0-9])(?:{grouped}|[0-9]*)(?:[{mark}][0-9]*)?"
    return re.compile(rf"[-+]?{digits}(?:e[-+]?[0-9]+)?", re.IGNORECASE)


PATTERNS = {mark: _pattern(mark) for mark in OTHER}


def parse_number(value: Any, mark: DecimalMark) -> float | None:
    """Parse the number in a cell.

    Args:
        value: a number, or a text such as 1234.5, 1,234.5, 1 234.5 or 1'234.5 where the decimal mark is a point, and
            1234,5, 1.234,5 or 1 234,5 where it is a comma.
        mark: the decimal mark of texts.

    Returns:
        The number, nan and infinity included; None if it is none.
    """
    if not isinstance(value, str) or (mark == "." and number_of(value) is not None):
        return number_of(value)
    text = value.strip().replace("\u2212", "-")
    if not PATTERNS[mark].fullmatch(text):
        return None if re.search("[0-9]", text) else number_of(text)
    return float("".join(it for it in text if it not in SPACES and it != OTHER[mark]).replace(mark, "."))


def has_thousands(value: Any, mark: DecimalMark) -> bool:
    """Whether the thousands of a number are set apart."""
    return isinstance(value, str) and any(it in value.strip() for it in SPACES + OTHER[mark])


class DecimalFinder:
    """Find the decimal mark that the numbers of a file are written with.

    Args:
        delimiter: what separates the columns of a CSV file. Where it is a semicolon, 1.234 may be a thousand and more,
            since such files are usual where the comma is the decimal mark; elsewhere it is a number like any other.
    """

    def __init__(self, delimiter: str = "") -> None:
        self.doubts_points = delimiter == ";"
        self.mark: DecimalMark | None = None
        self.doubtful = ""

    def add(self, value: Any, where: str) -> None:
        """Take a cell into account; what is no number in either reading is left for the reader to refuse."""
        if self.mark or not isinstance(value, str) or not ("." in value or "," in value):
            return
        points, commas = (parse_number(value, mark) is not None for mark in (".", ","))
        if points and commas and (self.doubts_points or number_of(value) is None):
            self.doubtful = self.doubtful or f"{where}: {described(value)}"
        elif points or commas:
            self.mark = "." if points else ","

    def found(self) -> DecimalMark:
        """Return the mark; a point if no number has any.

        Raises:
            DataError: all numbers with a mark can be read in both ways, as 1,234 can.
        """
        if self.mark is None and self.doubtful:
            raise DataError(
                f"{self.doubtful} may be a number of thousands or have three decimal places, and so may all others "
                "with a mark: say which mark is the decimal one, --decimal . or --decimal ,"
            )
        return self.mark or "."
