"""Which states are affine in themselves: over the zoo, and for equations that only look as if they were."""

from typing import Any

import pytest

from tidegate.cells import CELLS, Cell, Step, absolute, cell, maximum, normalize, relu, sigmoid, tanh, unit_mean, where
from tidegate.engine import program
from tidegate.engine.program.affine import affine_states


def test_the_cells_of_the_library() -> None:
    found = {name for name, it in CELLS.items() if affine_states(program(it)) is not None}
    assert found == {"min_gru", "min_lstm"}


@cell(gates="n f h", states="h c", parameters="b_f")
def highway(x: Any, s: Any, p: Any) -> Step:
    """The SRU of Lei et al. without its vectors on c: h is computed from c."""
    f = sigmoid(x.f + p.b_f)
    c = f * s.c + (1 - f) * x.n
    return Step(h=sigmoid(x.h) * c + x.h, c=c, gates=dict(f=f))


@cell(gates="a b", states="h", masks="dt=1")
def many_forms(x: Any, s: Any, m: Any) -> Step:
    kept = where(x.a > x.b, s.h, 0.5 * s.h) / (1 + absolute(x.a))
    return Step(h=-(normalize(x.b) - kept * m.dt) + 0.25 * s.h)


@cell(gates="a", states="h c d")
def chain(x: Any, s: Any) -> Step:
    """Each state from those before it: h is computed last."""
    d = 0.5 * s.d + x.a
    c = sigmoid(s.d) * s.c + 1
    return Step(h=tanh(s.c) * s.h + s.d, c=c, d=d)


@pytest.mark.parametrize(
    ("it", "order"), [(highway, ["c", "h"]), (many_forms, ["h"]), (chain, ["d", "c", "h"])], ids=lambda it: str(it)[:12]
)
def test_cells_of_ones_own(it: Cell, order: list[str]) -> None:
    found = affine_states(program(it))
    assert found is not None
    assert list(found) == order
    for state, recurrence in found.items():
        read = {value.name for value in recurrence.values if value.op == "state"}
        assert read <= set(order[: order.index(state)])


@cell(gates="a", states="h")
def wraps(x: Any, s: Any) -> Step:
    """Its slope is 1 nearly everywhere, but it jumps."""
    return Step(h=(x.a + s.h) % 2)


@cell(gates="a", states="h")
def chooses(x: Any, s: Any) -> Step:
    """The state is in the condition alone."""
    return Step(h=where(s.h > 0, x.a, 0.5 * x.a))


@cell(gates="a", states="h")
def squares(x: Any, s: Any) -> Step:
    return Step(h=x.a * (s.h * s.h))


@cell(gates="a", states="h")
def divides(x: Any, s: Any) -> Step:
    return Step(h=x.a / (2 + s.h))


@cell(gates="a", states="h")
def mixes(x: Any, s: Any) -> Step:
    """Affine, but each hidden unit depends on the others."""
    return Step(h=x.a + 0.5 * unit_mean(s.h))


@cell(gates="a", states="h")
def product(x: Any, r: Any) -> Step:
    return Step(h=x.a + r.a)


@cell(gates="a", states="h")
def clipped(x: Any, s: Any) -> Step:
    return Step(h=maximum(s.h, x.a))


@cell(gates="a", states="h")
def rectified(x: Any, s: Any) -> Step:
    return Step(h=relu(s.h) + x.a)


@cell(gates="a", states="h c")
def each_other(x: Any, s: Any) -> Step:
    """Each is affine in itself, but neither can be computed first."""
    return Step(h=0.5 * s.h + s.c, c=0.5 * s.c + x.a * s.h)


@pytest.mark.parametrize(
    "it",
    [wraps, chooses, squares, divides, mixes, product, clipped, rectified, each_other],
    ids=lambda it: it.name,
)
def test_what_is_not(it: Cell) -> None:
    assert affine_states(program(it)) is None
