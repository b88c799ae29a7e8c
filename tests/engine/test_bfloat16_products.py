"""bfloat16 on the CPU kernels: products in bfloat16 where the processor multiplies it, all else in float32."""

from typing import Any

import pytest
import torch
from tests.engine.test_half import numbers, training_step
from torch import Tensor, nn

from tidegate.cells import CELLS
from tidegate.engine import Weights, run
from tidegate.engine.backends import reference
from tidegate.engine.backends.llvm import LLVM
from tidegate.engine.backends.llvm.front import passes
from tidegate.engine.backends.llvm.front.reasons import multiplies_bfloat16
from tidegate.engine.stepping import stepping
from tidegate.nn import GRU, LSTM, RNN

STEP = 2.0**-8  # bfloat16 has 8 significant bits: rounding changes a number by at most half of this, relatively

pairs = pytest.mark.skipif(not multiplies_bfloat16(), reason="this processor has no instruction for bfloat16")


def rounded(value: Tensor) -> Tensor:
    """The nearest bfloat16, in float64."""
    return value.to(torch.bfloat16).double()


def emulated_lstm(x: Tensor, w: dict[str, Tensor], h: Tensor, c: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
    """PyTorch's equations in float64, with the operands of products rounded and nothing else."""
    outputs = []
    for step in x:
        gates = rounded(step) @ rounded(w["w_ih"]).t() + w["b_ih"] + rounded(h) @ rounded(w["w_hh"]).t()
        i, f, g, o = gates.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(rounded(h))
    return outputs, h, c


@pairs
@pytest.mark.parametrize(("batch", "inputs", "units"), [(1, 5, 17), (9, 3, 16)])
@pytest.mark.parametrize("weights", [torch.bfloat16, torch.float32], ids=str)
def test_only_operands_are_rounded(batch: int, inputs: int, units: int, weights: torch.dtype) -> None:
    torch.manual_seed(batch)
    w = {"w_ih": torch.randn(4 * units, inputs), "w_hh": torch.randn(4 * units, units) / units**0.5}
    w |= {"b_ih": torch.randn(4 * units)}
    h, c, x = torch.randn(batch, units), torch.randn(batch, units), torch.randn(3, batch, inputs).bfloat16()
    given = {name: value.to(weights) if value.dim() == 2 else value for name, value in w.items()}
    result = run("lstm", x, Weights(given["w_ih"], given["w_hh"], given["b_ih"]), (h, c), backend="llvm")
    exact = {name: value.double() for name, value in w.items()}
    outputs, h, c = emulated_lstm(x, exact, h.double(), c.double())
    # A state between two bfloat16 may be rounded to either after float32's own error, and so changes the next step.
    near = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(result.output[0].double(), outputs[0], rtol=STEP, atol=0)
    assert (result.output[0].double() != outputs[0]).float().mean() < 0.02
    one = run("lstm", x[:1], Weights(given["w_ih"], given["w_hh"], given["b_ih"]), None, backend="llvm")
    zero = torch.zeros(batch, units, dtype=torch.float64)
    _, h_one, c_one = emulated_lstm(x[:1], exact, zero, zero)
    torch.testing.assert_close(one.state[0].double(), h_one, **near)
    torch.testing.assert_close(one.state[1].double(), c_one, **near)
    torch.testing.assert_close(result.state[0].double(), h, rtol=0, atol=STEP)
    assert result.state[0].dtype == torch.float32


def error(found: Tensor, exact: Tensor) -> float:
    """The error relative to the largest number, if there is one that is not zero."""
    found, exact = found.detach().double(), exact.detach()
    return float((found - exact).abs().max() / (exact.abs().max() or 1))


def trained(layer: Any, x: Tensor, **more: Any) -> list[Tensor]:
    x = x.clone().requires_grad_()
    output, state = layer(x, **more)
    torch.manual_seed(5)
    gradient = torch.randn(output.shape).bfloat16().to(output.dtype)
    states = state if isinstance(state, tuple) else (state,)
    wanted = [x, *layer.parameters()]
    gradients = torch.autograd.grad([output, *states], wanted, [gradient, *(torch.ones_like(s) for s in states)])
    return [output, *states, *gradients]


@pytest.mark.parametrize(("ours", "theirs"), [(LSTM, nn.LSTM), (RNN, nn.RNN), (GRU, nn.GRU)])
@pytest.mark.parametrize(("batch", "inputs", "units"), [(9, 4, 33)])
def test_errors_are_no_larger_than_pytorchs_bfloat16(
    ours: Any, theirs: Any, batch: int, inputs: int, units: int
) -> None:
    torch.manual_seed(batch)
    layer, other = ours(inputs, units, backend="llvm").bfloat16(), theirs(inputs, units).double()
    other.load_state_dict(layer.state_dict())
    x = torch.randn(11, batch, inputs).bfloat16()
    exact, found = trained(other, x.double()), trained(layer, x)
    peer = theirs(inputs, units).bfloat16()
    peer.load_state_dict(layer.state_dict())
    errors = [error(a, b) for a, b in zip(found, exact, strict=True)]
    others = [error(a, b) for a, b in zip(trained(peer, x), exact, strict=True)]
    assert max(errors) < 2 * STEP
    assert sum(errors) < sum(others)


class _RoundedProduct(torch.autograd.Function):
    """``linear`` as the kernels compute it: what is multiplied is rounded, forward and backward, and nothing else."""

    @staticmethod
    def forward(ctx: Any, vector: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        ctx.save_for_backward(rounded(vector), w)
        ctx.has_bias = b is not None
        return nn.functional.linear(rounded(vector), w, b)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        (vector, w), gradient = ctx.saved_tensors, rounded(gradients[0])
        rows = gradient.flatten(0, -2)
        return gradient @ w, rows.t() @ vector.flatten(0, -2), rows.sum(0) if ctx.has_bias else None


HOW: dict[str, dict[str, Any]] = {
    "": {},
    "lengths": {"lengths": torch.tensor([5, 0, 3, 6])},
    "reset": {"reset": torch.rand(6, 4, generator=torch.Generator().manual_seed(0)) < 0.4},
    "reverse": {"lengths": torch.tensor([5, 0, 3, 6]), "reverse": True},
}
COMMON = ("gru_original",)


@pairs
@pytest.mark.parametrize("name", [n if n in COMMON else pytest.param(n, marks=pytest.mark.slow) for n in sorted(CELLS)])
@pytest.mark.parametrize("how", HOW)
def test_every_cell_is_its_reference_with_rounded_operands(
    name: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = CELLS[name]
    given = {key: value[:, :4] if value.dim() == 3 else value for key, value in numbers(cell).items()}
    given = {key: value[:4] if key.startswith("state") else value for key, value in given.items()}
    given = {key: value.bfloat16() for key, value in given.items() if cell.bias or key != "b_ih"}
    found = training_step(cell, given, "llvm", **HOW[how])
    monkeypatch.setattr(reference, "linear", _RoundedProduct.apply)
    emulated = training_step(cell, {key: value.double() for key, value in given.items()}, "reference", **HOW[how])
    for key, value in found.items():
        # Results differ by a rounding. Gradients do by several: the kernels know h_{t-1} in bfloat16 only.
        limit = 4 * STEP if key.startswith("gradient") else STEP
        assert error(value, emulated[key]) < limit, key


@pairs
@pytest.mark.parametrize("batch", [1, 3])
def test_steps_round_what_their_states_are_set_to(batch: int) -> None:
    torch.manual_seed(0)
    given, x = (
        {key: value.bfloat16() for key, value in numbers(CELLS["gru_original"]).items()},
        torch.randn(4, batch, 3),
    )
    weights, x = Weights(given["w_ih"], given["w_hh"], given["b_ih"]), x.bfloat16()
    begin = torch.randn(batch, 17)
    expected = run("gru_original", x, weights, (begin,), backend="llvm")
    steps = stepping("gru_original", x[0], weights, backend="llvm")
    for _ in range(2):  # in memory that other steps have used
        steps.state[0].copy_(begin)
        made = torch.stack([steps.step(value).clone() for value in x])
        assert made.dtype == torch.bfloat16
        torch.testing.assert_close(made, expected.output, rtol=STEP, atol=1e-4)
        torch.testing.assert_close(steps.state[0], expected.state[0], rtol=0, atol=STEP / 8)


@pairs
def test_what_was_traced_here_runs_where_products_are_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    layer, x = GRU(3, 5, backend="llvm").bfloat16(), torch.randn(4, 2, 3).bfloat16()
    expected = trained(layer, x)
    monkeypatch.setattr(passes, "multiplies_bfloat16", lambda: False)
    found = trained(layer, x)
    assert any(not torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        assert error(a, b.double()) < 2 * STEP


@pairs
@pytest.mark.parametrize("shape", [(4, 0, 3), (0, 2, 3), (4, 2, 0)], ids=str)
def test_nothing_to_multiply(shape: tuple[int, ...]) -> None:
    steps, batch, inputs = shape
    w_ih, w_hh = torch.randn(51, inputs).bfloat16().requires_grad_(), torch.randn(51, 17).bfloat16().requires_grad_()
    result = run("gru_original", torch.zeros(shape).bfloat16(), Weights(w_ih, w_hh), backend="llvm")
    assert result.output.shape == (steps, batch, 17)
    gradients = torch.autograd.grad(result.output.sum() + result.state[0].sum(), [w_ih, w_hh])
    assert all(bool((g == 0).all()) for g in gradients)


@pairs
def test_gradients_of_parts_are_added_up_in_float32() -> None:
    given = {key: value.bfloat16() for key, value in numbers(CELLS["gru_original"]).items()}
    once, parts = (training_step(CELLS["gru_original"], given, "llvm", recompute=again) for again in (False, True))
    for name, value in once.items():
        assert error(parts[name], value.double()) < 0.6 * STEP, name


@pairs
def test_explain_says_in_what_is_multiplied() -> None:
    layer, x = LSTM(3, 17, backend="llvm"), torch.randn(4, 2, 3)
    assert "bfloat16" not in str(layer.explain(x))
    with torch.autocast("cpu", torch.bfloat16):
        assert "products in bfloat16" in str(layer.explain(x))
    assert "products in bfloat16" in str(layer.bfloat16().explain(x.bfloat16()))


def test_without_the_instruction_all_is_computed_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(LLVM), "multiplies_bfloat16", lambda _: False)
    torch.manual_seed(0)
    layer, x = LSTM(3, 17, backend="llvm").bfloat16(), torch.randn(6, 4, 3).bfloat16()
    exact = LSTM(3, 17, backend="llvm")
    exact.load_state_dict(layer.state_dict())
    assert torch.equal(layer(x)[0], exact(x.float())[0].bfloat16())
