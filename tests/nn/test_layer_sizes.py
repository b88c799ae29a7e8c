"""Layers of different sizes in one module: as a chain of torch.nn's, one layer each."""

from typing import Any

import pytest
import torch
from torch import nn

import tidegate
from tidegate.errors import ArgumentError
from tidegate.lens.memory.state_gradients import state_gradients
from tidegate.lens.record.trace import trace

SIZES = (7, 11, 3)


def chain_of(layers: tidegate.nn.Recurrent) -> list[nn.LSTM]:
    """torch's LSTMs with the same weights."""
    chain: list[nn.LSTM] = []
    for k, size in enumerate(SIZES):
        one = nn.LSTM(layers.layer_input_size(k), size)
        own = dict(one.named_parameters())
        with torch.no_grad():
            for theirs, ours in (("weight_ih", "weight_ih"), ("weight_hh", "weight_hh"), ("bias_ih", "bias")):
                own[f"{theirs}_l0"].copy_(getattr(layers, f"{ours}_l{k}"))
            own["bias_hh_l0"].zero_()
        chain.append(one)
    return chain


@pytest.mark.parametrize("backend", ["reference", None])
def test_outputs_states_and_gradients_are_those_of_a_chain(backend):
    layers = tidegate.nn.Recurrent("lstm", 4, SIZES, backend=backend)
    chain, x = chain_of(layers), torch.randn(6, 2, 4)
    ends = [torch.randn(2, 3, 2, max(SIZES))]
    start = tuple(torch.zeros(3, 2, max(SIZES)) for _ in range(2))
    for k, size in enumerate(SIZES):
        for part in start:
            part[k, :, :size] = torch.randn(2, size)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    output, states = layers(ours, start)
    seen, loss = theirs, torch.zeros(())
    for k, (one, size) in enumerate(zip(chain, SIZES, strict=True)):
        seen, own = one(seen, tuple(part[k : k + 1, :, :size].contiguous() for part in start))
        for n in range(2):
            torch.testing.assert_close(states[n][k, :, :size], own[n][0])
            assert not states[n][k, :, size:].any()
            loss = loss + (ends[0][n, k, :, :size] * own[n][0]).sum()
    torch.testing.assert_close(output, seen)
    (loss + seen.square().sum()).backward()
    (sum((ends[0][n] * states[n]).sum() for n in range(2)) + output.square().sum()).backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    for k, one in enumerate(chain):
        torch.testing.assert_close(getattr(layers, f"weight_hh_l{k}").grad, one.weight_hh_l0.grad)


def test_the_run_in_two_parts_the_stepper_and_the_trace_are_the_run():
    layers, x = tidegate.nn.Recurrent("lstm", 4, SIZES), torch.randn(6, 2, 4)
    output, state = layers(x)
    first, between = layers(x[:2])
    second, last = layers(x[2:], between)
    torch.testing.assert_close((torch.cat([first, second]), last), (output, state))
    stepper = layers.stepper(2)
    torch.testing.assert_close(torch.stack([stepper(step) for step in x]), output)
    torch.testing.assert_close(stepper.state, state)
    stepper.state = between
    torch.testing.assert_close(torch.stack([stepper(step) for step in x[2:]]), second)
    stepper.reset([True, False])
    assert not stepper.state[0][:, 0].any()
    traced = trace(layers, x[:, 0])
    assert [traced[k, 0]["c"].shape for k in range(3)] == [(6, size) for size in SIZES]
    torch.testing.assert_close(torch.from_numpy(traced[2, 0]["h"]), output[:, 0].detach())
    assert traced.sel(name="c", unit=2).values.shape == (3, 1, 6)
    with pytest.raises(ArgumentError, match="c has 11 in layer 1, c has 3 in layer 2 hidden units"):
        traced.sel(name="c")
    found = state_gradients(layers, x, lambda it: it[-1].sum(-1), between)
    assert [found[k, 0]["c"].shape[-1] for k in range(3)] == list(SIZES)


def test_initial_values_and_costs_are_those_of_each_size():
    torch.manual_seed(0)
    layers = tidegate.nn.Recurrent("gru", 4, [400, 4], learn_initial_state=True, bidirectional=True)
    largest = {name: it.abs().max() for name, it in layers.named_parameters()}
    assert largest["weight_hh_l0"] <= 1 / 20 < 0.4 < largest["weight_hh_l1"] <= 1 / 2
    assert layers.output_size == 8
    assert layers(torch.randn(3, 2, 4))[1].shape == (4, 2, 400)
    alone = tidegate.nn.Recurrent("gru", 800, 4)
    assert layers.layer_cost(1) == alone.layer_cost(0)
    assert "(400, 4)" in repr(layers)
    torch.manual_seed(0)
    same = tidegate.nn.Recurrent("lstm", 4, (5, 5)).state_dict()
    torch.manual_seed(0)
    torch.testing.assert_close(same, tidegate.nn.Recurrent("lstm", 4, 5, 2).state_dict(), rtol=0, atol=0)


def test_what_does_not_fit_is_refused():
    refused: list[tuple[tuple[int, ...], dict[str, Any]]] = [
        ((), {}),
        ((3, 0), {}),
        ((3, 4), {"num_layers": 3}),
        ((3, 4), {"proj_size": 2}),
    ]
    for sizes, options in refused:
        with pytest.raises(ArgumentError, match="hidden_size as a list"):
            tidegate.nn.Recurrent("lstm", 4, sizes, **options)
    with pytest.raises(ArgumentError, match="multiple of heads, 2, got 3"):
        tidegate.nn.Recurrent("lstm", 4, (4, 3), heads=2)
    layers = tidegate.nn.Recurrent("time_lstm", 4, (5, 3))
    x, dt = torch.randn(6, 2, 4), torch.ones(6, 2)
    assert layers(x, masks={"dt": dt})[0].shape == (6, 2, 3)
    with pytest.raises(ArgumentError, match=r"mask 'dt' must have .* without features, \(6, 2\); it has \(6, 2, 5\)"):
        layers(x, masks={"dt": dt[..., None].expand(-1, -1, 5)})
    stepper = layers.stepper(2)
    assert stepper(x[0], masks={"dt": dt[0]}).shape == (2, 3)
    with pytest.raises(ArgumentError, match=r"of shape \(2,\); it has \(2, 5\)"):
        stepper(x[0], masks={"dt": dt[0][:, None].expand(-1, 5)})
    with pytest.raises(RuntimeError, match=r"Expected hidden\[0\] size \(2, 2, 5\)"):
        layers(x, (torch.zeros(2, 2, 3), torch.zeros(2, 2, 3)), masks={"dt": dt})
