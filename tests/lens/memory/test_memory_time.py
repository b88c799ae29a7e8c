"""Times by hand, and that the share said to be kept is what the state is really multiplied by."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.cells import CELLS, Step, cell, get_cell, sigmoid, zoneout
from tidegate.engine import run
from tidegate.errors import ArgumentError
from tidegate.lens import trace
from tidegate.lens.memory.memory_time import kept_share, memory_time
from tidegate.lens.record.trace import Trace
from tidegate.nn import Recurrent


def test_times_by_hand():
    f = np.array([[0.9, 0.5, 1.0], [0.9, 1.0, 1.0], [0.9, 0.125, 1.0]], np.float32)
    found = memory_time(Trace({(0, 0): {"f": f}}), "lstm")[(0, 0), "c"]
    third = math.log(1 / 16) / 3
    np.testing.assert_allclose(found.kept, [0.9, math.exp(third), 1], rtol=1e-6)
    np.testing.assert_allclose(found.steps, [-1 / math.log(0.9), -1 / third, math.inf], rtol=1e-6)
    np.testing.assert_allclose(found.simple, [10, 1 / (1 - 1.625 / 3), math.inf], rtol=1e-5)


@pytest.mark.parametrize("steps", [999.5, 9998.0])
def test_long_times_are_not_read_from_float16(steps: float):
    f = np.full((7, 5), math.exp(-1 / 50))
    f[:, 3] = math.exp(-1 / steps)
    found = memory_time(Trace({(0, 0): {"f": f.astype(np.float32)}}), "lstm")[(0, 0), "c"]
    np.testing.assert_allclose(found.steps, [50, 50, 50, steps, 50], rtol=1e-3)
    with pytest.raises(
        ArgumentError, match=r"1 hidden units of c of layer and direction \(0, 0\) \(the first is 3\) remember for"
    ):
        memory_time(Trace({(0, 0): {"f": f.astype(np.float16)}}), "lstm")


def test_short_times_from_float16_are_right_within_a_tenth():
    times = np.linspace(1, 400, 200)
    f = np.tile(np.exp(-1 / times), (7, 1)).astype(np.float16)
    found = memory_time(Trace({(0, 0): {"f": f}}), "lstm")[(0, 0), "c"]
    np.testing.assert_allclose(found.steps, times, rtol=0.1)


def test_a_gate_that_was_shut_once_keeps_nothing():
    found = memory_time(Trace({(0, 0): {"f": np.array([[0.0], [1.0]], np.float32)}}), "lstm")[(0, 0), "c"]
    assert (found.kept[0], found.steps[0], found.simple[0]) == (0, 0, 2)


def test_a_value_decays_by_the_geometric_mean():
    f = np.random.default_rng(0).uniform(0.2, 1, (500, 1))
    left = 1.0
    for share in f[:, 0]:
        left *= share
    found = memory_time(Trace({(0, 0): {"f": f}}), "lstm")[(0, 0), "c"]
    assert math.exp(-500 / found.steps[0]) == pytest.approx(left)
    assert found.steps[0] < found.simple[0]


@pytest.mark.parametrize("name", sorted(CELLS))
def test_the_kept_share_is_the_factor_of_the_previous_state(name):
    # Where no gate looks at the state (no recurrent weights, no peepholes) ds_t/ds_{t-1} is the share itself.
    torch.manual_seed(0)
    it = get_cell(name)
    layer = Recurrent(it, 3, 5, dtype=torch.float64, backend="reference")
    with torch.no_grad():
        for called, parameter in layer.named_parameters():
            if called.startswith(("weight_hh", "unit_p", "unit_v")):
                parameter.zero_()
    x = torch.randn(1, 3, dtype=torch.float64)
    held = [torch.randn(1, 5, dtype=torch.float64, requires_grad=True) for _ in it.states]
    made = run(it, x[None], layer.layer_weights(0, 0), held, record="all", backend="reference")
    keeps = [state for state in it.states if kept_share(it, state) is not None]
    usual = [it.states[-1] if "c" not in it.states else "c"]
    unusual = {"rnn_tanh": [], "rnn_relu": [], "indrnn": [], "cfc": [], "phased_lstm": ["h", "c", "time"]}
    unusual["slstm"] = ["c", "n"]
    assert keeps == unusual.get(name, usual)
    if not keeps:
        with pytest.raises(ArgumentError, match="no gate gives a memory time"):
            memory_time(trace(layer, x), it)
        return
    kept = Trace({(0, 0): {called: value[:, 0].detach().numpy() for called, value in made.record.items()}})
    for state in keeps:
        n = it.states.index(state)
        (slope,) = torch.autograd.grad(made.state[n].sum(), held[n], retain_graph=True)
        np.testing.assert_allclose(memory_time(kept, it)[(0, 0), state].kept, slope[0].abs(), rtol=1e-9)


def test_zoneout_keeps_its_expectation_too():
    f = np.full((7, 5), 0.6)
    found = memory_time(Trace({(0, 0): {"f": f}}), zoneout(get_cell("lstm"), {"c": 0.25}))[(0, 0), "c"]
    np.testing.assert_allclose(found.kept, 0.25 + 0.75 * 0.6)


def test_projected_and_deep_layers():
    torch.manual_seed(0)
    layer = Recurrent("lstm", 3, 5, 2, proj_size=2, backend="reference")
    found = memory_time(trace(layer, torch.randn(7, 3)), layer.cell)
    assert set(found) == {((0, 0), "c"), ((1, 0), "c")}
    assert found[(1, 0), "c"].steps.shape == (5,)


def test_a_gate_missing_from_the_trace_raises():
    layer = Recurrent("gru", 3, 5, backend="reference")
    with pytest.raises(ArgumentError, match="computed from z, which is not in the trace"):
        memory_time(trace(layer, torch.randn(7, 3), names="h"), "gru")


@cell(gates="f n", states="h")
def unnamed(x: Any, r: Any, s: Any) -> Step:
    """A forget gate that the trace does not show."""
    return Step(h=sigmoid(x.f + r.f) * s.h + x.n)


@cell(gates="f n", states="h")
def squared(x: Any, s: Any) -> Step:
    """No share of the state, but its square."""
    f = sigmoid(x.f)
    return Step(h=f * s.h * s.h + x.n, gates=dict(f=f))


def test_cells_of_which_no_time_can_be_read():
    for it, message in ((unnamed, "a value without a name"), (squared, "No state of squared keeps a share")):
        kept = trace(Recurrent(it, 3, 5, backend="reference"), torch.randn(7, 3) / 10)
        with pytest.raises(ArgumentError, match=message):
            memory_time(kept, it)
