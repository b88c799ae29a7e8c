"""Weights that hooks compute, and that others put in place: everything uses those that a call would use."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune

import tidegate
from tidegate.lens import state_gradients, step_jacobian
from tidegate.nn import GRU, LSTM, RNN, Recurrent

pytestmark = pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated:FutureWarning")
X = torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(0))


def _drop(module: Any, given: Any) -> None:
    """Weight drop as it is written by hand: an attribute made from a parameter of another name."""
    raw = module.raw_weight
    module.weight_hh_l0 = raw * (torch.arange(raw.numel()).view_as(raw) % 3 > 0)


def weight_drop(layer: Any) -> Any:
    raw = layer._parameters.pop("weight_hh_l0")
    layer.register_parameter("raw_weight", nn.Parameter(raw.detach()))
    layer.register_forward_pre_hook(_drop)
    _drop(layer, ())
    return layer


class Double(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def doubled(layer: Any) -> Any:
    parametrize.register_parametrization(layer, "weight_hh_l0", Double())
    return layer


def pruned(layer: Any) -> Any:
    prune.l1_unstructured(layer, "weight_hh_l0", 0.5)
    return layer


HOOKED: dict[str, Callable[[Any], Any]] = {
    "weight_norm": lambda layer: nn.utils.weight_norm(layer, "weight_hh_l0"),
    "spectral_norm": lambda layer: nn.utils.spectral_norm(layer, "weight_hh_l0"),
    "pruning": pruned,
    "weight drop": weight_drop,
    "a parametrization": doubled,
}
LAYERS = {
    "LSTM": lambda: LSTM(3, 5),
    "GRU": lambda: GRU(3, 5),
    "RNN": lambda: RNN(3, 5),
    "Recurrent": lambda: Recurrent("peephole_lstm", 3, 5),
}


def stale(make: Any, hook: Any) -> Any:
    """A layer whose weights were loaded after its last call."""
    torch.manual_seed(0)
    layer, other = hook(make()), hook(make())
    layer(X)
    layer.load_state_dict(other.state_dict())
    return layer.eval()


@pytest.mark.parametrize("hook", HOOKED.values(), ids=HOOKED)
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_a_trace_and_a_stepper_use_the_weights_of_a_call(make: Any, hook: Any) -> None:
    called = stale(make, hook)(X)[0]
    torch.testing.assert_close(stale(make, hook).trace(X).output, called)
    stepper = stale(make, hook).stepper(2)
    torch.testing.assert_close(torch.stack([stepper(step).clone() for step in X]), called)


@pytest.mark.parametrize("hook", HOOKED.values(), ids=HOOKED)
def test_a_stepper_notices_weights_loaded_under_it(hook: Any) -> None:
    layer, other = hook(LSTM(3, 5)).eval(), hook(LSTM(3, 5))
    stepper = layer.stepper(2)
    layer.load_state_dict(other.state_dict())
    found = torch.stack([stepper(step).clone() for step in X])
    torch.testing.assert_close(found, layer(X)[0])


@pytest.mark.parametrize("hook", HOOKED.values(), ids=HOOKED)
def test_looks_at_a_layer_use_the_weights_of_a_call(hook: Any) -> None:
    def gradients(layer: Any) -> Any:
        return state_gradients(layer, X, lambda output: output[-1].sum(-1)).norms()[(0, 0), "c"]

    def jacobians(layer: Any) -> Any:
        return step_jacobian(layer, X[:, 0]).jacobians

    for look in (gradients, jacobians):
        fresh = stale(LAYERS["LSTM"], hook)
        fresh(X)
        assert torch.equal(torch.tensor(look(stale(LAYERS["LSTM"], hook))), torch.tensor(look(fresh)))


def test_an_explanation_is_of_the_weights_of_a_call() -> None:
    """After ``double()`` the attribute is of float32 still."""
    layer = nn.utils.weight_norm(LSTM(3, 5), "weight_hh_l0").double()
    assert "float64 is mixed" not in str(layer.explain(X.double()))
    assert layer.explain(X.double())[0, 0].backend == "llvm"


def test_an_explanation_changes_nothing() -> None:
    layer = nn.utils.spectral_norm(GRU(3, 5), "weight_hh_l0")
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    assert layer.training
    layer.explain(X)
    layer.refresh_weights()
    assert layer.training
    for name, value in layer.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_pre_hooks_change_the_arguments_of_a_trace_as_those_of_a_call() -> None:
    layer = GRU(3, 5)
    layer.register_forward_pre_hook(lambda module, given: given[0] + 1)
    layer.register_forward_pre_hook(
        lambda module, given, named: (given, {"lengths": [3, 6], **named}), with_kwargs=True
    )
    torch.testing.assert_close(layer.trace(X).output, layer(X)[0])
    torch.testing.assert_close(layer.trace(X, lengths=[1, 2]).output, layer(X, lengths=[1, 2])[0])
    hx = torch.randn(1, 2, 5)
    torch.testing.assert_close(layer.trace(X, hx).output, layer(X, hx)[0])


def both(name: str, *sizes: int, **options: Any) -> list[Any]:
    made = []
    for package in (nn, tidegate.nn):
        torch.manual_seed(0)
        made.append(getattr(package, name)(*sizes, **options))
    return made


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_weights_put_into_torchs_list_are_used_as_torch_uses_them(name: str) -> None:
    theirs, ours = layers = both(name, 3, 5, 2, bidirectional=True)
    for layer in layers:
        layer._flat_weights = [2 * weight.detach() for weight in layer._flat_weights]
    torch.testing.assert_close(ours(X), theirs(X))
    torch.testing.assert_close(ours.trace(X).output, theirs(X)[0])


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_a_weight_deleted_from_the_module_is_still_in_torchs_list(name: str) -> None:
    theirs, ours = layers = both(name, 3, 5)
    for layer in layers:
        layer._flat_weights[1] = 2 * layer.weight_hh_l0.detach()
        del layer.weight_hh_l0
    torch.testing.assert_close(ours(X), theirs(X))


def _exchange_one(layer: Any) -> None:
    layer._flat_weights[1] = torch.nn.Parameter(torch.randn_like(layer._flat_weights[1]))


def _exchange_all(layer: Any) -> None:
    layer._flat_weights = [torch.randn_like(weight) for weight in layer._flat_weights]


def _write(layer: Any) -> None:
    _exchange_all(layer)
    layer(X)
    layer._flat_weights[0].detach().mul_(2)


@pytest.mark.parametrize("change", [_exchange_one, _exchange_all, _write])
def test_a_stepper_notices_changes_of_the_list_that_torchs_layers_read(change: Any) -> None:
    layer = LSTM(3, 5, 2).eval()
    stepper = layer.stepper(2)
    stepper(X[0])
    change(layer)
    stepper.reset()
    torch.testing.assert_close(torch.stack([stepper(step) for step in X]), layer(X)[0])
    torch.testing.assert_close(layer.trace(X).output, layer(X)[0])
