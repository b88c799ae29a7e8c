"""Which states can be computed for all steps at once: those that are affine in themselves.

A state is affine in itself if s_t = a_t ⊙ s_{t-1} + b_t, where neither a_t nor b_t depends on s. Such a recurrence is
an associative scan (Blelloch 1990, "Prefix sums and their applications"; Martin & Cundy 2018, "Parallelizing linear
recurrent neural nets over sequence length"), whose depth is the logarithm of the number of steps. a_t and b_t may
depend on other states if those are computed first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.cells.language.expression import Expression, constant, postorder
from tidegate.engine.program.program import Program, Value, lower

COEFFICIENT, OFFSET = "coefficient", "offset"


@dataclass(frozen=True)
class _Affine:
    """A value as coefficient ⊙ s + offset; None for zero. Without a coefficient it does not depend on s."""

    coefficient: Expression | None
    offset: Expression | None

    def map(self, fn: Callable[[Expression], Expression]) -> _Affine:
        """Apply a linear function of one value."""
        return _Affine(*(None if part is None else fn(part) for part in (self.coefficient, self.offset)))


@functools.cache
def affine_states(program: Program) -> dict[str, Program] | None:
    """Return the recurrence of each state, in an order in which they can be computed, if all are affine in themselves.

    Each is a Program whose gates are the ``coefficient`` and the ``offset``. Its states are those computed before.

    Returns:
        The recurrences by state; None if a state is not affine in itself, or if two states need each other.
    """
    found: dict[str, Program] = {}
    needs: dict[str, set[str]] = {}
    for name, number in program.states.items():
        affine = _affine_in(program, name)[number]
        if affine is None:
            return None
        parts = {COEFFICIENT: _written(affine.coefficient), OFFSET: _written(affine.offset)}
        needs[name] = {node.name for node in postorder(*parts.values()) if node.op == "state"}
        found[name] = lower({}, parts)
    ordered: dict[str, Program] = {}
    while len(ordered) < len(found):
        ready = [name for name in found if name not in ordered and needs[name] <= set(ordered)]
        if not ready:
            return None
        ordered |= {name: found[name] for name in ready}
    return ordered


def _affine_in(program: Program, state: str) -> list[_Affine | None]:
    """Return each value of a Program as an affine function of a state; None where it is none."""
    whole: list[Expression] = []
    made: list[_Affine | None] = []
    for value in program.values:
        whole.append(Expression(value.op, tuple(whole[arg] for arg in value.args), value.name, value.number))
        args = [made[arg] for arg in value.args]
        if value.op == "state" and value.name == state:
            made.append(_Affine(constant(1.0), None))
            continue
        known = [arg for arg in args if arg is not None]
        if len(known) < len(args):
            made.append(None)
        elif all(arg.coefficient is None for arg in known):
            made.append(_Affine(None, whole[-1]))
        else:
            made.append(_combined(value, known))
    return made


def _combined(value: Value, args: list[_Affine]) -> _Affine | None:
    """Apply an operation to values of which some depend on the state; None if the result is not affine."""
    free = [arg.offset if arg.coefficient is None else None for arg in args]
    match value.op, free:
        case ("add" | "sub", _):
            a, b = args
            b = b.map(lambda part: -part) if value.op == "sub" else b
            return _Affine(_sum(a.coefficient, b.coefficient), _sum(a.offset, b.offset))
        case ("neg", _):
            return args[0].map(lambda part: -part)
        case ("mul", [None, Expression() as factor]):
            return args[0].map(lambda part: part * factor)
        case ("mul", [Expression() as factor, None]):
            return args[1].map(lambda part: factor * part)
        case ("div", [None, Expression() as divisor]):
            return args[0].map(lambda part: part / divisor)
        case ("where_at_most" | "where_less", [Expression() as a, Expression() as b, _, _]):
            pairs = ((args[2].coefficient, args[3].coefficient), (args[2].offset, args[3].offset))
            return _Affine(*(Expression(value.op, (a, b, _written(v), _written(w))) for v, w in pairs))
    return None


def _sum(a: Expression | None, b: Expression | None) -> Expression | None:
    return b if a is None else a if b is None else a + b


def _written(part: Expression | None) -> Expression:
    return constant(0.0) if part is None else part
