"""A call's tensors by name, for autograd and operators: they take tensors apart from everything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.call import Call
from tidegate.engine.program.gradient_names import of_parameter
from tidegate.engine.weights import Weights

X = "x"
WEIGHTS = W_IH, W_HH, B_IH, B_HH, W_HR = ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")


def parameter(name: str) -> str:
    """A vector with one weight per hidden unit; its gradient has the same name in a backward Program."""
    return of_parameter(name)


def state(name: str) -> str:
    """An initial state."""
    return f"state {name}"


def mask(name: str) -> str:
    """A mask."""
    return f"mask {name}"


def tensors_by_name(call: Call) -> dict[str, Tensor]:
    """Return the call's tensors that may have a gradient."""
    found = {X: call.x} | {name: t for name in WEIGHTS if (t := getattr(call.weights, name)) is not None}
    found |= {parameter(name): vector for name, vector in call.weights.p.items()}
    found |= {state(name): value for name, value in zip(call.cell.states, call.state, strict=True)}
    return found | {mask(name): value for name, value in call.masks.items()}


def call_with_tensors(tensors: Mapping[str, Tensor], cell: Cell, **others: Any) -> Call:
    """Return a call with the tensors of `tensors_by_name`.

    Args:
        tensors: by name.
        cell: the cell.
        others: the call's other attributes.
    """
    w_ih, w_hh, b_ih, b_hh, w_hr = map(tensors.get, WEIGHTS)
    weights = Weights(w_ih, w_hh, b_ih, b_hh, {name: tensors[parameter(name)] for name in cell.parameters}, w_hr)
    states = tuple([tensors[state(name)] for name in cell.states])
    return Call(cell, tensors[X], weights, states, masks={n: tensors[mask(n)] for n in cell.masks}, **others)
