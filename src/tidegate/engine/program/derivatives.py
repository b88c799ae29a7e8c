"""Every derivative, in one table.

A row gives the gradients by an operation's arguments from the gradient g by its value y and the arguments themselves,
in the cell language's own operations, plus four that only derivatives and lowered operations need: ``at_most`` (1 where
a <= b, else 0), ``unit_max``, ``cumsum_reversed`` and ``rsqrt``. None stands for a gradient of zero.

Where an operation does not pass a gradient on, zero is selected, as in torch, and not multiplied: what is passed over
may be infinite or NaN, as in max(log(relu(v)), -5) for v < 0.
"""

from __future__ import annotations

from collections.abc import Callable

from tidegate.cells.language.expression import Expression, apply

E = Expression
Rule = Callable[..., tuple[E | None, ...]]


def at_most(a: E | float, b: E | float) -> E:
    """1 where a <= b, else 0."""
    return apply("at_most", a, b)


def where_at_most(a: E | float, b: E | float, then: E | float, otherwise: E | float) -> E:
    """``then`` where a <= b, else ``otherwise``."""
    return apply("where_at_most", a, b, then, otherwise)


def _of_choice(op: str) -> Rule:
    """The gradients of a choice by the comparison of a and b, which pass through the side that was chosen."""
    return lambda g, y, a, b, v, w: (None, None, apply(op, a, b, g, 0), apply(op, a, b, 0, g))


def _of_smaller(g: E, a: E, b: E) -> E:
    """The gradient by a of the smaller of a and b: g where that is a; half of it where they are equal."""
    if b.op == "constant":
        return where_at_most(a, b, g, 0)  # as torch.clamp does
    return where_at_most(b, a, where_at_most(a, b, 0.5 * g, 0), g)


def _of_larger(g: E, a: E, b: E) -> E:
    """The gradient by a of the larger of a and b."""
    if b.op == "constant":
        return where_at_most(b, a, g, 0)
    return where_at_most(a, b, where_at_most(b, a, 0.5 * g, 0), g)


DERIVATIVES: dict[str, Rule] = {
    "add": lambda g, y, a, b: (g, g),
    "sub": lambda g, y, a, b: (g, -g),
    "mul": lambda g, y, a, b: (g * b, g * a),
    "div": lambda g, y, a, b: (g / b, -g * y / b),
    "neg": lambda g, y, a: (-g,),
    "sigmoid": lambda g, y, a: (g * (y * (1 - y)),),
    "tanh": lambda g, y, a: (g * (1 - y * y),),
    "relu": lambda g, y, a: (where_at_most(y, 0, 0, g),),
    "exp": lambda g, y, a: (g * y,),
    "log": lambda g, y, a: (g / a,),
    "softplus": lambda g, y, a: (g * apply("sigmoid", a),),
    "sqrt": lambda g, y, a: (0.5 * g / y,),
    "sin": lambda g, y, a: (g * apply("cos", a),),
    "cos": lambda g, y, a: (-g * apply("sin", a),),
    "remainder": lambda g, y, a, b: (g, -g * ((a - y) / b)),
    "where_at_most": _of_choice("where_at_most"),
    "where_less": _of_choice("where_less"),
    "absolute": lambda g, y, a: (g * (at_most(0, a) - at_most(a, 0)),),
    "minimum": lambda g, y, a, b: (_of_smaller(g, a, b), _of_smaller(g, b, a)),
    "maximum": lambda g, y, a, b: (_of_larger(g, a, b), _of_larger(g, b, a)),
    "unit_mean": lambda g, y, a: (apply("unit_mean", g),),
    "unit_sum": lambda g, y, a: (apply("unit_sum", g),),
    "unit_max": lambda g, y, a: (None,),  # only softmax has it, which is the same whatever it is
    "cumsum": lambda g, y, a: (apply("cumsum_reversed", g),),
    "rsqrt": lambda g, y, a: (-0.5 * g * (y * y * y),),
}
