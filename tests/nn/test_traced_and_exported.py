"""torch.jit.trace and torch.onnx.export: right at any length, or refused at once with what to do."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tidegate
from tidegate.engine import Weights
from tidegate.engine.kernels.operators import onnx_export
from tidegate.errors import BackendError
from tidegate.nn import GRU, LSTM, RNN, Recurrent

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.*` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning"),  # of torch.onnx
]
LAYERS = {
    "LSTM": lambda: LSTM(4, 6, batch_first=True),
    "GRU": lambda: GRU(4, 6, bidirectional=True),
    "RNN": lambda: RNN(4, 6, backend="reference"),
    "Recurrent": lambda: Recurrent("mgu", 4, 6),
}


class Model(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[0]


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_tracing_is_refused_with_what_to_do(make: Any) -> None:
    for model in (make(), Model(make())):
        with pytest.raises(
            BackendError, match=r"^torch\.jit\.trace .*wrong for other lengths.*torch\.export.*to_torch"
        ):
            torch.jit.trace(model, torch.randn(2, 5, 4))


def test_tracing_a_run_and_a_trace_of_gates_is_refused() -> None:
    weights, layer = Weights(torch.randn(12, 4), torch.randn(12, 4)), GRU(4, 4)
    for function in (
        lambda x: tidegate.run("gru", x, weights).output,
        lambda x: layer.trace(x).output,
        lambda x: layer(x, lengths=[5, 3])[0],
    ):
        with pytest.raises(BackendError, match=r"torch\.jit\.trace"):
            torch.jit.trace(function, torch.randn(5, 2, 4))


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_a_traced_step_cell_is_right_for_any_batch(name: str) -> None:
    cell = getattr(tidegate.nn, name)(4, 6)
    traced: Any = torch.jit.trace(cell, torch.randn(2, 4))
    x = torch.randn(7, 4)
    torch.testing.assert_close(traced(x), cell(x))


@pytest.mark.parametrize("make", [lambda: LSTM(4, 6), lambda: GRU(4, 6)], ids=["LSTM", "GRU"])
def test_the_way_out_of_tracing_is_right_at_any_length(make: Any) -> None:
    model = Model(make()).eval()
    traced: Any = torch.jit.trace(tidegate.nn.to_torch(model), torch.randn(5, 2, 4))
    for steps in (3, 5, 9):
        x = torch.randn(steps, 2, 4)
        torch.testing.assert_close(traced(x), model(x))


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_exporting_through_a_trace_is_refused(make: Any, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"torch\.onnx\.export with dynamo=False.*to_torch\(model\)"):
        torch.onnx.export(Model(make()), (torch.randn(2, 5, 4),), tmp_path / "model.onnx", dynamo=False)


@pytest.mark.parametrize("strict", [False, True])
def test_an_operator_is_refused_while_onnx_exports(strict: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way the exporter captures the model."""
    model, x = Model(LSTM(4, 6, backend="llvm")), torch.randn(5, 2, 4)
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    monkeypatch.setattr(onnx_export, "TRANSLATED", set())
    with pytest.raises(Exception, match=r"torch\.onnx\.export does not know Tidegate.*onnx_translations\(\)"):
        torch.export.export(model, (x,), strict=strict)
    monkeypatch.undo()
    torch._dynamo.reset()
    assert torch.export.export(model, (x,), strict=strict).module()(x).shape == (5, 2, 6)
