"""Lengths of any integer type and resets in any form give the same results; anything else is refused in words."""

import array
from typing import Any

import numpy as np
import pytest
import torch

import tidegate
from tidegate.engine import Weights
from tidegate.errors import ArgumentError
from tidegate.nn import GRU, LSTM

STEPS = 300  # more than a byte can count
LENGTHS = [5, 100]
INTEGERS = [f"{sign}int{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64)]
FORMS = {
    **{f"torch.{name}": torch.tensor(LENGTHS, dtype=getattr(torch, name)) for name in INTEGERS},
    **{f"numpy {name}": np.array(LENGTHS, dtype=name) for name in INTEGERS},
    "numpy big-endian": np.array(LENGTHS, dtype=">i4"),
    "tuple": tuple(LENGTHS),
    "list of NumPy numbers": [np.uint8(n) for n in LENGTHS],
    "list of tensors": [torch.tensor(n, dtype=torch.uint8) for n in LENGTHS],
    "array": array.array("B", LENGTHS),
    "range": range(5, 101, 95),
}


@pytest.mark.parametrize("backend", ["llvm", "reference"])
@pytest.mark.parametrize("given", FORMS.values(), ids=FORMS)
def test_lengths_of_any_integer_type_are_the_same_lengths(given: Any, backend: str) -> None:
    torch.manual_seed(0)
    layer, x = GRU(3, 4, bidirectional=True, backend=backend, recompute=True), torch.randn(STEPS, 2, 3)
    expected = layer(x, lengths=torch.tensor(LENGTHS))
    torch.testing.assert_close(layer(x, lengths=given), expected, rtol=0, atol=0)
    torch.testing.assert_close(layer.trace(x, lengths=given).output, expected[0], rtol=0, atol=0)
    assert str(layer.explain(x, lengths=given)) == str(layer.explain(x, lengths=torch.tensor(LENGTHS)))


def test_the_engine_takes_the_same_forms() -> None:
    x, weights = torch.randn(STEPS, 2, 3), Weights(torch.randn(12, 3), torch.randn(12, 4), torch.randn(12))
    flags = np.random.default_rng(0).random((STEPS, 2)) < 0.1
    expected = tidegate.run("gru", x, weights, lengths=torch.tensor(LENGTHS), reset=torch.tensor(flags))
    for lengths in FORMS.values():
        for reset in (flags, flags.tolist(), torch.tensor(flags)):
            found = tidegate.run("gru", x, weights, lengths=lengths, reset=reset)
            torch.testing.assert_close(found.output, expected.output, rtol=0, atol=0)


@pytest.mark.parametrize("batch_first", [False, True])
def test_resets_as_lists_arrays_and_tensors(batch_first: bool) -> None:
    layer = GRU(3, 4, batch_first=batch_first)
    x, flags = torch.randn(7, 2, 3), np.random.default_rng(0).random((7, 2)) < 0.4
    expected = layer(x, reset=torch.tensor(flags))[0]
    for form in (flags, flags.tolist(), tuple(map(tuple, flags)), np.asfortranarray(flags)):
        assert torch.equal(layer(x, reset=form)[0], expected)
    alone = layer(x[:, 0], reset=torch.tensor(flags[:, 0]))[0]
    assert torch.equal(layer(x[:, 0], reset=flags[:, 0].tolist())[0], alone)


@pytest.mark.parametrize(
    "lengths", [[], (), np.array([], dtype=np.uint8), torch.tensor([], dtype=torch.int16)], ids=repr
)
def test_no_lengths_for_no_sequences(lengths: Any) -> None:
    for reset in ([[]] * 5, np.zeros((5, 0), dtype=bool)):
        assert GRU(3, 4)(torch.randn(5, 0, 3), lengths=lengths, reset=reset)[0].shape == (5, 0, 4)


NOT_LENGTHS = {
    "floats": [5.0, 3.0],
    "float tensor": torch.tensor([5.0, 3.0]),
    "float array": np.array([5.0, 3.0], dtype=np.float32),
    "a fraction": [2.5, 1],
    "bools": [True, False],
    "a bool among numbers": [True, 3],
    "a bool of NumPy": [np.True_, 3],
    "bool tensor": torch.tensor([True, False]),
    "texts": ["5", "3"],
    "None": [None, 3],
    "objects": np.array([5, None], dtype=object),
    "rows of different lengths": [[5], [3, 4]],
    "a set": {5, 3},
}


def test_lengths_that_leave_nothing_out_change_no_bit():
    layer, x = LSTM(3, 5, batch_first=True), torch.randn(4, 6, 3)
    found = []
    for lengths in (None, [6, 6, 6, 6]):
        layer.zero_grad()
        output, (h, _) = layer(x, lengths=lengths)
        (output.square().sum() + h.sum()).backward()
        found.append([output.detach(), *(it.grad for it in layer.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize("lengths", NOT_LENGTHS.values(), ids=NOT_LENGTHS)
def test_what_is_no_lengths_is_refused_in_words(lengths: Any) -> None:
    x, weights = torch.randn(7, 2, 3), Weights(torch.randn(12, 3), torch.randn(12, 4))
    for call in (lambda: GRU(3, 4)(x, lengths=lengths), lambda: tidegate.run("gru", x, weights, lengths=lengths)):
        with pytest.raises(ArgumentError, match="lengths must be whole numbers, one for each sequence; given "):
            call()


@pytest.mark.parametrize("lengths", [5, [5], [5, 3, 2], [[5, 3]], torch.tensor(5)], ids=repr)
def test_lengths_of_another_shape_are_refused(lengths: Any) -> None:
    with pytest.raises(ArgumentError, match="whole numbers, one for each of the 2 sequences; given shape"):
        GRU(3, 4)(torch.randn(7, 2, 3), lengths=lengths)


@pytest.mark.parametrize("lengths", [[8, 1], [-1, 1], np.array([255, 1], dtype=np.uint8)], ids=repr)
def test_lengths_out_of_range_are_refused(lengths: Any) -> None:
    with pytest.raises(ArgumentError, match=r"lengths must lie in 0..7, the number of steps"):
        GRU(3, 4)(torch.randn(7, 2, 3), lengths=lengths)


def test_lengths_are_read_once_for_all_layers_and_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU each reading waits for all that was started."""
    read, real = list[torch.Tensor](), torch.aminmax
    monkeypatch.setattr(torch, "aminmax", lambda given: read.append(given) or real(given))
    LSTM(3, 4, num_layers=2, bidirectional=True)(torch.randn(7, 2, 3), lengths=torch.tensor([5, 3]))
    assert len(read) == 1


@pytest.mark.parametrize(
    "reset",
    [[[0, 1]] * 7, np.zeros((7, 2)), torch.zeros(7, 2, dtype=torch.uint8), "flags", [[None, True]] * 7],
    ids=str,
)
def test_what_is_no_reset_is_refused_in_words(reset: Any) -> None:
    with pytest.raises(ArgumentError, match="reset must be bool, one for each step of each sequence; given "):
        GRU(3, 4)(torch.randn(7, 2, 3), reset=reset)


@pytest.mark.parametrize(
    "lengths", [[5, 3], torch.tensor([5, 3], dtype=torch.uint8), np.array([5, 3], np.int16)], ids=str
)
def test_lengths_and_resets_in_a_compiled_layer(lengths: Any) -> None:
    layer, x, flags = GRU(3, 4), torch.randn(7, 2, 3), np.random.default_rng(0).random((7, 2)) < 0.4
    expected = layer(x, lengths=[5, 3], reset=torch.tensor(flags))[0]
    for reset in (flags.tolist(), torch.tensor(flags), flags):
        torch._dynamo.reset()
        compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(x, lengths=lengths, reset=reset)[0], expected)
    torch._dynamo.reset()
