"""FLOPs of the operators for ``torch.utils.flop_counter``: those of matrix products, two for each weight and row."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from torch.utils.flop_counter import register_flop_formula

from tidegate.cells import by_handle
from tidegate.engine.kernels.call_tensors import W_HH, W_HR, W_IH, X, state
from tidegate.engine.kernels.operators.registered import OPERATORS
from tidegate.engine.program.program import Program, program

FIRST = 4  # the tensors of an operator follow the cell, the record, the masks with gradients and the direction


class _Products(NamedTuple):
    """FLOPs of a forward run in each of its products.

    Attributes:
        input: of the product with the input.
        recurrent: of each recurrent product, with the states that its vector is a function of; None if it is a function
            of weights or the input too.
        projection: of the projection.
        steps: T.
    """

    input: int
    recurrent: list[tuple[int, frozenset[str] | None]]
    projection: int
    steps: int


def _products(given: Sequence[Any]) -> _Products:
    cell, (x, w_ih, w_hh, _, _, w_hr) = by_handle(given[0]), given[FIRST : FIRST + 6]
    rows, prog = x[0] * x[1], program(cell)
    each = 0 if w_hh is None else 2 * rows * prod(w_hh) // len(cell.recurrent_gates)
    return _Products(
        input=0 if w_ih is None else 2 * rows * prod(w_ih),
        recurrent=[(each, _states_of(prog, value.args[0])) for value in prog.values if value.op == "recur"],
        projection=0 if w_hr is None else 2 * rows * prod(w_hr),
        steps=x[0],
    )


def _states_of(prog: Program, number: int) -> frozenset[str] | None:
    value = prog.values[number]
    if value.op in ("input", "parameter", "recur", "project"):
        return None
    found = frozenset({value.name} if value.op == "state" else ())
    for arg in value.args:
        more = _states_of(prog, arg)
        if more is None:
            return None
        found |= more
    return found


@register_flop_formula([OPERATORS.run, OPERATORS.run_forward])
def forward_flops(*given: Any, **_: Any) -> int:
    """Count the products of a forward run; the formula gets shapes in place of tensors."""
    made = _products(given)
    return made.input + sum(flops for flops, _ in made.recurrent) + made.projection


@register_flop_formula(OPERATORS.run_backward)
def backward_flops(*given: Any, **_: Any) -> int:
    """Count the products of a backward run: a product's gradients with regard to its vector and to its weights."""
    wanted = given[FIRST + 13]
    forward = given
    made = _products(forward)
    total = made.input * ((X in wanted) + (W_IH in wanted)) + made.projection * (1 + (W_HR in wanted))
    for flops, states in made.recurrent:
        # At the first step a function of states is one of the initial states.
        first = states is None or any(state(name) in wanted for name in states)
        total += flops * (W_HH in wanted) + (flops if first else flops - flops // made.steps)
    return total
