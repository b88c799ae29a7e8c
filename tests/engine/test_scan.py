"""All steps at once, against the papers and against the same cells step by step."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.engine.test_affine_states import chain, highway, many_forms
from tests.harness import check_parity, one_thread  # noqa: F401
from tests.witnesses.cases import Case, covering
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tidegate.cells import CELLS, Cell, Step, cell, log, relu
from tidegate.engine import Backend, Call, Record, Result, Weights, run
from tidegate.engine.backends.reference import REFERENCE
from tidegate.engine.kernels.scan import can_be_scanned, run_by_scan, scan
from tidegate.engine.run import checked_call
from tidegate.nn import Recurrent


class Scan(Backend):
    name = "scan"

    def unsupported(self, call: Call) -> list[str]:
        return [] if can_be_scanned(call) else ["its states cannot be scanned"]

    def run(self, call: Call) -> Result:
        return run_by_scan(call, self.name)


@pytest.mark.parametrize("steps", [*range(10), 31, 64, 100])
def test_a_scan_is_the_loop(steps: int) -> None:
    torch.manual_seed(steps)
    a, b = torch.randn(2, steps, 3, 2, dtype=torch.float64)
    expected, state = [], torch.zeros(3, 2, dtype=torch.float64)
    for t in range(steps):
        state = a[t] * state + b[t] if t else b[t]
        expected.append(state)
    torch.testing.assert_close(scan(a, b), torch.stack(expected) if steps else b, atol=1e-12, rtol=1e-12)


def test_coefficients_whose_products_underflow() -> None:
    """4,096 steps in float32: gates that keep nearly nothing, nearly all, or nothing."""
    torch.manual_seed(0)
    a = torch.rand(4096, 64) ** torch.tensor([0.001, 1.0, 30.0, 0.0]).repeat(16)
    a[::97] = 0
    b = torch.randn(4096, 64)
    exact, state = [], torch.zeros(64, dtype=torch.float64)
    for t in range(4096):
        state = a[t].double() * state + b[t].double()
        exact.append(state)
    found = scan(a, b).double()
    assert ((found - torch.stack(exact)).norm() / torch.stack(exact).norm()).item() < 1e-6


CASES = covering(2, seed=77)


@pytest.mark.parametrize("case", [c for c in CASES if c.T * c.B < 40 or c is CASES[0]], ids=lambda case: case.name)
@pytest.mark.parametrize("name", ["min_gru", "min_lstm"])
def test_the_papers(name: str, case: Case) -> None:
    check_parity(Scan(), CELLS[name], case)


@cell(gates="a", states="h", parameters="p", masks="keep=1")
def steep(x: Any, s: Any, p: Any, m: Any) -> Step:
    """Its slope is infinite where padding, which is zero, would be read."""
    return Step(h=m.keep * s.h + log(relu(x.a) + p.p))


def results(it: Cell, backend: Backend | str, *, reverse: bool, steps: int, seed: int = 0) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    batch, inputs, units = 4, 3, 5

    def leaf(*shape: int) -> Tensor:
        return (0.7 * torch.rand(*shape, dtype=torch.float64)).requires_grad_()

    gates = len(it.input_gates)
    given = {"w_ih": leaf(gates * units, inputs), "b_ih": leaf(gates * units), "x": leaf(steps, batch, inputs)}
    given |= {f"p {name}": leaf(units) for name in it.parameters}
    given |= {f"state {name}": leaf(batch, units) for name in it.states}
    given |= {f"mask {name}": leaf(steps, batch, units) for name in it.masks}
    lengths = torch.tensor([steps, 0, steps // 2, max(0, steps - 1)])
    padding = torch.arange(steps)[:, None] >= lengths
    x = given["x"].masked_fill(padding[..., None], torch.nan)
    result = run(
        it,
        x,
        Weights(given["w_ih"], None, given["b_ih"], None, {name: given[f"p {name}"] for name in it.parameters}),
        [given[f"state {name}"] for name in it.states],
        lengths=lengths,
        reset=torch.rand(steps, batch) < 0.3,
        reverse=reverse,
        record=Record(it.recorded, 2),
        masks={name: given[f"mask {name}"] for name in it.masks},
        backend=backend,
    )
    found = {"output": result.output, **{f"recorded {k}": v for k, v in result.record.items()}}
    found |= {f"final {name}": value for name, value in zip(it.states, result.state, strict=True)}
    loss = torch.stack([(v.sin() * torch.rand_like(v)).sum() for v in found.values()]).sum()
    first = torch.autograd.grad(loss, list(given.values()), create_graph=True)
    again = torch.stack([g.square().sum() for g in first]).sum()
    second = torch.autograd.grad(again, list(given.values()))
    found |= {f"gradient of {name}": g for name, g in zip(given, first, strict=True)}
    return found | {f"second gradient of {name}": g for name, g in zip(given, second, strict=True)}


@pytest.mark.parametrize(("it", "reverse"), list(itertools.product([highway, many_forms, chain, steep], [False, True])))
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_cells_of_ones_own_and_second_derivatives(it: Cell, reverse: bool, steps: int) -> None:
    expected = results(it, "reference", reverse=reverse, steps=steps)
    found = results(it, Scan(), reverse=reverse, steps=steps)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-11, rtol=1e-9, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_transforms_of_functions() -> None:
    torch.manual_seed(0)
    x, w = torch.randn(6, 2, 3, dtype=torch.float64), torch.randn(10, 3, dtype=torch.float64)

    def outputs(backend: Backend | str) -> Callable[[Tensor], Tensor]:
        return lambda given: run("min_gru", given, Weights(given.new_tensor(0) + w), backend=backend).output

    for transform in (torch.func.jacfwd, torch.func.jacrev):
        found, expected = (transform(outputs(backend))(x) for backend in (Scan(), "reference"))
        torch.testing.assert_close(found, expected)
    many = torch.stack([x, 2 * x])
    found, expected = (torch.func.vmap(outputs(backend))(many) for backend in (Scan(), "reference"))
    torch.testing.assert_close(found, expected)


class Operations(TorchDispatchMode):
    """Counts what is computed."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("device", "most"), [("cpu", 3500), ("meta", 100)])
def test_other_devices_than_the_cpu_need_few_operations(device: str, most: int) -> None:
    """The reference computes 512 steps of five operations each on the CPU, and all steps at once elsewhere."""
    x, w = torch.zeros(512, 2, 3, device=device), torch.zeros(10, 3, device=device)
    with Operations() as operations:
        result = REFERENCE.run(checked_call("min_gru", x, Weights(w)))
    assert (result.output.shape, result.backend) == ((512, 2, 5), "reference")
    assert most / 2 < operations.count < most
    call = checked_call("min_gru", x, Weights(w))
    assert REFERENCE.note(call) == ("" if device == "cpu" else "all steps at once")


@pytest.mark.parametrize(
    "names",
    [
        ("lstm",),  # nothing is said of a cache that Dynamo passes by, since it traces no Program
        pytest.param(
            ("min_gru", "min_lstm"),
            marks=pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru"),
        ),
    ],
    ids=" ".join,
)
def test_compiled_as_on_a_gpu(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.engine.backends.reference._is_scanned", can_be_scanned)
    torch._dynamo.reset()
    layers = [Recurrent(name, 3, 3, backend="reference", dtype=torch.bfloat16) for name in names]

    def output(x: Tensor) -> Tensor:
        for layer in layers:
            x = layer(x)[0]
        return x

    x = torch.randn(4, 2, 3).bfloat16()
    compiled = torch.compile(output, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), output(x))
