"""Layers under torch.fx, which records them as one node, and torch.jit.script, which is refused in words."""

from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn

import tidegate
from tidegate.errors import BackendError
from tidegate.nn import GRU, LSTM, RNN, GRUCell, LSTMCell, Recurrent, RNNCell

LAYERS = {
    "LSTM": lambda: LSTM(3, 4),
    "GRU": lambda: GRU(3, 4, 2, bidirectional=True),
    "RNN": lambda: RNN(3, 4),
    "Recurrent": lambda: Recurrent("peephole_lstm", 3, 4),
}


class Model(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Sequential(layer)])

    def forward(self, x: Tensor, lengths: Tensor, reset: Tensor, hx: Any) -> Tensor:
        layer = self.blocks[0][0]  # pyright: ignore[reportIndexIssue]
        output, state = layer(x, hx, lengths=lengths, reset=reset)
        return output * 2 + layer(x, state, reset=reset)[0]


def calls(graph: fx.GraphModule) -> list[str]:
    return [str(node.target) for node in graph.graph.nodes if node.op == "call_module"]


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_a_layer_is_one_node_with_lengths_resets_and_states(make: Any) -> None:
    model = Model(make())
    x, lengths, reset = torch.randn(5, 2, 3), torch.tensor([5, 2]), torch.rand(5, 2) < 0.3
    hx = model.blocks[0][0](x)[1]  # pyright: ignore[reportIndexIssue]
    traced = fx.symbolic_trace(model)
    assert calls(traced) == ["blocks.0.0"] * 2
    torch.testing.assert_close(traced(x, lengths, reset, hx), model(x, lengths, reset, hx))


def test_hooks_run_when_the_node_runs_and_not_when_it_is_recorded() -> None:
    class Once(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = GRU(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x)[0]

    model, seen = Once(), []
    model.layer.register_forward_pre_hook(lambda module, given: (given[0] + 1,))
    model.layer.register_forward_hook(lambda module, given, result: seen.append(type(result[0])))
    traced = fx.symbolic_trace(model)
    assert seen == []
    x = torch.randn(5, 2, 3)
    torch.testing.assert_close(traced(x), model(x))
    assert seen == [Tensor, Tensor]


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_a_step_cell_is_one_node(name: str) -> None:
    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.step = getattr(tidegate.nn, name)(3, 4)

        def forward(self, x: Tensor, state: Any) -> Any:
            return self.step(x, self.step(x, state))

    model, x, h = Steps(), torch.randn(2, 3), torch.randn(2, 4)
    state = (h, h + 1) if name == "LSTMCell" else h
    traced = fx.symbolic_trace(model)
    assert calls(traced) == ["step", "step"]
    torch.testing.assert_close(traced(x, state), model(x, state))


def test_a_tracer_that_steps_into_other_modules_still_sees_the_layers_place() -> None:
    """Metadata that graph editors read: the path and the class of the module that a node stands for."""
    traced = fx.symbolic_trace(Model(LSTM(3, 4)))
    node = next(node for node in traced.graph.nodes if node.op == "call_module")
    assert list(node.meta["nn_module_stack"].values())[-1] == ("blocks.0.0", LSTM)


SCRIPTED = {**LAYERS, **{name: lambda name=name: getattr(tidegate.nn, name)(3, 4) for name in ("RNNCell", "GRUCell")}}
SCRIPTED["LSTMCell in a model"] = lambda: nn.Sequential(nn.Linear(3, 3), LSTMCell(3, 4))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("make", SCRIPTED.values(), ids=SCRIPTED)
def test_scripting_is_refused_in_the_first_line_of_the_error(make: Any) -> None:
    with pytest.raises(BackendError) as refusal:
        torch.jit.script(make())
    first = str(refusal.value).splitlines()[0]
    assert first.startswith("torch.jit.script cannot compile tidegate.nn.")
    for way_out in ("torch.export", "torch.compile", "to_torch"):
        assert way_out in first


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("make", [lambda: LSTM(3, 4), lambda: GRUCell(3, 4), lambda: RNNCell(3, 4)])
def test_the_way_out_of_scripting_works(make: Any) -> None:
    model = nn.Sequential(make())  # torch.nn.LSTM by itself cannot be scripted either
    x = torch.randn(2, 3) if isinstance(model[0], nn.RNNCellBase) else torch.randn(5, 2, 3)
    torch.testing.assert_close(torch.jit.script(tidegate.nn.to_torch(model))(x), model(x))
