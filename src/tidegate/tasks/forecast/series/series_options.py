"""How the files of series are read."""

from dataclasses import dataclass

from tidegate.data.tables.decimals import DecimalMark
from tidegate.data.tables.delimiters import TableOptions
from tidegate.train.options import option


@dataclass(frozen=True, repr=False)
class SeriesOptions(TableOptions):
    """Which columns are read, and how their cells are written."""

    target: str | None = option(None, "The column to forecast.", panel="Data", unset="all columns of numbers")
    series_column: str | None = option(None, "The column with the name of the series, in a long table.", panel="Data")
    time_column: str | None = option(None, "The column of times, to sort rows.", panel="Data")
    covariates: str | None = option(None, "Columns that are known in advance, separated by commas.", panel="Data")
    decimal: DecimalMark | None = option(
        None, "Decimal mark of numbers in texts.", panel="Data", unset="found in each file", absent=None
    )

    @property
    def known(self) -> list[str]:
        """Names of the covariate columns."""
        return listed(self.covariates)


DEFAULTS = SeriesOptions()


def listed(names: str | None) -> list[str]:
    """Return the names in a list separated by commas."""
    return [name.strip() for name in names.split(",") if name.strip()] if names else []
