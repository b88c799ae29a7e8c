"""Every derivative, in one table.

A row gives the gradients by an operation's arguments from the gradient g by its value y and the arguments themselves,
in the cell language's own operations, plus three that only derivatives and lowered reductions need: ``at_most``
(1 where a <= b, else 0), ``unit_mean`` and ``rsqrt``.
"""

from __future__ import annotations

from collections.abc import Callable

from tidegate.cells.language.expression import Expression, apply

E = Expression
Rule = Callable[..., tuple[E, ...]]


def at_most(a: E | float, b: E | float) -> E:
    """1 where a <= b, else 0."""
    return apply("at_most", a, b)


def _share(a: E, b: E) -> E:
    """Where a is the smaller of two vectors: 1; where they are equal: 1/2, as torch.minimum does."""
    if b.op == "constant":
        return at_most(a, b)  # as torch.clamp does
    return 0.5 * (at_most(a, b) + 1 - at_most(b, a))


def _larger(a: E, b: E) -> E:
    """Where a is the larger of two vectors: 1; where they are equal: 1/2."""
    return at_most(b, a) if b.op == "constant" else 0.5 * (at_most(b, a) + 1 - at_most(a, b))


DERIVATIVES: dict[str, Rule] = {
    "add": lambda g, y, a, b: (g, g),
    "sub": lambda g, y, a, b: (g, -g),
    "mul": lambda g, y, a, b: (g * b, g * a),
    "div": lambda g, y, a, b: (g / b, -g * y / b),
    "neg": lambda g, y, a: (-g,),
    "sigmoid": lambda g, y, a: (g * (y * (1 - y)),),
    "tanh": lambda g, y, a: (g * (1 - y * y),),
    "relu": lambda g, y, a: (g * (1 - at_most(y, 0)),),
    "exp": lambda g, y, a: (g * y,),
    "log": lambda g, y, a: (g / a,),
    "softplus": lambda g, y, a: (g * apply("sigmoid", a),),
    "absolute": lambda g, y, a: (g * (at_most(0, a) - at_most(a, 0)),),
    "minimum": lambda g, y, a, b: (g * _share(a, b), g * _share(b, a)),
    "maximum": lambda g, y, a, b: (g * _larger(a, b), g * _larger(b, a)),
    "unit_mean": lambda g, y, a: (apply("unit_mean", g),),
    "rsqrt": lambda g, y, a: (-0.5 * g * (y * y * y),),
}
