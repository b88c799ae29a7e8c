"""What forecasters and models with a value at every step decide: the values, as functions of the steps before."""

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.data.buckets import Padded
from tidegate.lens.tasks.reasons.decisions import MAX_STEPS, Decisions, numbers
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.forecast.distributions.negative_binomial import LEAST
from tidegate.tasks.forecast.model import Forecaster
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.forecast.windows import by_target
from tidegate.tasks.layers import each_state
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.regress.task import RegressTask


def _value_inputs(task: RegressTask, model: Regressor, columns: Columns) -> Tensor:
    return columns["inputs"].values[0]


def _value_outputs(task: RegressTask, model: Regressor, columns: Columns, given: Tensor) -> Tensor:
    state = None
    if "before" in columns:
        with torch.no_grad():
            _, made = model(columns["before"].values.transpose(0, 1))
        state = each_state(made, lambda it: it.expand(-1, given.shape[1], -1).contiguous())
    y, _ = model(given, state=state)
    return y.double().transpose(0, 1)


def _last_steps(columns: Columns, at: int) -> tuple[Columns, int]:
    """Return a long series cut to the steps up to a place, with those before them as "before"; and the first step."""
    x, lengths = columns["inputs"]
    start = min(at, x.shape[1] - 1) + 1 - MAX_STEPS
    if start <= 0:
        return {**columns, "inputs": Padded(x[:, :MAX_STEPS], lengths.clamp(max=MAX_STEPS))}, 0
    own = Padded(x[:, start : start + MAX_STEPS], torch.full_like(lengths, MAX_STEPS))
    return {**columns, "inputs": own, "before": Padded(x[:, :start], torch.full_like(lengths, start))}, start


def _past(task: ForecastTask, model: Forecaster, columns: Columns) -> Tensor:
    """Return what is known of past steps only: values and past covariates (W, P)."""
    frames = model.frames(columns)[0]
    return frames[: len(frames) - task.config.horizon, : model.past]


def _centre(model: Forecaster, now: Tensor) -> Tensor:
    """Return the median (B, K) of distributions, whose first number it is; of counts the mean, which has gradients."""
    first = now[..., 0]
    return functional.softplus(first.clamp_min(LEAST)) if model.distribution.counts else first


def _centres(task: ForecastTask, model: Forecaster, columns: Columns, given: Tensor) -> Tensor:
    """Return the medians (of counts, the means) of the steps to come (B, H, K), each after those before it."""
    frames, (known, batch, past) = model.frames(columns)[0], given.shape
    ahead = frames[1 : known + 1, past:].expand(batch, -1, -1)  # what is known in advance of each next step
    steps = torch.full((batch,), known, device=frames.device)
    made, state = model(torch.cat([given.transpose(0, 1), ahead], -1), steps)
    now, start = made[:, -1], given[-1, :, : model.targets]
    limit = frames.new_tensor(
        [it for fitted in by_target(task.preprocessing).values() for it in fitted.numbers("reach", 1)]
    )
    held, found = frames[:, model.targets : past].clone(), []
    if model.flagged:
        held[:, : model.targets] = 1
    for at in range(known, len(frames)):
        y = torch.clamp(_centre(model, now), start - limit, start + limit)  # as sample paths are
        found.append(y)
        if at + 1 < len(frames):
            others = torch.cat([held[at], frames[at + 1, past:]]).expand(batch, -1)
            x = torch.cat([y, others], -1)
            output, state = model.recurrent(x[:, None], state)
            now = model.predict(output[:, 0], x)
    return torch.stack(found, 1).double()


def _meaning(task: ForecastTask) -> str:
    if task.config.counts:
        return "The mean of a step to come, if each step reads the means of those before it. An erased step is 0."
    return (
        "The median of a step to come, if each step reads the medians of those before it. An erased step is at the "
        "mean of the series."
    )


VALUES = Decisions(
    _value_inputs,
    _value_outputs,
    lambda task: task.names("targets"),
    unit="deviations of the target",
    place="step",
    layout=numbers,
    window=_last_steps,
)
FORECASTS = Decisions(
    _past,
    _centres,
    lambda task: [name or "value" for name in by_target(task.preprocessing)],
    unit="deviations of the series",
    place="step ahead, from 0",
    layout=numbers,
    meaning=_meaning,
)
