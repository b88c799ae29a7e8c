"""Outcomes of forecasters and of models with a value at every step, whose answers are numbers."""

from collections.abc import Sequence
from typing import Any

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


def forecast_outcomes(task: ForecastTask, model: Forecaster, part: Part, numbers: Sequence[int]) -> list[Outcome]:
    """Return the outcomes of a forecaster; those of several targets are averaged, and missing values left out."""

    def act(columns: Columns) -> list[NDArray[Any]]:
        paths = sample_paths(model, columns, task.config, task.preprocessing)
        return list(paths.quantile(0.5, -1).transpose(1, 2).cpu().numpy())  # (H, K) of each

    found = []
    for n, (number, median) in enumerate(zip(numbers, map_batches(part, task.LENGTH, model, act, 16), strict=True)):
        example = {name: column[n] for name, column in part.columns.items()}
        scales = np.asarray(example["scale"]).reshape(model.targets, -1)
        deviations = scales[:, 3 if task.config.counts else 1]
        errors = np.abs(median - true_values(example["reference"], task.preprocessing)) / deviations
        name, at = stored_text(example["name"]), int(example["at"][0])
        about = f"{name}, after step {at:,}" if name else f"after step {at:,}"
        found.append(_numbers_outcome(number, about, float(np.nanmean(errors))))
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
