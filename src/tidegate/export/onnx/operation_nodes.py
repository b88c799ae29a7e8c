"""The operations of a cell's equations as ONNX nodes: one table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tidegate.export.onnx.nodes import Nodes

Written = Callable[..., str]


def _node(operation: str) -> Written:
    return lambda nodes, *of: nodes.add(operation, *of)


def _over_units(operation: str) -> Written:
    return lambda nodes, v: nodes.add(operation, v, nodes.shape(-1), keepdims=1)


def _remainder(nodes: Nodes, a: str, b: str) -> str:
    """The remainder with the sign of b, as Python's; that of ONNX's Mod has the sign of a."""
    made, zero = nodes.add("Mod", a, b, fmod=1), nodes.number(0.0)
    other_sign = nodes.add("Xor", nodes.add("Less", made, zero), nodes.add("Less", b, zero))
    is_off = nodes.add("And", other_sign, nodes.add("Not", nodes.add("Equal", made, zero)))
    return nodes.add("Where", is_off, nodes.add("Add", made, b), made)


def _choice(comparison: str) -> Written:
    return lambda nodes, a, b, v, w: nodes.add("Where", nodes.add(comparison, a, b), v, w)


OPERATIONS: dict[str, Written] = {
    "add": _node("Add"),
    "sub": _node("Sub"),
    "mul": _node("Mul"),
    "div": _node("Div"),
    "neg": _node("Neg"),
    "sigmoid": _node("Sigmoid"),
    "tanh": _node("Tanh"),
    "relu": _node("Relu"),
    "exp": _node("Exp"),
    "log": _node("Log"),
    "softplus": _node("Softplus"),
    "sqrt": _node("Sqrt"),
    "rsqrt": lambda nodes, v: nodes.add("Reciprocal", nodes.add("Sqrt", v)),
    "sin": _node("Sin"),
    "cos": _node("Cos"),
    "absolute": _node("Abs"),
    "remainder": _remainder,
    "minimum": _node("Min"),
    "maximum": _node("Max"),
    "where_at_most": _choice("LessOrEqual"),
    "where_less": _choice("Less"),
    "unit_sum": _over_units("ReduceSum"),
    "unit_mean": _over_units("ReduceMean"),
    "unit_max": _over_units("ReduceMax"),
    "cumsum": lambda nodes, v: nodes.add("CumSum", v, nodes.constant(np.array(-1, np.int64), "axis")),
}
"""Each operation, given the nodes and its operands; sums, means and maxima over the hidden units are of size 1."""
