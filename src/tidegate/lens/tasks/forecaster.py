"""Forecasters: the quantiles expected of every known value, and of those to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.drawing import caption_html, line_chart_svg
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import together
from tidegate.lens.record.trace import trace
from tidegate.lens.tasks.example import WHERE, ArrayRow, Example
from tidegate.lens.tasks.hooks import recorded_calls
from tidegate.lens.tasks.task_look import ExampleLook
from tidegate.lens.tasks.views import Look, Steps
from tidegate.tasks.forecast.model import Forecaster, inputs
from tidegate.tasks.forecast.series.gaps import series_values
from tidegate.tasks.forecast.task import BANDS, ForecastTask
from tidegate.train import Run


@dataclass(frozen=True, repr=False)
class ForecasterLook(Look):
    """What a forecaster did with a series, in the series' own unit of measure.

    Step t of ``steps["input"]`` read value t of the history.

    Attributes:
        levels: levels of the quantiles, 0.1 to 0.9; the middle one is the median.
        history: (T,) float64, the known values, at most one window of them.
        expected: (T, 5) quantiles of the value *after* step t, given the true values up to t.
        ahead: (H, 5) quantiles of each step to come, free running: the model reads its own draws.
    """

    levels: Sequence[float]
    history: NDArray[np.float64]
    expected: NDArray[np.float64]
    ahead: NDArray[np.float64]

    def _repr_html_(self) -> str:
        """Notebook view: the known values, the quantiles expected of them, and those of the values to come."""
        caption = f"{self.task}: {len(self.history)} known values and the quantiles of each next one"
        return together(caption_html(caption), self._chart())

    def _charts(self) -> list[str]:
        return [self._chart()]

    def _chart(self) -> str:
        known, steps = len(self.history), len(self.history) + len(self.ahead)
        every = np.concatenate([self.expected[: known - 1], self.ahead])  # after step t: of value t + 1
        quantiles = {f"{level:g}": (np.arange(1, steps), every[:, n]) for n, level in enumerate(self.levels)}
        return line_chart_svg({"known": (np.arange(known), self.history), **quantiles}, x_label="step")


def look(run: Run) -> ExampleLook:
    """Return how a run of ``forecast`` is looked at."""
    return ExampleLook(look_at_series, "Forecast", array_row=_series_row)


def _series_row(array: NDArray[Any]) -> ArrayRow:
    if array.ndim != 1:
        raise ArgumentError(
            f"A series should be (T,), but is {array.shape}: give one with covariates as a file, or as a row of one."
        )
    return ArrayRow(series_values(WHERE, array))


def look_at_series(task: ForecastTask, model: Forecaster, example: Example) -> ForecasterLook:
    """Look inside a forecaster.

    Args:
        task: the run's task.
        model: in eval mode.
        example: A series.

    Raises:
        ArgumentError: the example is a window of the training part, after which nothing is forecast; or the cell takes
            elapsed times.
    """
    if "scale" not in example.encoded:
        raise ArgumentError(
            "The training part holds windows to train on and no forecasts: choose an example of validation or test, or "
            "give a series."
        )
    if model.elapsed is not None:
        raise ArgumentError(
            f"The cell {task.config.cell} takes the time between rows at every step, which cannot be looked at: use "
            "tidegate predict or evaluate."
        )
    (prediction,) = task.predict(model, example.columns)
    frames = model.frames(example.columns)
    known = frames.shape[1] - task.config.horizon
    with recorded_calls(model.recurrent) as calls:
        parameters, _ = model(inputs(frames, model.past)[:, :known], torch.tensor([known], device=frames.device))
    mean, deviation = (float(it) for it in example.encoded["scale"][:2])
    levels = torch.tensor(BANDS, device=frames.device).expand(known, -1)
    quantiles = model.distribution.quantile(parameters[0][:, None].expand(-1, len(BANDS), -1), levels)
    history = mean + deviation * example.encoded["frames"][:known, 0].astype(np.float64)
    read = tuple(f"{value:.5g}" for value in history)
    reference = example.encoded.get("reference")
    return ForecasterLook(
        task=task.name,
        steps={"input": Steps(read, trace(model.recurrent, calls[0].args[0][0], labels=read))},
        prediction=prediction,
        truth=None if reference is None else {"values": reference[:, 0].tolist()},
        attention=None,
        levels=BANDS,
        history=history,
        expected=mean + deviation * quantiles.double().cpu().numpy(),
        ahead=np.array([prediction["quantiles"][str(level)] for level in BANDS]).T,
    )
