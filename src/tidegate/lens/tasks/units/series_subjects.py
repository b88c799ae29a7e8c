"""Forecasters and models with a value at every step: the values, how they change, and the phase of the season."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.data.columns import Encoded
from tidegate.lens.tasks.outcomes.number_outcomes import horizon_errors
from tidegate.lens.tasks.units.subject import ReadSequence, Scored, StepLabel, Subject
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.forecast.free_running import predicted
from tidegate.tasks.forecast.model import Forecaster, inputs
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.forecast.windows import by_target
from tidegate.tasks.layers import mask
from tidegate.tasks.regress.losses import elementwise_loss
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.regress.task import RegressTask

Values = Callable[[Encoded], NDArray[Any]]


def _change(values: Values) -> Values:
    """Return the label of the change since the step before; of the first step it is undefined."""
    return lambda example: np.diff(values(example).astype(np.float64), prepend=np.nan)


# Forecasts.


def _forecast_steps(example: Encoded) -> int:
    return len(example["frames"]) - 1


def _forecast_labels(task: ForecastTask) -> list[StepLabel]:
    """Return labels of the steps whose next value is forecast: those before are the context of other examples, too."""
    horizon, made = task.config.horizon, list[StepLabel]()

    def add(name: str, values: Values, words: str = "") -> None:
        def of(example: Encoded) -> NDArray[Any]:
            found = np.asarray(values(example), np.float64).copy()
            found[: len(found) - horizon] = np.nan
            return found

        made.append(StepLabel(name, "count", of, words=words))

    def column(k: int, after: int) -> Values:
        return lambda example: example["frames"][after : len(example["frames"]) - 1 + after, k]

    for k, (target, fitted) in enumerate(by_target(task.preprocessing).items()):
        own = f" of {target}" if target else ""
        add(f"value{own}", column(k, 0))
        add(f"change{own}", _change(column(k, 0)))
        add(f"next value{own}", column(k, 1))
        add(f"next change{own}", lambda it, k=k: np.diff(it["frames"][:, k].astype(np.float64)))
        season = fitted.number("season")
        if season > 1:
            for name, wave in (("cosine", np.cos), ("sine", np.sin)):

                def phase(example: Encoded, season: int = season, wave: Any = wave) -> NDArray[Any]:
                    last = int(example["at"][0]) + horizon - 1  # what the last step is to predict
                    return wave(2 * np.pi * np.arange(last - _forecast_steps(example), last) / season)

                words = f"with the {name} of the phase of the season, of {season} steps{own}"
                add(f"phase of {season} steps{own}, {name}", phase, words)
    return made


def _forecast_scored(task: ForecastTask, model: Forecaster, columns: Columns) -> list[Scored]:
    """Score the values of the horizon: the loss of one step after true values, the error of free running.

    The error is that of the median of the sample paths, in deviations of the series.
    """
    frames, lengths = model.frames(columns), columns["frames"].lengths - 1
    given, _ = model(inputs(frames, model.past), lengths)
    loss = model.distribution.loss(given, frames[:, 1:, : model.targets])
    outside = mask(lengths - task.config.horizon, loss.shape[1])[..., None] | ~predicted(columns, lengths)
    losses = loss.masked_fill(outside, np.nan).double().cpu().numpy()
    errors = horizon_errors(task, model, columns)
    each = [losses[n, length - task.config.horizon : length] for n, length in enumerate(lengths.tolist())]
    return [Scored(loss.ravel(), error.ravel()) for loss, error in zip(each, errors, strict=True)]


def _forecast_groups(task: ForecastTask, example: Encoded) -> list[str]:
    """Return which of the targets each value is of, and whether it rises or falls there."""
    names = list(by_target(task.preprocessing))
    changes = np.diff(example["frames"][-task.config.horizon - 1 :, : len(names)], axis=0)
    words = np.where(changes > 0, "rising", np.where(changes < 0, "falling", "unchanged"))
    return [f"{name}, {word}" if name else str(word) for row in words for name, word in zip(names, row, strict=True)]


FORECASTER = Subject(
    {"input": ReadSequence(lambda model: model.recurrent, _forecast_steps, _forecast_labels)},
    _forecast_scored,
    _forecast_groups,
    "change of the value",
    shuffled=False,
    error="absolute error of the median over the horizon, in deviations of the series",
)


# A value at every step.


def _regress_steps(example: Encoded) -> int:
    return len(example["inputs"])


def _regress_labels(task: RegressTask) -> list[StepLabel]:
    made: list[StepLabel] = []
    for column in ("inputs", "targets"):
        for k, name in enumerate(task.names(column)):

            def values(example: Encoded, column: str = column, k: int = k) -> NDArray[Any]:
                return example[column][:, k]

            made.append(StepLabel(f"{column[:-1]} {name}", "count", values))
            made.append(StepLabel(f"change of {column[:-1]} {name}", "count", _change(values)))
    return made


def _regress_scored(task: RegressTask, model: Regressor, columns: Columns) -> list[Scored]:
    targets, lengths = columns["targets"].values.transpose(0, 1), columns["inputs"].lengths
    y = model.read(columns["inputs"].values.transpose(0, 1), lengths)
    error = torch.where(targets.isnan(), 0.0, y - targets)
    each = elementwise_loss(task.config.loss, error, torch.zeros_like(error[0]), task.config.pre_emphasis)
    each = (each * columns["weights"].values[:, 0]).masked_fill(targets.isnan(), np.nan).double().cpu().numpy()
    found = []
    for n, (length, skip) in enumerate(zip(lengths.tolist(), columns["skip"].values[:, 0].tolist(), strict=True)):
        own = each[:length, n].copy()
        own[:skip] = np.nan
        found.append(Scored(own.ravel(), np.full(own.size, np.nan)))
    return found


def _regress_groups(task: RegressTask, example: Encoded) -> list[str]:
    return task.names("targets") * _regress_steps(example)


def _first_steps(example: Encoded, count: int) -> Encoded:
    cut = ("inputs", "targets", "kept")
    return {name: values[:count] if name in cut else values for name, values in example.items()}


REGRESSOR = Subject(
    {"input": ReadSequence(lambda model: model.recurrent, _regress_steps, _regress_labels)},
    _regress_scored,
    _regress_groups,
    "target",
    shuffled=False,
    first_steps=_first_steps,
)
