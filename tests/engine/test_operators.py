"""The registered operators: opcheck, torch.compile, torch.export, fake tensors.

Everything here asks for ``backend="llvm"``, which never falls back, and looks for the operators where there is a graph.
"""

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tidegate
from tidegate.cells import CELLS, Cell, Step, by_handle, cell, tanh
from tidegate.engine import BACKENDS
from tidegate.engine.kernels.operators.schema import operator_arguments
from tidegate.errors import ArgumentError, BackendError, CellError
from tidegate.nn import GRU, LSTM, Recurrent

pytestmark = [
    pytest.mark.skipif("llvm" not in [b.name for b in BACKENDS], reason="no LLVM backend"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),  # torch's own
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
]


@cell(gates="h", states="h", parameters="decay", masks="keep")
def masked(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    n = tanh(x.h + r.h)
    return Step(h=m.keep * (p.decay * s.h + (1 - p.decay) * n), gates=dict(n=n))


@cell(gates="h", states="h", parameters="decay")
def leaky(x: Any, r: Any, s: Any, p: Any) -> Step:
    n = tanh(x.h + r.h)
    return Step(h=p.decay * s.h + (1 - p.decay) * n, gates=dict(n=n))


class Model(nn.Module):
    """Both directions, and a user's cell on top."""

    def __init__(self) -> None:
        super().__init__()
        self.below = LSTM(3, 5, bidirectional=True, backend="llvm")
        self.above = Recurrent(leaky, 10, 4, backend="llvm")

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.above(self.below(x, lengths=lengths)[0], lengths=lengths)


class Graphs:
    """Collects the operators of the graphs that are compiled."""

    def __init__(self) -> None:
        self.operators: list[str] = []

    def __call__(self, graph: torch.fx.GraphModule, _: Any) -> Callable[..., Any]:
        self.operators += [str(node.target) for node in graph.graph.nodes if node.op == "call_function"]
        return graph.forward

    def assert_one_operator_for_each(self, runs: int) -> None:
        assert self.operators.count("tidegate.run.default") == runs
        assert not any("linear" in name or "mm" in name for name in self.operators), "the loop was unrolled"


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def training_step(run: Callable[..., Any], parameters: Any, x: Tensor, **given: Tensor) -> list[Tensor]:
    leaf = x.clone().requires_grad_()
    output, state = run(leaf, **given)
    states = state if isinstance(state, tuple) else (state,)
    total = output.sin().sum() + sum((s.cos().sum() for s in states), torch.zeros(()))
    return [output.detach(), *torch.autograd.grad(total, [leaf, *parameters])]


def call_for(it: Cell, reverse: bool, requires_grad: bool) -> tuple[Any, ...]:
    """An operator's arguments, and names to record."""
    torch.manual_seed(0)
    steps, batch, inputs, units = 4, 9, 3, 5
    g_x, g_r = len(it.input_gates), len(it.recurrent_gates)

    def leaf(*shape: int) -> Tensor:
        return torch.randn(*shape).requires_grad_(requires_grad)

    weights = tidegate.engine.Weights(
        leaf(g_x * units, inputs),
        leaf(g_r * units, units) if g_r else None,
        leaf(g_x * units),
        None,
        {name: leaf(units) for name in it.parameters},
    )
    call = tidegate.engine.Call(
        it,
        leaf(steps, batch, inputs),
        weights,
        tuple(leaf(batch, units) for _ in it.states),
        lengths=torch.tensor([4, 0, 1, 2, 3, 4, 4, 1, 2]),
        reset=torch.rand(steps, batch) < 0.3,
        reverse=reverse,
        masks={name: torch.rand(steps, batch, units) for name in it.masks},
    )
    return operator_arguments(call, tuple(it.step.gates)[:1])


@pytest.mark.parametrize("requires_grad", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("it", [CELLS["lstm"], CELLS["gru_original"], CELLS["min_gru"], masked], ids=lambda it: it.name)
def test_opcheck_of_the_run(it: Cell, reverse: bool, requires_grad: bool) -> None:
    torch.library.opcheck(torch.ops.tidegate.run.default, call_for(it, reverse, requires_grad))


@pytest.mark.parametrize("it", [CELLS["lstm"], masked], ids=lambda it: it.name)
def test_opcheck_of_the_passes(it: Cell) -> None:
    given = call_for(it, reverse=False, requires_grad=False)
    torch.library.opcheck(torch.ops.tidegate.run_forward.default, given)
    made = torch.ops.tidegate.run_forward(*given)
    states = len(it.states)
    results = torch.ops.tidegate.run(*given)
    gradients = [torch.randn_like(results[0]), *(None for _ in results[1:])]
    wanted = ["x", "w_ih", "w_hh", "b_ih", f"state {it.states[0]}", *(f"p.{name}" for name in it.parameters)]
    backward = (*given, made[:-states], gradients, wanted)
    torch.library.opcheck(torch.ops.tidegate.run_backward.default, backward)


@pytest.mark.parametrize("make", [Model, lambda: GRU(3, 5, backend="llvm", batch_first=True)], ids=["model", "gru"])
def test_a_compiled_layer_is_one_operator_for_each_run(make: Any) -> None:
    layer, graphs = make(), Graphs()
    x = torch.randn(4, 2, 3)
    compiled = torch.compile(layer, fullgraph=True, backend=graphs)
    torch.testing.assert_close(compiled(x), layer(x))
    graphs.assert_one_operator_for_each(3 if isinstance(layer, Model) else 1)


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_a_compiled_layer_trains_and_infers_with_lengths_and_other_sizes(backend: str) -> None:
    torch.manual_seed(0)
    model = Model()
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    parameters = list(model.parameters())
    x, lengths = torch.randn(4, 2, 3), torch.tensor([4, 0])
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), model(x))
    for given in ({}, {"lengths": lengths}):
        found, expected = (training_step(run, parameters, x, **given) for run in (compiled, model))
        torch.testing.assert_close(found, expected)
    for steps, batch in ((5, 2), (7, 9)):
        y = torch.randn(steps, batch, 3)
        torch.testing.assert_close(training_step(compiled, parameters, y), training_step(model, parameters, y))


def test_a_compiled_trace_with_resets_is_the_same() -> None:
    layer = Recurrent(leaky, 3, 5, bidirectional=True, backend="llvm")
    x, reset = torch.randn(4, 2, 3), torch.rand(4, 2) < 0.5

    def trace(v: Tensor) -> Any:
        return layer.trace(v, reset=reset).values

    torch.testing.assert_close(torch.compile(trace, fullgraph=True, backend="aot_eager")(x), trace(x))


def test_compiled_results_may_be_changed_in_place() -> None:
    layer, x = LSTM(3, 5, backend="llvm"), torch.randn(4, 2, 3)

    def change(v: Tensor) -> Any:
        output, (h, c) = layer(v)
        output.mul_(2)
        c.add_(1)
        return output, (h, c)

    compiled = torch.compile(change, fullgraph=True, backend="aot_eager")
    found, expected = (training_step(run, layer.parameters(), x) for run in (compiled, change))
    torch.testing.assert_close(found, expected)


def test_wrong_lengths_raise_in_the_operator() -> None:
    layer = GRU(3, 5, backend="llvm")
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x = torch.randn(4, 2, 3)
    for wrong in ([5, 1], [-1, 2]):
        with pytest.raises(ArgumentError, match=r"must lie in 0\.\.4"):
            compiled(x, lengths=torch.tensor(wrong))


@pytest.mark.parametrize("strict", [False, True])
def test_an_exported_layer_runs_and_trains(strict: bool) -> None:
    model, x = Model(), torch.randn(4, 2, 3)
    exported = torch.export.export(model, (x,), strict=strict)
    operators = [str(node.target) for node in exported.graph.nodes]
    assert operators.count("tidegate.run.default") == 3
    torch.testing.assert_close(exported.module()(x), model(x))
    torch.testing.assert_close(training_step(exported.module(), [], x), training_step(model, [], x))


def test_an_exported_layer_with_free_sizes_is_saved_and_loaded() -> None:
    model, lengths = Model(), torch.tensor([4, 2])
    steps, batch = torch.export.Dim("steps", min=2, max=100), torch.export.Dim("batch", min=2, max=100)
    shapes = {"x": {0: steps, 1: batch}, "lengths": {0: batch}}
    exported = torch.export.export(model, (torch.randn(4, 2, 3), lengths), dynamic_shapes=shapes)
    file = io.BytesIO()
    torch.export.save(exported, file)
    file.seek(0)
    again = torch.export.load(file).module()
    x, lengths = torch.randn(9, 5, 3), torch.tensor([0, 1, 2, 9, 4])
    torch.testing.assert_close(again(x, lengths), model(x, lengths))
    with pytest.raises(ArgumentError, match=r"must lie in 0\.\.9"):
        again(x, lengths + 1)


def test_an_exported_program_runs_in_a_process_that_imports_the_engine_only(tmp_path: Any) -> None:
    layer, x = LSTM(3, 5, backend="llvm"), torch.randn(4, 2, 3)
    torch.export.save(torch.export.export(layer, (x,)), tmp_path / "lstm.pt2")
    torch.export.save(torch.export.export(Recurrent(leaky, 3, 5), (x,)), tmp_path / "leaky.pt2")
    code = f"""
import torch, tidegate.engine, tidegate.errors
x = torch.ones(4, 2, 3)
print(torch.export.load({str(tmp_path / "lstm.pt2")!r}).module()(x)[0].sum().item())
try:
    torch.export.load({str(tmp_path / "leaky.pt2")!r}).module()(x)
except tidegate.errors.CellError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    total, refusal = done.stdout.splitlines()
    assert float(total) == pytest.approx(layer(torch.ones(4, 2, 3))[0].sum().item(), abs=1e-5)
    assert "'leaky:" in refusal
    assert "import the module that defines it" in refusal


def test_a_handle_depends_on_the_equations_only() -> None:
    def make(factor: float) -> Cell:
        @cell(gates="h")
        def scaled(x: Any, r: Any) -> Step:
            return Step(h=tanh(factor * x.h + r.h))

        return scaled

    one, same, other = make(1.5), make(1.5), make(2.5)
    assert one.handle == same.handle != other.handle
    assert by_handle(other.handle) is other
    assert by_handle(CELLS["gru"].handle) is CELLS["gru"]
    with pytest.raises(CellError, match="'scaled' has other equations in this process"):
        by_handle("scaled:0000000000000000")


def test_operators_raise_for_derivatives_they_do_not_support() -> None:
    layer, x = LSTM(3, 5, backend="llvm").requires_grad_(False), torch.randn(4, 2, 3)
    program = torch.export.export(layer, (x,)).module()
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        with pytest.raises(BackendError, match="forward-mode tangent"):
            program(dual)


def test_operators_run_under_counters_and_fake_tensors() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils.flop_counter import FlopCounterMode

    layer, x = LSTM(3, 5, backend="llvm"), torch.randn(4, 2, 3)
    expected = layer(x)[0]
    with FlopCounterMode(display=False):
        found = layer(x)[0]
        found.sum().backward()
    assert torch.equal(found, expected)
    assert layer.weight_hh_l0.grad is not None
    with FakeTensorMode(allow_non_fake_inputs=True):
        assert layer(torch.randn(7, 2, 3), lengths=torch.tensor([7, 3]))[0].shape == (7, 2, 5)
