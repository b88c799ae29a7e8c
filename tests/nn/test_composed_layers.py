"""Layers of composed cells: noise in training and its expectation otherwise, interventions in a trained layer."""

import copy
import pickle
from typing import Any

import pytest
import torch

from tidegate.cells import Cell, gru, intervened, lstm, rnn_tanh, variational_dropout, zoneout
from tidegate.errors import ArgumentError
from tidegate.nn import LSTM, Recurrent

ON = pytest.mark.parametrize("backend", ["reference", "llvm"])


def with_weights_of(layer: Recurrent | LSTM, other: Recurrent | LSTM) -> Any:
    layer.load_state_dict(other.state_dict())
    return layer


@ON
def test_zoneout_keeps_hidden_units_while_training_and_mixes_them_otherwise(backend: str) -> None:
    torch.manual_seed(0)
    plain = Recurrent("gru", 3, 64, backend=backend)
    layer = with_weights_of(Recurrent(zoneout(gru, 0.3), 3, 64, backend=backend), plain)
    x, h0 = torch.randn(1, 50, 3), torch.randn(1, 50, 64)
    new = plain(x, h0)[0]
    trained, kept = layer(x, h0)[0], (layer(x, h0)[0] == h0)
    assert ((trained == h0) | torch.isclose(trained, new)).all()
    assert kept.float().mean().item() == pytest.approx(0.3, abs=0.03)
    torch.testing.assert_close(layer.eval()(x, h0)[0], 0.3 * h0 + 0.7 * new)


@ON
def test_dropout_hides_the_same_hidden_units_at_every_step_of_a_sequence(backend: str) -> None:
    """With U the identity and no input a dropped hidden unit becomes 0, and another tanh(h / (1 - rate))."""
    torch.manual_seed(0)
    layer = Recurrent(variational_dropout(rnn_tanh, 0.25), 1, 64, backend=backend)
    with torch.no_grad():
        for name, value in layer.named_parameters():
            value.copy_(torch.eye(64) if name.startswith("weight_hh") else torch.zeros_like(value))
    x, h0 = torch.zeros(6, 20, 1), torch.rand(1, 20, 64) + 0.5
    output = layer(x, h0)[0]
    hidden = output == 0
    assert torch.equal(hidden, hidden[:1].expand_as(hidden))
    assert hidden[0].float().mean().item() == pytest.approx(0.25, abs=0.05)
    torch.testing.assert_close(output[0][~hidden[0]], torch.tanh(h0[0] / 0.75)[~hidden[0]])
    assert not torch.equal(layer(x, h0)[0] == 0, hidden), "the next call draws anew"
    torch.testing.assert_close(layer.eval()(x, h0)[0][0], torch.tanh(h0[0]))


def test_noise_follows_the_seed_and_differs_between_layers_and_directions() -> None:
    layer = Recurrent(zoneout(rnn_tanh, 0.5), 3, 32, 2, bidirectional=True)
    x = torch.randn(4, 2, 3)
    traces = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        traces.append(layer.trace(x))
    assert torch.equal(traces[0].output, traces[1].output)
    assert not torch.equal(traces[0].output, traces[2].output)
    patterns = [values["h"][0] == 0 for values in traces[0].values.values()]  # kept from h_0 = 0, or read last
    assert not torch.equal(patterns[0], patterns[2])


@ON
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_trained_layer_runs_an_intervention_instead_of_its_cell(bidirectional: bool, backend: str) -> None:
    torch.manual_seed(0)
    layer = LSTM(3, 16, 2, bidirectional=bidirectional, batch_first=True, backend=backend)
    before = copy.deepcopy(layer)
    layer.cell = intervened(layer.cell, {"c": {7: 0.0}})
    x, lengths = torch.randn(4, 6, 3), [6, 0, 2, 5]
    trace = layer.trace(x, lengths=lengths)
    for values in trace.values.values():
        assert not values["c"][..., 7].any()
        assert values["c"][..., 6].any()
    assert list(layer.state_dict()) == list(before.state_dict())
    again = pickle.loads(pickle.dumps(layer))
    assert torch.equal(again(x, lengths=lengths)[0], layer(x, lengths=lengths)[0])
    layer.cell = lstm
    assert torch.equal(layer(x)[0], before(x)[0])


def test_layer_norm_starts_as_in_the_paper() -> None:
    layer = Recurrent("layer_norm_lstm", 3, 5, 2, bidirectional=True, init="keras", forget_bias=2.0)
    own = layer.state_dict()
    assert not [name for name in own if name.startswith("bias")]
    for end in ("l0", "l0_reverse", "l1", "l1_reverse"):
        assert (own[f"unit_gain_xi_{end}"] == 1).all()
        assert (own[f"unit_gain_c_{end}"] == 1).all()
        assert (own[f"unit_b_i_{end}"] == 0).all()
        assert (own[f"unit_b_f_{end}"] == 2).all()
    peephole = Recurrent("peephole_lstm", 3, 5).state_dict()
    assert (peephole["unit_p_i_l0"] != 0).all()


def test_layer_norm_does_not_see_the_scale_of_its_input_or_weights() -> None:
    torch.manual_seed(0)
    layer = Recurrent("layer_norm_lstm", 3, 16, dtype=torch.float64)
    x = 100 * torch.randn(5, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(x)[0], layer(10 * x)[0], rtol=1e-4, atol=1e-6)


def test_a_product_whose_sum_has_a_bias_needs_none_of_its_own() -> None:
    """The nine products among the gates of FGR: the layer has the paper's four biases."""
    shapes = {name: tuple(value.shape) for name, value in Recurrent("odyssey_fgr", 3, 5).named_parameters()}
    assert shapes["bias_l0"] == (20,)
    assert shapes["weight_hh_l0"] == (65, 5)
    assert "bias_hh_l0" not in shapes


def test_a_forget_bias_needs_a_bias() -> None:
    assert (Recurrent("sru", 3, 5, forget_bias=1.0).state_dict()["unit_b_f_l0"] == 1).all()
    with pytest.raises(ArgumentError, match="peephole_lstm has no bias for it"):
        Recurrent("peephole_lstm", 3, 5, bias=False, forget_bias=1.0)


@pytest.mark.parametrize(
    "it", [zoneout(lstm, 0.2), variational_dropout(gru, 0.2), intervened(lstm, {"c": {1: 0.0}})], ids=lambda it: it.name
)
def test_composed_cells_compile_whole(it: Cell) -> None:
    torch._dynamo.reset()
    layer, x = Recurrent(it, 3, 5), torch.randn(3, 2, 3)
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    results = []
    for run in (layer, compiled):
        torch.manual_seed(1)
        results.append(run(x)[0])
    torch.testing.assert_close(*results)
