"""Forecasters: the quantiles expected of every known value, and of those to come."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from tidegate.lens.tasks.outcomes.number_outcomes import FORECAST_MEASURE, forecast_outcomes
from tidegate.lens.tasks.reasons.series_decisions import FORECASTS
from tidegate.lens.tasks.task_look import ExampleLook
from tidegate.lens.tasks.units.series_subjects import FORECASTER
from tidegate.lens.tasks.views import Look, Steps
from tidegate.tasks.forecast.model import Forecaster, inputs
from tidegate.tasks.forecast.prediction_table import TARGETS, predicted_targets
from tidegate.tasks.forecast.series.gaps import series_values
from tidegate.tasks.forecast.task import BANDS, ForecastTask
from tidegate.tasks.forecast.windows import true_values
from tidegate.train import Run


@dataclass(frozen=True, repr=False)
class ForecasterLook(Look):
    """What a forecaster did with a series, in the series' own unit of measure.

    Step t of ``steps["input"]`` read value t of the history. Of K targets the arrays have one more axis, (T, K) and
    (T, 5, K) and (H, 5, K).

    Attributes:
        levels: levels of the quantiles, 0.1 to 0.9; the middle one is the median.
        history: (T,) float64, the known values, at most one window of them.
        expected: (T, 5) quantiles of the value *after* step t, given the true values up to t.
        ahead: (H, 5) quantiles of each step to come, free running: the model reads its own draws.
        targets: the names of the K targets; empty if there is one.
    """

    levels: Sequence[float]
    history: NDArray[np.float64]
    expected: NDArray[np.float64]
    ahead: NDArray[np.float64]
    targets: Sequence[str] = ()

    def of(self, target: str) -> "ForecasterLook":
        """Return what concerns one of several targets.

        Raises:
            ArgumentError: there is no such target.
        """
        if target not in self.targets:
            raise ArgumentError(
                f"There is no target {target!r}; there are: {', '.join(self.targets) or 'one, unnamed'}."
            )
        k = list(self.targets).index(target)
        truth = None if self.truth is None else self.truth[TARGETS][target]
        arrays = {name: getattr(self, name)[..., k] for name in ("history", "expected", "ahead")}
        return replace(self, prediction=self.prediction[TARGETS][target], truth=truth, targets=(), **arrays)

    def _repr_html_(self) -> str:
        """Notebook view: the known values, the quantiles expected of them, and those of the values to come."""
        parts = []
        for name in self.targets or [""]:
            about = f"target {name}, {len(self.history)}" if name else f"{len(self.history)}"
            parts += [caption_html(f"{self.task}: {about} known values and the quantiles of each next one")]
            parts += [(self.of(name) if name else self)._chart()]
        return together(*parts)

    def _charts(self) -> list[str]:
        return [self.of(name)._chart() for name in self.targets] or [self._chart()]

    def _chart(self) -> str:
        known, steps = len(self.history), len(self.history) + len(self.ahead)
        every = np.concatenate([self.expected[: known - 1], self.ahead])  # after step t: of value t + 1
        quantiles = {f"{level:g}": (np.arange(1, steps), every[:, n]) for n, level in enumerate(self.levels)}
        return line_chart_svg({"known": (np.arange(known), self.history), **quantiles}, x_label="step")


def look(run: Run) -> ExampleLook:
    """Return how a run of ``forecast`` is looked at."""
    return ExampleLook(
        look_at_series,
        "Forecast",
        array_row=_series_row,
        outcomes=forecast_outcomes,
        measure=FORECAST_MEASURE,
        answers="numbers",
        subject=FORECASTER,
        decisions=FORECASTS,
    )


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
    count = model.targets
    mean, deviation = np.array(example.encoded["scale"], np.float64).reshape(count, -1)[:, :2].T
    levels = torch.tensor(BANDS, device=frames.device)[:, None].expand(known, -1, count)
    quantiles = model.distribution.quantile(parameters[0][:, None].expand(-1, len(BANDS), -1, -1), levels)
    history = mean + deviation * example.encoded["frames"][:known, :count].astype(np.float64)
    expected = mean + deviation * quantiles.double().cpu().numpy()
    read = tuple(", ".join(f"{value:.5g}" for value in values) for values in history)
    said = predicted_targets(prediction)
    names = list(said) if count > 1 else []
    ahead = np.array([[own["quantiles"][str(level)] for level in BANDS] for own in said.values()]).T
    return ForecasterLook(
        task=task.name,
        steps={"input": Steps(read, trace(model.recurrent, calls[0].args[0][0], labels=read))},
        prediction=prediction,
        truth=_truth(task, example, names),
        attention=None,
        levels=BANDS,
        history=history if names else history[:, 0],
        expected=expected if names else expected[..., 0],
        ahead=ahead if names else ahead[..., 0],
        targets=names,
    )


def _truth(task: ForecastTask, example: Example, names: Sequence[str]) -> dict[str, Any] | None:
    reference = example.encoded.get("reference")
    if reference is None:
        return None
    columns = [{"values": column.tolist()} for column in true_values(reference, task.preprocessing).T]
    return {TARGETS: dict(zip(names, columns, strict=True))} if names else columns[0]
