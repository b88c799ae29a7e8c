"""Curves of cells and of a residual network, untrained and trained."""

import numpy as np
import pytest
import torch
from examples.notes.overlay import MEASURED, _drawn, overlay
from examples.notes.residual import ResidualNetwork

from tidegate.errors import ArgumentError


def test_residual_gradients_equal_differences():
    torch.manual_seed(0)
    model = ResidualNetwork(6, 5, 7).double()
    x = torch.randn(3, 6, dtype=torch.float64)
    found = model.gradients(x, lambda output: output[:, 0].square())
    assert found.shape == (8, 3, 5)
    direction = torch.randn(3, 5, dtype=torch.float64)
    with torch.no_grad():
        for k in (0, 3, 7):
            ends = []
            for move in (1e-6, -1e-6):
                h = model.hidden(x)[k] + move * direction
                for inner, outer in zip(model.inner[k:], model.outer[k:], strict=True):
                    h = h + outer(torch.tanh(inner(h)))
                ends.append(model.last(h)[:, 0].square())
            torch.testing.assert_close((found[k] * direction).sum(1), (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-9)


def test_shared_weights_are_one_layer_many_times():
    torch.manual_seed(0)
    model = ResidualNetwork(2, 5, 7, 3, shared=True)
    assert sum(it.numel() for it in model.parameters()) == (2 * 5 + 5) + (25 + 5) + 25 + (15 + 3)
    assert model(torch.zeros(4, 2)).shape == (4, 3)
    h = model.hidden(torch.ones(1, 2))
    (inner,), (outer,) = model.inner, model.outer
    torch.testing.assert_close(h[5], h[4] + outer(torch.tanh(inner(h[4]))))


def test_without_inner_layers_the_gradient_passes_unchanged():
    model = ResidualNetwork(2, 5, 63)
    with torch.no_grad():
        for parameter in model.outer.parameters():
            parameter.zero_()
    found = model.gradients(torch.ones(1, 2), lambda output: output[:, 0])
    torch.testing.assert_close(found[:, 0], model.last.weight.detach().expand(64, -1))


def test_curves_of_all_before_training():
    curves = overlay(lag=20, hidden_size=33, steps=(0,))
    assert [(it.name, it.state) for it in curves] == [
        ("rnn_tanh", "h"), ("lstm", "h"), ("lstm", "c"), ("gru", "h"), ("residual", "h")
    ]  # fmt: skip
    assert all(it.steps == 0 and len(it.norms) == 20 + (it.name == "residual") for it in curves)
    # As torch starts them every gate is half open: all recurrent cells forget fast, the residual network not at all.
    for curve in curves:
        rate = curve.decay.rate
        assert 0.97 < rate < 1.03 if curve.name == "residual" else 0.5 < rate < 0.75


def test_the_baseline_is_that_of_the_sequences_that_are_measured():
    curves = overlay(("gru",), lag=50, hidden_size=5, steps=(0,), seed=3)
    answers = _drawn(50, MEASURED, 3, 1)[1][:, -1].double().numpy()
    assert len(answers) == 64
    for curve in curves:
        assert curve.baseline == pytest.approx(((answers - 1) ** 2).mean())
    assert abs(curves[0].baseline - 1 / 6) > 0.01  # 64 are not endlessly many
    assert f"{curves[0].baseline:.4g}" in str(curves)


def test_an_open_forget_gate_separates_the_lstm_before_any_training():
    curves = {(it.name, it.state): it for it in overlay(lag=20, steps=(0,), forget_bias=2.0, residual=False)}
    plain = curves["rnn_tanh", "h"].decay
    assert curves["lstm", "c"].decay.rate > 0.85 > 0.7 > plain.rate
    assert curves["gru", "h"].decay.rate < 0.75  # it has no gate f; z starts half open


def test_the_same_again_and_no_trace_left_in_the_callers_random_numbers():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, other = (overlay(("gru",), lag=7, hidden_size=5, steps=(0, 2, 3), backend="reference") for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert [it.steps for it in one] == [0, 2, 3] * 2
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.norms, b.norms)
    only = overlay(("gru",), lag=7, hidden_size=5, steps=(3,), residual=False, backend="reference")
    np.testing.assert_array_equal(only[0].norms, one[2].norms)


@pytest.mark.slow
def test_training_separates_simple_network_lstm_and_gru():
    trained = {(it.name, it.state): it for it in overlay(lag=50, steps=(300,), residual=False)}
    plain, lstm, gru = (trained[at] for at in (("rnn_tanh", "h"), ("lstm", "c"), ("gru", "h")))
    # Le, Jaitly & Hinton 2015; tidegate probe: the simple network does not learn this, LSTM and GRU do.
    assert plain.decay.rate < 0.6 < 0.65 < lstm.decay.rate < 0.9 < gru.decay.rate < 1
    assert plain.norms[-1] / plain.norms[1] < 1e-9 < 1e-8 < lstm.norms[-1] / lstm.norms[1] < 1e-3
    assert gru.norms[-1] / gru.norms[1] > 0.01
    assert gru.loss < 0.7 * gru.baseline < plain.baseline < plain.loss


@pytest.mark.parametrize("options", [{"lag": 3}, {"steps": ()}, {"steps": (5, 5)}, {"steps": (-1,)}])
def test_short_lag_and_wrong_steps_raise(options):
    with pytest.raises(ArgumentError, match="lag should be at least 4"):
        overlay(**options)


def test_sizes_are_checked():
    with pytest.raises(ArgumentError, match="depth must be at least 1"):
        ResidualNetwork(2, 5, 0)
