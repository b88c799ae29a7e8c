"""Cells with random equations, every operation of the language among them, and random calls of them.

A cell is a list of nodes, ``(operation, operands, name)``, of which some are states and some are recorded. The same
list is run on symbols and on tensors. Arguments that have a domain are brought into it (log(softplus(v) + 0.1)), except
for a few that torch handles by selecting (max(log(relu(v)), -5)).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

import tidegate.cells as language
from tidegate.cells import Cell, Step, cell, projected, zoneout
from tidegate.errors import CellError

Node = tuple[str, tuple[int | float, ...], str]
UNARY = ("sigmoid", "tanh", "relu", "softplus", "absolute", "normalize", "softmax", "unit_mean", "sin", "cos", "neg")
BINARY = ("add", "sub", "mul", "minimum", "maximum", "where_at_most", "where_less")
GUARDED = ("cumsum", "unit_sum", "exp", "log", "div", "sqrt", "remainder", "log_of_relu", "inverse_of_relu")


def _operators() -> dict[str, Callable[..., Any]]:
    import operator

    from tidegate.cells import absolute, cos, cumsum, exp, log, maximum, minimum, relu, softplus, sqrt, unit_sum, where

    named = {name: getattr(language, name) for name in (*UNARY[:-1], "minimum", "maximum")}
    return {
        **named,
        "neg": operator.neg,
        "add": operator.add,
        "sub": operator.sub,
        "mul": operator.mul,
        "cumsum": lambda v: 0.1 * cumsum(v),
        "unit_sum": lambda v: 0.1 * unit_sum(v),
        "exp": lambda v: exp(minimum(v, 1.5)),
        "log": lambda v: log(softplus(v) + 0.1),
        "sqrt": lambda v: sqrt(absolute(v) + 0.1),
        "div": lambda a, b: a / (0.5 + absolute(b)),
        # Continuous, though a comparison and a remainder are not: rounding may decide either way.
        "where_at_most": lambda a, b: where(a <= b, b - a, 0.5 * (a - b)),
        "where_less": lambda a, b: where(a < b, 0.5 * a, a - 0.5 * b),
        "remainder": lambda v: cos(6.283185307179586 * (v % 1) - 0.5),
        "log_of_relu": lambda v: 0.2 * maximum(log(relu(v)), -5),
        "inverse_of_relu": lambda v: 0.1 * minimum(1 / relu(v), 10),
    }


OPERATORS = _operators()


@dataclass
class _Equations:
    rng: random.Random
    projects: bool
    nodes: list[Node] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    gates: dict[str, int] = field(default_factory=dict)

    def make(self) -> None:
        rng = self.rng
        names = "h c e"[: 2 * rng.randint(1, 3)].split()
        for gate in "abd"[: rng.randint(1, 3)]:
            kinds = rng.choice(["x", "r", "xr", "xr", "xr"])
            for kind in kinds:
                self.nodes.append((kind, (), gate))
        for name in names[1 if self.projects else 0 :]:
            self.nodes.append(("s", (), name))
        for k in range(rng.choice([0, 0, 1, 2])):
            self.nodes.append((rng.choice(["p", "p", "scalar"]), (), "uv"[k]))
        for k in range(rng.choice([0, 0, 0, 1, 2])):
            self.nodes.append(("m", (), "mn"[k]))
        rng.shuffle(self.nodes)
        free = list("kq")
        for _ in range(rng.randint(2, 12)):
            if free and rng.random() < 0.12:
                self.nodes.append(("rv", (self._any(),), free.pop()))
            else:
                self._operation()
        for name in names:
            self.states[name] = self._state()
        for k in range(rng.randint(0, 2)):
            self.gates[f"g{k}"] = self._any()

    def _any(self) -> int:
        count = len(self.nodes)
        return self.rng.randrange(count) if self.rng.random() < 0.5 else count - 1 - self.rng.randrange(min(4, count))

    def _operation(self) -> int:
        rng = self.rng
        kind = rng.choice([UNARY, BINARY, BINARY, GUARDED])
        op = rng.choice(kind)
        operands: list[int | float] = [self._any()]
        if op in BINARY or op == "div":
            number = rng.choice([0.5, -1.25, 2, 0, 1])
            operands.append(number + 0.0 if rng.random() < 0.25 else self._any())
            if op == "div" or rng.random() < 0.3:
                operands.reverse()
        self.nodes.append((op, tuple(operands), ""))
        return len(self.nodes) - 1

    def _add(self, op: str, *operands: int | float) -> int:
        self.nodes.append((op, operands, ""))
        return len(self.nodes) - 1

    def _state(self) -> int:
        rng = self.rng
        kind = rng.random()
        if kind < 0.15:  # anything, leaves and products too
            return self._any()
        if kind < 0.25 and self.states:
            return rng.choice([*self.states.values()])
        if kind < 0.6:
            return self._add("tanh", self._any())
        gate = self._add("sigmoid", self._any())
        rest = self._add("sub", 1.0, gate)
        return self._add(
            "add", self._add("mul", gate, self._any()), self._add("mul", rest, self._add("tanh", self._any()))
        )

    def needed(self) -> set[int]:
        found: set[int] = set()
        stack = [*self.states.values(), *self.gates.values()]
        while stack:
            k = stack.pop()
            if k not in found:
                found.add(k)
                stack.extend(a for a in self.nodes[k][1] if isinstance(a, int))
        return found

    def declared(self, *kinds: str) -> str:
        return " ".join(
            dict.fromkeys(n for k, (op, _, n) in enumerate(self.nodes) if op in kinds and k in self.needed())
        )

    def function(self) -> Callable[..., Step]:
        needed = sorted(self.needed())
        nodes, states, gates = self.nodes, self.states, self.gates

        def step(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
            symbols, made = {"x": x, "r": r, "s": s, "p": p, "scalar": p, "m": m}, {}
            for k in needed:
                op, operands, name = nodes[k]
                given = [made[a] if isinstance(a, int) else a for a in operands]
                if op == "rv":
                    made[k] = r(name, given[0])
                elif op in symbols:
                    made[k] = getattr(symbols[op], name)
                else:
                    made[k] = OPERATORS[op](*given)
            new = {name: made[k] for name, k in states.items()}
            return Step(**new, gates={name: made[k] for name, k in gates.items()})

        return step


def random_cell(seed: int) -> Cell:
    """Return the cell of a seed."""
    rng = random.Random(seed)
    for _ in range(100):
        projects = rng.random() < 0.25
        equations = _Equations(rng, projects)
        equations.make()
        step = equations.function()
        step.__name__ = f"random_{seed}"
        declared = equations.declared
        try:
            made = cell(
                gates=declared("x", "r", "rv"),
                states=" ".join(equations.states),
                parameters=declared("p"),
                scalars=declared("scalar"),
                masks=declared("m"),
            )(step)
            made = projected(made) if projects else made
        except CellError:  # no gate is left, for example
            continue
        if not projects and rng.random() < 0.1:
            made = zoneout(made, rng.choice([0.2, 0.5]))
        return made
    raise AssertionError(f"seed {seed} gives no cell")


@dataclass(frozen=True)
class RandomCall:
    """The arguments of a run, in float32 numbers, and what is asked of it."""

    tensors: dict[str, Tensor]
    wanted: tuple[str, ...]
    options: dict[str, Any]
    asked: frozenset[str]
    double: bool


def random_call(it: Cell, seed: int) -> RandomCall:
    """Return a random call of a cell: sizes, lengths, resets, records, and which gradients by which results."""
    rng, generator = random.Random(seed + 1), torch.Generator().manual_seed(seed)
    steps, batch = rng.choice([0, 1, 2, 4, 5]), rng.choice([1, 2, 3, 9])
    inputs, units = rng.choice([1, 3, 8]), rng.choice([1, 3, 8, 17, 33])
    outputs = units
    if it.projected and it.direct_gates == it.recurrent_gates:
        outputs = rng.choice([units, max(1, units // 2), units + 2, 2 * units + 17])
    x_rows, r_rows = len(it.input_gates) * units, len(it.recurrent_gates) * units
    shapes: dict[str, tuple[int, ...]] = {"x": (steps, batch, inputs)}
    shapes |= {"w_ih": (x_rows, inputs)} if x_rows else {}
    shapes |= {"w_hh": (r_rows, outputs)} if r_rows else {}
    if it.bias and rng.random() < 0.7:
        shapes |= {"b_ih": (x_rows,)} if x_rows else {}
        shapes |= {"b_hh": (r_rows,)} if r_rows else {}
    shapes |= {"w_hr": (outputs, units)} if it.projected else {}
    shapes |= {f"p {name}": (1 if name in it.scalars else units,) for name in it.parameters}
    shapes |= {f"state {name}": (batch, units if k else outputs) for k, name in enumerate(it.states)}
    shapes |= {f"mask {name}": (steps, batch, units) for name in it.masks}
    tensors = {name: 2 * torch.rand(shape, generator=generator) - 1 for name, shape in shapes.items()}
    for name, tensor in [*tensors.items()]:
        if name.startswith("w_"):
            tensors[name] = tensor * 1.5 / max(1, tensor.shape[1]) ** 0.5
    lengths = None if rng.random() < 0.4 else [rng.randint(0, steps) for _ in range(batch)]
    options: dict[str, Any] = {"lengths": lengths, "reverse": rng.random() < 0.4}
    if rng.random() < 0.4:
        options["reset"] = torch.rand(steps, batch, generator=generator) < 0.3
    every = rng.choice([None, 1, 1, 2])
    if every:
        names = [name for name in it.recorded if rng.random() < 0.7] or [it.states[0]]
        from tidegate.engine import Record

        options["record"] = Record(tuple(names), every=every)
    if lengths is not None:  # padding may hold anything
        past = torch.arange(steps)[:, None] >= torch.tensor(lengths)
        for name in ("x", *(f"mask {m}" for m in it.masks)):
            tensors[name] = tensors[name].masked_fill(past[..., None], float("nan"))
    wanted = tuple(name for name in tensors if rng.random() < 0.8) or ("x",)
    results = ("output", *(f"final {name}" for name in it.states), "recorded")
    asked = frozenset(name for name in results if rng.random() < 0.7) or frozenset(["output"])
    return RandomCall(tensors, wanted, options, asked, rng.random() < 0.3)
