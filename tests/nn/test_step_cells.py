"""RNNCell, LSTMCell and GRUCell against torch's."""

from typing import Any

import pytest
import torch

import tidegate

CELLS = [("RNNCell", {}), ("RNNCell", {"nonlinearity": "relu"}), ("LSTMCell", {}), ("GRUCell", {})]


@pytest.mark.parametrize(("name", "extra"), CELLS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("start", [True, False])
def test_a_step_and_its_gradients_are_torchs(
    name: str, extra: dict[str, Any], bias: bool, batched: bool, start: bool
) -> None:
    torch.manual_seed(1)
    theirs = getattr(torch.nn, name)(3, 5, bias, **extra, dtype=torch.float64)
    torch.manual_seed(1)
    ours = getattr(tidegate.nn, name)(3, 5, bias, **extra, dtype=torch.float64)
    assert repr(ours) == repr(theirs)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    shape = (4,) if batched else ()
    x = torch.randn(*shape, 3, dtype=torch.float64, requires_grad=True)
    states = [torch.randn(*shape, 5, dtype=torch.float64, requires_grad=True) for _ in range(1 + (name == "LSTMCell"))]
    hx = (tuple(states) if name == "LSTMCell" else states[0]) if start else None
    gradients = []
    for layer in (ours, theirs):
        out = layer(x, hx)
        out = out if isinstance(out, tuple) else (out,)
        assert [v.shape for v in out] == [(*shape, 5)] * len(out)
        total = sum((torch.sin(v * (k + 1)).sum() for k, v in enumerate(out)), torch.zeros((), dtype=torch.float64))
        leaves = [x, *layer.parameters(), *(states if start else [])]
        gradients.append([*out, *torch.autograd.grad(total, leaves)])
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize(("name", "extra"), CELLS)
@pytest.mark.parametrize(
    "mistake",
    [
        lambda: (torch.randn(2, 4), None),
        lambda: (torch.randn(1, 2, 3), None),
        lambda: (torch.randn(2, 3), torch.randn(2, 6)),
        lambda: (torch.randn(2, 3), torch.randn(1, 1, 5)),
    ],
    ids=["features", "3-D input", "hidden size", "3-D hidden"],
)
def test_invalid_arguments_raise_as_in_torch(name: str, extra: dict[str, Any], mistake: Any) -> None:
    x, h = mistake()
    hx = (h, h) if name == "LSTMCell" and h is not None else h
    with pytest.raises((RuntimeError, ValueError)) as theirs:
        getattr(torch.nn, name)(3, 5, **extra)(x, hx)
    with pytest.raises(theirs.type):
        getattr(tidegate.nn, name)(3, 5, **extra)(x, hx)


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "RNNCell"])
def test_no_hidden_units_give_empty_states_as_in_torch(name: str) -> None:
    for library in (torch.nn, tidegate.nn):
        module = getattr(library, name)(3, 0)
        found = module(torch.zeros(4, 3))
        found = found if isinstance(found, tuple) else (found,)
        assert [tuple(value.shape) for value in found] == [(4, 0)] * len(found)
        torch.stack([value.sum() for value in found]).sum().backward()
        assert module.weight_ih.grad.shape == module.weight_ih.shape
