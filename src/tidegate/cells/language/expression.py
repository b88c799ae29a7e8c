"""Symbols for tracing a cell's function: they record the operations applied to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from tidegate.cells.language.alternatives import ARRAY
from tidegate.cells.language.symbol import Symbol
from tidegate.errors import CellError

# Leaves: "input" x.k, "state" s.k, "parameter" p.k, "mask" m.k, "constant".
# Products: "recur" U_k v and "project" W_hr v. Every other op is a row of `operations.OPERATIONS`.
LEAVES = ("input", "state", "parameter", "mask", "constant")
PRODUCTS = ("recur", "project")
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "neg": "-"}


@dataclass(frozen=True, eq=False, repr=False)
class Expression(Symbol):
    """One node of a cell's equations; identity is equality, so a shared value stays shared.

    Attributes:
        op: a leaf, a product or the name of an operation.
        args: the operands.
        name: the gate, state, parameter or mask of a leaf or a recurrent product.
        value: the number of a constant.
    """

    op: str
    args: tuple[Expression, ...] = ()
    name: str = ""
    value: float = 0.0

    def __add__(self, other: Any) -> Expression:
        return apply("add", self, other)

    def __radd__(self, other: Any) -> Expression:
        return apply("add", other, self)

    def __sub__(self, other: Any) -> Expression:
        return apply("sub", self, other)

    def __rsub__(self, other: Any) -> Expression:
        return apply("sub", other, self)

    def __mul__(self, other: Any) -> Expression:
        return apply("mul", self, other)

    def __rmul__(self, other: Any) -> Expression:
        return apply("mul", other, self)

    def __truediv__(self, other: Any) -> Expression:
        return apply("div", self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return apply("div", other, self)

    def __neg__(self) -> Expression:
        return apply("neg", self)

    def __repr__(self) -> str:
        return f"<{self.op} {self.name}>" if self.name else f"<{self.op}>"


def constant(value: float) -> Expression:
    """Return a number as an expression."""
    return Expression("constant", value=float(value))


def apply(op: str, *args: Any) -> Expression:
    """Apply an operation to expressions and numbers.

    Raises:
        CellError: an argument is neither of these.
    """
    return Expression(op, tuple(_lift(op, arg) for arg in args))


def _lift(op: str, arg: Any) -> Expression:
    if isinstance(arg, Expression):
        return arg
    written = _SIGNS.get(op, f"{op}()")
    if isinstance(arg, int | float | np.integer | np.floating) and not isinstance(arg, bool):
        if math.isnan(arg):
            raise CellError(f"{written} was given nan: everything computed from it would be nan.")
        return constant(float(arg))
    if isinstance(arg, Symbol):
        arg.refuse(written, "")
    if isinstance(arg, Tensor | np.ndarray):
        raise CellError(f"{written} was given a {type(arg).__name__}, which is not in the cell language: {ARRAY}")
    raise CellError(f"{written} was given {type(arg).__name__}; it takes symbols of the step and real numbers.")


def postorder(*roots: Expression) -> list[Expression]:
    """List every node that the roots need, each once, arguments before users."""
    order: list[Expression] = []
    seen: set[int] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args))
    return order
