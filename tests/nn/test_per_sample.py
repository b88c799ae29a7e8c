"""Gradients of each sequence by itself: call_for_per_sample_grads, and the sampler of docs/drop_in.md."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils._per_sample_grad import call_for_per_sample_grads
from torch.nn.utils.rnn import pack_padded_sequence

import tidegate
from tidegate.cells import lstm, zoneout
from tidegate.errors import ArgumentError
from tidegate.nn import GRU, LSTM, RNN, Recurrent

LAYERS = {
    "LSTM": lambda: LSTM(4, 6, batch_first=True),
    "projected LSTM": lambda: LSTM(4, 6, proj_size=3, batch_first=True),
    "GRU": lambda: GRU(4, 6, 2, bidirectional=True, batch_first=True),
    "RNN": lambda: RNN(4, 6, batch_first=True, bias=False),
    "Recurrent gru": lambda: Recurrent("gru", 4, 6, batch_first=True),
    "Recurrent gru_original": lambda: Recurrent("gru_original", 4, 6, batch_first=True),
    "Recurrent layer_norm_lstm": lambda: Recurrent("layer_norm_lstm", 4, 6, batch_first=True),
    "zoneout": lambda: Recurrent(zoneout(lstm, 0.1), 4, 6, batch_first=True).eval(),
}


def total(result: Any) -> Tensor:
    output, state = result if isinstance(result, tuple) else (result, ())
    output = output.data if hasattr(output, "data") and not isinstance(output, Tensor) else output
    states = state if isinstance(state, tuple) else (state,)
    return torch.stack([(value.sin() * (k + 1)).sum() for k, value in enumerate((output, *states))]).sum()


def one_at_a_time(layer: nn.Module, calls: list[tuple[Any, dict[str, Any]]]) -> dict[str, Tensor]:
    rows = []
    for args, named in calls:
        loss = total(layer(*args, **named))
        rows.append(torch.autograd.grad(loss, [p for p in layer.parameters() if p.requires_grad]))
    names = [name for name, p in layer.named_parameters() if p.requires_grad]
    return {name: torch.stack(parts) for name, parts in zip(names, zip(*rows, strict=True), strict=True)}


def check(layer: nn.Module, expected: dict[str, Tensor]) -> None:
    found = {name: getattr(p, "grad_sample", None) for name, p in layer.named_parameters()}
    assert {name for name, it in found.items() if it is not None} == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-4, rtol=1e-3)
    assert all(p.grad is None for p in layer.parameters())


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_gradients_are_those_of_one_sequence_at_a_time(make: Any) -> None:
    torch.manual_seed(0)
    layer, x = make(), torch.randn(5, 7, 4)
    expected = one_at_a_time(layer, [((one[None],), {}) for one in x])
    result = call_for_per_sample_grads(layer, batch_size=5, loss_reduction="sum")(x)
    torch.testing.assert_close(result[0], layer(x)[0], atol=1e-5, rtol=1e-4)
    total(result).backward()
    check(layer, expected)


def test_with_states_lengths_resets_frozen_weights_and_steps_first() -> None:
    torch.manual_seed(0)
    layer, x, h = GRU(4, 6), torch.randn(7, 5, 4, requires_grad=True), torch.randn(1, 5, 6)
    layer.weight_ih_l0.requires_grad_(False)
    lengths, reset = torch.tensor([7, 0, 3, 1, 5]), torch.rand(7, 5) < 0.3
    calls = [
        ((x[:, k : k + 1], h[:, k : k + 1]), {"lengths": lengths[k : k + 1], "reset": reset[:, k : k + 1]})
        for k in range(5)
    ]
    expected = one_at_a_time(layer, calls)
    run = call_for_per_sample_grads(layer, batch_size=5, loss_reduction="sum", batch_first=False)
    total(run(x, h, lengths=lengths, reset=reset)).backward()
    check(layer, expected)
    (alone,) = torch.autograd.grad(total(layer(x, h, lengths=lengths, reset=reset)), [x])
    torch.testing.assert_close(x.grad, alone, atol=1e-5, rtol=1e-4)


def test_a_packed_input_has_its_gradients_in_the_callers_order() -> None:
    torch.manual_seed(0)
    layer, x, lengths = LSTM(4, 6), torch.randn(7, 3, 4), torch.tensor([2, 7, 4])
    expected = one_at_a_time(layer, [((x[:n, k : k + 1],), {}) for k, n in enumerate(lengths.tolist())])
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    total(call_for_per_sample_grads(layer, batch_size=3, loss_reduction="sum")(packed)).backward()
    check(layer, expected)


def test_a_mean_is_scaled_and_hooks_run_once() -> None:
    torch.manual_seed(0)
    model, x, seen = nn.Sequential(GRU(4, 6, batch_first=True)), torch.randn(5, 7, 4), []
    model[0].register_forward_pre_hook(lambda module, given: seen.append(1))
    expected = one_at_a_time(model, [((one[None],), {}) for one in x])
    seen.clear()
    (total(call_for_per_sample_grads(model, loss_reduction="mean")(x)) / 5).backward()
    check(model, expected)
    assert seen == [1]


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_step_cells(name: str) -> None:
    torch.manual_seed(0)
    cell, x, h = getattr(tidegate.nn, name)(4, 6), torch.randn(5, 4), torch.randn(5, 6)
    state = (h, h + 1) if name == "LSTMCell" else h
    rows = [((h[k : k + 1], h[k : k + 1] + 1) if name == "LSTMCell" else h[k : k + 1]) for k in range(5)]
    expected = one_at_a_time(cell, [((x[k : k + 1], rows[k]), {}) for k in range(5)])
    total(call_for_per_sample_grads(cell, batch_size=5, loss_reduction="sum")(x, state)).backward()
    check(cell, expected)


def test_a_subclass_that_returns_its_outputs_is_sampled_as_opacus_does() -> None:
    class Outputs(LSTM):
        def forward(self, x: Tensor) -> Any:  # type: ignore[override]
            return super().forward(x)[0]

    torch.manual_seed(0)
    layer, x, cotangents = Outputs(4, 6, 2, batch_first=True), torch.randn(5, 7, 4), torch.randn(5, 7, 6)
    empty = copy.deepcopy(layer).to("meta")

    def loss(weights: dict[str, Tensor], x: Tensor, cotangent: Tensor) -> Tensor:
        return (torch.func.functional_call(empty, weights, (x[None],)) * cotangent[None]).sum()

    sampled = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    found = sampled(dict(layer.named_parameters()), x, cotangents)
    for k in range(5):
        output: Any = layer(x[k : k + 1])
        alone = torch.autograd.grad((output * cotangents[k]).sum(), [*layer.parameters()])
        for (name, _), gradient in zip(layer.named_parameters(), alone, strict=True):
            torch.testing.assert_close(found[name][k], gradient, atol=1e-5, rtol=1e-4)


def test_another_batch_size_is_refused() -> None:
    with pytest.raises(ArgumentError, match="expanded for a batch of 7, but the input has 5 sequences"):
        call_for_per_sample_grads(GRU(4, 6))(torch.randn(7, 5, 4))
