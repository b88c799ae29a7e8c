"""Layers whose input is a single step, which PyTorch's operators may run: results, gradients, and when they may not."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tidegate
from tidegate.nn.interop.torch_steps import is_quick

KINDS = [("LSTM", {}), ("GRU", {}), ("RNN", {}), ("RNN", {"nonlinearity": "relu"})]


def layers(name: str, **options: Any) -> tuple[Any, Any]:
    """Return torch's layer and ours, with the same weights."""
    theirs, ours = (getattr(library, name)(5, 7, dtype=torch.float64, **options) for library in (nn, tidegate.nn))
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def flat(made: Any) -> list[Tensor]:
    output, state = made
    return [output, *(state if isinstance(state, tuple) else (state,))]


@pytest.mark.parametrize(("name", "more"), KINDS)
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_a_step_and_its_gradients_are_torchs(
    name: str, more: dict[str, Any], num_layers: int, batch_first: bool, bias: bool
) -> None:
    pair = layers(name, num_layers=num_layers, batch_first=batch_first, bias=bias, **more)
    x = torch.randn((3, 1, 5) if batch_first else (1, 3, 5), dtype=torch.float64, requires_grad=True)
    states = [
        torch.randn(num_layers, 3, 7, dtype=torch.float64, requires_grad=True) for _ in range(1 + (name == "LSTM"))
    ]
    for hx in (None, tuple(states) if name == "LSTM" else states[0]):
        found = []
        for layer in pair:
            made = flat(layer(x, hx))
            loss = sum((v.sin().sum() * (k + 1) for k, v in enumerate(made)), torch.zeros((), dtype=torch.float64))
            leaves = [x, *layer.parameters(), *(states if hx is not None else [])]
            first = torch.autograd.grad(loss, leaves, create_graph=True)
            second = torch.autograd.grad(first[0].square().sum(), leaves, allow_unused=True)
            found.append([*made, *first, *(g for g in second if g is not None)])
        torch.testing.assert_close(found[1], found[0], atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize(("name", "more"), KINDS)
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_step_that_starts_anew_has_no_state_before_it(name: str, more: dict[str, Any], batch_first: bool) -> None:
    x = torch.randn((3, 1, 5) if batch_first else (1, 3, 5), dtype=torch.float64)
    flags = torch.tensor([[True], [False], [True]]) if batch_first else torch.tensor([[True, False, True]])
    found = []
    for backend in (None, "reference"):
        torch.manual_seed(0)
        layer: Any = getattr(tidegate.nn, name)(
            5, 7, 2, batch_first=batch_first, backend=backend, dtype=torch.float64, **more
        )
        states = [torch.randn(2, 3, 7, dtype=torch.float64) for _ in layer.cell.states]
        for state in states:
            state[:, 0] = torch.nan  # a state that is set to zero may be anything
            state.requires_grad_()
        made = flat(layer(x, tuple(states) if len(states) > 1 else states[0], reset=flags))
        loss = sum((v.sin().sum() for v in made), torch.zeros((), dtype=torch.float64))
        found.append([*made, *torch.autograd.grad(loss, [*layer.parameters(), *states])])
        assert not found[-1][-1][:, [0, 2]].any()
    torch.testing.assert_close(found[0], found[1], atol=1e-12, rtol=1e-10)
    with pytest.raises(ValueError, match="reset"):
        tidegate.nn.GRU(5, 7)(torch.randn(1, 3, 5), torch.zeros(1, 3, 7), reset=torch.ones(1, 2, dtype=torch.bool))


def test_dropout_between_layers_is_that_of_a_kernels_run() -> None:
    made = []
    for backend in (None, "reference"):
        torch.manual_seed(0)
        layer = tidegate.nn.GRU(5, 7, num_layers=3, dropout=0.4, backend=backend).double()
        made.append(layer(torch.ones(1, 3, 5, dtype=torch.float64)))
    torch.testing.assert_close(made[0], made[1], atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize(("name", "more"), KINDS)
def test_results_can_be_changed_in_place_before_the_backward(name: str, more: dict[str, Any]) -> None:
    gradients = []
    for layer in layers(name, **more):
        torch.manual_seed(0)
        made = flat(layer(torch.randn(1, 2, 5, dtype=torch.float64)))
        kept = [v.detach().clone() for v in made]
        made[0].mul_(2)
        assert all(map(torch.equal, made[1:], kept[1:]))
        for state in made[1:]:
            state.mul_(3)
        (made[0].sum() + made[-1].sum()).backward()
        gradients.append([p.grad for p in layer.parameters()])
    torch.testing.assert_close(gradients[1], gradients[0])


def test_only_steps_without_anything_unusual_run_on_torchs_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    make, x, seen = tidegate.nn.GRU, torch.randn(1, 2, 5), [False]
    monkeypatch.setattr("tidegate.nn.dropin.is_quick", lambda *given: seen.append(is_quick(*given)) or seen[-1])

    def uses(layer: Any, x: Tensor = x, **given: Any) -> bool:
        seen[:] = [False]
        layer(x, **given)
        return seen[-1]

    assert uses(make(5, 7))
    assert not uses(make(5, 7), torch.randn(2, 2, 5))
    assert uses(make(5, 7, num_layers=2))
    assert not uses(make(5, 7, bidirectional=True))
    assert not uses(make(5, 7, backend="llvm"))
    assert not uses(make(5, 7), lengths=[1, 0])
    assert uses(make(5, 7), reset=torch.ones(1, 2, dtype=torch.bool))
    assert not uses(make(5, 7), reset=[[True, False]])
    assert not uses(nn.utils.parametrizations.weight_norm(make(5, 7), "weight_hh_l0"))
    assert not uses(make(5, 7, dtype=torch.bfloat16), x.bfloat16())
    with tidegate.batch_invariant(), torch.no_grad():
        assert not uses(make(5, 7))
    with torch.autocast("cpu", torch.bfloat16):
        assert not uses(make(5, 7))
