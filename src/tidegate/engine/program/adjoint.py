"""The backward of a Program is a Program again: it runs over time the other way.

Let g(v) be the gradient of the loss by a value v. The backward step of time t carries to time t-1

* ``d s`` for each state s: the pointwise part of g(s_{t-1}), and
* ``d r.k`` for each product r.k = U_k h_{t-1}: its gradient. U_k transposed times it is the rest of g(h_{t-1}), and
  begins the next step as the product with U_k begins a forward step.

It reads the leaves ``cotangent`` (gradients of what the forward run gave out), ``saved`` (values the forward run kept)
and ``before`` (the states the forward step began with). It gives out ``x.k``, the gradient of gate k's input part,
``r.k``, the gradient of each product, and ``m.k``, that of a mask if it is wanted. Those of inputs and products, summed
over time against x and the product's operand (``operand r.k``, where that is not a previous state), are the gradients
of the weights. Gradients of per-unit vectors are its sums, ``p.name``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tidegate.cells.language.expression import Expression, apply, constant, postorder
from tidegate.engine.program.derivatives import DERIVATIVES
from tidegate.engine.program.program import Program, Value, lower

# What it costs to keep a value for backward, in pointwise operations on it: memory is slower than arithmetic.
KEEPING = 40
COSTS = {"sigmoid": 12, "tanh": 12, "exp": 10, "log": 12, "softplus": 20, "div": 4, "rsqrt": 4}


@dataclass(frozen=True, eq=False)
class Adjoint:
    """A Program's backward.

    Attributes:
        program: the backward step.
        saved: the forward values that it reads at the same step, by the name of their leaf.
    """

    program: Program
    saved: dict[str, int]


@functools.cache
def adjoint(forward: Program, given: tuple[str, ...], masks: tuple[str, ...] = ()) -> Adjoint:
    """Differentiate a step.

    Args:
        forward: the step.
        given: states and gates whose values over time the run gave out, and whose gradients arrive.
        masks: the masks whose gradients are wanted.
    """
    return _Backward(forward, given, masks).run()


class _Backward:
    def __init__(self, forward: Program, given: tuple[str, ...], masks: tuple[str, ...]):
        self.forward, self.given, self.masks = forward, given, masks
        self.gradients: dict[int, Expression] = {}
        # Forward values in the gradients' expressions: only those that a result turns out to need are looked up.
        self.values = [_forward(k, value) for k, value in enumerate(forward.values)]
        self.places: dict[str, int] = {}  # what each "saved" leaf stands for
        self.found: dict[int, Expression] = {}

    def run(self) -> Adjoint:
        forward = self.forward
        for value in forward.values:  # first, so that products stand together in the sum
            if self.is_carried(value):
                carried = Expression("state", name=f"d r.{value.name}")
                operand = forward.values[value.args[0]].name
                self.add(forward.states[operand], _transposed(value, carried))
        for name, k in forward.states.items():
            self.add(k, Expression("state", name=f"d {name}"))
        for name in self.given:
            self.add(self.given_out(name), Expression("cotangent", name=name))
        for k in reversed(range(len(forward.values))):
            if k in self.gradients:
                self.differentiate(k)
        results = self.results()
        needed = postorder(*(e for group in results for e in group.values()))
        self.look_up(sorted(int(node.value) for node in needed if node.op == "forward"))
        made: dict[int, Expression] = {}
        for node in needed:
            made[id(node)] = self.found[int(node.value)] if node.op == "forward" else _with(node, made)
        backward = lower(*({name: made[id(e)] for name, e in group.items()} for group in results))
        return Adjoint(
            backward, {value.name: self.places[value.name] for value in backward.values if value.op == "saved"}
        )

    def given_out(self, name: str) -> int:
        return self.forward.states[name] if name in self.forward.states else self.forward.gates[name]

    def is_carried(self, value: Value) -> bool:
        """Whether a product is with a previous state, so that its transpose belongs to the step before."""
        return value.op == "recur" and self.forward.values[value.args[0]].op == "state"

    def is_mean(self, v: int, mean: int) -> bool:
        """Whether a value is the mean of another over the units."""
        value = self.forward.values[mean]
        return value.op == "unit_mean" and value.args == (v,)

    def add(self, k: int, gradient: Expression) -> None:
        self.gradients[k] = self.gradients[k] + gradient if k in self.gradients else gradient

    def differentiate(self, k: int) -> None:
        value, g = self.forward.values[k], self.gradients[k]
        if not value.args or self.is_carried(value):
            return
        if value.op in ("recur", "project"):
            self.add(value.args[0], _transposed(value, g))
            return
        if value.op == "sub" and self.is_mean(*value.args):
            # v - mean(v) is its own adjoint. As one addend, since its parts may be much larger than their difference.
            self.add(value.args[0], g - apply("unit_mean", g))
            return
        args = [self.values[arg] for arg in value.args]
        for arg, gradient in zip(value.args, DERIVATIVES[value.op](g, self.values[k], *args), strict=True):
            if self.forward.values[arg].op != "constant":
                self.add(arg, gradient)

    def results(self) -> tuple[dict[str, Expression], dict[str, Expression], dict[str, Expression]]:
        """What the backward step carries, gives out, and adds up."""
        zero = constant(0.0)
        states = {f"d {name}": zero for name in self.forward.states}
        gates: dict[str, Expression] = {}
        sums: dict[str, Expression] = {}
        for k, value in enumerate(self.forward.values):
            g = self.gradients.get(k, zero)
            match value.op:
                case "state":
                    states[f"d {value.name}"] = g
                case "input":
                    gates[f"x.{value.name}"] = g
                case "mask" if value.name in self.masks:
                    gates[f"m.{value.name}"] = g
                case "parameter":
                    sums[f"p.{value.name}"] = g
                case "recur" if self.is_carried(value):
                    gates[f"r.{value.name}"] = states[f"d r.{value.name}"] = g
                case "recur" | "project":
                    name = f"r.{value.name}" if value.op == "recur" else "project"
                    gates[name], gates[f"operand {name}"] = g, self.values[value.args[0]]
        return states, gates, sums

    def look_up(self, needed: list[int]) -> None:
        """Find each forward value that is needed: kept by the forward run, or computed again where that costs less."""
        named = {k: name for group in (self.forward.gates, self.forward.states) for name, k in group.items()}
        for k in self.forward.states.values():  # the states over time are kept anyway
            if self.forward.values[k].op != "state":
                self.keep(k, named[k])
        for k in needed:
            if k not in self.found and self.again(k) < KEEPING:
                self.found[k] = self.compute(k)
            elif k not in self.found:
                self.keep(k, named.get(k, f"value {k}"))

    def keep(self, k: int, name: str) -> None:
        self.found[k], self.places[name] = Expression("saved", name=name), k

    def again(self, k: int) -> float:
        """What computing a value again would cost."""
        value = self.forward.values[k]
        if k in self.found or value.op in ("constant", "parameter", "mask", "state"):
            return 0
        if value.op in DERIVATIVES and value.op != "unit_mean":
            return COSTS.get(value.op, 1) + sum(self.again(arg) for arg in value.args)
        return float("inf")

    def compute(self, k: int) -> Expression:
        value = self.forward.values[k]
        if k in self.found:
            return self.found[k]
        if value.op == "state":
            return Expression("before", name=value.name)
        return Expression(value.op, tuple(self.compute(arg) for arg in value.args), value.name, value.number)


def _forward(k: int, value: Value) -> Expression:
    return constant(value.number) if value.op == "constant" else Expression("forward", value=k)


def _transposed(value: Value, gradient: Expression) -> Expression:
    return Expression(f"{value.op}_transposed", (gradient,), value.name)


def _with(node: Expression, made: dict[int, Expression]) -> Expression:
    return Expression(node.op, tuple(made[id(arg)] for arg in node.args), node.name, node.value)
