"""The settings of forecasts."""

from dataclasses import dataclass
from typing import Literal

from tidegate.train.options import RecurrentConfig, option


@dataclass(frozen=True)
class ForecastConfig(RecurrentConfig):
    """What a forecaster is made of, and how its files are read."""

    cell: str = option("gru", "The recurrent cell; see tidegate cells.")
    hidden_size: int = option(64, "Tokenizer a layer.", min=1)
    dropout: float = option(0.0, "Share of values dropped between and after the layers.", min=0, below=1)
    distribution: Literal["gaussian", "quantiles"] = option("gaussian", "What is said of the next value.")
    noise: float = option(0.0, "Deviation of noise added to inputs while training, in deviations.", min=0)
    paths: int = option(100, "Paths drawn for a forecast.", min=2)
    horizon: int = option(24, "Steps that a forecast goes ahead.", panel="Data", min=1)
    window: int = option(100, "Steps of a training example, and those read before a forecast.", panel="Data", min=2)
    window_stride: int | None = option(
        None,
        "Steps between the starts of training examples; a quarter of the window unless given.",
        panel="Data",
        min=1,
    )
    forecast_stride: int | None = option(
        None, "Steps between the forecasts that are measured; the horizon unless given.", panel="Data", min=1
    )
    season: int | None = option(
        None, "Period of the seasonal baseline; by autocorrelation unless given, 1 for none.", panel="Data", min=1
    )
    mase_season: int = option(1, "Period of the naive error that scales MASE.", panel="Data", min=1)
    normalise: Literal["series", "all"] = option(
        "series", "Mean and deviation of each series, or of all together.", panel="Data"
    )
    target: str | None = option(None, "The column to forecast; all columns of numbers unless given.", panel="Data")
    series_column: str | None = option(None, "Of a long table: the column that names the series.", panel="Data")
    time_column: str | None = option(None, "The column of times, by which rows are put in order.", panel="Data")
    covariates: str | None = option(None, "Columns known in advance, separated by commas.", panel="Data")

    @property
    def known(self) -> list[str]:
        """The columns of covariates."""
        return [name.strip() for name in self.covariates.split(",") if name.strip()] if self.covariates else []
