"""Kernels on numbers and shapes at the edge: denormals, infinities, one step and thousands, any strides."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.harness import one_thread  # noqa: F401
from tests.kernel_runs import everything, numbers, same, some_lengths
from torch import Tensor, nn

from tidegate.cells import CELLS
from tidegate.engine.backends.llvm.launch.matmul import multiply
from tidegate.nn import GRU, LSTM, RNN

NAMES = pytest.mark.parametrize("name", ["lstm", "gru", "gru_original", "layer_norm_lstm", "min_gru"])
PAIRS = pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (lambda: nn.LSTM(3, 5), lambda: LSTM(3, 5, backend="llvm")),
        (lambda: nn.GRU(3, 5), lambda: GRU(3, 5, backend="llvm")),
        (lambda: nn.RNN(3, 5), lambda: RNN(3, 5, backend="llvm")),
        (lambda: nn.RNN(3, 5, nonlinearity="relu"), lambda: RNN(3, 5, nonlinearity="relu", backend="llvm")),
    ],
    ids=["lstm", "gru", "rnn_tanh", "rnn_relu"],
)
TINY = 1e-41  # a denormal of float32


def training_step(layer: nn.Module, x: Tensor, h: Tensor) -> list[Tensor]:
    leaves = [x.clone().requires_grad_(), h.clone().requires_grad_()]
    state = (leaves[1], leaves[1].clone()) if hasattr(layer, "mode") and layer.mode == "LSTM" else leaves[1]
    output = layer(leaves[0], state)[0]
    return [output.detach(), *torch.autograd.grad(output.sum(), [*leaves, *layer.parameters()])]


def is_denormal(value: Tensor) -> Tensor:
    return (value != 0) & (value.abs() < torch.finfo(value.dtype).tiny)


@NAMES
@pytest.mark.parametrize("batch", [1, 9])
def test_denormals_are_zeros(name: str, batch: int) -> None:
    """Kernels flush them to zero; the caller's own arithmetic does not."""
    it = CELLS[name]
    given = numbers(it, (5, batch, 3, 17))
    for some in ("x", "w_", "state", "b_"):
        tiny = {k: torch.full_like(v, TINY) if k.startswith(some) else v for k, v in given.items()}
        zero = {k: torch.zeros_like(v) if k.startswith(some) else v for k, v in given.items()}
        assert not same(everything(it, tiny), everything(it, zero)), some
    assert bool(is_denormal(torch.tensor([1e-38]) * 0.01))


def test_products_flush_denormals_and_the_caller_keeps_them() -> None:
    a, b = torch.full((7, 5), TINY), torch.full((5, 9), 1e3)
    assert not multiply(a, b).any()
    assert bool(is_denormal(a[0, 0] * 1.0))
    assert bool((a.double() @ b.double() > 0).all())


@pytest.mark.slow
@NAMES
@pytest.mark.parametrize("batch", [1, 16])
def test_denormals_are_not_slower(name: str, batch: int) -> None:
    it = CELLS[name]
    given = numbers(it, (50, batch, 64, 64))
    tiny = {k: torch.full_like(v, TINY) for k, v in given.items()}

    def seconds(given: dict[str, Tensor], cotangent: Callable[[Tensor], Tensor] | None = None) -> float:
        start = time.process_time()
        everything(it, given, cotangent=cotangent)
        return time.process_time() - start

    seconds(given)
    ratios = []
    for _ in range(15):
        usual = seconds(given)
        ratios.append((seconds(tiny) / usual, seconds(given, lambda v: torch.full_like(v, TINY)) / usual))
    assert all(sorted(each)[7] < 1.5 for each in zip(*ratios, strict=True))


@PAIRS
@pytest.mark.parametrize("batch", [2, 9])
def test_nan_and_inf_spread_as_in_torch(
    theirs: Callable[[], nn.Module], ours: Callable[[], nn.Module], batch: int
) -> None:
    torch.manual_seed(0)
    layers = (theirs(), ours())
    layers[1].load_state_dict(layers[0].state_dict())
    x, h = torch.randn(6, batch, 3), torch.randn(1, batch, 5)
    clean = training_step(layers[1], x, h)
    for value in (float("nan"), float("inf"), -float("inf"), 3e38):
        for where in (x, h):
            place = (*(n // 2 for n in where.shape[:1]), 1, 2)
            kept = where[place].clone()
            where[place] = value
            expected, found = (training_step(layer, x, h) for layer in layers)
            for a, b in zip(expected, found, strict=True):
                assert torch.equal(a.isnan(), b.isnan())
                assert torch.equal(a.isinf(), b.isinf())
            others = [n for n in range(batch) if n != 1]
            for a, b in zip(clean[:3], found[:3], strict=True):  # output, gradients of x and h
                assert torch.equal(a[:, others], b[:, others])
            where[place] = kept
        bad = [{name: t.clone() for name, t in layer.state_dict().items()} for layer in layers]
        for layer in layers:
            layer.get_parameter("weight_ih_l0").data[2, 1] = value
        expected, found = (training_step(layer, x, h) for layer in layers)
        assert all(torch.equal(a.isfinite(), b.isfinite()) for a, b in zip(expected, found, strict=True))
        for layer, state in zip(layers, bad, strict=True):
            layer.load_state_dict(state)


@NAMES
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_sequence_with_nan_leaves_the_others_alone(name: str, value: float) -> None:
    it = CELLS[name]
    given = numbers(it, (6, 9, 3, 17))
    clean = everything(it, given, record="all")
    given["x"][2, 4, 1] = value
    found = everything(it, given, record="all")
    others = [n for n in range(9) if n != 4]
    over_time = ["output", "gradient of x", *(key for key in clean if key.startswith("recorded"))]
    for key in over_time:
        assert torch.equal(found[key][:, others], clean[key][:, others]), key
    for key in (key for key in clean if key.startswith(("final", "gradient of state"))):
        assert torch.equal(found[key][others], clean[key][others]), key
    if value != value:
        assert found["output"][2:, 4].isnan().all()
        assert found["gradient of w_ih"].isnan().any()


@pytest.mark.parametrize("steps", [1, 2, 63, 1000, 5000])
@pytest.mark.parametrize("batch", [1, 9])
def test_any_number_of_steps(steps: int, batch: int) -> None:
    for name in ("lstm", "min_gru"):
        it = CELLS[name]
        given = numbers(it, (steps, batch, 1, 1), torch.float64)
        more: dict[str, Any] = {"lengths": some_lengths(steps, batch)} if batch > 1 else {}
        found, expected = (everything(it, given, backend=backend, **more) for backend in ("llvm", "reference"))
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, atol=1e-9, rtol=1e-9, msg=lambda m, key=key: f"{key}: {m}")


@pytest.mark.parametrize("sizes", [(0, 3, 2, 5), (0, 1, 1, 1), (4, 0, 2, 5), (0, 0, 2, 5), (3, 2, 0, 5), (1, 1, 1, 1)])
@NAMES
def test_zero_steps_or_zero_rows(name: str, sizes: tuple[int, int, int, int]) -> None:
    """No steps: the final state is the initial one. No rows: empty results, and gradients that are zero."""
    it = CELLS[name]
    given = numbers(it, sizes)
    ragged = {"lengths": some_lengths(sizes[0], sizes[1]), "record": "all"}
    several: list[dict[str, Any]] = [{}, {"reverse": True}, ragged]
    for more in several:
        found, expected = (everything(it, given, backend=backend, **more) for backend in ("llvm", "reference"))
        for key, value in expected.items():
            torch.testing.assert_close(
                found.get(key, torch.zeros_like(value)), value, msg=lambda m, key=key: f"{key}: {m}"
            )


def test_zero_steps_raise_in_layers_as_in_torch() -> None:
    for layer in (nn.LSTM(3, 5), LSTM(3, 5, backend="llvm")):
        with pytest.raises(RuntimeError, match="Expected sequence length to be larger than 0"):
            layer(torch.zeros(0, 2, 3))


def misaligned(value: Tensor) -> Tensor:
    return value.new_zeros(value.numel() + 1)[1:].view(value.shape).copy_(value)


def last_first(value: Tensor) -> Tensor:
    """The same numbers, stored with the last dimension outermost."""
    return value.movedim(-1, 0).contiguous().movedim(0, -1)


def spread(value: Tensor) -> Tensor:
    """Every third number of wider rows, and every second row."""
    wide = value.new_full((*(2 * n for n in value.shape[:-1]), 3 * value.shape[-1] + 2), float("nan"))
    view = wide[(*(slice(None, None, 2) for _ in value.shape[:-1]), slice(2, None, 3))]
    return view.copy_(value)


@NAMES
@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize("stored", [misaligned, last_first, spread])
def test_strides_have_no_influence(name: str, batch: int, stored: Callable[[Tensor], Tensor]) -> None:
    """Inputs, weights, states and cotangents."""
    it = CELLS[name]
    given = numbers(it, (5, batch, 3, 17))
    # A column of something wider, and one that stands with its steps side by side.
    lengths = torch.stack([some_lengths(5, batch)] * 2, 1)[:, 0]
    more: dict[str, Any] = {"lengths": lengths, "reset": last_first(torch.rand(5, batch) < 0.3)}

    def cotangent(value: Tensor) -> Tensor:
        return torch.linspace(-1, 1, value.numel()).view(value.shape)

    expected = everything(it, given, cotangent=cotangent, **more)
    elsewhere = {key: stored(value) for key, value in given.items()}
    found = everything(it, elsewhere, cotangent=lambda value: stored(cotangent(value)), **more)
    assert not same(found, expected)


@NAMES
@pytest.mark.parametrize("batch", [1, 9])
def test_expanded_inputs_and_cotangents(name: str, batch: int) -> None:
    """Expanded tensors, which have strides of zero: rows that are all the same, and a cotangent that is one number."""
    it = CELLS[name]
    given = numbers(it, (5, batch, 3, 17))
    rows = {key: value[:1].expand_as(value) for key, value in given.items()}
    one = {key: value.flatten()[0].expand_as(value) for key, value in given.items()}
    for expanded in (rows, one):
        whole = {key: value.contiguous() for key, value in expanded.items()}
        expected = everything(it, whole, cotangent=torch.ones_like)
        found = everything(it, expanded, cotangent=lambda value: torch.ones(()).expand(value.shape))
        assert not same(found, expected)
