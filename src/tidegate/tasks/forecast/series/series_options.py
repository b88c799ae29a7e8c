"""How the files of series are read."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from tidegate.data.series.row_options import RowOptions
from tidegate.train.options import option

Missing = Literal["refuse", "mask", "interpolate"]


@dataclass(frozen=True, repr=False)
class SeriesOptions(RowOptions):
    """Which columns are read, and how their cells are written."""

    target: str | None = option(
        None,
        "The column to forecast; several, separated by commas, are forecast together.",
        panel="Data",
        unset="all columns of numbers, each a series",
    )
    covariates: str | None = option(None, "Columns that are known in advance, separated by commas.", panel="Data")
    past_covariates: str | None = option(
        None, "Columns of which only the past is known, separated by commas.", panel="Data", absent=None
    )
    static: str | None = option(
        None, "Columns of categories that describe a whole series, separated by commas.", panel="Data", absent=None
    )
    categorical: str | None = option(
        None,
        "Columns of the covariates that are categories, separated by commas.",
        panel="Data",
        unset="those of text",
        absent=None,
    )
    missing: Missing = option(
        "refuse",
        "Missing values: refuse them; mask: the last value, and an input that says whether there was one; interpolate.",
        panel="Data",
        absent="refuse",
    )

    def targets(self, columns: Collection[str]) -> list[str]:
        """Return the names of the columns to forecast; a column whose name has commas is one.

        Args:
            columns: those of the file.
        """
        return [self.target] if self.target is not None and self.target in columns else listed(self.target)

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
        """Names of the columns of categories that describe a whole series."""
        return listed(self.static)

    @property
    def categorical_names(self) -> list[str]:
        """Names of the covariates that are categories, as far as they are given."""
        return listed(self.categorical)


DEFAULTS = SeriesOptions()


def listed(names: str | None) -> list[str]:
    """Return the names in a list separated by commas."""
    return [name.strip() for name in names.split(",") if name.strip()] if names else []
