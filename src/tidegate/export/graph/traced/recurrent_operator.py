"""Recurrent layers: the operator that one layer and direction is in a traced program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from tidegate.cells import Cell, by_handle
from tidegate.engine import Weights
from tidegate.engine.masks import expected_mask
from tidegate.export.graph.graph import Graph, Value
from tidegate.export.graph.parts import Layer, Numbers
from tidegate.export.graph.traced.axis_operators import signal
from tidegate.export.graph.traced.traced_values import FEATURES, DoesNotFitError, FinalState, Fixed, Integers, Signal
from tidegate.export.graph.traced.weighted_operators import weights_of

aten = torch.ops.aten


def _run(
    graph: Graph,
    handle: str,
    record: Sequence[str],
    mask_gradients: Sequence[str],
    reverse: bool,
    x: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any,
    b_hh: Any,
    w_hr: Any,
    p: Sequence[Any],
    state: Sequence[Any],
    masks: Sequence[Any],
    lengths: Any = None,
    reset: Any = None,
    *_: Any,
) -> list[Any]:
    cell, x = by_handle(handle), signal(graph, x).plain()
    x.axes[0].be("time")
    x.axes[1].be("batch")
    x.expect_features(2)
    if record or reset is not None:
        raise DoesNotFitError("its gates are recorded" if record else "its state is reset between steps")
    if lengths is not None:
        if not isinstance(lengths, Integers):
            raise DoesNotFitError("its lengths are computed or fixed; they must be an input of the module, as they are")
        x.axes[0].pad()
    vectors = dict(zip(cell.parameters, map(weights_of, p), strict=True))
    named = dict(w_ih=w_ih, w_hh=w_hh, b_ih=b_ih, b_hh=b_hh, w_hr=w_hr)
    weights = Weights(**{name: weights_of(it) for name, it in named.items()}, p=vectors).with_vectors(cell)
    given = _masks(graph, cell, weights, masks)
    layer = Layer(cell, weights, reverse, _initial(cell, weights, state), tuple(given))
    made = graph.add(layer, x.value, *given.values())
    ends = [FinalState(made, k, reverse, x.axes[1]) for k in range(len(cell.states))]
    return [Signal(made, (x.axes[0], x.axes[1], FEATURES)), *ends]


def _initial(cell: Cell, weights: Weights, states: Sequence[Any]) -> tuple[torch.Tensor, ...]:
    hidden = weights.hidden_size(cell)
    sizes = [hidden if weights.w_hr is None else weights.w_hr.shape[0], *[hidden] * (len(states) - 1)]
    if not all(isinstance(it, Fixed) for it in states):
        raise DoesNotFitError("its initial state is given or computed; an exported model keeps its state itself")
    rows = tuple(it.row(size) for it, size in zip(states, sizes, strict=True))
    return rows if any(bool(row.any()) for row in rows) else ()


def _masks(graph: Graph, cell: Cell, weights: Weights, masks: Sequence[Any]) -> dict[str, Value]:
    """Return those masks that are given, and do not have their default values."""
    hidden, found = weights.hidden_size(cell), {}
    for name, mask in zip(cell.masks, masks, strict=True):
        if not isinstance(mask, Fixed):
            found[name] = signal(graph, mask).plain().value
            continue
        row = mask.row(hidden)
        usual = expected_mask(cell, name, row.new_zeros(1, 1, 1), hidden) if name in cell.mask_defaults else None
        if usual is None or not torch.equal(row, usual[0, 0]):
            found[name] = graph.add(Numbers(row))
    return found


def _of_torch(*_: Any) -> Any:
    raise DoesNotFitError(
        "torch.export holds PyTorch's own recurrent layers to the example's number of steps. Make the program with "
        "tidegate.export.program, or use tidegate.nn's layers, which take the same state_dict"
    )


RECURRENT: dict[Any, Callable[..., Any]] = {
    torch.ops.tidegate.run.default: _run,
    aten.lstm.input: _of_torch,
    aten.gru.input: _of_torch,
    aten.rnn_tanh.input: _of_torch,
    aten.rnn_relu.input: _of_torch,
}
"""How each operator is read."""
