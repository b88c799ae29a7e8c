"""Gates and states of all steps of many examples, one example after another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.errors import ArgumentError
from tidegate.lens.record.trace import Trace
from tidegate.lens.tasks.hooks import recorded_calls
from tidegate.lens.tasks.units.held_out_halves import HeldOutHalves, columns_of
from tidegate.lens.tasks.units.subject import ReadSequence
from tidegate.nn.evaluating import evaluating


def recorded_steps(held: HeldOutHalves, model: Any, sequence: ReadSequence, names: str | Sequence[str]) -> Trace:
    """Let a model read examples, and record gates and states.

    The T steps of each example are followed by one more row, of the values after the whole example was read: those of
    the last step, or, in the reverse direction, of the first. Labels of whole examples are compared with it.

    Args:
        held: the examples.
        model: the trained model, or an untrained one of the same architecture.
        sequence: the sequence whose layers are recorded.
        names: which of the cell's gates and states.

    Raises:
        ArgumentError: the cell records no such name, or ``names`` is empty.
    """
    layers, device = sequence.layers(model), next(model.parameters()).device
    if not names:
        raise ArgumentError(f"names is empty: give some of {', '.join(layers.cell.recorded)}.")
    steps = [sequence.steps(it) for it in held.examples]
    total, at, number = sum(steps) + len(steps), 0, 0
    made: dict[tuple[int, int], dict[str, Any]] = {}
    with evaluating(model), torch.inference_mode():
        for examples in held.batches():
            with recorded_calls(layers) as calls:
                held.task.summed_loss(model, columns_of(examples, device), 0.0)
            traced = [layers.trace(*call.args, **call.kwargs, names=names).values for call in calls]
            for place, named in traced[0].items():
                for name in named:
                    whole = _joined([it[place][name] for it in traced], layers.batch_first)
                    own = made.setdefault(place, {})
                    if name not in own:
                        own[name] = np.empty((total, whole.shape[2]), np.float32)
                    _write(own[name], at, whole, steps[number : number + len(examples)], reverse=place[1] == 1)
            at += sum(steps[number : number + len(examples)]) + len(examples)
            number += len(examples)
    return Trace(made)


def _joined(parts: Sequence[Tensor], batch_first: bool) -> Tensor:
    """Return the values (B, T, H) of the calls of a batch, which follow one another in time."""
    whole = torch.cat(list(parts), 1 if batch_first else 0)
    return (whole if batch_first else whole.transpose(0, 1)).float().cpu()


def _write(rows: Any, at: int, values: Tensor, steps: Sequence[int], *, reverse: bool) -> None:
    for value, count in zip(values.numpy(), steps, strict=True):
        rows[at : at + count] = value[:count]
        rows[at + count] = value[0 if reverse else count - 1] if count else 0
        at += count + 1
