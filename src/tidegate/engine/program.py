"""A cell's equations as a frozen Program: numbered values, cut into stages at recurrent products."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tidegate.cells import Cell, Expression
from tidegate.cells.expression import PRODUCTS, postorder


@dataclass(frozen=True)
class Value:
    """One value of a Program.

    Attributes:
        op: a leaf ("input", "state", "parameter", "mask", "constant"), a product ("recur", "project") or an
            operation of `tidegate.cells.OPERATIONS`.
        args: the numbers of the values it is made of, all smaller than its own.
        name: the gate, state, parameter or mask of a leaf or recurrent product.
        number: a constant's number.
        stage: the stage in which it can be computed.
    """

    op: str
    args: tuple[int, ...]
    name: str
    number: float
    stage: int


@dataclass(frozen=True)
class Program:
    """One step of a cell, neutral to how it is run.

    A product needs all units of its operand, so a product of a vector made inside the step starts a new stage;
    within a stage everything is pointwise in the units (``normalize`` apart).

    Attributes:
        values: in an order in which each can be computed; equal expressions are one value.
        states: the number of each new state's value.
        gates: the number of each named gate's value.
        stages: how many stages there are.
    """

    values: tuple[Value, ...]
    states: dict[str, int]
    gates: dict[str, int]
    stages: int


@functools.cache
def program(cell: Cell) -> Program:
    """The cell's Program."""
    numbers: dict[int, int] = {}  # an expression's identity -> its value's number
    known: dict[tuple[object, ...], int] = {}
    values: list[Value] = []
    for node in postorder(*cell.step.states.values(), *cell.step.gates.values()):
        args = tuple(numbers[id(arg)] for arg in node.args)
        key = (node.op, args, node.name, node.value)
        if key not in known:
            known[key] = len(values)
            values.append(Value(node.op, args, node.name, node.value, _stage(node, [values[k] for k in args])))
        numbers[id(node)] = known[key]
    return Program(
        values=tuple(values),
        states={name: numbers[id(node)] for name, node in cell.step.states.items()},
        gates={name: numbers[id(node)] for name, node in cell.step.gates.items()},
        stages=1 + max(value.stage for value in values),
    )


def _stage(node: Expression, args: list[Value]) -> int:
    stage = max((arg.stage for arg in args), default=0)
    return stage + (node.op in PRODUCTS and args[0].op != "state")
