"""Symbols for tracing a cell's function: they record the operations applied to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from tidegate.errors import CellError

# Leaves: "input" x.k, "state" s.k, "parameter" p.k, "mask" m.k, "constant".
# Products: "recur" U_k v and "project" W_hr v. Every other op is a row of `operations.OPERATIONS`.
LEAVES = ("input", "state", "parameter", "mask", "constant")
PRODUCTS = ("recur", "project")


@dataclass(frozen=True, eq=False)
class Expression:
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

    def _refuse(self, *_: Any) -> NoReturn:
        raise CellError(
            "its equations use something that the cell language does not have (a comparison, a power, a matrix "
            "product, an index or a test of a value). It has + - * /, unary -, and the operations of tidegate.cells."
        )

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = __pow__ = __rpow__ = _refuse
    __matmul__ = __rmatmul__ = __getitem__ = __iter__ = __len__ = __float__ = __int__ = __abs__ = _refuse

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> NoReturn:
        name = getattr(func, "__name__", str(func))
        raise CellError(
            f"torch.{name} was applied to a symbol; use the operation of that name in tidegate.cells, "
            "so that the equations can be traced."
        )


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
    if isinstance(arg, int | float) and not isinstance(arg, bool):
        return constant(arg)
    raise CellError(
        f"{op!r} was given {type(arg).__name__}; it takes the cell's own symbols and numbers "
        "(declare vectors with one weight per hidden unit in parameters=... and use them as p.name)."
    )


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
