"""Modules as graphs of parts: layers of Tidegate and torch.nn, alone or in a Sequential."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

from torch import Tensor, nn

from tidegate.cells import Noise
from tidegate.errors import ArgumentError
from tidegate.export.graph.graph import Graph, Value
from tidegate.export.graph.parts import Concat, Embedding, Layer, LayerNorm, Linear, Softmax
from tidegate.nn import GRU, LSTM, RNN, Recurrent
from tidegate.nn.evaluating import evaluating
from tidegate.nn.swapping.classes import to_tidegate

LEFT_OUT = (nn.Dropout, nn.Identity)  # which do nothing in evaluation
DROP_INS = (nn.LSTM, nn.GRU, nn.RNN)
RECURRENT = (LSTM, GRU, RNN, Recurrent)
PRECISE = 17  # above which softplus(x) is x in float32
KINDS = (
    "Embedding, LSTM, GRU, RNN, Recurrent, Linear, LayerNorm, Dropout, activations, Softmax and Sequential; "
    "of a module of your own, give what tidegate.export.program(module, example) returns"
)


def fixed(tensor: Tensor | None) -> Any:
    """Return a copy of a parameter in float32 on the CPU."""
    return None if tensor is None else tensor.detach().float().cpu().clone()


def add_module(graph: Graph, module: nn.Module, x: Value, place: str = "") -> Value:
    """Add what a module computes.

    Args:
        graph: to which it is added.
        module: the module. Of a recurrent layer the output is handed on, not the state.
        x: its input.
        place: where it is in the model.

    Raises:
        ArgumentError: it is none that is known, or does not take such an input; the message says where it is.
    """
    kind = type(module)
    if kind is nn.Sequential:
        for key, own in module.named_children():
            x = add_module(graph, own, x, f"{place}.{key}".lstrip("."))
        return x
    if kind in LEFT_OUT:
        return x
    if x.tokens is not None and kind is not nn.Embedding:
        raise refused(module, place, "it is given tokens: an Embedding has to come first")
    if kind in DROP_INS or isinstance(module, RECURRENT):
        return add_recurrent(graph, module, x, place)
    if kind in ACTIVATIONS:
        return ACTIVATIONS[kind](graph, x, module)
    match module:
        case nn.Embedding():
            if x.tokens is None:
                raise refused(module, place, "it has to come first: only a model's input are tokens")
            return graph.add(Embedding(fixed(module.weight)), x, place=place)
        case nn.Linear() if kind.forward is nn.Linear.forward:
            return graph.add(Linear(fixed(module.weight), fixed(module.bias)), x, place=place)
        case nn.LayerNorm():
            if len(module.normalized_shape) != 1:
                raise refused(module, place, "it normalises more than the features of a step")
            return graph.add(LayerNorm(module.eps, fixed(module.weight), fixed(module.bias)), x, place=place)
        case nn.Softmax() | nn.LogSoftmax():
            if module.dim != -1:
                raise refused(module, place, f"it is over axis {module.dim}, not over the features of a step (dim=-1)")
            return graph.add(Softmax(log=isinstance(module, nn.LogSoftmax)), x, place=place)
        case _:
            raise refused(module, place, f"what can be: {KINDS}")


def add_input(graph: Graph, module: nn.Module, place: str = "") -> Value:
    """Add the input of a module, from the first part in it that knows its size.

    Raises:
        ArgumentError: none does.
    """
    for key, own in module.named_modules(prefix=place):
        match own:
            case nn.Embedding():
                return graph.input("tokens", tokens=own.num_embeddings)
            case nn.Linear():
                return graph.input("x", own.in_features)
            case nn.LayerNorm():
                return graph.input("x", own.normalized_shape[-1])
            case nn.Sequential() | nn.Dropout() | nn.Identity():
                continue
            case _ if isinstance(own, RECURRENT) or type(own) in DROP_INS:
                return graph.input("x", cast(Any, own).input_size)
            case _:
                raise refused(
                    own,
                    key,
                    "it does not say how many numbers it reads: begin with one that does, or trace a module of your "
                    "own (tidegate.export.program(module, example))",
                )
    raise ArgumentError(f"{type(module).__name__} has nothing in it that computes.")


def add_recurrent(
    graph: Graph, module: nn.Module, x: Value, place: str, masks: dict[str, Value] | None = None
) -> Value:
    """Add all layers of a recurrent module.

    Args:
        graph: to which they are added.
        module: the layers.
        x: their input.
        place: where they are.
        masks: what stands for the masks of their cells that have no default values; without it they become inputs.
    """
    layers: Any = as_ours(module) if type(module) in DROP_INS else module
    given = {} if masks is None else masks
    with evaluating(layers):
        layers.refresh_weights()
        initial = layers.initial_state(1)
        for layer in range(layers.num_layers):
            found = []
            for way in range(1 + layers.bidirectional):
                cell = layers.layer_cell(layer, way)
                row = layer * (1 + layers.bidirectional) + way
                own = tuple(name for name, fill in _defaults(cell).items() if fill is None)
                for name in own:
                    if name not in given:
                        given[name] = graph.input(name)
                weights = layers.layer_weights(layer, way).map(fixed)
                begin = () if initial is None else tuple(fixed(state[row, 0]) for state in initial)
                found.append(
                    graph.add(Layer(cell, weights, bool(way), begin, own), x, *[given[it] for it in own], place=place)
                )
            x = found[0] if len(found) == 1 else graph.add(Concat(), *found, place=place)
    return x


def as_ours(module: nn.Module) -> Any:
    """Return the layers of Tidegate that stand in for those of torch.nn, with a copy of the same weights."""
    made = copy.deepcopy(module)
    to_tidegate(made)
    return made


def refused(module: nn.Module, place: str, why: str) -> ArgumentError:
    """Return the error that names a module, where it is and why it cannot be written."""
    at = f" at {place!r}" if place else ""
    return ArgumentError(f"{type(module).__name__}{at} cannot be exported: {why}.")


def _defaults(cell: Any) -> dict[str, object]:
    """Return the default of each mask of a cell; None if it is given at every step.

    Noise has its expectation, and bounds of single hidden units do not change.
    """
    fixed_masks = {name for name, fill in cell.mask_defaults.items() if isinstance(fill, Noise) or fill.units}
    return {name: name if name in fixed_masks else None for name in cell.masks}


def _one(operation: str) -> Callable[[Graph, Value, Any], Value]:
    return lambda graph, x, _: graph.apply(operation, x)


def _leaky(graph: Graph, x: Value, module: Any) -> Value:
    return graph.apply("where_less", x, 0.0, graph.apply("mul", x, module.negative_slope), x)


def _elu(graph: Graph, x: Value, module: Any) -> Value:
    below = graph.apply("sub", graph.apply("exp", graph.apply("minimum", x, 0.0)), 1.0)
    return graph.apply("where_less", x, 0.0, graph.apply("mul", below, module.alpha), x)


def _clipped(graph: Graph, x: Value, low: float, high: float) -> Value:
    return graph.apply("minimum", graph.apply("maximum", x, low), high)


def _hard_sigmoid(graph: Graph, x: Value, _: Any = None) -> Value:
    return _clipped(graph, graph.apply("add", graph.apply("div", x, 6.0), 0.5), 0.0, 1.0)


def _gelu(graph: Graph, x: Value, module: Any) -> Value:
    if module.approximate != "tanh":
        raise ArgumentError("GELU cannot be exported: it needs the error function; GELU(approximate='tanh') can be.")
    cube = graph.apply("mul", graph.apply("mul", x, x), graph.apply("mul", x, 0.044715))
    inner = graph.apply("mul", graph.apply("add", x, cube), 0.7978845608028654)
    return graph.apply("mul", x, graph.apply("sigmoid", graph.apply("mul", inner, 2.0)))


def _softplus(graph: Graph, x: Value, module: Any) -> Value:
    if module.threshold < PRECISE:
        raise ArgumentError(
            f"Softplus(threshold={module.threshold}) cannot be exported: it is linear from there on, which leaves a "
            f"step; with a threshold from {PRECISE} on there is none."
        )
    if module.beta == 1:
        return graph.apply("softplus", x)
    return graph.apply("div", graph.apply("softplus", graph.apply("mul", x, module.beta)), module.beta)


ACTIVATIONS: dict[type[nn.Module], Callable[[Graph, Value, Any], Value]] = {
    nn.ReLU: _one("relu"),
    nn.Tanh: _one("tanh"),
    nn.Sigmoid: _one("sigmoid"),
    nn.Softplus: _softplus,
    nn.SiLU: lambda graph, x, _: graph.apply("mul", x, graph.apply("sigmoid", x)),
    nn.LeakyReLU: _leaky,
    nn.ELU: _elu,
    nn.GELU: _gelu,
    nn.Hardtanh: lambda graph, x, module: _clipped(graph, x, module.min_val, module.max_val),
    nn.ReLU6: lambda graph, x, _: _clipped(graph, x, 0.0, 6.0),
    nn.Hardsigmoid: _hard_sigmoid,
    nn.Softsign: lambda graph, x, _: graph.apply("div", x, graph.apply("add", graph.apply("absolute", x), 1.0)),
}
"""Activations, as operations."""
