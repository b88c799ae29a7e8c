"""``recompute``: the same values and gradients from less memory."""

import math
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from tidegate.cells import CELLS, Cell, Step, cell, tanh
from tidegate.engine import Record, Weights, run
from tidegate.nn import LSTM, Recurrent


@cell(gates="h n", states="h c", parameters="decay", masks="keep")
def masked(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    c = p.decay * s.c + m.keep * tanh(x.h + r.h)
    return Step(h=tanh(c + r("n", m.keep * s.h)), c=c, gates=dict(k=m.keep * c))


def results(it: Cell, backend: str, reverse: bool, steps: int, every: int, *, recompute: bool) -> dict[str, Tensor]:
    torch.manual_seed(0)
    batch, inputs, units = 4, 3, 5

    def leaf(*shape: int) -> Tensor:
        return (0.7 * torch.randn(*shape, dtype=torch.float64)).requires_grad_()

    g_x, g_r = len(it.input_gates), len(it.recurrent_gates)
    vectors = {name: leaf(units) for name in it.parameters}
    weights = Weights(
        leaf(g_x * units, inputs), leaf(g_r * units, units), leaf(g_x * units), leaf(g_r * units), vectors
    )
    x, state = leaf(steps, batch, inputs), [leaf(batch, units) for _ in it.states]
    result = run(
        it,
        x,
        weights,
        state,
        lengths=torch.tensor([steps, 0, steps // 2, max(0, steps - 1)]),
        reset=torch.rand(steps, batch) < 0.4,
        reverse=reverse,
        record=Record(it.recorded, every),
        masks={name: torch.rand(steps, batch, units, dtype=torch.float64) for name in it.masks},
        backend=backend,
        recompute=recompute,
    )
    assert result.backend == backend
    found = {"output": result.output, **{f"recorded {k}": v for k, v in result.record.items()}}
    found |= {f"final {name}": value for name, value in zip(it.states, result.state, strict=True)}
    named = {"x": x, **{f"initial {k}": s for k, s in enumerate(state)}, **vectors}
    named |= {n: w for n in ("w_ih", "w_hh", "b_ih", "b_hh") if (w := getattr(weights, n)) is not None}
    total = torch.stack([(v * torch.randn_like(v)).sum() for v in found.values()]).sum()
    gradients = torch.autograd.grad(total, list(named.values()))
    return found | {f"gradient of {name}": g for name, g in zip(named, gradients, strict=True)}


@pytest.mark.parametrize(("steps", "every"), [(1, 1), (2, 1), (11, 1), (16, 3), (17, 2), (5, 9)])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("backend", ["llvm", "reference"])
@pytest.mark.parametrize("it", [CELLS["lstm"], CELLS["gru_original"], masked], ids=lambda it: it.name)
def test_recompute_gives_the_same_values_and_gradients(
    it: Cell, backend: str, reverse: bool, steps: int, every: int
) -> None:
    expected = results(it, backend, reverse, steps, every, recompute=False)
    found = results(it, backend, reverse, steps, every, recompute=True)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-12, rtol=1e-10, msg=lambda m, n=name: f"{n}: {m}")


def saved_bytes(layer: torch.nn.Module, steps: int) -> int:
    """Bytes saved for backward besides the input, the weights and the output."""
    x = torch.randn(steps, 2, 8)
    held: dict[int, int] = {}
    known = {t.untyped_storage().data_ptr() for t in (x, *layer.parameters())}

    def pack(tensor: Tensor) -> Tensor:
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        layer(x)
    return sum(size for address, size in held.items() if address not in known)


@pytest.mark.parametrize("backend", ["llvm", "reference"])
def test_saved_memory_grows_with_the_root_of_the_steps(backend: str) -> None:
    plain, less = (LSTM(8, 16, backend=backend, recompute=recompute) for recompute in (False, True))
    state = 2 * 16 * 4
    for steps in (64, 1024):
        assert saved_bytes(less, steps) == 2 * state * math.isqrt(steps)
        assert saved_bytes(plain, steps) > 4 * state * steps


@pytest.mark.slow
def test_the_process_needs_less_memory() -> None:
    code = """
import re, sys, torch, tidegate
torch.set_num_threads(1)
layer, x = tidegate.nn.LSTM(64, 256, recompute=sys.argv[1] == "1"), torch.randn(2000, 8, 64)
def step(v):
    layer(v)[0].sum().backward()
    # Not getrusage's ru_maxrss: a child's begins at what its parent had when it forked.
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
before = step(x[:20])
print(step(x) - before)
"""
    peaks = []
    for recompute in "01":
        command = [sys.executable, "-W", "ignore", "-c", code, recompute]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        peaks.append(int(done.stdout))
    # The output and its gradient are there in both.
    assert peaks[1] < 0.25 * peaks[0]


def test_recompute_works_when_compiled() -> None:
    torch._dynamo.reset()
    layer = Recurrent("gru", 3, 5, recompute=True, backend="llvm")
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    for steps in (5, 9):
        found = []
        for run_layer in (compiled, layer):
            x = torch.arange(6.0 * steps).sin().view(steps, 2, 3).requires_grad_()
            output, state = run_layer(x)
            total = output.sin().sum() + state.cos().sum()
            found.append([output, state, *torch.autograd.grad(total, [x, *layer.parameters()])])
        torch.testing.assert_close(*found)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch.func's own
def test_recompute_under_transforms_and_double_backward() -> None:
    layer = LSTM(2, 3, dtype=torch.float64, recompute=True)
    plain = LSTM(2, 3, dtype=torch.float64)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(5, 2, 2, dtype=torch.float64)
    gradients = [torch.func.grad(lambda v, it=it: it(v)[0].sin().sum())(x) for it in (layer, plain)]
    torch.testing.assert_close(*gradients)
    assert torch.autograd.gradgradcheck(lambda v: layer(v)[0], x.clone().requires_grad_())
