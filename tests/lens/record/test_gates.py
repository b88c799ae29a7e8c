"""Saturation by hand, and what the equations say of each name."""

import numpy as np
import pytest
import torch

from tidegate.cells import CELLS, get_cell, intervened, zoneout
from tidegate.errors import ArgumentError
from tidegate.lens import trace
from tidegate.lens.record.gates import saturation, squashed
from tidegate.lens.record.trace import Trace
from tidegate.nn import Recurrent


def test_shares_by_hand():
    f = np.array([[0.05, 0.95], [0.1, 0.5], [0.02, 0.9], [0.99, 0.91]], np.float32)
    g = np.array([[-0.95, 0.0], [0.05, 0.91], [-0.875, 0.875], [-1, 0.99]], np.float16)
    found = saturation(Trace({(0, 0): {"f": f, "g": g, "c": f}}), "lstm")
    assert dict(found.kinds) == {"f": "sigmoid", "g": "tanh"}
    np.testing.assert_array_equal(found.low[0, 0]["f"], [0.5, 0])
    np.testing.assert_array_equal(found.high[0, 0]["f"], [0.25, 0.5])
    np.testing.assert_array_equal(found.low[0, 0]["g"], [0.5, 0])
    np.testing.assert_array_equal(found.high[0, 0]["g"], [0, 0.5])
    assert found.shares((0, 0), "f") == (0.25, 0.375)
    with pytest.raises(ArgumentError, match=r"\(0, 0\), 'f'"):
        found.shares((1, 0), "f")


@pytest.mark.parametrize("name", sorted(CELLS))
def test_sigmoids_and_tanhs_stay_in_range_and_reach_both_ends(name):
    torch.manual_seed(0)
    cell = get_cell(name)
    layer = Recurrent(cell, 3, 5, backend="reference")
    kept = trace(layer, 30 * torch.randn(63, 3))
    for called, kind in squashed(cell).items():
        values = kept.values[0, 0][called]
        assert (values >= (0 if kind == "sigmoid" else -1)).all()
        assert (values <= 1).all()
        if (name, called) == ("time_lstm", "short"):
            continue  # it sees the state only, which is small
        assert values.max() > 0.9
        assert values.min() < (0.1 if kind == "sigmoid" else -0.9)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("rnn_tanh", {"h": "tanh"}),
        ("rnn_relu", {}),
        ("lstm", {"i": "sigmoid", "f": "sigmoid", "g": "tanh", "o": "sigmoid"}),
        ("coupled_lstm", {"i": "sigmoid", "f": "sigmoid", "g": "tanh", "o": "sigmoid"}),  # f = 1 - i
        ("janet", {"f": "sigmoid", "i": "sigmoid", "n": "tanh"}),  # i = 1 - σ(a - 1)
        ("gru", {"r": "sigmoid", "z": "sigmoid", "n": "tanh"}),
        ("min_gru", {"z": "sigmoid"}),
        ("li_gru", {"z": "sigmoid"}),
    ],
)
def test_read_off_the_equations(cell, expected):
    assert squashed(get_cell(cell)) == expected


def test_composed_cells_have_the_gates_of_their_own():
    own = squashed(get_cell("lstm"))
    assert squashed(intervened(get_cell("lstm"), {"f": {1: 0.0}, "g": {0: (-0.5, 0.5)}})) == own
    assert squashed(zoneout(get_cell("lstm"), 0.1)) == own


def test_layers_and_directions_each_have_their_own():
    torch.manual_seed(0)
    found = saturation(
        trace(Recurrent("gru", 3, 5, 2, bidirectional=True, backend="reference"), 3 * torch.randn(7, 3)), "gru"
    )
    assert set(found.low) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert found.high[1, 1]["z"].shape == (5,)


def test_another_cells_trace_raises():
    kept = trace(Recurrent("gru", 3, 5, backend="reference"), torch.randn(7, 3))
    with pytest.raises(ArgumentError, match="lstm has i, f, g, o"):
        saturation(kept, "lstm")


def test_a_trace_without_gates_raises():
    kept = trace(Recurrent("lstm", 3, 5, backend="reference"), torch.randn(7, 3), names=("h", "c"))
    with pytest.raises(ArgumentError, match="sigmoids and tanhs are: i, f, g, o"):
        saturation(kept, "lstm")
