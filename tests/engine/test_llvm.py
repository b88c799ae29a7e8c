"""Properties of the kernels besides the parity suite, which runs on them as on every backend."""

import itertools
import os
import subprocess
import sys
import threading

import pytest
import torch
from tests.harness import all_threads  # noqa: F401
from torch import Tensor

import tidegate
from tidegate.cells import CELLS
from tidegate.engine import BACKENDS
from tidegate.nn import GRU, LSTM, Recurrent

pytestmark = pytest.mark.skipif("llvm" not in [b.name for b in BACKENDS], reason="no LLVM backend")


def training_step(layer: torch.nn.Module, x: Tensor, **given: Tensor) -> list[Tensor]:
    leaf = x.clone().requires_grad_()
    output, state = layer(leaf, **given)
    states = state if isinstance(state, tuple) else (state,)
    total = output.sin().sum() + sum((s.cos().sum() for s in states), torch.zeros(()))
    return [output.detach(), *torch.autograd.grad(total, [leaf, *layer.parameters()])]


@pytest.mark.parametrize("batch", [1, 2, 3, 13])
@pytest.mark.parametrize(
    ("name", "units"),
    [
        *itertools.product(["lstm", "gru_original", "peephole_lstm", "rnn_tanh"], [33, 200]),
        ("gru_original", 96),  # stages with groups of two and of three vectors
    ],
)
def test_bits_do_not_depend_on_the_number_of_threads(name: str, batch: int, units: int) -> None:
    """With few rows threads divide the hidden units, otherwise the rows. Values, records and gradients."""
    torch.manual_seed(0)
    layer = Recurrent(name, 70, units, backend="llvm", bidirectional=True)
    x, lengths = torch.randn(9, batch, 70), torch.randint(0, 10, (batch,))
    given: dict[str, Tensor] = {"lengths": lengths, "reset": torch.rand(9, batch) < 0.2}
    results = []
    try:
        for threads in (1, 2, 3, 1):
            torch.set_num_threads(threads)
            with torch.no_grad():
                traced = layer.trace(x, lengths=lengths, reset=given["reset"])
            results.append([*traced[0, 0].values(), *traced[0, 1].values(), *training_step(layer, x, **given)])
    finally:
        torch.set_num_threads(1)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_runs_are_reproducible_to_the_bit() -> None:
    torch.manual_seed(0)
    layer, x = LSTM(7, 33, backend="llvm"), torch.randn(9, 13, 7)
    first, second = training_step(layer, x), training_step(layer, x)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("batch", [1, 2, 7, 8, 19])
@pytest.mark.parametrize("units", [1, 16, 17, 40, 64])
def test_every_tile_size_against_torch(batch: int, units: int) -> None:
    torch.manual_seed(0)
    theirs = torch.nn.GRU(5, units, dtype=torch.float64)
    ours = GRU(5, units, dtype=torch.float64, backend="llvm")
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(4, batch, 5, dtype=torch.float64)
    for mine, other in zip(training_step(ours, x), training_step(theirs, x), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-12, rtol=1e-10)


def test_a_backward_of_the_backward_comes_from_the_reference() -> None:
    layer = LSTM(2, 3, dtype=torch.float64, backend="llvm")
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda v: layer(v)[0], x)
    assert torch.autograd.gradcheck(lambda v: layer.trace(v)[0, 0]["f"], x)


def test_only_wanted_gradients_are_computed() -> None:
    layer = LSTM(2, 3, backend="llvm").requires_grad_(False)
    x = torch.randn(4, 2, 2, requires_grad=True)
    layer(x)[1][1].sum().backward()
    assert x.grad is not None
    assert all(p.grad is None for p in layer.parameters())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_inf_propagate_within_their_own_sequence(value: float) -> None:
    layer = LSTM(3, 5, backend="llvm")
    x = torch.randn(6, 9, 3)
    clean = layer(x)[0]
    x[2, 4, 1] = value
    found = layer(x)[0]
    expected = LSTM(3, 5, backend="reference")
    expected.load_state_dict(layer.state_dict())
    assert torch.equal(found[:, 4].isnan(), expected(x)[0][:, 4].isnan())
    others = [k for k in range(9) if k != 4]
    assert torch.equal(found[:, others], clean[:, others])
    if value != value:
        assert found[2:, 4].isnan().all()


def test_saturated_gates_and_large_numbers_are_finite() -> None:
    layer = LSTM(3, 5, backend="llvm")
    output, (_, c) = layer(1e4 * torch.randn(50, 3, 3))
    assert output.abs().max() <= 1
    assert c.isfinite().all()


@pytest.mark.parametrize("shape", [(5, 0, 3), (1, 1, 3)])
def test_zero_or_one_sequence(shape: tuple[int, ...]) -> None:
    output, h = GRU(3, 4, backend="llvm")(torch.randn(shape))
    assert output.shape == (*shape[:2], 4)
    assert h.shape == (1, shape[1], 4)


def test_strided_and_misaligned_inputs() -> None:
    layer = LSTM(4, 6, backend="llvm")
    wide = torch.randn(12, 3, 9)
    strided = wide[::2, :, 1:9:2]
    torch.testing.assert_close(layer(strided)[0], layer(strided.contiguous())[0])
    odd = torch.randn(1 + 6 * 3 * 4)[1:].view(6, 3, 4)
    torch.testing.assert_close(layer(odd)[0], layer(odd.clone())[0])


def test_many_threads_call_layers_at_once() -> None:
    layer, x = LSTM(5, 32, backend="llvm"), torch.randn(30, 4, 5)
    expected, wrong = layer(x)[0].detach(), []

    def work() -> None:
        wrong.extend(k for k in range(10) if not torch.equal(layer(x)[0].detach(), expected))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_can_run_after_its_parent_did() -> None:
    # From 8 rows on all products are the kernel's; the threads of torch's own products do not survive a fork.
    code = """
import os, torch, tidegate
torch.set_num_threads(2)
layer, x = tidegate.nn.LSTM(5, 32, backend="llvm"), torch.randn(30, 8, 5)
with torch.no_grad():
    expected = layer(x)[0]
    child = os.fork()
    if child == 0:
        os._exit(0 if torch.equal(layer(x)[0], expected) else 1)
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("name", list(CELLS))
def test_every_cell_with_a_kernel_runs_on_it_by_default(name: str) -> None:
    layer = Recurrent(name, 3, 5)
    result = tidegate.run(name, torch.randn(4, 2, 3), layer.layer_weights(0, 0))
    assert result.backend == "llvm"


def test_unsupported_calls_give_reasons() -> None:
    layer, x = LSTM(3, 5, backend="llvm"), torch.randn(6, 4, 2, 3)
    with pytest.raises(tidegate.errors.BackendError, match=r"cannot run lstm: a torch\.func transform is active"):
        torch.func.vmap(lambda one: layer(one)[0])(x)
    layer.backend = None
    assert torch.func.vmap(lambda one: layer(one)[0])(x).shape == (6, 4, 2, 5)
