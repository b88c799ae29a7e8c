"""Symbols for tracing a cell's function: they record the operations applied to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from torch import Tensor

from tidegate.cells.language.alternatives import ARRAY, CONDITION
from tidegate.cells.language.symbol import Symbol
from tidegate.errors import CellError

# Leaves: "input" x.k, "state" s.k, "parameter" p.k, "mask" m.k, "constant".
# Products: "recur" U_k v and "project" W_hr v. Every other op is a row of `operations.OPERATIONS`.
LEAVES = ("input", "state", "parameter", "mask", "constant")
PRODUCTS = ("recur", "project")
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "neg": "-", "remainder": "%"}


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

    def __mod__(self, other: Any) -> Expression:
        return apply("remainder", self, other)

    def __rmod__(self, other: Any) -> Expression:
        return apply("remainder", other, self)

    def __le__(self, other: Any) -> Condition:
        return Condition("where_at_most", self, lift("<=", other))

    def __lt__(self, other: Any) -> Condition:
        return Condition("where_less", self, lift("<", other))

    def __ge__(self, other: Any) -> Condition:
        return Condition("where_at_most", lift(">=", other), self)

    def __gt__(self, other: Any) -> Condition:
        return Condition("where_less", lift(">", other), self)

    def __repr__(self) -> str:
        return f"<{self.op} {self.name}>" if self.name else f"<{self.op}>"


class Condition(Symbol):
    """A comparison of two values, which `where` chooses by: ``op`` is its operation, ``a`` the smaller side."""

    def __init__(self, op: str, a: Expression, b: Expression):
        vars(self).update(op=op, a=a, b=b)

    def refuse(self, written: str, advice: str) -> NoReturn:
        """Refuse what was written, since a comparison is not a value."""
        raise CellError(f"{written} was given a comparison, which only where() takes: {CONDITION}")

    def __bool__(self) -> NoReturn:
        raise CellError(f"a test by if, and, or, not is not in the cell language: {CONDITION}")


def constant(value: float) -> Expression:
    """Return a number as an expression."""
    return Expression("constant", value=float(value))


def apply(op: str, *args: Any) -> Expression:
    """Apply an operation to expressions and numbers.

    Raises:
        CellError: an argument is neither of these.
    """
    return Expression(op, tuple(lift(_SIGNS.get(op, f"{op}()"), arg) for arg in args))


def lift(written: str, arg: Any) -> Expression:
    """Return an expression as it is, and a number as a constant.

    Args:
        written: what was given the argument, for messages.
        arg: the argument.

    Raises:
        CellError: it is neither an expression nor a number.
    """
    if isinstance(arg, Expression):
        return arg
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
