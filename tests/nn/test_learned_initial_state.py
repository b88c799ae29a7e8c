"""Initial states that are parameters: the same as passing them."""

import pickle
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from tidegate.errors import ArgumentError
from tidegate.nn import Recurrent

OPTIONS: dict[str, Any] = dict(num_layers=2, dtype=torch.float64, learn_initial_state=True)


def drawn(layer: Recurrent) -> Recurrent:
    """The layer with random initial states, in place of zeros."""
    for name, value in layer.named_parameters():
        if name.startswith("initial_"):
            assert not value.any()
            torch.nn.init.normal_(value)
    return layer


def passed(layer: Recurrent, batch: int) -> tuple[Tensor, ...]:
    ends = [f"_l{k}{way}" for k in range(layer.num_layers) for way in ("", "_reverse")[: 1 + layer.bidirectional]]
    rows = [torch.stack([layer.get_parameter(f"initial_{name}{end}") for end in ends]) for name in layer.cell.states]
    return tuple(row[:, None].repeat(1, batch, 1) for row in rows)


@pytest.mark.parametrize("backend", ["reference", pytest.param("llvm", marks=[pytest.mark.slow])])
@pytest.mark.parametrize("more", [dict(bidirectional=True), dict(proj_size=2, batch_first=True)], ids=str)
def test_a_call_begins_with_them_and_trains_them(more: dict[str, Any], backend: str) -> None:
    torch.manual_seed(0)
    layer = drawn(Recurrent("lstm", 3, 5, **OPTIONS, **more, backend=backend))
    x, hx = torch.randn(4, 4, 3, dtype=torch.float64), passed(layer, 4)
    results = []
    for given in (None, hx):
        output, state = layer(x, given, lengths=[4, 0, 2, 3])
        values = [output, *state]
        gradients = torch.autograd.grad([v.square().sum() for v in values], list(layer.parameters()))
        results.append([*values, *gradients])
    torch.testing.assert_close(results[0], results[1])
    assert torch.equal(results[0][1][:, 1], hx[0][:, 1])  # the sequence without a step ends as it begins


def test_unbatched_packed_and_traced() -> None:
    torch.manual_seed(0)
    layer = drawn(Recurrent("lstm", 3, 5, **OPTIONS))
    x, hx = torch.randn(4, 2, 3, dtype=torch.float64), passed(layer, 2)
    torch.testing.assert_close(layer(x[:, 0])[0], layer(x, hx)[0][:, 0])
    packed = pack_padded_sequence(x, torch.tensor([2, 4]), enforce_sorted=False)
    torch.testing.assert_close(layer(packed)[0].data, layer(packed, hx)[0].data)
    torch.testing.assert_close(layer.trace(x).output, layer(x, hx)[0])
    assert "learn_initial_state=True" in repr(layer)
    assert "learn_initial_state" not in repr(Recurrent("lstm", 3, 5))


def test_step_by_step() -> None:
    torch.manual_seed(0)
    layer = drawn(Recurrent("lstm", 3, 5, **OPTIONS))
    x, stepper = torch.randn(4, 2, 3, dtype=torch.float64), layer.stepper(2)
    expected = layer(x)[0]
    for _ in range(2):
        torch.testing.assert_close(torch.stack([stepper(now) for now in x]), expected)
        stepper.reset()
    stepper(x[1])
    stepper.reset([True, False])
    torch.testing.assert_close(stepper(x[0])[0], expected[0, 0])
    copy = pickle.loads(pickle.dumps(layer))
    torch.testing.assert_close(copy(x)[0], expected)


def test_resets_are_refused() -> None:
    layer = Recurrent("gru", 3, 5, learn_initial_state=True)
    with pytest.raises(ArgumentError, match="reset= sets states to zeros, but this layer begins with learned states"):
        layer(torch.randn(4, 2, 3), reset=torch.zeros(4, 2, dtype=torch.bool))
