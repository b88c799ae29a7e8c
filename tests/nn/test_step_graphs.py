"""Steps that are captured once and replayed, with a stand-in for CUDA's graphs on the CPU.

The stand-in notes the operations of a capture, undoes what they wrote, and at a replay runs them again on the same
memory. So a step whose states, input or masks move to other memory gives wrong numbers here too.
"""

import copy
import pickle
import warnings
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.harness import one_thread  # noqa: F401
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tidegate.cells import Step, cell, tanh
from tidegate.nn import GRU, LSTM, Layered, Recurrent
from tidegate.nn.stepping.step_graphs import StepGraphs


class Graph:
    """What stands for a `torch.cuda.CUDAGraph`."""

    replays = 0

    def __init__(self) -> None:
        self.operations: list[tuple[Any, Any, Any, Any]] = []
        self.noting = Noting(self)

    def capture_begin(self, *, capture_error_mode: str) -> None:
        assert capture_error_mode == "thread_local"
        self.noting.__enter__()

    def capture_end(self) -> None:
        self.noting.__exit__(None, None, None)
        for given, value in reversed(self.noting.before):
            given.copy_(value)
        if self.noting.failed:
            raise RuntimeError("operation failed due to a previous error during capture")

    @torch.no_grad()
    def replay(self) -> None:
        Graph.replays += 1
        for function, args, kwargs, outputs in self.operations:
            again = function(*args, **kwargs)
            for old, new in zip(tensors(outputs), tensors(again), strict=True):
                if old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def tensors(value: Any) -> list[Tensor]:
    return [it for it in (value if isinstance(value, list | tuple) else [value]) if isinstance(it, Tensor)]


class Noting(TorchDispatchMode):
    def __init__(self, graph: Graph):
        super().__init__()
        self.graph, self.before, self.failed = graph, list[tuple[Tensor, Tensor]](), False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.aten._local_scalar_dense.default:
            self.failed = True
            raise RuntimeError("operation not permitted when stream is capturing")
        for argument, given in zip(func._schema.arguments, args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                self.before.append((given, given.clone()))
        made = func(*args, **kwargs)
        self.graph.operations.append((func, args, kwargs, made))
        return made


@pytest.fixture(autouse=True)
def graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = SimpleNamespace(wait_stream=lambda other: None, device=None)
    stand_ins = {
        "CUDAGraph": Graph,
        "Stream": lambda device: stream,
        "current_stream": lambda: stream,
        "stream": lambda stream: nullcontext(),
        "device": lambda device: nullcontext(),
        "is_current_stream_capturing": lambda: False,
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(Tensor, "record_stream", lambda self, stream: None)
    monkeypatch.setattr(Graph, "replays", 0)
    monkeypatch.setattr("tidegate.nn.stepping.stepper.on_gpu", lambda like: True)


@cell(gates="f", states="h c", masks="keep=1")
def crossed(x: Any, r: Any, s: Any, m: Any) -> Step:
    """Its states change places."""
    f = tanh(x.f + r.f)
    return Step(h=s.c, c=f * m.keep + s.h, gates=dict(f=f))


LAYERS: dict[str, Any] = {
    "LSTM, projected": lambda **k: LSTM(3, 7, num_layers=2, proj_size=5, **k),
    "GRU": lambda **k: GRU(3, 6, num_layers=2, **k),
    "gru_original": lambda **k: Recurrent("gru_original", 3, 7, **k),
    "sizes": lambda **k: Recurrent("peephole_lstm", 3, (7, 4), **k),
    "crossed": lambda **k: Recurrent(crossed, 3, 7, **k),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", LAYERS)
def test_replayed_steps_give_the_result_of_a_run(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer: Layered = LAYERS[name](backend="reference").to(dtype)
    x = torch.randn(7, 2, 3).to(dtype)
    stepper = layer.stepper(2)
    found = torch.stack([stepper(step) for step in x])
    output, state = layer(x)
    close = 0.05 if dtype == torch.bfloat16 else 2e-6
    torch.testing.assert_close(found, output.detach(), atol=close, rtol=close)
    expected = state if isinstance(state, tuple) else (state,)
    carried = stepper.state if isinstance(stepper.state, tuple) else (stepper.state,)
    for a, b in zip(carried, expected, strict=True):
        torch.testing.assert_close(a, b.detach().float(), atol=close, rtol=close)
    assert Graph.replays == 6


@pytest.fixture
def layer() -> Layered:
    torch.manual_seed(0)
    return LSTM(3, 5, num_layers=2, backend="reference")


def test_what_is_written_to_a_state_is_what_a_replayed_step_begins_with(layer: Layered) -> None:
    x, stepper = torch.randn(4, 2, 3), layer.stepper(2)
    for step in x:
        stepper(step)
    begin = (torch.randn(2, 2, 5), torch.randn(2, 2, 5))
    stepper.state = begin
    torch.testing.assert_close(stepper(x[0]), layer(x[:1], begin)[0][0].detach())
    stepper.reset([True, False])
    kept = tuple(s * torch.tensor([0.0, 1.0])[:, None] for s in layer(x[:1], begin)[1])
    torch.testing.assert_close(stepper(x[1]), layer(x[1:2], kept)[0][0].detach())
    assert Graph.replays == 5


def test_changed_weights_are_captured_anew(layer: Layered) -> None:
    x, stepper, state = torch.randn(9, 1, 3), layer.stepper(), None
    for k, step in enumerate(x):
        if k == 4:
            layer.load_state_dict(LSTM(3, 5, num_layers=2).state_dict())
        output, state = layer(step[None], state)
        torch.testing.assert_close(stepper(step), output[0].detach())
    assert Graph.replays == 3 + 4


def test_steps_with_masks_run_between_replayed_ones_without_leaving_a_trace() -> None:
    torch.manual_seed(0)
    layer, x = Recurrent(crossed, 3, 4, backend="reference"), torch.randn(9, 2, 3)
    keep = torch.ones(9, 2, 4)
    stepper, found = layer.stepper(2), []
    for k, step in enumerate(x):
        if k in (3, 4, 7):
            keep[k] = torch.rand(2, 4)
            found.append(stepper(step, masks={"keep": keep[k]}))
        else:
            found.append(stepper(step))
    expected = layer(x, masks={"keep": keep})[0]
    torch.testing.assert_close(torch.stack(found), expected.detach())
    assert Graph.replays == 5


@pytest.mark.parametrize("kept", [True, False])
def test_outputs_are_tensors_of_their_own_or_last_until_the_step_after_the_next(layer: Layered, kept: bool) -> None:
    x, stepper = torch.randn(8, 1, 3), layer.stepper(copy=kept)
    expected, last = layer(x)[0].detach(), []
    for k, step in enumerate(x):
        last.append(stepper(step))
        for old in range(0 if kept else max(0, k - 1), k + 1):
            torch.testing.assert_close(last[old], expected[old])


def test_gradients_inference_mode_and_views_of_inputs(layer: Layered) -> None:
    x = torch.randn(3, 6).t().requires_grad_()
    stepper, found = layer.stepper(copy=False), []
    for k, step in enumerate(x):
        with torch.inference_mode(k % 2 == 1):
            found.append(stepper(step[None]).clone())
    assert not any(output.requires_grad for output in found)
    torch.testing.assert_close(torch.stack(found), layer(x[:, None])[0].detach())


def test_in_a_capture_of_the_callers_the_step_runs_as_it_is(layer: Layered, monkeypatch: pytest.MonkeyPatch) -> None:
    x, stepper = torch.randn(8, 1, 3), layer.stepper()
    found = [stepper(step) for step in x[:4]]
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    found += [stepper(step) for step in x[4:6]]
    assert Graph.replays == 3
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    found += [stepper(step) for step in x[6:]]
    assert Graph.replays == 5
    torch.testing.assert_close(torch.stack(found), layer(x)[0].detach())


def test_a_step_that_waits_for_the_device_is_not_captured_and_says_so() -> None:
    calls = []

    def step(x: Tensor) -> Tensor:
        calls.append(float(x.sum()))
        return x + 1

    steps = StepGraphs(step, torch.zeros(2))
    assert steps(torch.ones(2)).tolist() == [2, 2]
    with pytest.warns(RuntimeWarning, match="cannot be captured in a CUDA graph.*not permitted"):
        assert steps(torch.ones(2) * 2).tolist() == [3, 3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert steps(torch.ones(2) * 3).tolist() == [4, 4]
    assert calls == [2, 4, 6]
    assert Graph.replays == 0


def test_an_error_of_the_step_itself_is_raised() -> None:
    def step(x: Tensor) -> Tensor:
        return x @ torch.zeros(3, 3)

    with pytest.raises(RuntimeError, match=r"size mismatch|shapes"):
        StepGraphs(step, torch.zeros(2))(torch.zeros(2))


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_has_graphs_and_a_state_of_its_own(layer: Layered, way: Any) -> None:
    x, stepper = torch.randn(8, 1, 3), layer.stepper()
    for step in x[:4]:
        stepper(step)
    twin = way(stepper)
    pairs = [(stepper(step), twin(step)) for step in x[4:]]
    for mine, other in pairs:
        torch.testing.assert_close(mine, other)
    assert Graph.replays == 3 + 4 + 3
