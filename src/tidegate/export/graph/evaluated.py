"""What a graph computes for one sequence, in plain PyTorch, with products as a caller wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.cells.language.operations import OPERATIONS
from tidegate.engine.masks import expected_mask
from tidegate.engine.program.evaluate import evaluate as evaluate_program
from tidegate.engine.program.program import Value as ProgramValue
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
    Part,
    Pointwise,
    Pool,
    Softmax,
)

Multiply = Callable[[str, Tensor, Tensor], Tensor]
"""Multiplies a matrix (N, K) by vectors (..., K). The text names the vectors: ``VALUE.OPERAND`` of the graph's value
that reads them, where the operand is ``x``, ``STATE_prev`` or, for the value k of the layer's Program, ``mk``."""


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
        case Layer():
            return _layer(value, value.part, of, multiply)
        case Convolution():
            return _convolution(value.part, of[0], partial(multiply, f"{value.name}.x"))
        case Pool(kind):
            return _pool(kind, *of)
        case part:
            return each_step(part, of, partial(multiply, f"{value.name}.x"))


def each_step(
    part: Part | None,
    of: Sequence[Tensor],
    multiply: Callable[[Tensor, Tensor], Tensor],
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return what a part that remembers nothing computes.

    Args:
        part: the part.
        of: its operands (..., size); tokens (...).
        multiply: how its matrix and vectors are multiplied.
        dtype: of the result.
    """

    def number(it: Tensor | None) -> Tensor | None:
        return None if it is None else it.to(dtype)

    match part:
        case Embedding(table):
            return table.to(dtype)[of[0]]
        case OneHot(tokens):
            return functional.one_hot(of[0], tokens).to(dtype)
        case Linear(weight, bias):
            made = multiply(weight.to(dtype), of[0])
            return made if bias is None else made + bias.to(dtype)
        case LayerNorm(eps, weight, bias):
            return functional.layer_norm(of[0], of[0].shape[-1:], number(weight), number(bias), eps)
        case Numbers(values):
            return values.to(dtype)[None]
        case Pointwise(operation):
            return OPERATIONS[operation].compute(*of)
        case Softmax(log):
            return of[0].log_softmax(-1) if log else of[0].softmax(-1)
        case Concat():
            axes = torch.broadcast_shapes(*[it.shape[:-1] for it in of])
            return torch.cat([it.expand(*axes, -1) for it in of], -1)
        case Columns(start, stop):
            return of[0][..., start:stop]
        case _:
            raise NotImplementedError(f"{type(part).__name__} is not computed step by step.")


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
        name: part.initial[n] if part.initial else torch.zeros(part.state_size(name))
        for n, name in enumerate(cell.states)
    }

    def product(made: ProgramValue, vector: Any) -> Tensor:
        matrix, bias = part.products[made.op, made.name]
        given = steps.values[made.args[0]]
        operand = f"{given.name}_prev" if given.op == "state" else f"m{made.args[0]}"
        return multiply(f"{value.name}.{operand}", matrix, torch.as_tensor(vector).expand(matrix.shape[1])) + bias

    outputs: list[Tensor] = []
    order = range(len(x) - 1, -1, -1) if part.reverse else range(len(x))
    for t in order:
        leaves = {
            "input": {gate: own[t] for gate, own in inputs.items()},
            "state": state,
            "parameter": weights.p,
            "mask": {name: own[t] for name, own in masks.items()},
        }
        made = evaluate_program(steps, lambda op, name: leaves[op][name], product)  # noqa: B023
        state = {name: torch.as_tensor(made[k]).expand(part.state_size(name)) for name, k in steps.states.items()}
        outputs.append(state[cell.states[0]])
    return torch.stack(outputs[::-1] if part.reverse else outputs)
