"""How the files of series are read."""

from dataclasses import dataclass
from typing import Literal

from tidegate.data.tables.decimals import DecimalMark
from tidegate.data.tables.delimiters import TableOptions
from tidegate.train.options import option

Missing = Literal["refuse", "mask", "interpolate"]
Elapsed = Literal["none", "log", "scaled"]
MissingRows = Literal["report", "refuse", "fill"]


@dataclass(frozen=True, repr=False)
class SeriesOptions(TableOptions):
    """Which columns are read, and how their cells are written."""

    target: str | None = option(None, "The column to forecast.", panel="Data", unset="all columns of numbers")
    series_column: str | None = option(None, "The column with the name of the series, in a long table.", panel="Data")
    time_column: str | None = option(None, "The column of times, to sort rows.", panel="Data")
    covariates: str | None = option(None, "Columns that are known in advance, separated by commas.", panel="Data")
    past_covariates: str | None = option(
        None, "Columns of which only the past is known, separated by commas.", panel="Data", absent=None
    )
    static: str | None = option(
        None, "Columns of categories that describe a whole series, separated by commas.", panel="Data", absent=None
    )
    decimal: DecimalMark | None = option(
        None, "Decimal mark of numbers in texts.", panel="Data", unset="found in each file", absent=None
    )
    date_format: str | None = option(
        None,
        "How times are written, as in %d.%m.%Y or '%m/%d/%Y %H:%M'; or epoch-s, epoch-ms.",
        panel="Data",
        unset="ISO 8601, numbers, or the one usual format that fits",
        absent=None,
    )
    time_zone: str | None = option(
        None, "Zone of local times, such as Europe/Berlin.", panel="Data", unset="none", absent=None
    )
    clock_changes: Literal["refuse", "resolve"] = option(
        "refuse", "Local times that clocks show twice, or not at all.", panel="Data", absent="refuse"
    )
    missing: Missing = option(
        "refuse",
        "Missing values: refuse them; mask: the last value, and an input that says whether there was one; interpolate.",
        panel="Data",
        absent="refuse",
    )
    missing_rows: MissingRows = option(
        "report",
        "Rows missing from a regular series: report them; refuse them; fill them with missing values.",
        panel="Data",
        absent="report",
    )
    elapsed: Elapsed = option(
        "none",
        "The time from each row to the next as an input: its logarithm, or scaled.",
        panel="Data",
        absent="none",
    )

    @property
    def known(self) -> list[str]:
        """Names of the columns that are known in advance."""
        return listed(self.covariates)

    @property
    def past(self) -> list[str]:
        """Names of the columns of which only the past is known."""
        return listed(self.past_covariates)

    @property
    def categories(self) -> list[str]:
        """Names of the columns of categories."""
        return listed(self.static)

    def of_times(self) -> str:
        """Return the name of an option that was given and needs a column of times; "" if there is none."""
        given = {"time_zone": self.time_zone, "date_format": self.date_format, "elapsed": self.elapsed != "none"}
        return next((name for name, value in given.items() if value), "")


DEFAULTS = SeriesOptions()


def listed(names: str | None) -> list[str]:
    """Return the names in a list separated by commas."""
    return [name.strip() for name in names.split(",") if name.strip()] if names else []
