"""Explanations of a module, layer by layer and direction by direction."""

from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from tidegate.cells import lstm, zoneout
from tidegate.engine import Peaks
from tidegate.errors import BackendError
from tidegate.nn import GRU, LSTM, RNN, Recurrent

PEAKS = Peaks(flops=1e9, bandwidth=1e8)


def test_each_layer_and_direction() -> None:
    layer = LSTM(3, 5, num_layers=2, bidirectional=True, batch_first=True)
    e = layer.explain(torch.zeros(2, 7, 3), peaks=PEAKS)
    assert list(e.parts) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    one = 14 * 2 * 4 * 5
    assert [part.flops.recurrent for part in e.parts.values()] == [2 * one * 5] * 4
    # The first layer's input wants no gradient; the second's, twice as wide, does.
    assert [part.flops.input for part in e.parts.values()] == [one * 3, one * 3, 2 * one * 10, 2 * one * 10]
    assert [part.kernels[1].input for part in e.parts.values()] == ["none", "none", "outside", "outside"]
    assert e[1, 0].input_size == 10
    assert e.flops == sum(part.flops.total for part in e.parts.values())
    assert e.floor == pytest.approx(sum(part.floor or 0 for part in e.parts.values()))
    text = str(e)
    assert [line for line in text.splitlines() if line.startswith("layer")] == [
        "layer 0, forward",
        "layer 0, reverse",
        "layer 1, forward",
        "layer 1, reverse",
    ]
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("machine:") == 1


def test_inference_needs_no_gradient_enabled() -> None:
    layer = GRU(3, 5, num_layers=2)
    with torch.no_grad():
        inference = layer.explain(torch.zeros(7, 2, 3), training=False, peaks=PEAKS)
        training = layer.explain(torch.zeros(7, 2, 3), peaks=PEAKS)
    assert [len(part.kernels) for part in inference.parts.values()] == [1, 1]
    assert training[1, 0].flops.input == 2 * inference[1, 0].flops.input


def test_explain_takes_the_arguments_of_forward() -> None:
    def counted(layer: RNN, x: Any, hx: Any = None, **more: Any) -> float:
        layer(x, hx, **more)
        told = layer.explain(x, hx, peaks=PEAKS, **more)[0, 0]
        assert told.backend == "llvm"
        return told.flops.input / (2 * 5 * 3)

    layer = RNN(3, 5)
    assert counted(layer, torch.zeros(7, 3), torch.zeros(1, 5)) == 7
    assert counted(layer, pack_sequence([torch.zeros(4, 3), torch.zeros(7, 3)], enforce_sorted=False)) == 11
    assert counted(layer, torch.zeros(7, 3, 3), lengths=[4, 0, 2]) == 6
    assert counted(RNN(3, 5).bfloat16(), torch.zeros(7, 3, dtype=torch.bfloat16)) == 7
    with pytest.raises(ValueError, match="does not match weight dtype"):
        layer.explain(torch.zeros(7, 3, dtype=torch.float64))


def test_the_backend_asked_for_and_a_cells_own_noise() -> None:
    layer = Recurrent(zoneout(lstm, 0.1), 3, 5, backend="reference").train()
    state = torch.random.get_rng_state()
    e = layer.explain(torch.zeros(7, 2, 3), peaks=PEAKS)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (e[0, 0].backend, e[0, 0].reasons["llvm"]) == ("reference", ("reference was asked for",))
    layer.backend = "llvm"
    with pytest.raises(BackendError, match=r"a torch\.func transform is active"):
        torch.func.vmap(lambda x: layer.explain(x, peaks=PEAKS))(torch.zeros(4, 7, 2, 3))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch's own, in forward_ad
def test_a_tangent_reaches_the_layers_above() -> None:
    layer = LSTM(3, 5, num_layers=2)
    with torch.autograd.forward_ad.dual_level():
        x = torch.autograd.forward_ad.make_dual(torch.zeros(7, 2, 3), torch.ones(7, 2, 3))
        e = layer.explain(x, peaks=PEAKS)
    assert [part.reasons["llvm"] for part in e.parts.values()] == [("an input has a forward-mode tangent",)] * 2
