"""The drop-ins say what torch.nn says to the same mistake: class and words."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import tidegate
from tidegate.nn import GRU, LSTM, RNN, Recurrent

ones, LONG, DOUBLE, HALF = torch.ones, torch.int64, torch.float64, torch.float16


def packed(*shape: int, lengths: tuple[int, ...] = (4, 2), **dtype: Any) -> PackedSequence:
    return pack_padded_sequence(ones(*shape, **dtype), torch.tensor(lengths), enforce_sorted=False)


# The input and, where it is given, one state; LSTM gets the state twice.
LAYER_MISTAKES = {
    "0-D": (ones(()),),
    "1-D": (ones(3),),
    "4-D": (ones(1, 2, 2, 3),),
    "4-D of another dtype": (ones(1, 2, 2, 3, dtype=DOUBLE),),
    "features": (ones(4, 2, 7),),
    "features, unbatched": (ones(4, 7),),
    "double": (ones(4, 2, 3, dtype=DOUBLE),),
    "half": (ones(4, 2, 3, dtype=HALF),),
    "whole numbers": (ones(4, 2, 3, dtype=LONG),),
    "complex": (ones(4, 2, 3, dtype=torch.complex64),),
    "dtype and features": (ones(4, 2, 7, dtype=DOUBLE),),
    "another device": (ones(4, 2, 3, device="meta"),),
    "no step": (ones(0, 2, 3),),
    "no step, unbatched": (ones(0, 3),),
    "no step, wrong features": (ones(0, 2, 7),),
    "no step and no batch": (ones(0, 0, 3),),
    "state of another batch": (ones(4, 2, 3), ones(1, 3, 5)),
    "state of another size": (ones(4, 2, 3), ones(1, 2, 6)),
    "state of more layers": (ones(4, 2, 3), ones(2, 2, 5)),
    "state of two dimensions": (ones(4, 2, 3), ones(1, 5)),
    "state of four dimensions": (ones(4, 2, 3), ones(1, 1, 2, 5)),
    "batched state, unbatched input": (ones(4, 3), ones(1, 1, 5)),
    "state of one dimension, unbatched input": (ones(4, 3), ones(5)),
    "state of another size, unbatched input": (ones(4, 3), ones(1, 6)),
    "state of more layers, unbatched input": (ones(4, 3), ones(2, 5)),
    "state and features": (ones(4, 2, 7), ones(2, 1, 5)),
    "dimensions of the state, and features": (ones(4, 2, 7), ones(2, 5)),
    "dimensions of the state, and dtype": (ones(4, 2, 3, dtype=DOUBLE), ones(2, 5)),
}
PACKED_MISTAKES = {
    "features": (packed(4, 2, 7),),
    "dtype": (packed(4, 2, 3, dtype=DOUBLE),),
    "data of three dimensions": (PackedSequence(ones(4, 2, 3), torch.tensor([2, 2])),),
}
STATE_DTYPES = [DOUBLE, HALF, torch.bfloat16, LONG]


def said(make: Any) -> tuple[type[Exception], str]:
    with pytest.raises(Exception) as raised:
        make()
    return raised.type, str(raised.value)


def call(package: Any, name: str, given: tuple[Any, ...], **options: Any) -> Any:
    x, *state = given
    return getattr(package, name)(3, 5, **options)(x, *((state * 2,) if name.startswith("LSTM") and state else state))


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("given", LAYER_MISTAKES.values(), ids=LAYER_MISTAKES)
def test_a_layers_words_are_torchs(name: str, given: tuple[Any, ...]) -> None:
    assert said(lambda: call(tidegate.nn, name, given)) == said(lambda: call(nn, name, given))


@pytest.mark.parametrize("name", ["RNN", "GRU"])  # torch.nn.LSTM does not check packed inputs
@pytest.mark.parametrize("given", PACKED_MISTAKES.values(), ids=PACKED_MISTAKES)
def test_words_for_packed_inputs_are_torchs(name: str, given: tuple[Any, ...]) -> None:
    assert said(lambda: call(tidegate.nn, name, given)) == said(lambda: call(nn, name, given))


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_state_of_another_batch_is_refused_for_unsorted_packed_inputs_too(name: str) -> None:
    """torch.nn takes the first rows of it."""
    with pytest.raises(RuntimeError, match=r"Expected hidden(\[0\])? size \(1, 2, 5\), got \[1, 3, 5\]"):
        call(tidegate.nn, name, (packed(4, 2, 3, lengths=(2, 4)), ones(1, 3, 5)))


@pytest.mark.parametrize("name", ["RNN", "GRU"])
@pytest.mark.parametrize("dtype", STATE_DTYPES, ids=str)
def test_a_state_of_another_dtype_is_refused_in_torchs_words(name: str, dtype: torch.dtype) -> None:
    given = (ones(4, 2, 3), ones(1, 2, 5, dtype=dtype))
    assert said(lambda: call(tidegate.nn, name, given)) == said(lambda: call(nn, name, given))


@pytest.mark.parametrize("dtype", STATE_DTYPES, ids=str)
def test_a_state_of_another_dtype_is_refused_by_lstm_with_torchs_class(dtype: torch.dtype) -> None:
    """Its words are oneDNN's there."""
    x, right, wrong = ones(4, 2, 3), ones(1, 2, 5), ones(1, 2, 5, dtype=dtype)
    for state in ((wrong, right), (right, wrong), (wrong, wrong)):
        kind, words = said(lambda state=state: LSTM(3, 5)(x, state))
        assert kind is said(lambda state=state: nn.LSTM(3, 5)(x, state))[0]
        assert words.startswith("mat1 and mat2 must have the same dtype, but got ")


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_half_precision_takes_states_in_float32_and_autocast_any(name: str) -> None:
    wide = ones(1, 2, 5)
    narrow = call(tidegate.nn, name, (ones(4, 2, 3, dtype=torch.bfloat16), wide), dtype=torch.bfloat16)[0]
    assert narrow.dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        call(tidegate.nn, name, (ones(4, 2, 3), wide.bfloat16()))


STEP_MISTAKES = {
    "0-D": (ones(()),),
    "3-D": (ones(2, 2, 3),),
    "features": (ones(2, 4),),
    "features, unbatched": (ones(4),),
    "features and state": (ones(2, 4), ones(2, 6)),
    "double": (ones(2, 3, dtype=DOUBLE),),
    "half": (ones(2, 3, dtype=HALF),),
    "bfloat16": (ones(2, 3, dtype=torch.bfloat16),),
    "whole numbers": (ones(2, 3, dtype=LONG),),
    "state of another size": (ones(2, 3), ones(2, 6)),
    "state of another batch": (ones(2, 3), ones(4, 5)),
    "state of another batch and size": (ones(2, 3), ones(4, 6)),
    "state of one row": (ones(2, 3), ones(1, 5)),
    "unbatched state": (ones(2, 3), ones(5)),
    "batched state, unbatched input": (ones(3), ones(1, 5)),
    "state of another size, unbatched input": (ones(3), ones(6)),
    "state of three dimensions": (ones(2, 3), ones(2, 1, 5)),
    "state of four dimensions": (ones(2, 3), ones(2, 1, 1, 5)),
    "state without dimensions": (ones(2, 3), ones(())),
    "double state": (ones(2, 3), ones(2, 5, dtype=DOUBLE)),
    "half state": (ones(2, 3), ones(2, 5, dtype=HALF)),
}


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("given", STEP_MISTAKES.values(), ids=STEP_MISTAKES)
def test_a_step_cells_words_are_torchs(name: str, given: tuple[Any, ...]) -> None:
    assert said(lambda: call(tidegate.nn, name, given)) == said(lambda: call(nn, name, given))


@pytest.mark.parametrize(
    "hx",
    [
        (ones(2, 5), ones(2, 6)),
        (ones(2, 5), ones(4, 5)),
        (ones(2, 5), ones(2, 1, 5)),
        (ones(2, 5),),
        (ones(2, 5),) * 3,
        ones(2, 5),
    ],
    ids=lambda hx: str([tuple(it.shape) for it in hx]),
)
def test_words_for_the_second_state_of_a_step_cell_are_torchs(hx: Any) -> None:
    x = ones(2, 3)
    assert said(lambda: tidegate.nn.LSTMCell(3, 5)(x, hx)) == said(lambda: nn.LSTMCell(3, 5)(x, hx))


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
def test_a_step_cell_without_hidden_units_or_rows_is_torchs(name: str) -> None:
    for hidden, rows in ((0, 2), (5, 0), (0, 0)):
        x = ones(rows, 3)
        ours, theirs = (getattr(package, name)(3, hidden)(x) for package in (tidegate.nn, nn))
        torch.testing.assert_close(ours, theirs)
        state = (ones(rows, hidden),) * 2 if name == "LSTMCell" else ones(rows, hidden)
        ours, theirs = (getattr(package, name)(3, hidden)(x, state) for package in (tidegate.nn, nn))
        assert [v.shape for v in ours] == [v.shape for v in theirs]


@pytest.mark.parametrize(
    ("layer", "hx", "why"),
    [
        (RNN(3, 5), (ones(1, 2, 5),), "RNN: hx must be one tensor, got a tuple of 1"),
        (GRU(3, 5), [ones(1, 2, 5)], "GRU: hx must be one tensor, got a list of 1"),
        (GRU(3, 5), 0, "GRU: hx must be one tensor, got int"),
        (LSTM(3, 5), ones(1, 2, 5), r"LSTM: hx must be a tuple of 2 tensors \(h, c\), got one tensor"),
        (LSTM(3, 5), (), r"LSTM: hx must be a tuple of 2 tensors \(h, c\), got a tuple of 0"),
        (Recurrent("peephole_lstm", 3, 5), (ones(1, 2, 5),), r"Recurrent: hx must be a tuple of 2 tensors \(h, c\)"),
    ],
    ids=str,
)
def test_states_in_another_form_are_refused_in_words(layer: Any, hx: Any, why: str) -> None:
    with pytest.raises(RuntimeError, match=why):
        layer(ones(4, 2, 3), hx)
