"""Which cells ONNX has an operator for: it is found by their equations, whatever they and their gates are called.

::

    LSTM  i, o, f = φ(x.k + r.k [+ p ⊙ c])   i and f see c_{t-1}, o sees c_t; f may be 1 - i, or i = 1 - f if φ = σ
          c = f ⊙ c + i ⊙ ψ(x.g + r.g)
          h = o ⊙ χ(c)
    GRU   z, r = φ(x.k + r.k)
          n = ψ(x.n + r ⊙ r.n), or ψ(x.n + U_n (r ⊙ h))
          h = z ⊙ h + (1 - z) ⊙ n, or (1 - z) ⊙ h + z ⊙ n if φ = σ
    RNN   h = φ(x.k + r.k)
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import NamedTuple

from tidegate.cells import Cell
from tidegate.engine import program
from tidegate.engine.program.program import Program, Value
from tidegate.export.onnx.fused_operators import Activation, FusedForm

ACTIVATIONS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softplus": "Softplus"}
SIGMOID: Activation = ("Sigmoid", (), ())


class _Gate(NamedTuple):
    """A gate: its name, activation, and the vector by which it sees a cell state, if it does."""

    name: str
    activation: Activation
    peephole: str


@functools.lru_cache(maxsize=1024)
def fused_form(cell: Cell) -> FusedForm | None:
    """Return the operator that a cell is, if ONNX has one."""
    if cell.heads > 1 or cell.projected or cell.masks:
        return None
    equations = _Equations(program(cell), cell.scalars)
    forms = {1: (equations.gru, equations.rnn), 2: (equations.lstm,)}.get(len(cell.states), ())
    return next((found for form in forms if (found := form()) is not None), None)


class _Equations:
    """The equations of a cell, and the forms that they may have."""

    def __init__(self, steps: Program, scalars: tuple[str, ...]):
        self.values, self.scalars = steps.values, scalars
        self.states = [*steps.states]
        self.new = [*steps.states.values()]
        numbers = {value: k for k, value in enumerate(steps.values)}
        self.before = [numbers.get(Value("state", (), name, 0.0), -1) for name in self.states]

    def operands(self, k: int, op: str) -> list[int]:
        """Return the operands of a chain of sums or products; the value itself if it is none."""
        if self.values[k].op != op:
            return [k]
        return [it for arg in self.values[k].args for it in self.operands(arg, op)]

    def pairs(self, k: int, op: str) -> Iterator[tuple[int, int]]:
        """Iterate over both orders of the operands of a sum or product of two."""
        found = self.operands(k, op)
        if len(found) == 2:
            a, b = found
            yield from ((a, b), (b, a))

    def number(self, k: int) -> float | None:
        return self.values[k].number if self.values[k].op == "constant" else None

    def one_minus(self, k: int) -> int | None:
        """Return what is subtracted from 1."""
        value = self.values[k]
        return value.args[1] if value.op == "sub" and self.number(value.args[0]) == 1 else None

    def activation(self, k: int) -> tuple[Activation, int]:
        """Return the function that a value is of another, and that value; the identity of itself if it is none."""
        value = self.values[k]
        if value.op in ACTIVATIONS:
            return (ACTIVATIONS[value.op], (), ()), value.args[0]
        return self.hard_sigmoid(k) or (("Affine", (1.0,), (0.0,)), k)

    def hard_sigmoid(self, k: int) -> tuple[Activation, int] | None:
        """min(max(α v + β, 0), 1), in either order."""
        for outer, inner, first, last in (("minimum", "maximum", 1, 0), ("maximum", "minimum", 0, 1)):
            if (a := self.with_number(k, outer, first)) is None or (b := self.with_number(a, inner, last)) is None:
                continue
            for scaled, shift in self.pairs(b, "add"):
                if (beta := self.number(shift)) is None:
                    continue
                for scale, v in self.pairs(scaled, "mul"):
                    if (alpha := self.number(scale)) is not None:
                        return ("HardSigmoid", (alpha,), (beta,)), v
                value = self.values[scaled]
                if value.op == "div" and (divisor := self.number(value.args[1])):
                    return ("HardSigmoid", (1 / divisor,), (beta,)), value.args[0]
        return None

    def with_number(self, k: int, op: str, number: float) -> int | None:
        """Return the other operand of an operation on that number."""
        if self.values[k].op != op:
            return None
        return next((a for a, b in itertools.permutations(self.values[k].args) if self.number(b) == number), None)

    def gate(self, k: int, sees: int = -1) -> _Gate | None:
        """Return the gate that a value is: φ(x.k + r.k), with p ⊙ c too if it may see a state."""
        activation, before = self.activation(k)
        terms = {self.values[it].op: it for it in self.operands(before, "add")}
        product = self.values[terms.get("recur", k)]
        if len(self.operands(before, "add")) != len(terms) or product.args != (self.before[0],):
            return None
        name = product.name
        if "input" not in terms or self.values[terms["input"]].name != name:
            return None
        if terms.keys() == {"input", "recur"}:
            return _Gate(name, activation, "")
        if terms.keys() == {"input", "recur", "mul"}:
            for vector, state in self.pairs(terms["mul"], "mul"):
                peephole = self.values[vector]
                if peephole.op == "parameter" and peephole.name not in self.scalars and state == sees:
                    return _Gate(name, activation, peephole.name)
        return None

    def rnn(self) -> FusedForm | None:
        found = self.gate(self.new[0])
        return None if found is None else FusedForm("RNN", (found.name,), (found.activation,))

    def lstm(self) -> FusedForm | None:
        (h, c), (_, before) = self.new, self.before
        for kept, added in self.pairs(c, "add"):
            for (f, old), (i, g), (o, shown) in itertools.product(
                self.pairs(kept, "mul"), self.pairs(added, "mul"), self.pairs(h, "mul")
            ):
                output, inner = self.activation(shown)
                first, coupled = self._input_and_forget_gate(i, f, before)
                gates = [*first, self.gate(o, c), self.gate(g)]
                if old != before or inner != c or None in gates:
                    continue
                own_i, own_f, own_o, new = [it for it in gates if it is not None]
                three = own_i, own_o, own_f
                if len({it.activation for it in three}) == 1 and not new.peephole:
                    peepholes = tuple(it.peephole for it in three)
                    return FusedForm(
                        "LSTM", tuple(it.name for it in (*three, new)), (three[0].activation, new.activation, output),
                        peepholes if any(peepholes) else (), {"input_forget": 1} if coupled else {},
                    )  # fmt: skip
        return None

    def _input_and_forget_gate(self, i: int, f: int, before: int) -> tuple[list[_Gate | None], bool]:
        """Return both gates, and whether the operator is to compute f as 1 - i."""
        if self.one_minus(f) == i:
            return [self.gate(i, before)] * 2, True
        if self.one_minus(i) == f:
            own = self.gate(f)
            fits = own is not None and own.activation == SIGMOID  # 1 - σ(a) = σ(-a)
            return [own._replace(name=f"-{own.name}") if own and fits else None] * 2, True
        return [self.gate(i, before), self.gate(f, before)], False

    def gru(self) -> FusedForm | None:
        ((h,), (before,)) = self.new, self.before
        for kept, added in self.pairs(h, "add"):
            for (z, old), (rest, n) in itertools.product(self.pairs(kept, "mul"), self.pairs(added, "mul")):
                flipped = self.one_minus(z) == rest
                gate = self.gate(rest if flipped else z)
                if old != before or gate is None or not (flipped or self.one_minus(rest) == z):
                    continue
                if flipped and gate.activation != SIGMOID:  # 1 - σ(a) = σ(-a)
                    continue
                if (found := self._new_state(n, before)) is not None and found[1].activation == gate.activation:
                    new, reset, after = found
                    gates = (f"-{gate.name}" if flipped else gate.name, reset.name, new.name)
                    activations = gate.activation, new.activation
                    return FusedForm("GRU", gates, activations, (), {"linear_before_reset": int(after)})
        return None

    def _new_state(self, n: int, before: int) -> tuple[_Gate, _Gate, bool] | None:
        """Return the gate n of a GRU, its reset gate, and whether it resets after the product."""
        activation, inner = self.activation(n)
        for part, product in self.pairs(inner, "add"):
            if self.values[part].op != "input":
                continue
            new, value = _Gate(self.values[part].name, activation, ""), self.values[product]
            after = value.op == "mul"
            if not after and (value.op != "recur" or value.name != new.name):
                continue
            for r, other in self.pairs(product if after else value.args[0], "mul"):
                wanted = Value("recur", (before,), new.name, 0.0)
                reset = self.gate(r)
                if reset is not None and (self.values[other] == wanted if after else other == before):
                    return new, reset, after
        return None
