"""States in half precision: they are kept in float32 between steps, calls and windows of training."""

from typing import Any

import numpy as np
import pytest
import torch

from tidegate.nn import GRU, LSTM, GRUCell

BACKENDS = [None, "reference"]


def slow_gru(dtype: torch.dtype, backend: str | None) -> GRU:
    """A GRU whose update gate keeps 0.999 of its state and whose candidate is 1: h_t = 1 - 0.999^t."""
    layer = GRU(1, 3, dtype=torch.float64, backend=backend)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.get_parameter("bias_ih_l0")[3:6] = float(np.log(0.999 / 0.001))
        layer.get_parameter("bias_ih_l0")[6:] = 20.0
    return layer.to(dtype)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("how", ["detached", "views", "float32", "stepper", "with gradients", "cells", "in parts"])
def test_a_slow_state_in_half_precision_remembers(how: str, dtype: torch.dtype, backend: str | None) -> None:
    """Between steps and calls too, where a rounded state would stay at 0.5 or less."""
    steps = 1200
    layer = slow_gru(dtype, backend)
    exact = 1 - 0.999**steps
    x = torch.zeros(steps, 2, 1, dtype=dtype)
    state: Any = None
    if how == "stepper":
        stepper = layer.stepper(2)
        for step in x:
            state = stepper(step)
    elif how == "cells":
        if backend:
            pytest.skip("a cell has no backend of its own")
        one = GRUCell(1, 3, dtype=dtype)
        one.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
        for step in x[:300]:
            state = one(step, state).detach()
        exact = 1 - 0.999**300
    else:
        layer.recompute = how == "in parts"
        for piece in x.split(40):
            state = layer(piece, state)[1]
            if how == "detached":
                state = state.detach()
            elif how == "views":
                state = state[:, :].detach()
            elif how == "float32":
                stepper = layer.stepper(2)
                stepper.state = state.detach()
                state = stepper.state
                assert state.dtype == torch.float32
            elif how == "with gradients":
                state = state.detach().requires_grad_()
    assert how == "float32" or state.dtype == dtype
    assert abs(float(state.detach().flatten()[0]) - exact) < 0.01


def test_a_half_precision_state_that_was_written_to_is_taken_as_it_is() -> None:
    layer = slow_gru(torch.bfloat16, None)
    x = torch.zeros(1, 2, 1, dtype=torch.bfloat16)
    state = layer(torch.zeros(500, 2, 1, dtype=torch.bfloat16))[1].detach()
    state.zero_()
    assert float(layer(x, state)[1].detach().max()) < 0.01
    state = layer(torch.zeros(500, 2, 1, dtype=torch.bfloat16))[1].detach()
    twice = layer(x, state * 0)[1]
    assert float(twice.detach().max()) < 0.01


def test_gradients_flow_through_a_half_precision_state_that_is_handed_on() -> None:
    torch.manual_seed(0)
    layer, x = LSTM(3, 5, dtype=torch.bfloat16), torch.randn(8, 2, 3).bfloat16()
    whole = layer(x)[0]
    first, state = layer(x[:4])
    second = layer(x[4:], state)[0]
    assert torch.equal(torch.cat([first, second]), whole)
    cotangent = torch.randn(whole.shape).bfloat16()
    expected = torch.autograd.grad(whole, list(layer.parameters()), cotangent)
    found = torch.autograd.grad(torch.cat([first, second]), list(layer.parameters()), cotangent)
    torch.testing.assert_close(found, expected, atol=0.1, rtol=0.05)
