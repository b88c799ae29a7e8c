"""The parts of a model that remember nothing as ONNX nodes. Values are (T, B, ·), or (B, ·) without time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from tidegate.export.graph import parts
from tidegate.export.graph.graph import Value
from tidegate.export.onnx.layer_nodes import Lengths
from tidegate.export.onnx.matrix_product import multiply
from tidegate.export.onnx.nodes import Nodes
from tidegate.export.onnx.operation_nodes import OPERATIONS


@dataclass(frozen=True)
class Axes:
    """What values have besides their numbers for a step.

    Attributes:
        like: an input of the model, without its last axis if it has numbers for a step.
        steps: whether there is an axis of time, which is the first; the other is the batch's.
        lengths: of the sequences; None if all steps are valid.
    """

    like: str
    steps: bool
    lengths: Lengths | None

    def shape(self, nodes: Nodes, *sizes: int, steps: bool | None = None) -> str:
        """Return a shape, (T, B, sizes) or (B, sizes) without ``steps``."""
        start, end = (0, 2) if self.steps else (0, 1)
        start = start if steps is None or steps == self.steps else 1
        return nodes.add("Concat", nodes.add("Shape", self.like, start=start, end=end), nodes.shape(*sizes), axis=0)


def numbers(nodes: Nodes, value: Tensor, name: str) -> str:
    """Make a constant of a tensor."""
    return nodes.constant(value.detach().float().cpu().numpy(), name)


def _embedding(nodes: Nodes, axes: Axes, value: Value, tokens: str) -> str:
    return nodes.add("Gather", numbers(nodes, _part(value).table, "embedding"), tokens, name="embedded")


def _one_hot(nodes: Nodes, axes: Axes, value: Value, tokens: str) -> str:
    # OneHot makes zeros of a number that is no token; Gather refuses it.
    known = nodes.constant(np.arange(value.size), "tokens_known")
    off_and_on = nodes.constant(np.array([0, 1], np.float32), "off_and_on")
    made = nodes.add("OneHot", nodes.add("Gather", known, tokens), nodes.constant(value.size, "count"), off_and_on)
    nodes.exact.add(made)  # the row of a token is added as it is
    return made


def _linear(nodes: Nodes, axes: Axes, value: Value, x: str) -> str:
    weight, bias = _part(value).weight, _part(value).bias
    addend = "" if bias is None else numbers(nodes, bias, "bias")
    return multiply(nodes, x, numbers(nodes, weight, "weight"), addend, name="linear")


def _layer_norm(nodes: Nodes, axes: Axes, value: Value, x: str) -> str:
    part = _part(value)
    scale = np.ones(value.size, np.float32) if part.weight is None else part.weight.numpy()
    bias = [] if part.bias is None else [numbers(nodes, part.bias, "bias")]
    return nodes.add("LayerNormalization", x, nodes.constant(scale, "scale"), *bias, axis=-1, epsilon=part.eps)


def _numbers(nodes: Nodes, axes: Axes, value: Value) -> str:
    return numbers(nodes, _part(value).values, "numbers")


def _pointwise(nodes: Nodes, axes: Axes, value: Value, *of: str) -> str:
    return OPERATIONS[_part(value).operation](nodes, *of)


def _softmax(nodes: Nodes, axes: Axes, value: Value, x: str) -> str:
    return nodes.add("LogSoftmax" if _part(value).log else "Softmax", x, axis=-1)


def _concat(nodes: Nodes, axes: Axes, value: Value, *of: str) -> str:
    steps = None if not value.whole else False
    whole = [
        nodes.add("Expand", name, axes.shape(nodes, it.size, steps=steps)) if _is_the_same_everywhere(it) else name
        for it, name in zip(value.of, of, strict=True)
    ]
    return nodes.add("Concat", *whole, axis=-1)


def _is_the_same_everywhere(value: Value) -> bool:
    """Whether a value has no axes of time and batch."""
    return isinstance(value.part, parts.Numbers) or (bool(value.of) and all(map(_is_the_same_everywhere, value.of)))


def _columns(nodes: Nodes, axes: Axes, value: Value, x: str) -> str:
    return nodes.add("Slice", x, nodes.shape(_part(value).start), nodes.shape(_part(value).stop), nodes.shape(-1))


def _pool(nodes: Nodes, axes: Axes, value: Value, x: str, score: str = "") -> str:
    kind, lengths, first = _part(value).kind, axes.lengths, nodes.shape(0)
    zero = nodes.number(0.0)
    if kind in ("last", "first"):
        return _one_step(nodes, lengths, x, last=kind == "last")
    if kind == "mean" and lengths is None:
        return nodes.add("ReduceMean", x, first, keepdims=0)
    if kind == "max":
        if lengths is None:
            return nodes.add("ReduceMax", x, first, keepdims=0)
        inside = nodes.add("Where", lengths.valid, x, nodes.number(-np.inf))
        return nodes.add("Where", lengths.none, zero, nodes.add("ReduceMax", inside, first, keepdims=0))
    if lengths is not None:
        x = nodes.add("Where", lengths.valid, x, zero)
        score = score and nodes.add("Where", lengths.valid, score, nodes.number(float(np.finfo(np.float32).min)))
    if kind == "attention":
        x = nodes.add("Mul", nodes.add("Softmax", score, axis=0), x)
    total = nodes.add("ReduceSum", x, first, keepdims=0)
    if kind == "attention" or lengths is None:
        return total
    count = nodes.add("Max", lengths.given, nodes.shape(1))
    return nodes.add("Div", total, nodes.add("Cast", count, to=nodes.onnx.TensorProto.FLOAT))


def _one_step(nodes: Nodes, lengths: Lengths | None, x: str, *, last: bool) -> str:
    """Return the first or last valid step of x (T, B, ·); zeros of a sequence without steps."""
    if lengths is None:
        return nodes.add("Gather", x, nodes.constant(np.array(-last, np.int64), "step"), axis=0)
    if not last:
        step = nodes.add("Gather", x, nodes.constant(np.array(0, np.int64), "step"), axis=0)
    else:
        by_row = nodes.add("Transpose", x, perm=[1, 0, 2])
        index = nodes.add("Max", nodes.add("Sub", lengths.given, nodes.shape(1)), nodes.shape(0))
        step = nodes.add("GatherND", by_row, index, batch_dims=1)
    return nodes.add("Where", lengths.none, nodes.number(0.0), step)


def _part(value: Value) -> Any:
    return value.part


PARTS: dict[type[Any], Callable[..., str]] = {
    parts.Embedding: _embedding,
    parts.OneHot: _one_hot,
    parts.Linear: _linear,
    parts.LayerNorm: _layer_norm,
    parts.Numbers: _numbers,
    parts.Pointwise: _pointwise,
    parts.Softmax: _softmax,
    parts.Concat: _concat,
    parts.Columns: _columns,
    parts.Pool: _pool,
}
"""How parts are written: nodes, axes, value and the names of its operands to the name of the result."""
