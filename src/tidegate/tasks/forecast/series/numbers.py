"""The numbers in a table's cells: finite, not too large, and with a note where one is not what it seems to be."""

import math
import re
from decimal import Decimal

from tidegate.data.rows import Row
from tidegate.data.tables.cell_values import described, is_missing, text_of
from tidegate.data.tables.decimals import OTHER, DecimalMark, has_thousands, parse_number
from tidegate.errors import DataError
from tidegate.io.wording import quoted

WHOLE = re.compile(r"[+-]?[0-9]+")
EXACT = 2**53  # from here on not every whole number is a float64
LARGEST = 1e300  # so that sums of values are numbers
NAMES = {".": "points", ",": "commas"}


class NumberReader:
    """Read the numbers of a table.

    Args:
        mark: the decimal mark of numbers in texts.
        missing: whether values may be missing.

    Attributes:
        notes: what the user should know, in lines; at most one of each kind.
    """

    def __init__(self, mark: DecimalMark, missing: bool = False) -> None:
        self.mark: DecimalMark = mark
        self.missing = missing
        self.notes: dict[str, str] = {}

    def read(self, row: Row, column: str, *, empty: bool = False) -> float:
        """Read the number in a cell; nan if it is missing, where values may be.

        Args:
            row: the row.
            column: the column.
            empty: whether this cell may be empty, whatever others may.

        Raises:
            DataError: it is missing, not a number, not finite or too large.
        """
        value = row.values[column]
        where = f"{row.where}: column {quoted(column)}"
        if is_missing(value):
            if self.missing or empty:
                return math.nan
            what = "is empty" if value is None or value == "" else f"holds {described(value)}"
            raise DataError(f"{where} {what}: give a value, or say --missing mask or --missing interpolate.")
        number = parse_number(value, self.mark)
        if number is None and parse_number(value, OTHER[self.mark]) is not None:
            raise DataError(
                f"{where} holds {described(value)}, but other numbers of the file are written with decimal "
                f"{NAMES[self.mark]}: write all alike, or say --decimal {OTHER[self.mark]} if they are read wrongly."
            )
        if number is None:
            raise DataError(
                f"{where} holds {described(value)}, which is not a number. If it is a time, say --time-column; if it "
                "names a series, --series-column; if it is a category of a covariate, --categorical; else choose a "
                "column with --target."
            )
        if not math.isfinite(number):
            raise DataError(f"{where} holds {described(value)}: give a finite number, or leave the cell empty.")
        if abs(number) > LARGEST:
            raise DataError(f"{where} holds {described(value)}, and at most {LARGEST:g} is read: choose a larger unit.")
        if abs(number) >= EXACT and "rounded" not in self.notes and _is_rounded(value):
            self.notes["rounded"] = (
                f"{row.where}: {described(value)} is read as {number:.17g}: whole numbers beyond 2^53 are rounded"
            )
        if "thousands" not in self.notes and has_thousands(value, self.mark):
            self.notes["thousands"] = f"{row.where}: {described(value)} is read as {number:.17g}"
        return number


def _is_rounded(value: object) -> bool:
    """Whether float64 rounds a whole number."""
    text = text_of(value) or ""
    return WHOLE.fullmatch(text) is not None and Decimal(text) != Decimal(float(text))
