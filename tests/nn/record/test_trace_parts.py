"""Parts of a layer's trace, by name: the values themselves, without padding."""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from tidegate.engine import Record
from tidegate.errors import ArgumentError
from tidegate.lens import trace
from tidegate.nn import LSTM, Trace

LENGTHS = [7, 0, 4]
X = torch.randn(7, 3, 3, generator=torch.Generator().manual_seed(0))


def layer(**options) -> LSTM:
    torch.manual_seed(1)
    return LSTM(3, 5, **options)


@pytest.mark.parametrize("batch_first", [False, True])
def test_parts_are_the_values_and_leave_padding_out(batch_first: bool) -> None:
    made = layer(num_layers=2, bidirectional=True, batch_first=batch_first).trace(
        X.transpose(0, 1) if batch_first else X, lengths=LENGTHS
    )
    values = made[1, 1]["c"].detach()
    whole = (values if batch_first else values.transpose(0, 1)).numpy()
    for n, length in enumerate(LENGTHS):
        one = made.sel(batch=n, layer=1, direction=1, name="c")
        assert one.dims == ("time", "unit")
        np.testing.assert_array_equal(one.values, whole[n, :length])
    several = made.sel(layer=1, direction=1, name="c", unit=2)
    assert several.dims == (("batch", "time") if batch_first else ("time", "batch"))
    found = several.values if batch_first else several.values.T
    for n, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(found[n, :length], whole[n, :length, 2])
        assert np.isnan(found[n, length:]).all()
    everything = made.sel(batch=[2, 0])
    assert everything.dims[:3] == ("layer", "direction", "name")
    assert sorted(everything.shape) == sorted((2, 2, 6, 2, 7, 5))
    assert len(made) == 7


def test_packed_and_recorded_every_other_step() -> None:
    sequences = [torch.randn(n, 3) for n in (2, 6, 3)]
    packed = pack_sequence(sequences, enforce_sorted=False)
    made = layer().trace(packed, names=Record(("f",), 2))
    for n, sequence in enumerate(sequences):
        alone = layer().trace(sequence)[0, 0]["f"].detach()[::2]
        np.testing.assert_allclose(made.sel(batch=n, layer=0, direction=0, name="f").values, alone, atol=1e-6)


def test_traces_of_layers_and_of_the_lens_are_one_type() -> None:
    own, one = layer(), X[:, 0]
    of_layer, of_lens = own.trace(one), trace(own, one, labels=list("abcdefg"))
    assert isinstance(of_layer, Trace)
    assert isinstance(of_lens, Trace)
    part = {"layer": 0, "name": ["f", "c"], "time": slice(2, 5)}
    np.testing.assert_array_equal(of_layer.sel(**part).values, of_lens.sel(**part).values)
    assert of_lens.sel(**part).coords["time"] == ["c", "d", "e"]
    assert of_layer[0, 0]["f"].requires_grad
    with pytest.raises(ArgumentError, match="of one sequence, without a batch"):
        of_layer.sel(batch=0)


def test_halves_empty_batches_and_empty_sequences_can_be_shown() -> None:
    half = layer().to(torch.bfloat16)
    assert half.trace(X.bfloat16()).sel(name="h", layer=0, direction=0).values.dtype == np.float32
    for made in (layer().trace(X[:, :0]), layer().trace(X, lengths=[0, 7, 1])):
        assert "<table" in made._repr_html_()
