"""`to_torch`: a copy of a model with torch.nn's own classes, for tools that go by class."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

import tidegate
from tidegate.cells import intervened, lstm
from tidegate.errors import ArgumentError
from tidegate.nn import GRU, LSTM, RNN, GRUCell, LSTMCell, Recurrent, RNNCell, to_torch

DROP_INS = {
    "LSTM": lambda: LSTM(3, 5, 2, batch_first=True, dropout=0.5, bidirectional=True),
    "projected LSTM": lambda: LSTM(3, 5, proj_size=2, dtype=torch.float64),
    "GRU": lambda: GRU(3, 5, bias=False),
    "RNN": lambda: RNN(3, 5, nonlinearity="relu"),
    "LSTMCell": lambda: LSTMCell(3, 5),
    "GRUCell": lambda: GRUCell(3, 5),
    "RNNCell": lambda: RNNCell(3, 5, nonlinearity="relu"),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("make", DROP_INS.values(), ids=DROP_INS)
def test_a_drop_in_becomes_torchs_own_class_with_the_same_results(make: Any) -> None:
    layer = make().eval()
    next(layer.parameters()).requires_grad_(False)
    made = layer.to_torch()
    assert type(made) is getattr(nn, type(layer).__name__)
    assert vars(made).keys() == vars(type(made)(3, 5)).keys()
    assert not made.training
    for (name, ours), (other, theirs) in zip(layer.named_parameters(), made.named_parameters(), strict=True):
        assert (name, ours.requires_grad) == (other, theirs.requires_grad)
        assert torch.equal(ours, theirs)
        assert ours is not theirs
    x = torch.randn(4, 2, 3, dtype=next(layer.parameters()).dtype)
    x = x[0] if isinstance(layer, nn.RNNCellBase) else x
    torch.testing.assert_close(made(x), layer(x))
    assert repr(made) == repr(layer)


def _plus_one(module: nn.Module, given: Any, result: Tensor) -> Tensor:
    return result + 1


class Tied(nn.Module):
    """Two places of one layer, and one parameter in two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.above = self.below = GRU(4, 4)
        self.other = GRU(4, 4)
        self.other.weight_hh_l0 = self.above.weight_hh_l0
        self.head = nn.Linear(4, 2)
        self.head.register_forward_hook(_plus_one)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.other(self.above(self.below(x)[0])[0])[0])


def test_what_is_shared_in_a_model_stays_shared_and_the_model_is_left_alone() -> None:
    model, x = Tied(), torch.randn(5, 2, 4)
    made: Any = to_torch(model)
    assert made.above is made.below
    assert made.other.weight_hh_l0 is made.above.weight_hh_l0
    assert made.above.weight_hh_l0 is not model.above.weight_hh_l0
    assert type(model.above) is GRU
    torch.testing.assert_close(made(x), model(x))
    assert not any(isinstance(module, tidegate.nn.Layered) for module in made.modules())


def _intervened() -> nn.Module:
    layer = LSTM(3, 5, 2)
    layer.layer_cells = {1: intervened(lstm, {"c": {0: 0.0}})}
    return layer


class Scaled(LSTM):
    def forward(self, *given: Any, **more: Any) -> Any:
        output, state = super().forward(*given, **more)
        return 2 * output, state


REFUSED = {
    "another cell": (lambda: Recurrent("gru", 3, 5), "Recurrent has no counterpart in torch.nn"),
    "in a model": (lambda: nn.Sequential(nn.Linear(3, 3), Recurrent("mgu", 3, 5)), r"Recurrent \(at '1'\) has no"),
    "an intervention": (_intervened, "LSTM runs another cell"),
    "a subclass": (lambda: Scaled(3, 5), "Scaled has no counterpart"),
    "a parametrization": (lambda: weight_norm(LSTM(3, 5), "weight_hh_l0"), "remove_parametrizations"),
}


@pytest.mark.parametrize(("make", "why"), REFUSED.values(), ids=REFUSED)
def test_what_would_compute_something_else_is_refused(make: Any, why: str) -> None:
    with pytest.raises(ArgumentError, match=why):
        to_torch(make())


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quantize_dynamic_reaches_the_copy() -> None:
    model = nn.Sequential(LSTM(8, 8))
    made = torch.ao.quantization.quantize_dynamic(to_torch(model), {nn.LSTM}, dtype=torch.qint8)
    assert type(made[0]).__module__.startswith("torch.ao.nn.quantized")
    x = torch.randn(5, 2, 8)
    torch.testing.assert_close(made(x)[0], model(x)[0], atol=0.05, rtol=0)
