"""Unusual cells that users may write: the kernels against the reference, in values and gradients."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tidegate.cells import (
    Cell,
    Step,
    absolute,
    cell,
    exp,
    log,
    maximum,
    minimum,
    normalize,
    projected,
    relu,
    sigmoid,
    softplus,
    tanh,
)
from tidegate.engine import Weights, run
from tidegate.engine.backends.llvm import LLVM

CELLS: dict[str, Cell] = {}


def keep(**declared: Any) -> Any:
    def define(fn: Any) -> Cell:
        made = CELLS[fn.__name__] = cell(**declared)(fn)
        return made

    return define


@keep(gates="h", states="h a b")
def shift_register(x: Any, r: Any, s: Any) -> Step:
    return Step(h=tanh(x.h + r.h + s.b), a=x.h * 0.5, b=s.a)


@keep(gates="a b c d", states="h")
def many_biases_in_one_sum(x: Any, r: Any, s: Any) -> Step:
    return Step(h=tanh(x.a + r.b + x.c + r.d + x.b))


@keep(gates="h", states="h a b")
def swap(x: Any, r: Any, s: Any) -> Step:
    return Step(h=tanh(x.h + r.h + s.a), a=s.b, b=s.a)


@keep(gates="h", states="h c")
def output_is_an_old_state(x: Any, r: Any, s: Any) -> Step:
    return Step(h=s.c, c=tanh(x.h + r.h))


@keep(gates="h", states="h c", parameters="u")
def state_is_a_vector_of_weights(x: Any, r: Any, s: Any, p: Any) -> Step:
    return Step(h=tanh(x.h + r.h + s.c), c=p.u)


@keep(gates="h k")
def gate_times_zero(x: Any, r: Any) -> Step:
    return Step(h=tanh(x.h + r.h) + 0 * sigmoid(x.k + r.k))


@keep(gates="h n")
def input_in_the_second_stage(x: Any, r: Any, s: Any) -> Step:
    return Step(h=tanh(x.n * r("n", sigmoid(x.h + r.h) * s.h)))


@keep(gates="h n")
def product_of_an_input(x: Any, r: Any) -> Step:
    return Step(h=tanh(x.h + r.h + r("n", x.n)))


@keep(gates="h")
def without_input(r: Any, s: Any) -> Step:
    return Step(h=tanh(r.h + 0.3 * s.h) + 0.1)


@keep(gates="xp h")
def gate_with_the_name_of_a_buffer(x: Any, r: Any) -> Step:
    a = sigmoid(x.xp + r.xp)
    return Step(h=a * tanh(x.h + r.h), gates=dict(xp=a, input=a * 2, out=1 - a))


@keep(gates="a b")
def everything_recorded(x: Any, r: Any, s: Any) -> Step:
    t = x.a + r.a
    u = t + x.b + r.b
    return Step(h=tanh(u) * sigmoid(t), gates=dict(t=t, u=u, ra=r.a, xb=x.b, sh=s.h))


@keep(gates="a b c", states="h c", parameters="p q", masks="m")
def three_stages(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    v = sigmoid(x.a + r.a) * s.h * m.m
    w = tanh(r("b", v) + x.b + p.p * s.c)
    z = tanh(r("c", w * s.c) + x.c * w + r.a)
    return Step(h=z + p.q, c=0.5 * s.c + w, gates=dict(v=v, w=w, pp=p.p, mm=m.m))


@keep(gates="a", states="h c")
def two_states_are_one_value(x: Any, r: Any, s: Any) -> Step:
    v = tanh(x.a + r.a + s.c)
    return Step(h=v, c=v, gates=dict(o=v))


@keep(gates="a b")
def product_of_a_product(x: Any, r: Any) -> Step:
    y = r("b", r.a)
    return Step(h=0.3 * y + x.a, gates=dict(y=y))


@keep(gates="a")
def all_operations(x: Any, r: Any, s: Any) -> Step:
    a = x.a + r.a
    b = (a - s.h) / absolute(s.h * s.h + 1) - exp(-absolute(x.a)) + maximum(s.h, 0) + 0.5 * minimum(0, s.h)
    return Step(h=tanh(maximum(b, a) - minimum(a, s.h)) + 0.1 * log(softplus(a)) - 0.1 * relu(-a), gates=dict(k=-b))


@keep(gates="a", states="h c", parameters="q", masks="m")
def everything_normalized(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    n = normalize(s.c) + normalize(p.q) * normalize(m.m)
    y = normalize(normalize(x.a) + r.a)
    c = normalize(s.h + 0.3 * s.c) + 0.1 * n
    return Step(h=tanh(y + n), c=c, gates=dict(y=y, n=n, z=normalize(s.h)))


@keep(gates="h n")
def product_of_what_is_normalized(x: Any, r: Any) -> Step:
    return Step(h=tanh(normalize(r("n", normalize(x.h + r.h))) + x.n))


@keep(gates="h n", states="h c")
def product_of_another_state(x: Any, r: Any, s: Any) -> Step:
    c = tanh(x.n + r("n", s.c) + s.h)
    return Step(h=tanh(x.h + r.h + c), c=c)


@keep(gates="h n")
def product_of_another_state_alone(x: Any, r: Any) -> Step:
    return Step(h=x.n + r("n", tanh(x.h)), gates=dict(a=r.h))


@keep(gates="a b c d", states="h u v")
def products_of_three_states(x: Any, r: Any, s: Any) -> Step:
    h = tanh(x.a + r.a + r("b", s.v))
    return Step(h=h, u=s.v * 0.5 + r("c", s.u), v=sigmoid(r("d", s.v) + x.d), gates=dict(k=s.u))


@keep(gates="h n k l", states="h c", parameters="u", masks="m")
def products_of_weights_and_masks(x: Any, r: Any, p: Any, m: Any) -> Step:
    y = r("l", m.m)
    return Step(h=tanh(x.h + r.h + r("n", p.u)), c=r("k", p.u) * m.m, gates=dict(y=y, u=p.u, w=r("n", p.u)))


@keep(gates="h n", states="h c")
def product_of_a_state_that_is_an_old_one(x: Any, r: Any, s: Any) -> Step:
    return Step(h=tanh(x.h + r("h", s.c)), c=s.h, gates=dict(n=r("n", x.n)))


@keep(gates="a b", states="h c", parameters="u", masks="m")
def without_its_own_output(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    c = tanh(normalize(x.a + r.a) + p.u * s.c) * m.m
    return Step(h=normalize(c) * sigmoid(x.b + r.b) + c, c=c, gates=dict(z=r.a, y=s.c))


@keep(gates="a b c", states="h c")
def products_of_all_kinds(x: Any, r: Any, s: Any) -> Step:
    c = tanh(x.a + r.a + r("b", s.c) + r("c", tanh(x.c)))
    return Step(h=c * 2, c=c)


PROJECTED = {"without_its_own_output": (1, 5, 17, 33), "products_of_all_kinds": (17,)}
RUNS = [(name, 0) for name in CELLS] + [(name, size) for name, sizes in PROJECTED.items() for size in sizes]


def results(it: Cell, outputs: int, backend: str, batch: int, reverse: bool) -> dict[str, Tensor]:
    torch.manual_seed(0)
    steps, inputs, units = 5, 3, 17
    it = projected(it) if outputs else it
    sizes = [outputs or units, *(units for _ in it.states[1:])]

    def leaf(*shape: int) -> Tensor:
        return (0.7 * torch.randn(*shape, dtype=torch.float64)).requires_grad_()

    g_x, g_r = len(it.input_gates), len(it.recurrent_gates)
    weights = Weights(
        leaf(g_x * units, inputs) if g_x else None,
        leaf(g_r * units, sizes[0]) if g_r else None,
        leaf(g_x * units) if g_x else None,
        leaf(g_r * units) if g_r else None,
        {name: leaf(units) for name in it.parameters},
        leaf(outputs, units) if outputs else None,
    )
    x, state = leaf(steps, batch, inputs), [leaf(batch, size) for size in sizes]
    masks = {name: leaf(steps, batch, units).detach().requires_grad_(batch > 1) for name in it.masks}
    reset, lengths = torch.rand(steps, batch) < 0.2, torch.randint(0, steps + 1, (batch,))
    result = run(
        it, x, weights, state, lengths=lengths, reset=reset, reverse=reverse, record="all", masks=masks, backend=backend
    )
    assert result.backend == backend
    found = {"output": result.output, **{f"recorded {k}": v for k, v in result.record.items()}}
    found |= {f"final {name}": value for name, value in zip(it.states, result.state, strict=True)}
    named = {"x": x, **{f"initial {k}": s for k, s in enumerate(state)}, **weights.p}
    named |= {f"mask {name}": mask for name, mask in masks.items() if mask.requires_grad}
    named |= {n: w for n in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr") if (w := getattr(weights, n)) is not None}
    total = sum((v * torch.randn_like(v)).sum() for v in found.values())
    assert isinstance(total, Tensor)
    gradients = torch.autograd.grad(total, list(named.values()), allow_unused=True, materialize_grads=True)
    return found | {f"gradient of {name}": g for name, g in zip(named, gradients, strict=True)}


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("batch", [*(pytest.param(it, marks=pytest.mark.slow) for it in (1, 3)), 9])
@pytest.mark.parametrize(("name", "outputs"), RUNS)
def test_kernels_and_reference_agree(name: str, outputs: int, batch: int, reverse: bool) -> None:
    expected = results(CELLS[name], outputs, "reference", batch, reverse)
    for key, value in results(CELLS[name], outputs, "llvm", batch, reverse).items():
        torch.testing.assert_close(value, expected[key], atol=1e-10, rtol=1e-9, msg=lambda m, k=key: f"{k}: {m}")


class Watching(TorchDispatchMode):
    """Changes nothing, but makes calls go through the operators."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        self.seen.add(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("batch", [1, 9])
@pytest.mark.parametrize(("name", "outputs"), RUNS)
def test_operators_give_the_same_bits(name: str, outputs: int, batch: int, reverse: bool) -> None:
    expected = results(CELLS[name], outputs, "llvm", batch, reverse)
    with Watching() as watching:
        found = results(CELLS[name], outputs, "llvm", batch, reverse)
    assert {"tidegate.run_forward.default", "tidegate.run_backward.default"} <= watching.seen
    for key, value in found.items():
        torch.testing.assert_close(value, expected[key], atol=1e-13, rtol=1e-12, msg=lambda m, k=key: f"{k}: {m}")


def test_lengths_and_resets_may_be_changed_after_the_forward_run() -> None:
    weights = Weights(torch.randn(5, 3), torch.randn(5, 5))
    x = torch.randn(6, 2, 3, requires_grad=True)
    lengths, reset = torch.tensor([6, 3]), torch.zeros(6, 2, dtype=torch.bool)
    first = run("rnn_tanh", x, weights, lengths=lengths, reset=reset, backend="llvm").output.sum()
    (expected,) = torch.autograd.grad(first, x, retain_graph=True)
    lengths.fill_(1)
    reset.fill_(True)
    (found,) = torch.autograd.grad(first, x)
    assert torch.equal(found, expected)


def test_in_place_changes_of_results_are_allowed_or_raise_as_in_torch() -> None:
    weights = Weights(torch.randn(64, 3, requires_grad=True), torch.randn(64, 64))
    output = run("rnn_tanh", torch.randn(6, 2, 3), weights, backend="llvm").output
    output.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_without_gradients_nothing_is_saved_for_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate.engine.backends.llvm.front import passes

    stored: list[set[str]] = []
    real = passes.forward_run
    monkeypatch.setattr(
        passes,
        "forward_run",
        lambda call, s, *given, **rest: stored.append({name for name, _ in s}) or real(call, s, *given, **rest),
    )
    weights = Weights(torch.randn(20, 3, requires_grad=True), torch.randn(20, 5))
    run("lstm", torch.randn(6, 2, 3), weights, backend=LLVM)
    with torch.no_grad():
        run("lstm", torch.randn(6, 2, 3), weights, backend=LLVM)
    with torch.inference_mode():
        run("lstm", torch.randn(6, 2, 3), weights, backend=LLVM)
    assert stored == [{"h", "c", "i", "f", "g", "o"}, {"h"}, {"h"}]


def test_records_without_a_gradient_do_not_change_the_backward_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate.engine.backends.llvm.launch import launcher

    kernels: list[Any] = []
    real = launcher.Launch.execute
    monkeypatch.setattr(
        launcher.Launch, "execute", lambda self, *given: kernels.append(self.kernel) or real(self, *given)
    )
    weights = Weights(torch.randn(20, 3, requires_grad=True), torch.randn(20, 5))
    for names, by in ((None, "output"), ("all", "output"), ("all", "f")):
        result = run("lstm", torch.ones(6, 2, 3), weights, backend=LLVM, record=names)
        (result.output if by == "output" else result.record[by]).sum().backward()
    plain, recording, by_a_gate = kernels[1::2]
    assert plain is recording is not by_a_gate


def test_batched_backwards_come_from_the_reference() -> None:
    weights = Weights(torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 5, dtype=torch.float64))
    x = torch.randn(3, 2, 3, dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda v: run("rnn_tanh", v, weights, backend="llvm").output, x)
    found = torch.autograd.functional.jacobian(
        lambda v: run("rnn_tanh", v, weights, backend="llvm").output, x, vectorize=True
    )
    torch.testing.assert_close(found, expected)


def test_a_default_device_elsewhere_does_not_matter() -> None:
    x, weights = torch.randn(4, 2, 3, requires_grad=True), Weights(torch.randn(5, 3), torch.randn(5, 5))
    torch.set_default_device("meta")
    try:
        output = run("rnn_tanh", x, weights, lengths=[4, 2], backend="llvm").output
        (gradient,) = torch.autograd.grad(output.sum(), x)
    finally:
        torch.set_default_device(None)
    assert gradient.isfinite().all()
    assert not gradient[2:, 1].any()


def test_ties_have_torchs_gradient() -> None:
    @cell(gates="h")
    def clipped(x: Any, r: Any, s: Any) -> Step:
        return Step(h=tanh(x.h + r.h) + maximum(s.h, 0) + minimum(s.h, 0) + maximum(s.h, s.h * 1))

    weights = Weights(torch.randn(5, 3), torch.randn(5, 5))
    state = torch.zeros(2, 5, requires_grad=True)
    gradients = [
        torch.autograd.grad(run(clipped, torch.ones(1, 2, 3), weights, [state], backend=b).output.sum(), state)[0]
        for b in ("llvm", "reference")
    ]
    torch.testing.assert_close(*gradients)


def test_results_can_be_viewed_flat_and_changed_in_place() -> None:
    w_ih, w_hh, x = torch.randn(5, 3, requires_grad=True), torch.randn(5, 5), torch.randn(6, 2, 3)
    found = []
    for backend in ("llvm", "reference"):
        result = run("rnn_tanh", x, Weights(w_ih, w_hh), backend=backend)
        flat = result.output.view(12, 5).detach().clone()
        state = result.state[0]
        if backend == "llvm":
            state *= 0.5
        else:  # autograd does not allow it on the reference
            state = state * 0.5
        found.append((flat, state.detach(), *torch.autograd.grad(state.sum(), w_ih)))
    flat, halved, gradient = found[0]
    assert torch.equal(halved, 0.5 * flat[-2:])
    assert gradient.any()
    for ours, expected in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected)


def test_an_interrupt_frees_no_memory_that_is_still_written() -> None:
    code = """
import os, signal, threading, torch, tidegate
torch.set_num_threads(4)
layer, x = tidegate.nn.LSTM(64, 256, backend="llvm"), torch.randn(2000, 16, 64)
with torch.no_grad():
    layer(x[:10])
    for delay in (0.02, 0.05, 0.1):
        threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            layer(x)
            layer(x)
        except KeyboardInterrupt:
            pass
        junk = [torch.randn(2000, 16, 256) for _ in range(3)]
    layer(x[:10])
print("alive")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "alive\n", done.stderr
