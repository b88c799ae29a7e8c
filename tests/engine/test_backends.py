"""The base class of backends, and the weights and calls that they take."""

import inspect
from typing import Any

import pytest
import torch
from tests.harness import Split
from tests.sabotages import Sabotage

from tidegate.engine import BACKENDS, Backend, Call, Result, Weights, explain, stepping
from tidegate.engine.run import checked_call

CLASSES = [*map(type, BACKENDS), Split, Sabotage]
METHODS = [name for name, value in vars(Backend).items() if inspect.isfunction(value)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", METHODS)
def test_overridden_methods_keep_their_signature(kind: type[Backend], name: str) -> None:
    ours, base = (inspect.signature(getattr(it, name)).parameters.values() for it in (kind, Backend))
    assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in base]


def test_a_backend_without_run_and_unsupported_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Backend()  # pyright: ignore[reportAbstractUsage]


class Small(Backend):
    """A backend with only the required methods."""

    name = "small"

    def unsupported(self, call: Call) -> list[str]:
        return []

    def run(self, call: Call) -> Result:
        assert call.oracle is not None
        return call.oracle(call)


def lstm_weights() -> Weights:
    return Weights(torch.randn(20, 3), torch.randn(20, 5), torch.randn(20))


def test_optional_methods_have_defaults() -> None:
    x, weights = torch.randn(2, 3), lstm_weights()
    stepped = stepping("lstm", x, weights, backend=Small()).step(x)
    torch.testing.assert_close(stepped, stepping("lstm", x, weights, backend="llvm").step(x))
    assert explain("lstm", x[None], weights, backend=Small()).kernels == ()
    assert Small().matrix_product() is None


def test_weights_list_and_map_all_tensors() -> None:
    given: dict[str, Any] = {name: torch.randn(2, 2) for name in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")}
    weights = Weights(**given, p={"p_i": torch.randn(2), "p_f": torch.randn(2)})
    assert len(weights.tensors()) == 7
    assert [id(t) for t in weights.matrices()] == [id(given[name]) for name in ("w_ih", "w_hh", "w_hr")]
    doubled = weights.map(torch.Tensor.double)
    for ours, double in zip(weights.tensors(), doubled.tensors(), strict=True):
        assert torch.equal(ours.double(), double)
    assert doubled.p.keys() == weights.p.keys()
    assert Weights().tensors() == Weights().map(torch.Tensor.double).tensors() == []


def test_a_call_lists_all_tensors_that_are_computed_with() -> None:
    x = torch.randn(4, 2, 3)
    call = checked_call("lstm", x, lstm_weights(), lengths=[4, 2], reset=torch.zeros(4, 2, dtype=torch.bool))
    assert len(call.tensors()) == 1 + 3 + 2
    assert call.hidden_size == 5
