"""Step 7: why gradients vanish and explode.

dh_T/dh_t is a product of T - t Jacobians, one per step. A product of many factors below one vanishes, of many above
one explodes. First one unit, h_t = tanh(3 h_{t-1} + 2 x_t + 1), by hand and by machine; then 32 units.
"""

import math

import torch
from matplotlib.figure import Figure
from notes import BLUE, GREEN, ORANGE, arguments, save
from torch import Tensor

from tidegate.cells import Cell, Step, cell, rnn_tanh
from tidegate.engine import Weights, run

options = arguments(__doc__)
T, H = (30 if options.quick else 60), 32


# 1. One unit: the chain rule by hand.
def by_hand(inputs: list[float]) -> list[float]:
    """dh_t/dh_0 after each step: the product of the factors 3 (1 - h_t^2)."""
    h, product, products = 0.0, 1.0, []
    for x in inputs:
        h = math.tanh(3 * h + 2 * x + 1)
        product *= 3 * (1 - h * h)
        products.append(product)
    return products


def number(value: float) -> Tensor:
    return torch.tensor([[value]], dtype=torch.float64)


SCALAR = Weights(w_ih=number(2), w_hh=number(3), b_ih=number(1)[0])


def last_state(inputs: list[float], h_0: Tensor) -> Tensor:
    x = torch.tensor(inputs, dtype=torch.float64)[:, None, None]
    return run(rnn_tanh, x, SCALAR, [h_0]).state[0]


CASES = {"x_t = -0.5 (h stays at 0)": [-0.5] * 12, "x_t = 0 (h saturates)": [0.0] * 12}
for name, inputs in CASES.items():
    h_0 = number(0.0).requires_grad_()
    last_state(inputs, h_0).backward()
    assert h_0.grad is not None
    machine = h_0.grad.item()
    step = 1e-9
    difference = (last_state(inputs, number(step)) - last_state(inputs, number(-step))).item() / (2 * step)
    hand = by_hand(inputs)[-1]
    print(f"{name}: dh_12/dh_0 by hand {hand:.6g}, by machine {machine:.6g}, by differences {difference:.6g}")
    assert math.isclose(hand, machine, rel_tol=1e-9)
    # Two nearly equal numbers near 1 are subtracted: differences cannot see a slope of 1e-25.
    assert math.isclose(hand, difference, rel_tol=1e-3, abs_tol=1e-6)
assert by_hand(CASES["x_t = -0.5 (h stays at 0)"])[-1] == 3.0**12
assert by_hand(CASES["x_t = 0 (h saturates)"])[-1] < 1e-20


# 2. Many units: U is an orthogonal matrix times a number, so that all its singular values are that number.
@cell(gates="h", states="h", paper="the RNN without its tanh")
def rnn_linear(x, r):
    return Step(h=x.h + r.h)


def norms(which: Cell, scale: float) -> list[float]:
    """||dh_T/dh_t|| (largest singular value) for T - t = 0 .. T."""
    torch.manual_seed(0)
    orthogonal = torch.linalg.qr(torch.randn(H, H, dtype=torch.float64)).Q
    weights = Weights(w_ih=0.1 * torch.randn(H, 1, dtype=torch.float64), w_hh=scale * orthogonal)
    x = torch.randn(T, 1, 1, dtype=torch.float64)
    states = run(which, x, weights).output
    product = torch.eye(H, dtype=torch.float64)
    result = [1.0]
    for t in range(T - 1, 0, -1):
        one_step = torch.autograd.functional.jacobian(
            lambda h, t=t: run(which, x[t : t + 1], weights, [h], backend="reference").state[0][0], states[t - 1]
        )
        product = product @ one_step[:, 0]
        result.append(torch.linalg.matrix_norm(product, 2).item())
    return result


SCALES = (0.5, 1.0, 1.5)
linear = {scale: norms(rnn_linear, scale) for scale in SCALES}
curved = {scale: norms(rnn_tanh, scale) for scale in SCALES}
for scale in SCALES:
    print(f"spectral radius {scale}: over {T - 1} steps linear {linear[scale][-1]:.3g}, tanh {curved[scale][-1]:.3g}")
    assert math.isclose(linear[scale][-1], scale ** (T - 1), rel_tol=1e-6)
    assert all(a <= b * (1 + 1e-9) for a, b in zip(curved[scale], linear[scale], strict=True))  # tanh' <= 1

figure = Figure(figsize=(8, 3.4), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
for (name, inputs), colour in zip(CASES.items(), (ORANGE, BLUE), strict=True):
    left.semilogy(range(1, 13), by_hand(inputs), "o-", color=colour, markersize=3, label=name)
left.set(xlabel="t", xticks=[1, 4, 8, 12], ylabel="$dh_t/dh_0$", title="one unit")
left.legend(fontsize=7)
for scale, colour in zip(SCALES, (BLUE, GREEN, ORANGE), strict=True):
    right.semilogy(linear[scale], "--", color=colour, linewidth=1)
    right.semilogy(curved[scale], color=colour, label=str(scale))
right.set(xlabel="T - t", ylabel=r"$\|dh_T/dh_t\|$", ylim=(1e-19, 1e12), title="32 units: tanh, linear (dashed)")
right.legend(title="spectral radius")
for axis in (left, right):
    axis.minorticks_off()
    axis.set_yticks([1e-24, 1e-16, 1e-8, 1, 1e8])
save(figure, options, "07_vanish_explode")
