"""A step's equations as a frozen Program: numbered values."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tidegate.cells import Cell, Expression
from tidegate.cells.language.expression import postorder

NORMALIZE_EPS = 1e-5

# Operations in which the value of one hidden unit depends on those of others. Every other operation is pointwise.
PRODUCTS = ("recur", "recur_transposed", "project", "project_transposed")
FOLDS = ("unit_mean", "unit_sum", "unit_max")  # one number for all hidden units
SCANS = ("cumsum", "cumsum_reversed")  # over the hidden units before this one, or after it, and this one
REDUCTIONS = (*FOLDS, *SCANS)
ACROSS_UNITS = (*PRODUCTS, *REDUCTIONS)


class Value(NamedTuple):  # not a dataclass: Dynamo hashes one before it has set its fields (torch 2.11)
    """One value of a Program.

    Attributes:
        op: a leaf, an operation across hidden units, or a pointwise operation.
        args: the numbers of its operands, all smaller than its own.
        name: the gate, state, parameter or mask of a leaf or product.
        number: a constant's number.
    """

    op: str
    args: tuple[int, ...]
    name: str
    number: float


@dataclass(frozen=True, eq=False)
class Program:
    """One step of a loop over time, independent of any backend.

    Attributes:
        values: in an order in which each can be computed; equal expressions are one value.
        states: for each state, the number of its value at the next step.
        gates: values that can be recorded at every step, by name.
        sums: values that are added up over all steps and sequences, by name.
    """

    values: tuple[Value, ...]
    states: Mapping[str, int]
    gates: Mapping[str, int]
    sums: Mapping[str, int] = field(default_factory=dict)


def reached(values: Sequence[Value], results: Iterable[int]) -> set[int]:
    """Return the numbers of the values that results are computed from, and their own."""
    found = set(results)
    for k in reversed(range(len(values))):
        if k in found:
            found.update(values[k].args)
    return found


_KNOWN: dict[tuple[object, ...], Program] = {}


@functools.lru_cache(maxsize=1024)
def program(cell: Cell) -> Program:
    """Return the Program of a cell. Cells with the same equations share one."""
    made = lower(cell.step.states, cell.step.gates)
    return _KNOWN.setdefault((made.values, tuple(made.states.items()), tuple(made.gates.items())), made)


def lower(
    states: Mapping[str, Expression], gates: Mapping[str, Expression], sums: Mapping[str, Expression] | None = None
) -> Program:
    """Return the Program of a step's expressions: simplified, equal expressions once."""
    sums = sums or {}
    made = _Values()
    for node in postorder(*states.values(), *gates.values(), *sums.values()):
        made.numbers[id(node)] = made.number(node)
    return made.needed(*({name: made.numbers[id(e)] for name, e in group.items()} for group in (states, gates, sums)))


class _Values:
    def __init__(self) -> None:
        self.values: list[Value] = []
        self.numbers: dict[int, int] = {}  # an expression's identity -> its value's number
        self.known: dict[tuple[object, ...], int] = {}

    def number(self, node: Expression) -> int:
        args = tuple(self.numbers[id(arg)] for arg in node.args)
        return self.apply(node.op, *args, name=node.name, number=node.value)

    def apply(self, op: str, *args: int, name: str = "", number: float = 0.0) -> int:
        given = [self.values[a].number if self.values[a].op == "constant" else None for a in args]
        match op, given:
            case ("mul", [1.0, _]) | ("add", [0.0, _]):
                return args[1]
            case ("mul" | "div", [_, 1.0]) | ("add" | "sub", [_, 0.0]):
                return args[0]
            case ("sub", [0.0, _]) | ("mul", [-1.0, _]):
                return self.apply("neg", args[1])
            case ("neg", [None]) if self.values[args[0]].op == "neg":
                return self.values[args[0]].args[0]
            case ("normalize", _):
                return self.normalize(args[0])
            case ("softmax", _):
                return self.softmax(args[0])
        key = (op, args, name, number)
        if key not in self.known:
            self.known[key] = len(self.values)
            self.values.append(Value(op, args, name, number))
        return self.known[key]

    def constant(self, number: float) -> int:
        return self.apply("constant", number=number)

    def normalize(self, v: int) -> int:
        centred = self.apply("sub", v, self.apply("unit_mean", v))
        variance = self.apply("unit_mean", self.apply("mul", centred, centred))
        scale = self.apply("rsqrt", self.apply("add", variance, self.constant(NORMALIZE_EPS)))
        return self.apply("mul", centred, scale)

    def softmax(self, v: int) -> int:
        power = self.apply("exp", self.apply("sub", v, self.apply("unit_max", v)))
        return self.apply("div", power, self.apply("unit_sum", power))

    def needed(self, states: dict[str, int], gates: dict[str, int], sums: dict[str, int]) -> Program:
        """Return the Program of these results, without values that simplification left unused."""
        used = reached(self.values, [*states.values(), *gates.values(), *sums.values()])
        new = {old: k for k, old in enumerate(sorted(used))}
        values = [self.values[k] for k in sorted(used)]
        return Program(
            tuple(Value(v.op, tuple(new[a] for a in v.args), v.name, v.number) for v in values),
            *({name: new[k] for name, k in group.items()} for group in (states, gates, sums)),
        )
