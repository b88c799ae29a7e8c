"""Inside a forecaster: what it expected of every known value, and what it expects to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.drawing import caption_html, line_chart_svg
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import together
from tidegate.lens.record.trace import trace
from tidegate.lens.tasks.hooks import watched
from tidegate.lens.tasks.inputs import Given
from tidegate.lens.tasks.views import Look, Steps
from tidegate.tasks.forecast.model import Forecaster, inputs
from tidegate.tasks.forecast.task import BANDS, ForecastTask


@dataclass(frozen=True)
class ForecasterLook(Look):
    """A series as a forecaster took it, in the series' own units.

    Step t of ``steps["input"]`` read value t of the history.

    Attributes:
        levels: of the quantiles, 0.1 to 0.9; the middle one is the median.
        history: (T,) float64, the known values, at most a window of them.
        expected: (T, 5) the quantiles of the value *after* step t, given the true ones up to t.
        ahead: (H, 5) those of each step to come, the model being fed its own draws.
    """

    levels: Sequence[float]
    history: NDArray[np.float64]
    expected: NDArray[np.float64]
    ahead: NDArray[np.float64]

    def _repr_html_(self) -> str:
        """A notebook's view: what was known, what was expected of it, and what is expected to come."""
        known, steps = len(self.history), len(self.history) + len(self.ahead)
        every = np.concatenate([self.expected[: known - 1], self.ahead])  # after step t: of value t + 1
        quantiles = {f"{level:g}": (np.arange(1, steps), every[:, n]) for n, level in enumerate(self.levels)}
        chart = line_chart_svg({"known": (np.arange(known), self.history), **quantiles}, x_label="step")
        return together(caption_html(f"{self.task}: {known} known values and the quantiles of each next one"), chart)


def look_at_series(task: ForecastTask, model: Forecaster, given: Given) -> ForecasterLook:
    """Look inside a forecaster.

    Args:
        task: the run's task.
        model: in eval mode.
        given: the example.

    Raises:
        ArgumentError: it is a window of the training part, after which nothing is forecast.
    """
    if "scale" not in given.example:
        raise ArgumentError(
            "the training part holds windows to learn from and no forecasts: take an example of validation or test, or "
            "give a series"
        )
    (said,) = task.predict(model, given.columns)
    frames = given.columns["frames"].values
    known = frames.shape[1] - task.config.horizon
    with watched(model.recurrent) as calls:
        says, _ = model(inputs(frames)[:, :known], torch.tensor([known], device=frames.device))
    mean, deviation = (float(it) for it in given.example["scale"][:2])
    levels = torch.tensor(BANDS, device=frames.device).expand(known, -1)
    quantiles = model.distribution.quantile(says[0][:, None].expand(-1, len(BANDS), -1), levels)
    history = mean + deviation * given.example["frames"][:known, 0].astype(np.float64)
    read = tuple(f"{value:.5g}" for value in history)
    reference = given.example.get("reference")
    return ForecasterLook(
        task=task.name,
        steps={"input": Steps(read, trace(model.recurrent, calls[0].args[0][0], labels=read))},
        said=said,
        truth=None if reference is None else {"values": reference[:, 0].tolist()},
        attention=None,
        levels=BANDS,
        history=history,
        expected=mean + deviation * quantiles.double().cpu().numpy(),
        ahead=np.array([said["quantiles"][str(level)] for level in BANDS]).T,
    )
