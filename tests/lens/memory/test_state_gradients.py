"""Gradients of states against a loop written by hand, and against differences."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tidegate
from tidegate.cells import Step, cell, get_cell, intervened, rnn_tanh, tanh
from tidegate.engine import run
from tidegate.errors import ArgumentError
from tidegate.lens.memory.state_gradients import state_gradients
from tidegate.nn import Recurrent

CELLS = ["rnn_tanh", "lstm", "peephole_lstm", "gru"]
T, B, I, H = 7, 2, 3, 5


def layer_of(cell: Any, **options: Any) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(
        cell, I, options.pop("hidden_size", H), options.pop("num_layers", 2), dtype=torch.float64, **options
    )


def some_inputs(steps: int = T) -> Tensor:
    return torch.randn(steps, B, I, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def some_loss(output: Tensor) -> Tensor:
    """Every step and unit counts, each differently."""
    weight = torch.linspace(-1, 1, output[:, 0].numel(), dtype=output.dtype).reshape(output[:, 0].shape)
    return (weight[:, None] * (output + 0.3 * output**2)).sum((0, 2))


@pytest.mark.parametrize("kind", ["lstm", "rnn"])
def test_equal_to_retained_gradients_of_a_plain_loop(kind):
    # torch's own cells, so that nothing of ours computes the states; LSTMCell hides the way from c to h, hence by hand.
    layer = layer_of("lstm" if kind == "lstm" else "rnn_tanh")
    states: dict[tuple[int, str], list[Tensor]] = {}
    rows = list(some_inputs())
    for k in range(2):
        w = layer.layer_weights(k, 0)
        h = c = torch.zeros(B, H, dtype=torch.float64)
        for t in range(T):
            assert w.w_ih is not None and w.w_hh is not None and w.b_ih is not None  # noqa: PT018
            before = rows[t] @ w.w_ih.T + w.b_ih + h @ w.w_hh.T
            if kind == "lstm":
                i, f, g, o = before.chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                c.retain_grad()
                h = torch.sigmoid(o) * torch.tanh(c)
                states.setdefault((k, "c"), []).append(c)
            else:
                h = torch.tanh(before)
            h.retain_grad()
            states.setdefault((k, "h"), []).append(h)
            rows[t] = h
    some_loss(torch.stack(rows)).sum().backward()
    found = state_gradients(layer, some_inputs(), some_loss)
    assert {(k, name) for (k, _), values in found.values.items() for name in values} == set(states)
    for (k, name), values in states.items():
        torch.testing.assert_close(found[k, 0][name], torch.stack([it.grad for it in values if it.grad is not None]))


def test_output_gradients_agree_with_torchs_lstm_cell():
    layer, peer = layer_of("lstm", num_layers=1), nn.LSTMCell(I, H, dtype=torch.float64)
    own = dict(layer.named_parameters())
    with torch.no_grad():
        for name, parameter in peer.named_parameters():
            parameter.copy_(own[name.replace("bias_ih", "bias") + "_l0"] if name != "bias_hh" else 0 * parameter)
    state, outputs = None, []
    for x in some_inputs():
        state = peer(x, state)
        state[0].retain_grad()
        outputs.append(state[0])
    some_loss(torch.stack(outputs)).sum().backward()
    found = state_gradients(layer, some_inputs(), some_loss)
    torch.testing.assert_close(found[0, 0]["h"], torch.stack([it.grad for it in outputs]))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_equal_to_differences(name, bidirectional):
    # A state is moved where it is made, in the equations, by holding it at another number in one step of one sequence.
    layer, inputs = layer_of(name, bidirectional=bidirectional), some_inputs()
    found = state_gradients(layer, inputs, some_loss)
    held = intervened(get_cell(name), {state: {} for state in layer.cell.states})
    generator = torch.Generator().manual_seed(2)
    for place, states in found.values.items():
        for state, gradients in states.items():
            for t in (0, 3, T - 1):
                direction = torch.randn(B, H, dtype=torch.float64, generator=generator)
                ends = [_losses_with(layer, held, inputs, place, state, t, size * direction) for size in (1e-5, -1e-5)]
                expected = (ends[0] - ends[1]) / 2e-5
                torch.testing.assert_close((gradients[t] * direction).sum(1), expected, rtol=1e-6, atol=1e-8)


def _losses_with(layer: Recurrent, held: Any, x: Tensor, place: Any, state: str, t: int, move: Tensor) -> Tensor:
    with torch.no_grad():
        for k in range(layer.num_layers):
            sides = []
            for d in range(1 + layer.bidirectional):
                masks = {
                    f"{name}_{end}": torch.full((T, B, H), bound, dtype=torch.float64)
                    for name in layer.cell.states
                    for end, bound in (("low", -math.inf), ("high", math.inf))
                }
                weights, reverse = layer.layer_weights(k, d), d == 1
                if (k, d) == place:
                    value = run(layer.cell, x, weights, record=state, reverse=reverse).record[state][t]
                    masks[f"{state}_low"][t] = masks[f"{state}_high"][t] = value + move
                sides.append(run(held, x, weights, masks=masks, reverse=reverse, backend="reference").output)
            x = torch.cat(sides, -1)
        return some_loss(x)


def test_states_after_the_target_have_a_gradient_of_exactly_zero():
    found = state_gradients(layer_of("lstm"), some_inputs(), lambda output: output[4].sum(-1))
    for states in found.values.values():
        for gradients in states.values():
            assert (gradients[5:] == 0).all()
            assert (gradients[:5] != 0).all()


def test_the_cell_state_of_a_last_step_counts_through_its_own_output():
    layer, inputs = layer_of("lstm", num_layers=1), some_inputs(1)
    found = state_gradients(layer, inputs, lambda output: output[0].sum(-1))
    kept = layer.trace(inputs, names="all")[0, 0]
    torch.testing.assert_close(found[0, 0]["c"][0], kept["o"][0] * (1 - kept["c"][0].tanh() ** 2))
    assert (found[0, 0]["h"] == 1).all()


def test_one_pass_for_many_targets_equals_one_pass_each():
    layer, x = layer_of("gru"), some_inputs()[:, :1].expand(-1, 3, -1)
    at = torch.tensor([2, 4, 6])
    together = state_gradients(layer, x, lambda output: output[at, torch.arange(3)].square().sum(-1))
    for row, t in enumerate(at.tolist()):
        alone = state_gradients(layer, x[:, :1], lambda output, t=t: output[t].square().sum(-1))
        torch.testing.assert_close(together[1, 0]["h"][:, row], alone[1, 0]["h"][:, 0])
        torch.testing.assert_close(together.losses[row], alone.losses[0])


@pytest.mark.parametrize("options", [{"batch_first": True}, {"proj_size": 2}, {"hidden_size": 33}])
def test_layouts_and_sizes(options):
    name = "lstm"
    layer = layer_of(name, **options)
    found = state_gradients(layer, some_inputs(), some_loss)
    assert found[1, 0]["h"].shape == (T, B, options.get("proj_size") or options.get("hidden_size", H))
    assert found.norms()[(1, 0), "c"].shape == (B, T)
    assert all(it.grad is None for it in layer.parameters())


def test_initial_states_are_taken_and_frozen_weights_are_no_obstacle():
    layer, x = layer_of("lstm"), some_inputs()
    for parameter in layer.parameters():
        parameter.requires_grad_(False)
    _, state = layer(x[:3])
    whole = state_gradients(layer, x, lambda output: output[-1].sum(-1))
    with torch.no_grad():
        part = state_gradients(layer, x[3:], lambda output: output[-1].sum(-1), state)
    torch.testing.assert_close(part[0, 0]["c"], whole[0, 0]["c"][3:])


@cell(gates="h", states="h d")
def delayed(x: Any, r: Any, s: Any) -> Step:
    """A state that is the other one a step ago, as it is."""
    return Step(h=tanh(x.h + r.h + 0.5 * s.d), d=s.h)


def test_a_state_passed_on_unchanged_has_a_gradient_of_its_own():
    layer = layer_of(delayed, num_layers=1)
    found = state_gradients(layer, some_inputs(), lambda output: output[-1].sum(-1))[0, 0]
    with torch.no_grad():
        h = layer(some_inputs())[0]
    # d_{T-2} is seen by h_{T-1} alone; h_{T-2} by h_{T-1} through U, and d_{T-1} by nothing.
    w = layer.layer_weights(0, 0).w_hh
    assert w is not None
    back = 1 - h[-1] ** 2
    torch.testing.assert_close(found["d"][-2], 0.5 * back)
    torch.testing.assert_close(found["h"][-2], back @ w)
    assert (found["d"][-1] == 0).all()


def test_a_linear_network_decays_at_the_rate_of_its_matrix():
    layer = layer_of(rnn_tanh, num_layers=1)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        nn.init.orthogonal_(layer.weight_hh_l0).mul_(0.8)  # pyright: ignore[reportArgumentType, reportAttributeAccessIssue]
    # At zero tanh is the identity: an orthogonal matrix times 0.8 shortens every vector by exactly 0.8 a step.
    norms = state_gradients(layer, 0 * some_inputs(63), lambda output: output[-1, :, 0]).norms()[(0, 0), "h"]
    distance = torch.arange(62, -1, -1, dtype=torch.float64)
    torch.testing.assert_close(torch.from_numpy(norms[0]), 0.8**distance)


def test_dropout_between_layers_is_off():
    layer = tidegate.nn.LSTM(I, H, 2, dropout=0.5, dtype=torch.float64)
    assert layer.training
    one, other = (state_gradients(layer, some_inputs(), some_loss) for _ in range(2))
    torch.testing.assert_close(one[0, 0]["h"], other[0, 0]["h"], rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(0, B, I), (T, I)])
def test_shapes_are_checked(shape):
    with pytest.raises(ArgumentError, match="at least one step"):
        state_gradients(layer_of("gru"), torch.zeros(shape, dtype=torch.float64), some_loss)


def test_a_loss_of_another_shape_raises():
    with pytest.raises(ArgumentError, match="should give 2 losses"):
        state_gradients(layer_of("gru"), some_inputs(), lambda output: output.sum(-1))
