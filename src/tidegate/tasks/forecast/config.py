"""Settings of forecasts."""

from dataclasses import dataclass
from typing import Literal

from tidegate.tasks.forecast.series.series_options import SeriesOptions
from tidegate.train.options import RecurrentConfig, option


@dataclass(frozen=True, repr=False)
class ForecastConfig(SeriesOptions, RecurrentConfig):
    """Architecture of a forecaster, and how its files are read."""

    cell: str = option("gru", "The recurrent cell, see tidegate cells; or my_cells.py:NAME.")
    hidden_size: int = option(64, "Hidden units per layer.", min=1)
    dropout: float = option(0.0, "Dropout between and after the layers.", min=0, below=1)
    distribution: Literal["gaussian", "student_t", "negative_binomial", "quantiles"] = option(
        "gaussian", "Distribution of the next value; negative_binomial: of counts."
    )
    static_size: int = option(
        4, "Size of the embedding of a category of a series or a covariate.", min=1, absent=4, advanced=True
    )
    noise: float = option(
        0.0, "Standard deviation of Gaussian input noise, in those of the series.", min=0, advanced=True
    )
    paths: int = option(100, "Sample paths per forecast.", min=2)
    horizon: int = option(24, "Steps to forecast.", panel="Data", min=1)
    window: int = option(100, "Steps of a training example, and of the context of a forecast.", panel="Data", min=2)
    window_stride: int | None = option(
        None,
        "Steps between the starts of training examples.",
        panel="Data",
        unset="a quarter of the window",
        min=1,
        advanced=True,
    )
    forecast_stride: int | None = option(
        None, "Steps between evaluated forecasts.", panel="Data", unset="the horizon", min=1
    )
    season: int | None = option(
        None, "Period of the seasonal baseline; 1: none.", panel="Data", unset="found in the training part", min=1
    )
    mase_season: int = option(1, "Period of the naive error that scales MASE.", panel="Data", min=1, advanced=True)
    normalise: Literal["series", "all"] = option(
        "series", "Normalise each series by itself, or all together.", panel="Data"
    )

    @property
    def counts(self) -> bool:
        """Whether the distribution is one of whole numbers from 0 on."""
        from tidegate.tasks.forecast.distributions import DISTRIBUTIONS  # which imports torch

        return DISTRIBUTIONS[self.distribution].counts
