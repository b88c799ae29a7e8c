"""Steps with weights in int8: those of weights that NumPy has rounded, for every cell."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import tidegate
from tidegate.cells import CELLS, Step, cell, sigmoid, tanh, with_heads
from tidegate.engine.int8 import in_int8
from tidegate.errors import ArgumentError, BackendError


@cell(gates="k j n", states="h")
def own(x: Any, r: Any, s: Any) -> Step:
    """A cell with two products in one sum, and one of a vector made inside the step."""
    k = sigmoid(x.k + r.k + r.j)
    n = tanh(x.n + r("n", k * s.h))
    return Step(h=k * s.h + (1 - k) * n)


def rounded(matrix: np.ndarray) -> np.ndarray:
    """The row's largest number is 127 steps from zero."""
    step = np.abs(matrix).max(1, keepdims=True) / 127
    return np.where(step > 0, np.rint(matrix / np.where(step > 0, step, 1)) * step, 0)


def with_rounded_weights(layer: Any, like: nn.Module) -> Any:
    """Give a layer the weights of another, matrices rounded."""
    weights = {k: torch.from_numpy(rounded(v.numpy())) if v.dim() == 2 else v for k, v in like.state_dict().items()}
    layer.load_state_dict(weights)
    return layer


def check(make: Any, inputs: int, batch: int, tolerance: float = 1e-12, dtype: torch.dtype = torch.float64) -> None:
    torch.manual_seed(0)
    layer = make().to(dtype).eval()
    expected = with_rounded_weights(make().to(dtype).eval(), layer).stepper(batch)
    found = layer.stepper(batch, weights="int8")
    x = torch.randn(3, batch, inputs, dtype=dtype)
    for step in x:
        torch.testing.assert_close(found(step), expected(step), atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(found.state, expected.state, atol=tolerance, rtol=tolerance)
    assert not torch.allclose(found(x[0]), layer.stepper(batch)(x[0]), atol=tolerance)  # it is something else


SOME = ("lstm", "gru_original")


@pytest.mark.parametrize("name", [n if n in SOME else pytest.param(n, marks=pytest.mark.slow) for n in CELLS])
def test_a_step_is_that_of_rounded_weights(name: str) -> None:
    check(lambda: tidegate.nn.Recurrent(name, 5, 11), 5, 1)


MADE = {
    "a cell of one's own": lambda: tidegate.nn.Recurrent(own, 3, 13),
    "heads": lambda: tidegate.nn.Recurrent(with_heads(tidegate.cells.lstm, 3), 4, 21),
}


@pytest.mark.parametrize("what", MADE)
def test_other_layers(what: str) -> None:
    layer = MADE[what]()
    check(MADE[what], layer.input_size, 3)


def test_float32_to_its_own_rounding_and_whole_tiles() -> None:
    check(lambda: tidegate.nn.LSTM(33, 70), 33, 7, 2e-6, torch.float32)


def test_half_precision_is_rounded_from_its_own_numbers() -> None:
    layer = tidegate.nn.LSTM(5, 9).to(torch.bfloat16)
    single = tidegate.nn.LSTM(5, 9)
    single.load_state_dict(layer.state_dict())
    x = torch.randn(5)
    found, expected = layer.stepper(weights="int8")(x.bfloat16()), single.stepper(weights="int8")(x.bfloat16().float())
    torch.testing.assert_close(found, expected.bfloat16())


def test_changed_weights_are_rounded_again() -> None:
    layer: Any = tidegate.nn.LSTM(4, 6)
    stepper, x = layer.stepper(weights="int8"), torch.randn(4)
    before = stepper(x)
    with torch.no_grad():
        layer.weight_ih_l0.mul_(2)
    stepper.reset()
    after = stepper(x)
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, layer.stepper(weights="int8")(x))


def test_rows_of_zeros_and_what_cannot_be_rounded() -> None:
    whole, scale = in_int8(torch.tensor([[0.0, 0.0], [-2.54, 1.0]]))
    assert whole.tolist() == [[0, 0], [-127, 50]]
    assert scale.flatten().tolist() == [1.0, pytest.approx(0.02)]
    layer: Any = tidegate.nn.LSTM(4, 6)
    with torch.no_grad():
        layer.weight_hh_l0[3, 2] = torch.nan
    with pytest.raises(ArgumentError, match="not finite"):
        layer.stepper(weights="int8")


def test_what_cannot_step_in_int8_is_refused() -> None:
    with pytest.raises(ArgumentError, match="int8"):
        tidegate.nn.LSTM(4, 6).stepper(weights="int4")  # pyright: ignore[reportArgumentType]
    with pytest.raises(BackendError, match="no steps with weights in int8"):
        tidegate.nn.Recurrent("lstm", 4, 6, backend="reference").stepper(weights="int8")


def test_a_layer_rounded_in_place_computes_what_its_steps_in_int8_do() -> None:
    torch.manual_seed(0)
    layer = tidegate.nn.LSTM(5, 9, num_layers=2, proj_size=4)
    model = nn.Sequential(layer)
    x, steps = torch.randn(7, 5), layer.stepper(weights="int8")
    expected = torch.stack([steps(x_t) for x_t in x])
    tidegate.nn.round_to_int8_(model)
    torch.testing.assert_close(model(x)[0], expected)


def test_what_cannot_be_rounded_in_place_is_refused() -> None:
    with pytest.raises(ArgumentError, match="Linear has no recurrent layers"):
        tidegate.nn.round_to_int8_(nn.Linear(2, 2))
    layer = tidegate.nn.Recurrent("gru", 4, 6)
    torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    with pytest.raises(ArgumentError, match="parametrization"):
        tidegate.nn.round_to_int8_(layer)
