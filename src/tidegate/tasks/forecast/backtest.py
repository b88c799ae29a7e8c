"""Rolling backtests: a trained model's forecasts from the last origins of every series."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.column_kinds import stored_text
from tidegate.data.columns import Encoded, Part, Preprocessing
from tidegate.data.ragged_array import Rows
from tidegate.data.rows import Row
from tidegate.errors import ArgumentError, DataError
from tidegate.io.wording import quoted
from tidegate.tasks.evaluate_run import evaluate_run
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.model import Forecaster
from tidegate.tasks.forecast.target_scores import origins_tables
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.metrics_report import Report
from tidegate.train.options import with_settings
from tidegate.train.run_folder import Run
from tidegate.train.task import EvaluationOptions, EvaluationText


def backtest_run(
    run: Run,
    files: Sequence[Path],
    origins: int,
    *,
    stride: int | None = None,
    options: EvaluationOptions | None = None,
) -> EvaluationText:
    """Evaluate a run of ``forecast`` from the last origins of every series, with a row for each and all together.

    The model is not trained again between origins. An origin is the first step that is forecast; the last one leaves
    just one horizon to the end of the series. Of the run's own data, the forecasts of the part are taken, of which the
    last ones need not end with the series.

    Args:
        run: the run.
        files: other series, or newer values of the same; none: the run's own data.
        origins: N, the number of origins.
        stride: steps between origins, for files. Default: the run's.
        options: of which ``split`` is the part of the run's own data.

    Returns:
        The metrics over all origins beside the baselines', and the table of origins.

    Raises:
        ArgumentError: the run is of another task, its data have fewer origins, or a stride is given without files.
        DataError: a file is not what the task reads, or a series is too short.
    """
    if not issubclass(run.task, ForecastTask):
        raise ArgumentError(f"Backtests are for runs of forecast, but {run.place} is one of {run.config.task}.")
    if stride is not None and not files:
        raise ArgumentError(
            "The run's own data hold forecasts at its own --forecast-stride: give FILES for another, or leave it out."
        )
    own = {it.name: getattr(run.config.model, it.name) for it in fields(run.config.model)}
    config = with_settings(BacktestConfig(**own, origins=origins), {"forecast_stride": stride}, ArgumentError)
    return evaluate_run(Backtest, run, files, replace(options or EvaluationOptions(), model=config))


@dataclass(frozen=True, repr=False)
class BacktestConfig(ForecastConfig):
    """The settings of a forecaster, and of its backtest.

    Attributes:
        origins: N, the number of origins.
    """

    origins: int = 1


class Backtest(ForecastTask):
    """A forecaster that is evaluated from the last origins of every series."""

    config: BacktestConfig

    @classmethod
    def encode(cls, row: Row, config: Any, preprocessing: Preprocessing, *, labelled: bool = True) -> Iterable[Encoded]:
        """Encode the forecasts of the last origins of a series."""
        steps, stride = len(row.values["values"]), config.forecast_stride or config.horizon
        before = config.horizon + (config.origins - 1) * stride
        if steps <= before:
            raise DataError(
                f"{row.where}: {steps} steps are too few for {config.origins} forecasts of {config.horizon} steps, "
                f"each {stride} after the one before: at least {before + 1} are needed; choose a smaller --backtest."
            )
        row = Row(row.where, row.values | {"start": steps - before})
        return super().encode(row, config, preprocessing, labelled=labelled)

    def measure(self, model: Forecaster, part: Part, *, tables: bool = True) -> Report:
        """Compute the metrics of the last origins of every series.

        Raises:
            ArgumentError: a series has fewer.
            DataError: the part is the training part.
        """
        if "reference" in part.columns:
            part = _chosen(part, last_origins(part, self.config.origins))
        loss, found = self.forecasts(model, part)
        report = self.report(loss, found, tables=tables)
        return replace(report, tables=report.tables | origins_tables(found))


def last_origins(part: Part, count: int) -> NDArray[np.int64]:
    """Return the numbers of the forecasts from the last origins of every series.

    Raises:
        ArgumentError: a series has fewer.
    """
    every = part.rows(range(len(part)))
    by_series: dict[str, list[tuple[int, int]]] = {}
    for n, (name, at) in enumerate(zip(every["name"], every["at"], strict=True)):
        by_series.setdefault(stored_text(name), []).append((int(at[0]), n))
    for name, own in by_series.items():
        if len(own) < count:
            raise ArgumentError(
                f"There are {len(own)} forecasts of the series {quoted(name)}, but the backtest needs {count}: choose "
                "a smaller --backtest, give FILES, or train with a larger part for test (--splits)."
            )
    return np.sort([n for own in by_series.values() for _, n in sorted(own)[-count:]])


def _chosen(part: Part, numbers: NDArray[np.int64]) -> Part:
    return Part({name: Rows(rows) for name, rows in part.rows(numbers).items()})
