"""Which models plug-ins can compute: LSTM or GRU layers, and a linear map of their output and of the input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from tidegate.cells import gru, lstm
from tidegate.errors import ArgumentError
from tidegate.export.audio.network import Array, Kind, Network, State
from tidegate.export.audio.network import Layer as LayerWeights
from tidegate.export.graph.graph import Graph, Value
from tidegate.export.graph.parts import Concat, Layer, Linear, Pointwise

KINDS: dict[str, Kind] = {lstm.digest: "lstm", gru.digest: "gru"}
EXPECTED = "LSTM or GRU layers and then one Linear are expected, as in nn.Sequential(nn.LSTM(1, 16), nn.Linear(16, 1))"


def network_of(graph: Graph) -> Network:
    """Return the network of a model, in double precision.

    Raises:
        ArgumentError: it has parts that plug-ins cannot compute; the message says what and where.
    """
    x = graph.inputs[0]
    if x.tokens is not None:
        raise ArgumentError("The model reads tokens, which audio plug-ins have none of: audio is numbers.")
    head, straight = _without_input(graph.output, x)
    weight, bias = _linear(head)
    value = head.of[0] if head.of else x
    kinds: list[Kind] = []
    layers: list[LayerWeights] = []
    states: list[State] = []
    while value is not x:
        kind, layer, state = _layer(value)
        kinds, layers, states = [kind, *kinds], [layer, *layers], [state, *states]
        value = value.of[0]
    if not layers:
        raise _refused(head, EXPECTED)
    if len(set(kinds)) > 1:
        raise ArgumentError("LSTM and GRU layers in one model cannot be written for audio plug-ins: train one kind.")
    made = Network(kinds[0], layers, weight, bias, states=states if any(it.any() for s in states for it in s) else None)
    if straight is not None:
        direct, shift = straight
        made = replace(made, bias=bias + shift, direct=direct)
    if not all(np.isfinite(it).all() for it in (weight, bias, *(rows for layer in layers for rows in layer))):
        raise ArgumentError("A weight of the model is nan or infinite: nothing that a plug-in could play.")
    return made


def _without_input(y: Value, x: Value) -> tuple[Value, tuple[Array, Array] | None]:
    """Return what is added to the input or a linear map of it, and the weight and bias of that; of y itself: None."""
    if isinstance(y.part, Pointwise) and y.part.operation == "add":
        for head, other in (y.of, y.of[::-1]):
            if other.of == (x,) and isinstance(other.part, Linear):
                return head, _linear(other)
            if other is x and x.size in (1, head.size):
                weight = np.eye(head.size) if x.size == head.size else np.ones((head.size, 1))
                return head, (weight, np.zeros(head.size))
    return y, None


def _linear(value: Value) -> tuple[Array, Array]:
    """Return the weight and bias of a linear map."""
    if not isinstance(value.part, Linear):
        raise _refused(value, EXPECTED)
    weight = _numbers(value.part.weight)
    return weight, np.zeros(len(weight)) if value.part.bias is None else _numbers(value.part.bias)


def _layer(value: Value) -> tuple[Kind, LayerWeights, State]:
    """Return the kind, the weights and the initial state of a layer."""
    part = value.part
    if isinstance(part, Concat) and all(isinstance(it.part, Layer) for it in value.of):
        raise _refused(
            value, "it reads its input backwards too, and audio comes sample by sample: train it in one direction"
        )
    if not isinstance(part, Layer):
        raise _refused(value, EXPECTED)
    if part.weights.w_hr is not None:
        raise _refused(value, "its output is projected, which no plug-in computes: train it without proj_size")
    if part.cell.digest not in KINDS or part.cell.heads > 1:
        name = part.cell.name + (f" with {part.cell.heads} heads" if part.cell.heads > 1 else "")
        raise _refused(
            value,
            f"plug-ins compute the cells lstm and gru only, and this is {name}: train one of these (tidegate build "
            "writes every cell as C)",
        )
    kind, weights, rows = KINDS[part.cell.digest], part.weights, len(part.cell.gates) * part.hidden
    assert weights.w_ih is not None
    assert weights.w_hh is not None
    biases = (np.zeros(rows) if it is None else _numbers(it) for it in (weights.b_ih, weights.b_hh))
    states = tuple(_numbers(it) for it in part.initial) or (np.zeros(part.hidden),) * len(part.cell.states)
    return kind, LayerWeights(_numbers(weights.w_ih), _numbers(weights.w_hh), *biases), states


def _numbers(values: Tensor) -> Array:
    return values.double().numpy()


def _refused(value: Value, why: str) -> ArgumentError:
    match value.part:
        case Layer(cell):
            what = f"The {cell.name} layer"
        case Concat():
            what = "The bidirectional layer"
        case Pointwise(operation):
            what = f"The operation {operation}"
        case part:
            what = f"The {type(part).__name__}"
    at = f" at {value.place!r}" if value.place else ""
    return ArgumentError(f"{what}{at} cannot be written for audio plug-ins: {why}.")
