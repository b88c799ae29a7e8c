"""Block-diagonal recurrent weights: the same as dense ones that are zero outside of the blocks."""

from typing import Any

import pytest
import torch
from tests.harness import one_thread, poisoned_allocations  # noqa: F401
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import tidegate
from tidegate.cells import Cell, Step, cell, gru_original, lstm, min_gru, projected, sigmoid, tanh, with_heads, zoneout
from tidegate.cells.plain_data import from_plain_data, to_plain_data
from tidegate.engine import Weights, cost, run
from tidegate.errors import ArgumentError, CellError
from tidegate.nn import Recurrent


@cell(gates="i g u", states="h c")
def mixed(x: Any, r: Any, s: Any) -> Step:
    """Products with both states and with another vector."""
    c = sigmoid(x.i + r("i", s.c)) * s.c + tanh(x.g + r.g)
    return Step(h=tanh(c + r("u", tanh(c))), c=c)


def dense(blocks: Tensor, gates: int, heads: int) -> Tensor:
    """The matrices whose blocks are given, stacked."""
    size = blocks.shape[1]
    matrices = blocks.unflatten(0, (gates, heads, size))
    return torch.cat([torch.block_diag(*matrix) for matrix in matrices])


def results(it: Cell, given: list[Tensor], w_hh: Tensor, backend: str, **options: Any) -> list[Tensor]:
    x, w_ih, _, b_hh, *state = given
    made = run(it, x, Weights(w_ih, w_hh, None, b_hh), state, backend=backend, **options)
    values = [made.output, *made.state]
    generator = torch.Generator().manual_seed(1)
    cotangents = [torch.rand(v.shape, generator=generator, dtype=v.dtype) for v in values]
    return [*values, *torch.autograd.grad(values, given, cotangents)]


SIZES = [(4, 4), (6, 2), (66, 3), (64, 4)]  # heads smaller than a vector, across vectors, whole vectors


@pytest.mark.parametrize("backend", ["llvm", "reference"])
@pytest.mark.parametrize(
    "inner",
    [lstm, *(pytest.param(it, marks=[pytest.mark.slow]) for it in (gru_original, mixed))],
    ids=lambda it: it.name,
)
def test_heads_are_blocks_of_a_dense_matrix(inner: Cell, backend: str) -> None:
    torch.manual_seed(0)
    for units, heads in SIZES if inner is lstm else SIZES[1:3]:
        for batch, reverse in ((1, False), (5, True)):
            rows, inputs = len(inner.recurrent_gates) * units, len(inner.input_gates) * units
            shapes = [
                (5, batch, 3),
                (inputs, 3),
                (rows, units // heads),
                (rows,),
                *[(batch, units)] * len(inner.states),
            ]
            given = [torch.randn(shape, dtype=torch.float64).mul(0.3).requires_grad_() for shape in shapes]
            options = {"lengths": [(3 * k + 2) % 6 for k in range(batch)], "reverse": reverse}
            with poisoned_allocations():
                found = results(with_heads(inner, heads), given, given[2], backend, **options)
            expected = results(inner, given, dense(given[2], len(inner.recurrent_gates), heads), "reference", **options)
            torch.testing.assert_close(found, expected, atol=1e-11, rtol=1e-9)


def test_layers_steps_operators_and_explanations() -> None:
    torch.manual_seed(0)
    layer = Recurrent("slstm", 3, 12, 2, heads=3, dtype=torch.float64, backend="llvm")
    assert layer.get_parameter("weight_hh_l0").shape == (48, 4)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    output = layer(x)[0]
    stepper = layer.stepper(2)
    torch.testing.assert_close(torch.stack([stepper(now) for now in x]), output)
    with FlopCounterMode(display=False) as counter:
        torch.testing.assert_close(layer(x)[0], output)
    per_step = [layer.layer_cost(k).product_flops for k in range(2)]
    assert counter.get_total_flops() == 5 * 2 * sum(per_step)
    assert layer.explain(x, training=False).flops == 5 * 2 * sum(layer.layer_cost(k).flops for k in range(2))
    assert "with_heads(slstm, 3)" in str(tidegate.summary(layer, x))
    with pytest.raises(ArgumentError, match=r"has no counterpart in torch\.nn"):
        layer.to_torch()


def test_cost_is_the_share_of_a_head() -> None:
    whole, cut = cost("lstm", 16, 64), cost(with_heads(lstm, 4), 16, 64)
    assert cut.recurrent_flops == whole.recurrent_flops // 4
    assert whole.parameters - cut.parameters == 4 * 64 * 48
    assert (cut.input_flops, cut.pointwise_flops) == (whole.input_flops, whole.pointwise_flops)


def test_initial_values() -> None:
    torch.manual_seed(0)
    weight = Recurrent("lstm", 3, 64, heads=4).get_parameter("weight_hh_l0").detach()
    assert 0.24 < weight.abs().max() < 0.25  # 1 / sqrt(16)
    weight = Recurrent("lstm", 3, 64, heads=4, init="keras").get_parameter("weight_hh_l0").detach()
    for head in range(4):  # as Keras' kernel of all gates
        own = weight.unflatten(0, (4, 4, 16))[:, head].flatten(0, 1)
        torch.testing.assert_close(own.T @ own, torch.eye(16), atol=1e-5, rtol=0)


def test_equations_and_identity() -> None:
    it = with_heads(lstm, 4)
    assert it.text().splitlines()[-1] == "U_k = blockdiag(U_k^1, ..., U_k^4)"
    assert (
        it.latex().splitlines()[-2] == r"U_{k} &= \operatorname{blockdiag}\left(U_{k}^{1}, \dots, U_{k}^{4}\right) \\"
    )
    assert len({it.digest, lstm.digest, with_heads(lstm, 2).digest}) == 3
    assert from_plain_data(to_plain_data(it)) is it
    assert zoneout(it, 0.1).heads == 4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: with_heads(lstm, 1), "a whole number from 2 on, got 1"),
        (lambda: with_heads(min_gru, 2), "has no recurrent product"),
        (lambda: with_heads(with_heads(lstm, 2), 2), "has heads already"),
        (lambda: with_heads(projected(lstm), 2), "is projected"),
        (lambda: projected(with_heads(lstm, 2)), "has heads, which cannot be projected"),
        (lambda: Recurrent("lstm", 3, 10, heads=4), "hidden_size must be a multiple of heads, 4, got 10"),
        (lambda: Recurrent("lstm", 3, 8, heads=0), "heads must be a whole number from 1 on, got 0"),
        (lambda: Recurrent("lstm", 3, 8, heads=2, proj_size=3), "has heads, which cannot be projected"),
        (
            lambda: run(with_heads(lstm, 2), torch.ones(2, 1, 3), Weights(torch.ones(16, 3), torch.ones(16, 4))),
            r"w_hh must be of shape \(16, 2\); it has shape \(16, 4\)",
        ),
        (
            lambda: run(with_heads(lstm, 3), torch.ones(2, 1, 3), Weights(torch.ones(16, 3), torch.ones(16, 1))),
            "4 hidden units cannot be cut into 3 heads",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused(make: Any, words: str) -> None:
    with pytest.raises((CellError, ArgumentError), match=words):
        make()


@pytest.mark.parametrize("backend", ["llvm", "reference"])
def test_slstm_stays_in_range(backend: str) -> None:
    """Where exp(i) would overflow, or n would be 0, at the beginning and after a reset."""
    layer = Recurrent("slstm", 1, 1, backend=backend, bias=False)
    with torch.no_grad():
        layer.get_parameter("weight_hh_l0").zero_()
        layer.get_parameter("weight_ih_l0").copy_(torch.tensor([[1.0], [0.0], [0.5], [0.0]]))
    x = torch.tensor([-300.0, -200.0, 300.0, 0.0, -400.0]).view(5, 1, 1).requires_grad_()
    output = layer(x, reset=torch.tensor([[False], [False], [False], [False], [True]]))[0]
    z = torch.tanh(0.5 * x.detach().flatten())
    expected = 0.5 * torch.tensor([z[0], z[1], z[2], z[2], z[4]])  # each large input gate outweighs all before it
    torch.testing.assert_close(output.flatten(), expected)
    (gradient,) = torch.autograd.grad(output.sum(), x)
    assert bool(gradient.isfinite().all())
