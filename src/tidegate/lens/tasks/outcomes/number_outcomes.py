"""Outcomes of forecasters and of models with a value at every step, whose answers are numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.data.column_kinds import stored_text
from tidegate.data.columns import Part
from tidegate.lens.tasks.outcomes.outcome import Outcome
from tidegate.tasks.example_batches import Columns, map_batches
from tidegate.tasks.forecast.free_running import sample_paths
from tidegate.tasks.forecast.model import Forecaster
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.forecast.windows import true_values
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.regress.task import RegressTask

FORECAST_MEASURE = "mean absolute error of the median, in deviations of the series"
VALUES_MEASURE = "root of the mean squared error, in deviations of the target"


def horizon_errors(task: ForecastTask, model: Forecaster, columns: Columns) -> NDArray[np.float64]:
    """Return |median - truth| of each value of the horizon, in deviations of its series (B, H, K); free running."""
    paths = sample_paths(model, columns, task.config, task.preprocessing)
    median = paths.quantile(0.5, -1).transpose(1, 2).cpu().numpy()
    truth = [true_values(it, task.preprocessing) for it in columns["reference"].values.double().cpu().numpy()]
    scales = columns["scale"].values.double().unflatten(1, (model.targets, -1))
    deviations = scales[:, None, :, 3 if task.config.counts else 1].cpu().numpy()
    return np.abs(median - np.stack(truth)) / deviations


def forecast_outcomes(task: ForecastTask, model: Forecaster, part: Part, numbers: Sequence[int]) -> list[Outcome]:
    """Return the outcomes of a forecaster; those of several targets are averaged, and missing values left out."""

    def act(columns: Columns) -> list[float]:
        return [float(np.nanmean(it)) for it in horizon_errors(task, model, columns)]

    found = []
    for n, (number, error) in enumerate(zip(numbers, map_batches(part, task.LENGTH, model, act, 16), strict=True)):
        name, at = stored_text(part.columns["name"][n]), int(part.columns["at"][n][0])
        about = f"{name}, after step {at:,}" if name else f"after step {at:,}"
        found.append(_numbers_outcome(number, about, error))
    return found


def value_outcomes(task: RegressTask, model: Regressor, part: Part, numbers: Sequence[int]) -> list[Outcome]:
    """Return the outcomes of a model with a value at every step: of known targets that are not in the burn-in."""

    def act(columns: Columns) -> list[float]:
        targets, lengths = columns["targets"].values, columns["inputs"].lengths
        y = model.read(columns["inputs"].values.transpose(0, 1), lengths).transpose(0, 1)
        squares = (y - targets).double().square().cpu().numpy()
        skips = columns["skip"].values[:, 0].tolist()
        found = []
        for own, skip, length in zip(squares, skips, lengths.tolist(), strict=True):
            known = own[skip:length][np.isfinite(own[skip:length])]
            found.append(float(np.sqrt(known.mean())) if len(known) else float("nan"))
        return found

    size = task.batch_size(part)
    losses = map_batches(part, task.LENGTH, model, act, size)
    names = [stored_text(part.columns["name"][n]) for n in range(len(part))]
    return [_numbers_outcome(*it) for it in zip(numbers, names, losses, strict=True)]


def _numbers_outcome(number: int, text: str, loss: float) -> Outcome:
    return Outcome(number, text, truth="", guess="", p=None, loss=loss, right=None)
