"""Several layers and directions of one cell, run one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import dropout as drop

from tidegate.cells import Cell
from tidegate.engine import Backend, Record, Weights, draw_masks, run


@dataclass(frozen=True)
class StackResult:
    """What a stack gives.

    Attributes:
        output: (T, B, directions * R) of the last layer.
        state: final states (layers * directions, B, ·), in the order of ``cell.states``.
        record: for each layer and direction, the kept values by name.
    """

    output: Tensor
    state: tuple[Tensor, ...]
    record: dict[tuple[int, int], dict[str, Tensor]]


def run_stack(
    cell_of: Callable[[int], Cell],
    x: Tensor,
    weights_of: Callable[[int, int], Weights],
    state: Sequence[Tensor] | None,
    *,
    num_layers: int,
    directions: int,
    dropout: float,
    training: bool,
    lengths: Tensor | None,
    reset: Tensor | None,
    record: Record | str | Iterable[str] | None,
    backend: str | Backend | None,
    recompute: bool,
) -> StackResult:
    """Run all layers of a recurrent module, time first.

    Each layer's directions are concatenated and are the next layer's input, through dropout while training; a cell's
    own noise is drawn for each layer and direction while training.
    ``state`` holds (layers * directions, B, ·) tensors, layer by layer, forward before reverse, as in torch.
    """
    final: list[tuple[Tensor, ...]] = []
    kept: dict[tuple[int, int], dict[str, Tensor]] = {}
    for layer in range(num_layers):
        if layer and dropout:
            x = drop(x, dropout, training)
        cell, outputs = cell_of(layer), []
        for direction in range(directions):
            index = layer * directions + direction
            weights = weights_of(layer, direction)
            result = run(
                cell,
                x,
                weights,
                None if state is None else [s[index] for s in state],
                lengths=lengths,
                reset=reset,
                reverse=direction == 1,
                record=record,
                masks=draw_masks(cell, x, weights.hidden_size(cell)) if training else None,
                backend=backend,
                recompute=recompute,
            )
            outputs.append(result.output)
            final.append(result.state)
            kept[layer, direction] = result.record
        x = outputs[0] if directions == 1 else torch.cat(outputs, -1)
    return StackResult(x, tuple(torch.stack(s) for s in zip(*final, strict=True)), kept)
