"""Operations across the hidden units in the kernels: any size, whatever the padding holds, wherever they stand."""

from typing import Any

import pytest
import torch
from tests.harness import one_thread, poisoned_allocations  # noqa: F401
from torch import Tensor

from tidegate.cells import Cell, Step, cell, cumsum, sigmoid, softmax, tanh, unit_mean, unit_sum
from tidegate.engine import Weights, run


@cell(gates="n k", states="h c e")
def everywhere(x: Any, r: Any, s: Any) -> Step:
    """As states, as the operand of a product, of leaves, and of one another."""
    mixed = r("k", unit_mean(tanh(s.e)))
    order = cumsum(softmax(x.n + r.n))
    return Step(h=order * sigmoid(mixed), c=unit_sum(0.1 * s.c * order), e=cumsum(0.1 * unit_mean(x.n) + 0.1 * s.h))


@cell(gates="n", states="h", bias=False)
def ordered(x: Any) -> Step:
    return Step(h=cumsum(softmax(x.n)), gates=dict(p=softmax(x.n), total=unit_sum(x.n)))


def results(it: Cell, units: int, batch: int, dtype: torch.dtype, backend: str) -> list[Tensor]:
    generator = torch.Generator().manual_seed(units)
    shapes = [(4, batch, 3), (2 * units, 3), (2 * units, units), *[(batch, units)] * 3]
    shapes[1] = (units, 3)
    given = [torch.rand(shape, generator=generator).sub(0.5).to(dtype).requires_grad_() for shape in shapes]
    x, w_ih, w_hh, *state = given
    lengths = [(k + 3) % 5 for k in range(batch)]
    with poisoned_allocations():
        made = run(it, x, Weights(w_ih, w_hh), state, lengths=lengths, backend=backend)
        cotangents = [torch.rand(v.shape, generator=generator).to(dtype) for v in (made.output, *made.state)]
        return [made.output, *made.state, *torch.autograd.grad([made.output, *made.state], given, cotangents)]


@pytest.mark.parametrize("dtype", [torch.float32, pytest.param(torch.float64, marks=[pytest.mark.slow])], ids=str)
@pytest.mark.parametrize("batch", [9, pytest.param(1, marks=[pytest.mark.slow])])
def test_kernels_compute_what_the_reference_does(batch: int, dtype: torch.dtype) -> None:
    for units in (1, 5, 16, 33):
        exact = results(everywhere, units, batch, torch.float64, "reference")
        for found, expected in zip(results(everywhere, units, batch, dtype, "llvm"), exact, strict=True):
            close = 2e-5 if dtype == torch.float32 else 1e-12
            torch.testing.assert_close(found.double(), expected, atol=close, rtol=close)


def test_large_numbers_and_every_hidden_unit() -> None:
    x = torch.tensor([[[1e4, -1e4, 0.0, 9999.0]]])
    made = run(ordered, x, Weights(torch.eye(4)), record=["p", "total"], backend="llvm")
    expected = torch.softmax(x[0, 0].double(), -1)
    torch.testing.assert_close(made.record["p"][0, 0].double(), expected, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(made.output[0, 0].double(), expected.cumsum(0), atol=1e-6, rtol=1e-6)
    assert made.record["total"][0, 0].tolist() == [9999.0] * 4
