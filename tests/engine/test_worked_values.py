"""Values worked out by hand."""

import math

import pytest
import torch

from tidegate.cells import CELLS, Step, cell
from tidegate.engine import Weights, run


@cell(gates="f", states="c")
def forget_only(x, s):
    """c_t = f * c_{t-1}, with f given as it is."""
    return Step(c=x.f * s.c, gates={"f": x.f})


def test_the_forget_gate_scales_the_cell_state():
    f = torch.tensor([0.7, 0.4, 0.8], dtype=torch.float64)
    weights = Weights(w_ih=torch.eye(3, dtype=torch.float64))
    result = run(forget_only, f[None, None], weights, (torch.tensor([[3.0, 5.0, -2.0]], dtype=torch.float64),))
    assert result.state[0].tolist() == [pytest.approx([2.1, 2.0, -1.6], rel=1e-15)]


def test_an_lstm_with_its_input_gate_shut_does_the_same():
    """The biases that make f = (.7, .4, .8) are the logits; i = sigma(-40) lets nothing in."""
    f = torch.tensor([0.7, 0.4, 0.8], dtype=torch.float64)
    bias = torch.cat([torch.full_like(f, -40.0), torch.logit(f), torch.zeros(6, dtype=torch.float64)])
    weights = Weights(w_ih=torch.zeros(12, 1).double(), w_hh=torch.zeros(12, 3).double(), b_ih=bias)
    start = (torch.zeros(1, 3).double(), torch.tensor([[3.0, 5.0, -2.0]], dtype=torch.float64))
    result = run("lstm", torch.zeros(1, 1, 1).double(), weights, start, record=["f"])
    assert result.record["f"][0, 0].tolist() == pytest.approx([0.7, 0.4, 0.8], rel=1e-15)
    assert result.state[1][0].tolist() == pytest.approx([2.1, 2.0, -1.6], rel=1e-15)


@pytest.mark.parametrize("h0", [0.0, -0.4, -0.3])
def test_the_notes_scalar_derivative(h0: float):
    """h_t = tanh(3 h_{t-1} + 2 x_t + 1), so dh_3/dh_1 = 3 (1 - h_2^2) * 3 (1 - h_3^2)."""
    inputs = [0.1, -0.5, -0.7]
    h = [h0]
    for x in inputs:
        h.append(math.tanh(3 * h[-1] + 2 * x + 1))
    by_hand = 3 * (1 - h[2] ** 2) * 3 * (1 - h[3] ** 2)

    def one(value: float) -> torch.Tensor:
        return torch.tensor([[value]], dtype=torch.float64)

    weights = Weights(w_ih=one(2), w_hh=one(3), b_ih=one(1)[0])
    x = torch.tensor(inputs, dtype=torch.float64).reshape(3, 1, 1)
    first = run(CELLS["rnn_tanh"], x[:1], weights, (one(h0),))
    h1 = first.state[0].detach().requires_grad_()
    rest = run(CELLS["rnn_tanh"], x[1:], weights, (h1,))
    (by_machine,) = torch.autograd.grad(rest.state[0].sum(), h1)
    assert rest.output.flatten().tolist() == pytest.approx(h[2:], rel=1e-14)
    assert by_machine.item() == pytest.approx(by_hand, rel=1e-13)


def test_the_gradient_vanishes_or_explodes_as_the_product_says():
    """At the fixed point h = 0 of h_t = tanh(u h_{t-1}) the derivative over T steps is u^T."""
    for u in (0.5, 3.0):
        start = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
        weights = Weights(w_ih=torch.zeros(1, 1).double(), w_hh=torch.full((1, 1), u, dtype=torch.float64))
        result = run("rnn_tanh", torch.zeros(20, 1, 1).double(), weights, (start,))
        (gradient,) = torch.autograd.grad(result.state[0].sum(), start)
        assert gradient.item() == u**20
