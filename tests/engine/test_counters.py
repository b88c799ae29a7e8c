"""What PyTorch's profiler and FLOP counter see of a run."""

from typing import Any

import pytest
import torch
from tests.witnesses import RECENT
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

import tidegate
from tidegate.cells import CELLS, Step, cell, intervened, lstm, tanh, zoneout
from tidegate.nn import LSTM, LSTMCell, Recurrent


@cell(gates="n m k l", states="h c")
def mixed(x: Any, r: Any, s: Any) -> Step:
    """Products with both states and with other vectors."""
    c = tanh(x.n + r("n", s.c) + r("m", tanh(s.h)) + r.k)
    return Step(h=tanh(c + r("l", c)), c=c)


EVERY = [
    *(CELLS[name] for name in CELLS if name not in RECENT),
    mixed,
    zoneout(lstm, 0.1),
    intervened(lstm, {"c": {0: 0.0}}),
]


def flops(layer: Any, x: torch.Tensor, hx: Any, train: bool) -> tuple[int, int]:
    """Counts of a forward and a backward pass."""
    with torch.set_grad_enabled(train):
        with FlopCounterMode(display=False) as forward:
            output, state = layer(x, hx)
        if not train:
            return forward.get_total_flops(), 0
        states = state if isinstance(state, tuple) else (state,)
        with FlopCounterMode(display=False) as backward:
            torch.stack([value.sum() for value in (output, *states)]).sum().backward()
    return forward.get_total_flops(), backward.get_total_flops()


@pytest.mark.parametrize("given", ["nothing", "x", "hx", "frozen matrix"])
@pytest.mark.parametrize("it", EVERY, ids=lambda it: it.name)
def test_flops_are_those_of_the_same_run_in_plain_pytorch(it: Any, given: str) -> None:
    counts = []
    for backend in ("llvm", "reference"):
        layer = Recurrent(it, 3, 5, backend=backend)
        if given == "frozen matrix":
            for name, parameter in layer.named_parameters():
                parameter.requires_grad_(not name.startswith("weight_"))
        x = torch.randn(4, 2, 3, requires_grad=given == "x")
        states: Any = tuple(torch.randn(1, 2, 5, requires_grad=given == "hx") for _ in it.states)
        hx: Any = None if given != "hx" else states if len(it.states) > 1 else states[0]
        counts.append([flops(layer, x, hx, train) for train in (True, False)])
    assert counts[0] == counts[1]
    assert counts[0][1][0] > 0


@pytest.mark.parametrize("options", [dict(), dict(proj_size=2), dict(num_layers=2, bidirectional=True)], ids=str)
def test_flops_of_layers_directions_and_projections(options: dict[str, Any]) -> None:
    x = torch.randn(4, 2, 3)
    counts = [flops(LSTM(3, 5, **options, backend=backend), x, None, True) for backend in ("llvm", "reference")]
    assert counts[0] == counts[1]
    per_step = LSTM(3, 5).layer_cost(0)
    if not options:
        assert counts[0][0] == 4 * 2 * per_step.product_flops


def test_flops_of_a_step_cell_and_of_modules_by_name() -> None:
    model = torch.nn.Sequential(LSTM(3, 5))
    with FlopCounterMode(display=False) as counter:
        model(torch.randn(4, 2, 3))
        LSTMCell(3, 5)(torch.randn(2, 3))
    assert counter.get_flop_counts()["Sequential.0"][torch.ops.tidegate.run_forward] == 4 * 2 * 2 * 20 * (3 + 5)
    assert counter.get_total_flops() == 5 * 2 * 2 * 20 * (3 + 5)


def rows(layer: Any, train: bool, **given: Any) -> list[str]:
    x = torch.randn(20, 4, 8)
    with torch.set_grad_enabled(train), profile(activities=[ProfilerActivity.CPU]) as seen:
        output = layer(x, **given)[0]
        if train:
            output.sum().backward()
    return sorted(event.key for event in seen.key_averages() if event.key.startswith("tidegate::"))


@pytest.mark.parametrize("name", ["lstm", "gru", "peephole_lstm", "zoneout(lstm)"])
def test_the_profiler_names_the_cell(name: str) -> None:
    it = zoneout(lstm, 0.1) if name.startswith("zoneout") else CELLS[name]
    layer = Recurrent(it, 8, 16, backend="llvm")
    assert rows(layer, True) == [f"tidegate::{name}", f"tidegate::{name}_backward"]
    assert rows(layer, False, lengths=[20, 3, 0, 1]) == [f"tidegate::{name}"]


def test_the_profiler_names_the_cell_on_every_path() -> None:
    layer = LSTM(8, 16, backend="llvm", recompute=True)
    assert rows(layer, True) == ["tidegate::lstm", "tidegate::lstm_backward"]
    assert rows(LSTM(8, 16, backend="reference"), True) == ["tidegate::lstm"]
    torch._dynamo.reset()
    compiled = torch.compile(LSTM(8, 16, backend="llvm"), fullgraph=True, backend="aot_eager")
    compiled(torch.randn(20, 4, 8))
    assert {"tidegate::lstm", "tidegate::lstm_backward"} <= set(rows(compiled, True))
    torch._dynamo.reset()


def test_without_a_profiler_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> Any:
        raise AssertionError(name)

    monkeypatch.setattr(torch.profiler, "record_function", refuse)
    tidegate.nn.GRU(3, 4)(torch.randn(5, 2, 3))[0].sum().backward()
