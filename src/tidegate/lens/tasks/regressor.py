"""Models with a value at every step: what they read, predicted and should have predicted."""

from collections.abc import Mapping, Sequence
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
from tidegate.lens.tasks.outcomes.number_outcomes import VALUES_MEASURE, value_outcomes
from tidegate.lens.tasks.reasons.series_decisions import VALUES
from tidegate.lens.tasks.task_look import ExampleLook
from tidegate.lens.tasks.units.series_subjects import REGRESSOR
from tidegate.lens.tasks.views import Look, Steps
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.regress.series_rows import series_values
from tidegate.tasks.regress.task import RegressTask
from tidegate.train import Run

MAX_STEPS = 4_000  # steps of a series, the first ones


@dataclass(frozen=True, repr=False)
class RegressorLook(Look):
    """What a model did with the first steps of a series, in the units of inputs and targets.

    Attributes:
        inputs: names of the F inputs.
        targets: names of the K targets.
        read: (T, F) float64, the inputs.
        predicted: (T, K) float64.
        known: (T, K) float64, the true values; nan where none is known.
        length: steps of the whole series, of which the first T were looked at.
    """

    inputs: Sequence[str]
    targets: Sequence[str]
    read: NDArray[np.float64]
    predicted: NDArray[np.float64]
    known: NDArray[np.float64]
    length: int

    @property
    def error(self) -> NDArray[np.float64]:
        """(T, K) float64, prediction - target; nan where no target is known."""
        return self.predicted - self.known

    def _repr_html_(self) -> str:
        """Notebook view: prediction and target, the error, and the inputs."""
        caption = f"{self.task}: {len(self.read):,} of {self.length:,} steps"
        return together(caption_html(caption), *self._charts())

    def _charts(self) -> list[str]:
        steps, charts = np.arange(len(self.read)), []
        for k, name in enumerate(self.targets):
            curves = {"predicted": self.predicted[:, k], "target": self.known[:, k], "error": self.error[:, k]}
            there = {label: (steps, values) for label, values in curves.items() if np.isfinite(values).any()}
            charts.append(line_chart_svg(there, x_label="step", y_label=name))
        for f, name in enumerate(self.inputs):
            charts.append(line_chart_svg({name: (steps, self.read[:, f])}, x_label="step", y_label=name))
        return charts


def look(run: Run) -> ExampleLook:
    """Return how a run of ``regress`` is looked at."""
    rate = run.vocabulary.number("rate")
    columns = [run.vocabulary.vocabulary(it).entries for it in ("inputs", "targets")]

    def array_row(array: NDArray[Any]) -> ArrayRow:
        x = array[:, None] if array.ndim == 1 else array
        if x.ndim != 2:
            raise ArgumentError(f"Inputs should be (T, {len(columns[0])}), but are {array.shape}.")
        return ArrayRow(series_values(WHERE, np.asarray(x, np.float64), None, columns[0], []) | {"rate": rate})

    return ExampleLook(
        look_at_series,
        "Values",
        array_row=array_row,
        outcomes=value_outcomes,
        measure=VALUES_MEASURE,
        answers="numbers",
        subject=REGRESSOR,
        decisions=VALUES,
    )


def look_at_series(task: RegressTask, model: Regressor, example: Example) -> RegressorLook:
    """Look inside a model while it reads the first steps of a series.

    Args:
        task: the run's task.
        model: in eval mode.
        example: a series.
    """
    x = example.columns["inputs"].values[0, :MAX_STEPS]
    y, _ = model(x[:, None])
    values = task.in_units("input", x)
    encoded = example.encoded.get("targets")
    predicted = task.in_units("target", y[:, 0])
    known = np.full_like(predicted, np.nan)
    if encoded is not None:
        known = task.in_units("target", torch.from_numpy(np.array(encoded[:MAX_STEPS])))
    names = task.names("targets")
    masks = {name: mask[:, 0] for name, mask in (model.masks(x[:, None]) or {}).items()}
    read = tuple(" ".join(f"{value:.4g}" for value in row) for row in values)
    return RegressorLook(
        task=task.name,
        steps={"input": Steps(read, trace(model.recurrent, x, masks=masks, labels=read))},
        prediction={"values": _by_name(names, predicted)},
        truth=None if encoded is None else {"values": _by_name(names, known)},
        attention=None,
        inputs=task.names("inputs"),
        targets=names,
        read=values,
        predicted=predicted,
        known=known,
        length=len(example.encoded["inputs"]),
    )


def _by_name(names: Sequence[str], values: NDArray[np.float64]) -> Mapping[str, list[float | None]]:
    return {name: [it if np.isfinite(it) else None for it in values[:, k].tolist()] for k, name in enumerate(names)}
