"""Compute a Program's values with PyTorch, for as many steps at once as its leaves have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tidegate.cells import OPERATIONS
from tidegate.engine.program.program import PRODUCTS, Program, Value

# What only lowered Programs have, besides the cell language's operations.
LOWERED: dict[str, Callable[..., Any]] = {
    "rsqrt": torch.rsqrt,
    "unit_max": lambda v: v.amax(-1, keepdim=True).expand_as(v),
    "cumsum_reversed": lambda v: v.flip(-1).cumsum(-1).flip(-1),
}


def has_products(program: Program) -> bool:
    """Whether a Program has products with matrices, which `evaluate` leaves to the caller."""
    return any(value.op in PRODUCTS for value in program.values)


def evaluate(
    program: Program,
    leaves: Callable[[str, str], Tensor],
    product: Callable[[Value, Any], Tensor] | None = None,
) -> list[Any]:
    """Return all values of a Program, by number; constants are numbers.

    Args:
        program: the Program.
        leaves: from op and name ("input", "state", "mask", "parameter") to the value: (..., H), all of shapes that go
            together.
        product: from a product and its operand to the product; not needed if there are none.
    """
    values: list[Any] = []
    for value in program.values:
        args = [values[arg] for arg in value.args]
        if value.op == "constant":
            values.append(value.number)
        elif value.op in PRODUCTS:
            assert product is not None
            values.append(product(value, *args))
        elif args:
            values.append(_apply(value.op, args))
        else:
            values.append(leaves(value.op, value.name))
    return values


def _apply(op: str, args: list[Any]) -> Any:
    compute = LOWERED[op] if op in LOWERED else OPERATIONS[op].compute
    if not any(isinstance(arg, Tensor) for arg in args[:2]):  # torch's functions, and comparisons, need one
        args = [arg if isinstance(arg, Tensor) else torch.tensor(arg, dtype=torch.float64) for arg in args]
    return compute(*args)
