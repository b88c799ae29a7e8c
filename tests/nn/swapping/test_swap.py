"""Exchanged layers compute what torch.nn's do, and everything else about the model stays."""

import warnings
from typing import Any

import pytest
import torch
from benchmarks.published_models import MODELS
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.utils._pytree import tree_leaves

import tidegate
from tidegate.errors import ArgumentError, BackendError
from tidegate.nn.swapping import swap as swapping
from tidegate.nn.swapping.classes import PAIRS


def close(a: Any, b: Any, least: float = 0.0) -> None:
    """Compare, relative to the largest number of each tensor, or to ``least``."""
    for first, second in zip(tree_leaves(a), tree_leaves(b), strict=True):
        assert (first - second).abs().max() <= 1e-5 * first.abs().max().clamp_min(least)


@pytest.mark.parametrize("batch", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", MODELS)
def test_published_models(name: str, batch: int) -> None:
    torch.manual_seed(0)
    make, inputs = MODELS[name]
    model, given = make().eval(), inputs(batch)
    with torch.no_grad():
        before = model(*given)
    made = tidegate.swap(model, given)
    assert all(layer.swapped for layer in made.layers)
    assert made.layers
    assert made.difference is not None
    with torch.no_grad():
        close(before, model(*given))
    assert not any(type(it) in PAIRS for it in model.modules())


class Mixed(nn.Module):
    """Layers of many kinds, one of which is in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.LSTM(8, 16, 2, batch_first=True, dropout=0.1, bidirectional=True, proj_size=5)
        self.normed = parametrizations.spectral_norm(nn.GRU(10, 12), "weight_hh_l0")
        self.cell = nn.RNNCell(12, 7, nonlinearity="relu")
        self.twice = self.again = nn.LSTMCell(12, 7)

    def forward(self, x: Tensor) -> Any:
        y = self.normed(self.first(x)[0].transpose(0, 1))[0]
        return self.cell(y[-1]), self.twice(y[-1]), self.again(y[0])


@pytest.mark.filterwarnings("ignore:LSTM with projections")  # PyTorch's
def test_what_belongs_to_a_model_stays() -> None:
    torch.manual_seed(0)
    model, x = Mixed().eval(), torch.randn(3, 6, 8)
    keys, parameters, modules = [*model.state_dict()], [*model.parameters()], [*model.modules()]
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    seen: list[str] = []
    model.first.register_forward_hook(lambda *_: seen.append("hook"))
    made = tidegate.swap(model, x)
    assert [layer.place for layer in made.layers] == ["first", "normed", "cell", "twice"]
    assert isinstance(model.first, tidegate.nn.LSTM)
    assert model.first.cell.digest == model.first.own_cell().digest
    assert type(model.cell) is tidegate.nn.RNNCell
    assert model.cell.cell.name == "rnn_relu"
    assert [*model.state_dict()] == keys
    assert all(a is b for a, b in zip(parameters, model.parameters(), strict=True))
    assert all(a is b for a, b in zip(modules, model.modules(), strict=True))
    seen.clear()
    before = [p.detach().clone() for p in model.first.parameters()]
    torch.stack([it.sum() for it in tree_leaves(model.train()(x))]).sum().backward()
    optimizer.step()
    assert seen == ["hook"]
    assert all(not torch.equal(a, b) for a, b in zip(before, model.first.parameters(), strict=True))
    model.eval()
    after = model(x)
    made.undo()
    close(after, model(x))
    assert type(model.first) is nn.LSTM
    assert {*vars(model.first)} == {*vars(nn.LSTM(8, 16))}
    nn.utils.parametrize.remove_parametrizations(model.normed, "weight_hh_l0")
    assert type(model.normed) is nn.GRU


def test_parametrized_layers_lose_their_parametrization_as_tidegates() -> None:
    layer = parametrizations.weight_norm(nn.GRU(5, 7), "weight_ih_l0")
    tidegate.swap(layer, torch.randn(4, 2, 5))
    assert isinstance(layer, tidegate.nn.GRU)
    assert nn.utils.parametrize.is_parametrized(layer)
    nn.utils.parametrize.remove_parametrizations(layer, "weight_ih_l0")
    assert type(layer) is tidegate.nn.GRU


def test_gradients_are_those_of_torch() -> None:
    torch.manual_seed(0)
    make, inputs = MODELS["translator"]
    model, given = make(), inputs(2)
    loss = model(*given).square().sum()
    before = torch.autograd.grad(loss, [*model.parameters()])
    tidegate.swap(model)
    after = torch.autograd.grad(model(*given).square().sum(), [*model.parameters()])
    close(before, after, 1.0)  # that of the score's bias is 0, as a softmax does not depend on it


def test_what_is_not_known_stays_and_is_named() -> None:
    class Mine(nn.GRU):
        pass

    changed = nn.LSTM(3, 4)
    changed.forward = lambda *_: None  # type: ignore[method-assign,assignment]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted = torch.jit.script(nn.GRU(3, 4))
    model = nn.ModuleList([Mine(3, 4), changed, scripted, nn.RNN(3, 4), tidegate.nn.GRU(3, 4)])
    text = str(tidegate.swap(model))
    assert "0: Mine stays: a subclass of torch.nn.GRU, which may compute something else" in text
    assert "1: LSTM stays: its forward was exchanged" in text
    assert "2: " in text
    assert "is not a layer of torch.nn" in text
    assert "3: RNN -> tidegate.nn.RNN" in text
    assert "4: " not in text
    assert str(tidegate.swap(nn.Linear(2, 3))) == "The model has no recurrent layers of torch.nn."


def test_a_model_that_is_named_like_a_layer_is_not_one() -> None:
    class GRU(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.GRU(3, 4)

    class LSTM(nn.Module):
        pass

    assert str(tidegate.swap(GRU())) == "layer: GRU -> tidegate.nn.GRU"
    assert "LSTM is not a layer of torch.nn" in str(tidegate.swap(LSTM()))


def test_the_faster_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swapping, "seconds", lambda module, *_: (1.0, 0.5 if isinstance(module, nn.GRU) else 1.5))
    model = nn.ModuleDict({"a": nn.GRU(3, 4), "b": nn.RNN(4, 4)})
    both = nn.Sequential()
    both.layers = model
    both.forward = lambda x: model["b"](model["a"](x)[0])[0]  # type: ignore[method-assign]
    text = str(tidegate.swap(both, torch.randn(5, 2, 3), keep="faster"))
    assert "a: GRU, 1e+03 ms; as Tidegate's 500 ms -> tidegate.nn.GRU" in text
    assert "b: RNN, 1e+03 ms; as Tidegate's 1.5e+03 ms stays: slower" in text
    assert type(model["b"]) is nn.RNN


@pytest.mark.parametrize("training", [True, False])
def test_calls_are_measured(training: bool) -> None:
    layer = nn.GRU(3, 4).train(training)
    (made,) = tidegate.swap(layer, torch.randn(5, 2, 3), keep="faster").layers
    assert made.before
    assert made.after
    assert layer.training == training


def test_outputs_that_differ_are_found_and_nothing_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = lambda module, backend: (real(module, backend), module.bias_ih_l0.data.add_(1e-3))  # noqa: E731
    real = swapping.to_tidegate
    monkeypatch.setattr(swapping, "to_tidegate", wrong)
    layer = nn.GRU(3, 4)
    with pytest.raises(BackendError, match=r"differs by .* nothing was exchanged"):
        tidegate.swap(layer, torch.randn(5, 2, 3))
    assert type(layer) is nn.GRU


def test_models_that_keep_a_state_are_refused() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.state = nn.RNN(3, 4), None

        def forward(self, x: Tensor) -> Tensor:
            y, self.state = self.layer(x, self.state)
            return y

    model = Counting()
    with pytest.raises(ArgumentError, match="change from call to call"):
        tidegate.swap(model, torch.randn(5, 2, 3))
    assert type(model.layer) is nn.RNN
    with pytest.raises(ArgumentError, match="an example"):
        tidegate.swap(model, keep="faster")
    with pytest.raises(ArgumentError, match="'all' or 'faster'"):
        tidegate.swap(model, keep="best")  # type: ignore[arg-type]
