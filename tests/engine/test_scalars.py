"""Scalars: one trained number for all hidden units."""

from typing import Any

import pytest
import torch
from tests.harness import one_thread  # noqa: F401

import tidegate
from tidegate.cells import Step, cell, get_cell, sigmoid, tanh
from tidegate.engine import Weights, cost, run
from tidegate.errors import ArgumentError, CellError
from tidegate.nn import Recurrent


def _step(x: Any, r: Any, s: Any, p: Any) -> Step:
    return Step(h=sigmoid(p.slope) * s.h + tanh(p.slope * (x.n + r.n)) + p.shift)


one_slope = cell(gates="n", parameters="shift=0", scalars="slope=1.5")(_step)
many_slopes = cell(gates="n", parameters="shift=0 slope=1.5")(_step)


@pytest.mark.parametrize("backend", ["llvm", "reference"])
@pytest.mark.parametrize("units", [1, 16, 19])
def test_a_scalar_is_a_vector_of_equal_numbers(units: int, backend: str) -> None:
    torch.manual_seed(0)
    given = [torch.randn(s, dtype=torch.float64) for s in ((5, 3, 2), (units, 2), (units, units), (units,), (1,))]
    x, w_ih, w_hh, shift, slope = (value.requires_grad_() for value in given)
    vector = slope.detach().repeat(units).requires_grad_()

    def gradients(it: Any, own: torch.Tensor, backend: str) -> list[torch.Tensor]:
        output = run(it, x, Weights(w_ih, w_hh, p={"shift": shift, "slope": own}), backend=backend).output
        return [output, *torch.autograd.grad(output.square().sum(), [x, w_ih, w_hh, shift, own])]

    found, expected = gradients(one_slope, slope, backend), gradients(many_slopes, vector, "reference")
    expected[-1] = expected[-1].sum(0, keepdim=True)
    torch.testing.assert_close(found, expected)


def test_layers_cost_equations_and_identity() -> None:
    layer = Recurrent(one_slope, 3, 8, 2, bidirectional=True)
    assert layer.get_parameter("scalar_slope_l1_reverse").tolist() == [1.5]
    assert layer.get_parameter("unit_shift_l0").shape == (8,)
    x = torch.randn(5, 2, 3)
    assert tidegate.summary(layer, x).parameters == sum(p.numel() for p in layer.parameters())
    assert cost(one_slope, 3, 8).parameters == 8 * 3 + 64 + 8 + 8 + 1
    assert layer.explain(x)[0, 0].bytes.weights == 4 * cost(one_slope, 3, 8).parameters
    assert one_slope.text() == "h_t = σ(slope) ⊙ h_{t-1} + tanh(slope (W_n x_t + U_n h_{t-1} + b_n)) + shift"
    assert one_slope.digest != many_slopes.digest
    assert get_cell("lstm").scalars == ()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"p\['slope'\] must be of shape \(1,\); it has shape \(4,\)"):
        run(
            one_slope,
            torch.ones(2, 1, 3),
            Weights(torch.ones(4, 3), torch.ones(4, 4), p=dict.fromkeys(["shift", "slope"], torch.ones(4))),
        )
    with pytest.raises(CellError, match="contains a name twice"):
        cell(gates="n", parameters="slope shift", scalars="slope")(_step)
