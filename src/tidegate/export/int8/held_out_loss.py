"""What 8 bits cost a run on data that it was not trained on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tidegate.data.columns import Part
from tidegate.data.ragged_array import Rows
from tidegate.nn.evaluating import evaluating
from tidegate.tasks.classify.task import Classifier
from tidegate.tasks.example_batches import map_batches
from tidegate.tasks.forecast.model import Forecaster
from tidegate.tasks.probe.task import Probe
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.tag.model import Tagger
from tidegate.text import LanguageModel

STEPS = 20_000  # that are read
STREAM = 2000  # tokens that are read from the beginning
LOGITS = 1 << 24  # at once

Computed = Callable[[Tensor], Tensor]
"""Another way to compute what a model gives for one sequence: tokens (T,) or frames (T, F) to (T, outputs), or to
(1, outputs) for one vector of the whole sequence."""


def held_out_loss(run: Any, computed: Computed) -> str:
    """Compare the loss of a run's model with that of another way to compute its outputs.

    Args:
        run: a `tidegate.train.Run`.
        computed: the other way.

    Returns:
        The two means in words, or why they cannot be known.
    """
    if not run.holds_data:
        return f"held-out loss not measured: {run.place} holds no data"
    data = run.open_data()
    text = isinstance(run.model, LanguageModel)
    parts = {it: getattr(data, it) if text else data.parts[it] for it in ("validation", "test")}
    name = next((it for it, part in parts.items() if len(part) > text), None)  # of a text the first token is given
    if name is None:
        return f"held-out loss not measured: {run.place} has neither a validation nor a test part"
    with torch.no_grad(), evaluating(run.model):
        means = _of_text if text else _of_examples
        before, after, predicted = means(run, parts[name], computed)
    if not predicted:
        return f"held-out loss not measured: nothing is predicted in the {name} part of {run.place}"
    change = f"{100 * (after - before) / abs(before):+.2g}%, " if before else ""
    unit = f"{run.config.prediction_name}s" if predicted > 1 else run.config.prediction_name
    return (
        f"held-out loss {before:.4g} -> {after:.4g} {run.config.loss_name} ({change}{predicted:,} {unit} of the {name} "
        "part)"
    )


def _of_text(run: Any, part: Any, computed: Computed) -> tuple[float, float, int]:
    """Return both means, and over how many predictions they are."""
    ids = torch.from_numpy(np.array(part[: STEPS + 1], dtype=np.int64))
    stream = max(2, min(STREAM, LOGITS // run.model.vocabulary_size))
    totals = np.zeros(2)
    for inputs, targets in zip(ids[:-1].split(stream), ids[1:].split(stream), strict=True):
        for n, given in enumerate((run.model(inputs[None])[0][0], computed(inputs))):
            totals[n] += float(nn.functional.cross_entropy(given, targets, reduction="sum"))
    before, after = totals / (len(ids) - 1)
    return before, after, len(ids) - 1


def _of_examples(run: Any, part: Part, computed: Computed) -> tuple[float, float, int]:
    task = run.task(run.config.model, run.vocabulary)
    before = np.cumsum([len(part.columns[task.LENGTH][n]) for n in range(len(part))])
    count = min(len(part), 1 + int((before < STEPS).sum()))
    some = Part({name: Rows(rows) for name, rows in part.rows(range(count)).items()})
    totals = []
    for model in (run.model, _stand_in(run.model, computed)):

        def act(columns: Any, model: Any = model) -> list[float]:
            total = float(task.summed_loss(model, columns, 0.0))
            return [total] + [0.0] * (len(columns[task.LENGTH].lengths) - 1)

        totals.append(sum(map_batches(some, task.LENGTH, run.model, act, 16)))
    predicted = int(task.predictions(some).sum())
    return totals[0] / max(predicted, 1), totals[1] / max(predicted, 1), predicted


def _stand_in(model: nn.Module, computed: Computed) -> nn.Module:
    """Return a copy of a task's model that has its outputs computed in another way; all else it shares."""

    def steps(values: Tensor, lengths: Tensor, *_: Any) -> Tensor:
        """Batches (B, L) or (B, L, F) to (B, L, outputs)."""
        found = [computed(own[:length]) for own, length in zip(values, lengths.tolist(), strict=True) if length]
        made = torch.zeros(*values.shape[:2], found[0].shape[-1] if found else 1)
        for own, given in zip((n for n, length in enumerate(lengths.tolist()) if length), found, strict=True):
            made[own, : len(given)] = given
        return made

    def last(values: Tensor, lengths: Tensor, *_: Any) -> Tensor:
        return torch.stack([computed(own[:length])[-1] for own, length in zip(values, lengths.tolist(), strict=True)])

    made: Any = copy.copy(model)
    match model:
        case Tagger():
            made.forward = lambda columns: steps(*columns["inputs"])
        case Classifier():
            made.forward = last
        case Probe():
            made.forward = steps
        case Forecaster():
            made.forward = lambda x, lengths: (steps(x, lengths).unflatten(-1, (model.targets, -1)), None)
        case Regressor():
            made.read = lambda x, lengths: steps(x.transpose(0, 1), lengths).transpose(0, 1)
        case _:
            raise NotImplementedError(f"The outputs of {type(model).__name__} cannot be computed in another way.")
    return made
