"""The backward of a Program is a Program again: it runs over time the other way.

Let g(v) be the gradient of the loss by a value v. The backward step of time t carries to time t-1

* ``d s`` for each state s: the pointwise part of g(s_{t-1}), and
* ``d r.k`` for each product r.k = U_k h_{t-1}: its gradient. U_k transposed times it is the rest of g(h_{t-1}), and
  begins the next step as the product with U_k begins a forward step.

Inputs (leaves): ``cotangent``, the gradient of a result; ``saved``, a value that the forward run saved; ``before``, a
state that the forward step began with. Outputs: ``x.k``, the gradient of gate k's input part; ``r.k``, the gradient of
each product; ``m.name``, that of a mask, if it is wanted. The gradients of the weights are those of input parts and
products, multiplied by x and by the product's operand (``operand r.k``, where that is not a previous state) and summed
over time. The gradients of vectors with one weight per hidden unit are the backward Program's sums, ``p.name``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tidegate.cells.language.expression import Expression, apply, constant, postorder
from tidegate.engine.program import gradient_names
from tidegate.engine.program.derivatives import DERIVATIVES
from tidegate.engine.program.program import REDUCTIONS, Program, Value, lower

# The cost of saving a value for backward, in pointwise operations on it: memory is slower than arithmetic.
SAVING = 40
COSTS = {"sigmoid": 12, "tanh": 12, "exp": 10, "log": 12, "softplus": 20, "div": 4, "rsqrt": 4, "sqrt": 4}
COSTS |= {"sin": 20, "cos": 20, "remainder": 30}


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
        given: the results over time, states and gates, which have gradients.
        masks: the masks whose gradients are wanted.
    """
    return _Backward(forward, given, masks).run()


class _Backward:
    def __init__(self, forward: Program, given: tuple[str, ...], masks: tuple[str, ...]):
        self.forward, self.given, self.masks = forward, given, masks
        self.gradients: dict[int, Expression] = {}
        # Forward values in the gradients' expressions: only those that a result needs are looked up.
        self.values = [_forward(k, value) for k, value in enumerate(forward.values)]
        self.places: dict[str, int] = {}  # the number of the value of each "saved" leaf
        self.found: dict[int, Expression] = {}

    def run(self) -> Adjoint:
        forward = self.forward
        for value in forward.values:  # first, so that products stand together in the sum
            if self.is_carried(value):
                carried = Expression("state", name=gradient_names.carried_product(value.name))
                operand = forward.values[value.args[0]].name
                self.add(forward.states[operand], _transposed(value, carried))
        for name, k in forward.states.items():
            self.add(k, Expression("state", name=gradient_names.of_state(name)))
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
        """Whether a value is the mean of another over the hidden units."""
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
            if gradient is not None and self.forward.values[arg].op != "constant":
                self.add(arg, gradient)

    def results(self) -> tuple[dict[str, Expression], dict[str, Expression], dict[str, Expression]]:
        """Return what the backward step carries, gives out, and adds up."""
        zero = constant(0.0)
        states = {gradient_names.of_state(name): zero for name in self.forward.states}
        gates: dict[str, Expression] = {}
        sums: dict[str, Expression] = {}
        for k, value in enumerate(self.forward.values):
            g = self.gradients.get(k, zero)
            match value.op:
                case "state":
                    states[gradient_names.of_state(value.name)] = g
                case "input":
                    gates[gradient_names.of_input_part(value.name)] = g
                case "mask" if value.name in self.masks:
                    gates[gradient_names.of_mask(value.name)] = g
                case "parameter":
                    sums[gradient_names.of_parameter(value.name)] = g
                case "recur" if self.is_carried(value):
                    gates[gradient_names.of_product(value.name)] = g
                    states[gradient_names.carried_product(value.name)] = g
                case "recur" | "project":
                    recurs = value.op == "recur"
                    name = gradient_names.of_product(value.name) if recurs else gradient_names.PROJECT
                    gates[name], gates[gradient_names.operand(name)] = g, self.values[value.args[0]]
        return states, gates, sums

    def look_up(self, needed: list[int]) -> None:
        """Find each forward value that is needed: saved by the forward run, or computed again where that costs less."""
        named = {k: name for group in (self.forward.gates, self.forward.states) for name, k in group.items()}
        for k in self.forward.states.values():  # the states over time are stored anyway
            if self.forward.values[k].op != "state":
                self.save(k, named[k])
        for k in needed:
            if k not in self.found and self.cost_again(k) < SAVING:
                self.found[k] = self.compute(k)
            elif k not in self.found:
                self.save(k, named.get(k, f"value {k}"))

    def save(self, k: int, name: str) -> None:
        self.found[k], self.places[name] = Expression("saved", name=name), k

    def cost_again(self, k: int) -> float:
        """Return the cost of computing a value again."""
        value = self.forward.values[k]
        if k in self.found or value.op in ("constant", "parameter", "mask", "state"):
            return 0
        if value.op in DERIVATIVES and value.op not in REDUCTIONS:
            return COSTS.get(value.op, 1) + sum(self.cost_again(arg) for arg in value.args)
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
