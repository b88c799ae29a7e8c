"""Cells at the edge of the language: constants, bare products, equal states, selected branches, division by a mask."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.harness import one_thread, poisoned_allocations  # noqa: F401
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tidegate.cells import CELLS, Cell, Step, cell, log, maximum, minimum, projected, relu, sigmoid, tanh
from tidegate.engine import Weights, run, stepping
from tidegate.errors import ArgumentError

BACKENDS = pytest.mark.parametrize("backend", ["llvm", "reference"])


@cell(gates="n", states="h", parameters="fast slow", masks="new old")
def two_rates(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    return Step(h=m.old * p.slow * s.h + m.new * tanh(p.fast * (x.n + r.n)))


def _direct(call: Callable[[], Tensor]) -> Tensor:
    return call()


def _counted(call: Callable[[], Tensor]) -> Tensor:
    with FlopCounterMode(display=False):
        return call()


def _compiled(call: Callable[[], Tensor]) -> Tensor:
    return torch.compile(call, backend="eager")()


@pytest.mark.parametrize("how", [_direct, _counted, _compiled])
def test_vectors_and_masks_are_given_by_name_in_any_order(how: Callable[[Callable[[], Tensor]], Tensor]) -> None:
    torch.manual_seed(0)
    x, w_ih, w_hh = torch.randn(5, 2, 3), torch.randn(4, 3), torch.randn(4, 4) / 2
    p = {"fast": (1 + torch.rand(4)).requires_grad_(), "slow": (torch.rand(4) / 10).requires_grad_()}
    m = {"new": 1 - torch.rand(5, 2, 4) / 10, "old": torch.rand(5, 2, 4) / 10}

    def step(order: Callable[[Any], Any], backend: str) -> list[Tensor]:
        vectors, masks = ({name: given[name] for name in order(given)} for given in (p, m))
        weights = Weights(w_ih=w_ih, w_hh=w_hh, p=vectors)
        output = how(lambda: run(two_rates, x, weights, masks=masks, backend=backend).output)
        return [output, *torch.autograd.grad(output.square().sum(), [p["fast"], p["slow"]])]

    right = step(list, "reference")
    for order in (list, lambda given: reversed([*given])):
        torch.testing.assert_close(step(order, "llvm"), right, atol=1e-5, rtol=1e-5)


@cell(gates="n a", states="h c")
def watched(x: Any, r: Any, s: Any) -> Step:
    """The gate ``seen`` is only recorded, so its gradient is a constant, and so is a part of the output's."""
    c = 0.5 * s.c + tanh(x.n + r.n)
    return Step(h=tanh(c), c=c, gates=dict(seen=x.a))


@cell(gates="n", states="h", bias=False)
def bare(x: Any, r: Any) -> Step:
    """Its backward has no pointwise value."""
    return Step(h=x.n + r.n)


@pytest.mark.parametrize("it", [watched, bare], ids=lambda it: it.name)
@pytest.mark.parametrize("sizes", [(20, 3), (20, 20), (3, 20), (17, 70)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_projections_narrower_and_wider_than_the_hidden_units(
    it: Cell, sizes: tuple[int, int], dtype: torch.dtype
) -> None:
    units, outputs = sizes
    torch.manual_seed(0)
    rows = units * len(it.gates)
    shapes = [
        (4, 3, 2),
        (rows, 2),
        (units, outputs),
        (outputs, units),
        (3, outputs),
        *[(3, units)] * (len(it.states) - 1),
    ]
    given = [torch.randn(shape, dtype=dtype).div(shape[-1] ** 0.5).requires_grad_() for shape in shapes]
    x, w_ih, w_hh, w_hr, *state = given
    cotangent = torch.randn(4, 3, outputs, dtype=dtype)

    def gradients(backend: str) -> tuple[Tensor, ...]:
        weights = Weights(w_ih=w_ih, w_hh=w_hh, w_hr=w_hr)
        with poisoned_allocations():
            output = run(projected(it), x, weights, state, backend=backend).output
            return torch.autograd.grad(output, given, cotangent, materialize_grads=True)

    close = 1e-4 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(gradients("llvm"), gradients("reference"), atol=close, rtol=close)


@BACKENDS
def test_a_projection_to_another_size_is_refused_where_other_vectors_are_multiplied(backend: str) -> None:
    it = projected(CELLS["odyssey_fgr"])

    def call(units: int, outputs: int) -> Tensor:
        weights = Weights(
            torch.ones(4 * units, 2),
            torch.ones(len(it.recurrent_gates) * units, outputs),
            p={name: torch.ones(units) for name in it.parameters},
            w_hr=torch.ones(outputs, units),
        )
        return run(it, torch.ones(3, 2, 2), weights, backend=backend).output

    assert call(5, 5).shape == (3, 2, 5)
    for outputs in (3, 7):
        with pytest.raises(ArgumentError, match=f"all 5 hidden units, but .* has {outputs} features"):
            call(5, outputs)


@BACKENDS
def test_a_record_of_no_steps_has_the_size_of_what_is_recorded(backend: str) -> None:
    weights = Weights(w_ih=torch.ones(8, 3), w_hh=torch.ones(4, 2), w_hr=torch.ones(2, 4))
    record = run(projected(watched), torch.ones(0, 5, 3), weights, record="all", backend=backend).record
    assert {name: tuple(value.shape) for name, value in record.items()} == {
        "seen": (0, 5, 4),
        "h": (0, 5, 2),
        "c": (0, 5, 4),
    }


@cell(gates="n u", states="h c")
def gated_by_last(x: Any, r: Any, s: Any) -> Step:
    h = tanh(x.n) * sigmoid(s.c)
    return Step(h=h, c=r("u", h))


@cell(gates="n u", states="h c")
def leaning(x: Any, r: Any, s: Any) -> Step:
    h = tanh(x.n + 0.5 * s.c)
    return Step(h=h, c=r("u", h) + x.u)


@pytest.mark.parametrize("it", [gated_by_last, leaning], ids=lambda it: it.name)
@pytest.mark.parametrize("lengths", [None, [6, 0, 3]])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_state_may_be_a_product(it: Cell, lengths: list[int] | None, reverse: bool) -> None:
    torch.manual_seed(0)
    rows = 5 * len(it.input_gates)
    shapes = ((6, 3, 2), (rows, 2), (5, 5), (3, 5), (3, 5))
    given = [torch.randn(shape, dtype=torch.float64).requires_grad_() for shape in shapes]

    def gradients(backend: str) -> tuple[Tensor, ...]:
        x, w_ih, w_hh, *state = given
        result = run(it, x, Weights(w_ih, w_hh), state, lengths=lengths, reverse=reverse, backend=backend)
        return torch.autograd.grad(result.output.square().sum() + result.state[1].sum(), given, materialize_grads=True)

    torch.testing.assert_close(gradients("llvm"), gradients("reference"))


@cell(gates="e n", states="h")
def log_energy(x: Any, r: Any) -> Step:
    return Step(h=tanh(0.2 * maximum(log(relu(x.e)), -5) + x.n + r.n))


@cell(gates="e n", states="h")
def log_clamped(x: Any, r: Any) -> Step:
    return Step(h=tanh(0.2 * maximum(log(maximum(x.e, 0)), -5) + x.n + r.n))


@cell(gates="e n", states="h")
def inverse(x: Any, r: Any) -> Step:
    return Step(h=tanh(0.2 * minimum(1 / relu(x.e), 10) + x.n + r.n))


@cell(gates="e n", states="h")
def larger_of_two(x: Any, r: Any) -> Step:
    """Where x.e <= 0, one side of the maximum is -inf with an infinite slope."""
    return Step(h=tanh(maximum(log(relu(x.e)), x.n + r.n)))


@pytest.mark.parametrize("it", [log_energy, log_clamped, inverse, larger_of_two], ids=lambda it: it.name)
def test_a_branch_that_is_not_taken_has_no_gradient(it: Cell) -> None:
    torch.manual_seed(0)
    given = [torch.randn(shape, dtype=torch.float64).requires_grad_() for shape in ((5, 3, 2), (12, 2), (6, 6))]
    cotangent = torch.randn(5, 3, 6, dtype=torch.float64)

    def gradients(backend: str) -> tuple[Tensor, ...]:
        output = run(it, given[0], Weights(given[1], given[2]), backend=backend).output
        return torch.autograd.grad(output, given, cotangent)

    expected = gradients("reference")  # torch selects zero there
    assert all(bool(g.isfinite().all()) for g in expected)
    torch.testing.assert_close(gradients("llvm"), expected)


@cell(gates="n k", states="h", masks="dt", parameters="u")
def paced(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    """Divided by a mask, which is zero or anything in padding."""
    n = tanh((x.n + r.n + r("k", s.h / m.dt)) / m.dt)
    return Step(h=0.5 * s.h / m.dt + 0.5 * n * p.u / m.dt, gates=dict(n=n))


@BACKENDS
@pytest.mark.parametrize("filling", [0.0, float("nan"), float("inf")])
@pytest.mark.parametrize("lengths", [[6, 2, 4], [3, 0, 2]], ids=str)
def test_padding_changes_no_gradient(backend: str, filling: float, lengths: list[int]) -> None:
    """The gradients are those of the same sequences, each run alone at its own length."""
    torch.manual_seed(0)
    shapes = ((6, 3, 2), (4, 2), (8, 4), (4,), (4,), (3, 4))
    given = [torch.randn(shape, dtype=torch.float64).requires_grad_() for shape in shapes]
    past = (torch.arange(6)[:, None] >= torch.tensor(lengths))[:, :, None]
    dt = (1 + torch.rand(6, 3, 4, dtype=torch.float64)).masked_fill(past, filling).requires_grad_()
    x, w_ih, w_hh, b_ih, u, h = given
    padded_x = x.detach().masked_fill(past, filling).requires_grad_()
    weights = Weights(w_ih=w_ih, w_hh=w_hh, b_ih=b_ih, p={"u": u})
    wanted = [w_ih, w_hh, b_ih, u, h]

    output = run(paced, padded_x, weights, [h], lengths=lengths, masks={"dt": dt}, backend=backend).output
    found = torch.autograd.grad(output.square().sum(), [padded_x, dt, *wanted])
    total = x.new_zeros(())
    for k, n in enumerate(lengths):
        one = slice(k, k + 1)
        alone = run(paced, x[:n, one], weights, [h[one]], masks={"dt": dt[:n, one]}, backend="reference")
        total = total + alone.output.square().sum()
    expected = torch.autograd.grad(total, [x, dt, *wanted])
    torch.testing.assert_close(found, expected)


@cell(gates="f n", states="h c")
def open_memory(x: Any, r: Any, s: Any) -> Step:
    f = sigmoid(x.f + r.f)
    c = f * s.c + (1 - f) * tanh(x.n + r.n)
    return Step(h=c, c=c, gates=dict(f=f))


@BACKENDS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_states_of_one_value_may_begin_with_different_numbers(backend: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    weights = Weights(torch.randn(10, 3).to(dtype), torch.randn(10, 5).to(dtype))
    x, h, c = torch.randn(4, 2, 3).to(dtype), torch.rand(2, 5), -torch.rand(2, 5)
    h, c = h.to(dtype), c.to(dtype)
    right = run(open_memory, x, weights, (h, c), backend="reference").output
    close: dict[str, Any] = {"atol": 1e-2 if dtype == torch.bfloat16 else 1e-5, "rtol": 1e-5}
    made = stepping(open_memory, x[0], weights, (h, c), backend=backend)
    torch.testing.assert_close(torch.stack([made.step(now).clone() for now in x]), right, **close)
    for state, value in zip(made.state, (h, c), strict=True):
        state.copy_(value)
    assert [bool((state == value).all()) for state, value in zip(made.state, (h, c), strict=True)] == [True, True]
    torch.testing.assert_close(torch.stack([made.step(now).clone() for now in x]), right, **close)
