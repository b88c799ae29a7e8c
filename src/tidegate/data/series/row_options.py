"""How the rows of a table become series: whose they are, when they are, and what becomes of those that are missing."""

from dataclasses import dataclass
from typing import Literal

from tidegate.data.tables.decimals import DecimalMark
from tidegate.data.tables.delimiters import TableOptions
from tidegate.errors import ArgumentError
from tidegate.train.options import option

Elapsed = Literal["none", "log", "scaled"]
MissingRows = Literal["report", "refuse", "fill"]


@dataclass(frozen=True, repr=False)
class RowOptions(TableOptions):
    """Which columns say whose and when a row is, and how its cells are written."""

    series_column: str | None = option(None, "The column with the name of the series, in a long table.", panel="Data")
    time_column: str | None = option(None, "The column of times, to sort rows.", panel="Data", absent=None)
    decimal: DecimalMark | None = option(
        None,
        "Decimal mark of numbers in texts: . or a comma.",
        panel="Data",
        unset="found in each file",
        absent=None,
        advanced=True,
    )
    date_format: str | None = option(
        None,
        "How times are written, as in %d.%m.%Y or '%m/%d/%Y %H:%M'; or epoch-s, epoch-ms.",
        panel="Data",
        unset="ISO 8601, numbers, or the one usual format that fits",
        absent=None,
    )
    time_zone: str | None = option(
        None, "Zone of local times, such as Europe/Berlin.", panel="Data", unset="none", absent=None, advanced=True
    )
    clock_changes: Literal["refuse", "resolve"] = option(
        "refuse", "Local times that clocks show twice, or not at all.", panel="Data", absent="refuse", advanced=True
    )
    missing_rows: MissingRows = option(
        "report",
        "Rows missing from a regular series: report them; refuse them; fill them with missing values.",
        panel="Data",
        absent="report",
        advanced=True,
    )
    elapsed: Elapsed = option(
        "none",
        "The time between rows as an input: its logarithm, or scaled.",
        panel="Data",
        absent="none",
        advanced=True,
    )

    def check_filling(self, missing: str, ways: str) -> None:
        """Check that missing rows are not filled where missing values are refused, or where elapsed times are inputs.

        Args:
            missing: what becomes of missing values; "refuse" refuses them.
            ways: the other choices, for the message.

        Raises:
            ArgumentError: they are.
        """
        if self.missing_rows == "fill" and missing == "refuse":
            raise ArgumentError(
                f"missing_rows is 'fill', which makes missing values, but missing is 'refuse': say {ways}."
            )
        if self.missing_rows == "fill" and self.elapsed != "none":
            raise ArgumentError(
                "missing_rows is 'fill', after which all rows are equally far apart: leave out elapsed."
            )

    def of_times(self) -> str:
        """Return the name of an option that was given and needs a column of times; "" if there is none."""
        given = {"time_zone": self.time_zone, "date_format": self.date_format, "elapsed": self.elapsed != "none"}
        return next((name for name, value in given.items() if value), "")
