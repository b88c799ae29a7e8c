"""What a graph computes for one sequence, in plain PyTorch, with products as a caller wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.cells.language.operations import OPERATIONS
from tidegate.engine.masks import expected_mask
from tidegate.engine.program.program import PRODUCTS, Program
from tidegate.export.graph.graph import Graph, Value
from tidegate.export.graph.parts import (
    Columns,
    Concat,
    Convolution,
    Embedding,
    Layer,
    LayerNorm,
    Linear,
    Numbers,
    OneHot,
    Pointwise,
    Pool,
    Softmax,
)

Multiply = Callable[[str, Tensor, Tensor], Tensor]
"""Multiplies a matrix (N, K) by vectors (..., K). The text names the vectors: ``VALUE.OPERAND`` of the graph's value
that reads them, where the operand is ``x``, ``STATE_prev`` or, for the value k of the layer's Program, ``mk``."""

OTHERS: dict[str, Callable[..., Tensor]] = {
    "unit_max": lambda v: v.amax(-1, keepdim=True).expand_as(v),
    "cumsum_reversed": lambda v: v.flip(-1).cumsum(-1).flip(-1),
    "rsqrt": torch.rsqrt,
}
"""The operations that only Programs have."""


def exact(name: str, matrix: Tensor, vectors: Tensor) -> Tensor:
    """Multiply as PyTorch does."""
    return vectors @ matrix.t()


def evaluate(graph: Graph, inputs: Mapping[str, Tensor], multiply: Multiply = exact) -> Tensor:
    """Return the output of a model for one sequence.

    Args:
        graph: the model.
        inputs: tokens (T,) or frames (T, size) of each input, by name.
        multiply: how matrices and vectors are multiplied. The rows of a token's matrix are added as they are.

    Returns:
        (T, outputs), or (1, outputs) if the output is one vector for the whole sequence.
    """
    found = {value: inputs[value.name] for value in graph.inputs}
    with torch.no_grad():
        for value in graph.values:
            found[value] = _computed(value, [found[it] for it in value.of], multiply)
    output = found[graph.output]
    return output if graph.output.whole else output.expand(len(next(iter(inputs.values()))), -1)


def _computed(value: Value, of: list[Tensor], multiply: Multiply) -> Tensor:
    match value.part:
        case Embedding(table):
            return table[of[0]]
        case OneHot(tokens):
            return functional.one_hot(of[0], tokens).float()
        case Layer():
            return _layer(value, value.part, of, multiply)
        case Linear(weight, bias):
            made = multiply(f"{value.name}.x", weight, of[0])
            return made if bias is None else made + bias
        case Convolution():
            return _convolution(value.part, of[0], partial(multiply, f"{value.name}.x"))
        case LayerNorm(eps, weight, bias):
            return functional.layer_norm(of[0], of[0].shape[-1:], weight, bias, eps)
        case Numbers(values):
            return values[None]
        case Pointwise(operation):
            return OPERATIONS[operation].compute(*of)
        case Softmax(log):
            return of[0].log_softmax(-1) if log else of[0].softmax(-1)
        case Concat():
            steps = max(len(it) for it in of)
            return torch.cat([it.expand(steps, -1) for it in of], -1)
        case Columns(start, stop):
            return of[0][:, start:stop]
        case Pool(kind):
            return _pool(kind, *of)
        case _:
            raise NotImplementedError(f"{value} cannot be evaluated.")


def _pool(kind: str, x: Tensor, score: Tensor | None = None) -> Tensor:
    match kind:
        case "last":
            return x[-1:]
        case "first":
            return x[:1]
        case "mean":
            return x.mean(0, keepdim=True)
        case "max":
            return x.amax(0, keepdim=True)
    assert score is not None
    return (score.softmax(0) * x).sum(0, keepdim=True)


def _convolution(part: Convolution, x: Tensor, multiply: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    rows, _, reach = part.weight.shape
    before = functional.pad(x, (0, 0, (reach - 1) * part.dilation, 0))
    y = torch.zeros(len(x), rows) if part.bias is None else part.bias.expand(len(x), -1)
    for k in range(reach):
        frames = before[k * part.dilation : k * part.dilation + len(x)]
        own = part.weight[:, :, k]
        y = y + (frames * own[:, 0] if part.depthwise else multiply(own, frames))
    return y


def _layer(value: Value, part: Layer, of: list[Tensor], multiply: Multiply) -> Tensor:
    cell, weights, steps = part.cell, part.weights, part.program
    x, masks = of[0], {name: it.expand(-1, part.hidden) for name, it in zip(part.masks, of[1:], strict=True)}
    for name in cell.masks:
        if name not in masks:
            masks[name] = expected_mask(cell, name, x[:, None], part.hidden)[:, 0]
    one_hot = isinstance(value.of[0].part, OneHot)
    inputs: dict[str, Tensor] = {}
    for (op, gate), (matrix, bias) in part.products.items():
        if op != "input":
            continue
        own = x @ matrix.t() if one_hot else multiply(f"{value.name}.x", matrix, x)
        inputs[gate] = own + bias
    state = {
        name: part.initial[n] if part.initial else torch.zeros(_state_size(part, name))
        for n, name in enumerate(cell.states)
    }

    def product(op: str, gate: str, operand: str, vector: Tensor) -> Tensor:
        matrix, bias = part.products[op, gate]
        return multiply(f"{value.name}.{operand}", matrix, vector.expand(matrix.shape[1])) + bias

    outputs: list[Tensor] = []
    order = range(len(x) - 1, -1, -1) if part.reverse else range(len(x))
    for t in order:
        leaves = {
            "input": {gate: own[t] for gate, own in inputs.items()},
            "state": state,
            "parameter": weights.p,
            "mask": {name: own[t] for name, own in masks.items()},
        }
        made = _step(steps, leaves, product)
        state = {name: made[k].expand(_state_size(part, name)) for name, k in steps.states.items()}
        outputs.append(state[cell.states[0]])
    return torch.stack(outputs[::-1] if part.reverse else outputs)


def _state_size(part: Layer, name: str) -> int:
    projection = part.weights.w_hr
    return part.hidden if projection is None or name != part.cell.states[0] else len(projection)


def _step(
    steps: Program,
    leaves: Mapping[str, Mapping[str, Tensor]],
    product: Callable[[str, str, str, Tensor], Tensor],
) -> list[Tensor]:
    """Compute all values of a step's Program."""
    made: list[Tensor] = []
    for value in steps.values:
        of = [made[k] for k in value.args]
        if value.op == "constant":
            made.append(torch.tensor(value.number))
        elif value.op in leaves:
            made.append(leaves[value.op][value.name])
        elif value.op in PRODUCTS:
            given = steps.values[value.args[0]]
            operand = f"{given.name}_prev" if given.op == "state" else f"m{value.args[0]}"
            made.append(product(value.op, value.name, operand, of[0]))
        else:
            made.append((OTHERS.get(value.op) or OPERATIONS[value.op].compute)(*of))
    return made
