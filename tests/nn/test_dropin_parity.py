"""Drop-ins against torch.nn over a generated matrix: outputs, final states, and every gradient."""

import itertools
import warnings
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from tests.nn.budget import assert_within_budget
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import tidegate

INPUTS = 3
KINDS = {
    "rnn_tanh": ("RNN", {}),
    "rnn_relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "lstm_proj": ("LSTM", {"proj_size": 2}),
    "gru": ("GRU", {}),
}


@dataclass(frozen=True)
class Shape:
    form: str  # batched, batch_first, unbatched, packed, packed_unsorted
    steps: int
    batch: int
    hidden: int
    start: bool

    def __str__(self) -> str:
        return f"{self.form}-T{self.steps}-B{self.batch}-H{self.hidden}-{'hx' if self.start else 'zeros'}"


SHAPES = [
    Shape("batched", 63, 5, 33, True),
    Shape("batched", 7, 5, 33, False),
    Shape("batched", 1, 1, 3, True),
    Shape("batch_first", 7, 5, 5, True),
    Shape("unbatched", 7, 1, 33, True),
    Shape("unbatched", 2, 1, 5, False),
    Shape("packed", 7, 5, 5, True),
    Shape("packed_unsorted", 7, 5, 33, True),
    Shape("packed_unsorted", 3, 1, 5, False),
]
OPTIONS = [
    dict(num_layers=layers, bidirectional=two, bias=bias)
    for layers, two, bias in itertools.product((1, 2), (False, True), (True, False))
    if bias or (layers, two) in ((1, False), (2, True))
]


def make(module: Any, kind: str, shape: Shape, options: dict[str, Any], dtype: torch.dtype) -> torch.nn.Module:
    name, extra = KINDS[kind]
    torch.manual_seed(5)
    return getattr(module, name)(
        INPUTS, shape.hidden, batch_first=shape.form == "batch_first", **options, **extra, dtype=dtype
    )


def data_for(layer: Any, shape: Shape) -> tuple[Tensor, tuple[Tensor, ...] | None]:
    g = torch.Generator().manual_seed(7)

    def draw(*size: int) -> Tensor:
        return torch.randn(*size, generator=g).double()  # the same numbers in float32 and float64

    x = draw(shape.steps, shape.batch, INPUTS)
    if not shape.start:
        return x, None
    rows = layer.num_layers * (1 + layer.bidirectional)
    states = [draw(rows, shape.batch, layer.proj_size or shape.hidden)]
    if layer.mode == "LSTM":
        states.append(draw(rows, shape.batch, shape.hidden))
    return x, tuple(states)


def results(layer: Any, shape: Shape) -> dict[str, Tensor]:
    """Outputs, final states, and gradients of a random weighting of all of them."""
    dtype = next(layer.parameters()).dtype
    x, state = data_for(layer, shape)
    x = x.to(dtype).requires_grad_()
    state = None if state is None else tuple(s.to(dtype).requires_grad_() for s in state)
    given: Tensor | PackedSequence = x
    hx = state
    if shape.form == "batch_first":
        given = x.transpose(0, 1)
    elif shape.form == "unbatched":
        given, hx = x.squeeze(1), None if state is None else tuple(s.squeeze(1) for s in state)
    elif shape.form.startswith("packed"):
        lengths = torch.tensor([(5 * k) % shape.steps + 1 for k in range(shape.batch)])
        if shape.form == "packed":
            lengths = lengths.sort(descending=True).values
            lengths[0] = shape.steps
        given = pack_padded_sequence(x, lengths, enforce_sorted=shape.form == "packed")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
        output, final = layer(given, hx if layer.mode == "LSTM" else hx and hx[0])
    if isinstance(output, PackedSequence):
        assert isinstance(given, PackedSequence)
        assert torch.equal(output.batch_sizes, given.batch_sizes)
        output = output.data
    final = (final,) if isinstance(final, Tensor) else final
    values = {"output": output} | {f"final {k}": s for k, s in enumerate(final)}
    g = torch.Generator().manual_seed(11)
    total = sum(
        ((v * torch.randn(v.shape, generator=g).to(dtype)).sum() for v in values.values()),
        torch.zeros((), dtype=dtype),
    )
    leaves = {"x": x, **dict(layer.named_parameters())}
    leaves |= {f"initial {k}": s for k, s in enumerate(state or ())}
    gradients = torch.autograd.grad(total, list(leaves.values()))
    named = {f"gradient of {name}": value for name, value in zip(leaves, gradients, strict=True)}
    return {name: value.detach() for name, value in (values | named).items()}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_same_values_and_gradients_as_torch(kind: str, shape: Shape) -> None:
    for options in OPTIONS:
        theirs = make(torch.nn, kind, shape, options, torch.float32)
        exact = make(torch.nn, kind, shape, options, torch.float64)
        exact.load_state_dict({name: value.double() for name, value in theirs.state_dict().items()})
        truth, rough = results(exact, shape), results(theirs, shape)
        for dtype in (torch.float32, torch.float64):
            ours = make(tidegate.nn, kind, shape, options, dtype)
            ours.load_state_dict(exact.state_dict())
            assert_within_budget(results(ours, shape), rough, truth)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_parameters_and_state_dict_both_ways(kind: str) -> None:
    for options in OPTIONS:
        theirs = make(torch.nn, kind, SHAPES[0], options, torch.float32)
        ours = make(tidegate.nn, kind, SHAPES[0], options, torch.float32)
        assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(mine, other)
        for parameter in ours.parameters():
            torch.nn.init.normal_(parameter)
        theirs.load_state_dict(ours.state_dict(), strict=True)
        ours.load_state_dict(theirs.state_dict(), strict=True)
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
        assert repr(ours) == repr(theirs)


def test_positional_arguments_are_torchs() -> None:
    theirs = torch.nn.LSTM(3, 5, 2, False, True, 0.25, True, 2)
    ours = tidegate.nn.LSTM(3, 5, 2, False, True, 0.25, True, 2)
    assert repr(ours) == repr(theirs)
    assert repr(tidegate.nn.GRU(3, 5, 2, False, True, 0.25, True)) == repr(
        torch.nn.GRU(3, 5, 2, False, True, 0.25, True)
    )
    rnn = tidegate.nn.RNN(3, 5, 2, "relu", False, True, 0.25, True)
    assert repr(rnn) == repr(torch.nn.RNN(3, 5, 2, "relu", False, True, 0.25, True))
    assert rnn.cell is tidegate.cells.rnn_relu


def test_dropout_draws_as_torch_does_between_layers_and_only_while_training() -> None:
    theirs = torch.nn.GRU(3, 8, 3, dropout=0.5)
    ours = tidegate.nn.GRU(3, 8, 3, dropout=0.5)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(9, 4, 3)
    torch.manual_seed(2)
    expected, _ = theirs(x)
    torch.manual_seed(2)
    found, _ = ours(x)
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found, ours(x)[0])
    theirs.eval()
    ours.eval()
    torch.testing.assert_close(ours(x)[0], theirs(x)[0])


@pytest.mark.parametrize(
    "arguments",
    [
        dict(hidden_size=0),
        dict(hidden_size=-1),
        dict(input_size=0),
        dict(input_size=2.5),
        dict(hidden_size="4"),
        dict(num_layers=0),
        dict(dropout=1.5),
        dict(dropout=True),
        dict(bias=None),
        dict(batch_first=1),
        dict(proj_size=9),
        dict(proj_size=-1),
    ],
    ids=str,
)
def test_constructor_raises_where_torch_does(arguments: dict[str, Any]) -> None:
    given = dict[str, Any](input_size=3, hidden_size=4) | arguments
    with pytest.raises((ValueError, TypeError)) as theirs:
        torch.nn.LSTM(**given)
    with pytest.raises(theirs.type, match=r".") as ours:
        tidegate.nn.LSTM(**given)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("name", ["RNN", "GRU"])
def test_proj_size_raises_as_in_torch(name: str) -> None:
    with pytest.raises(ValueError, match="only supported for LSTM"):
        getattr(tidegate.nn, name)(3, 4, proj_size=2)


def test_unknown_nonlinearity_raises() -> None:
    with pytest.raises(ValueError, match="Unknown nonlinearity 'gelu'"):
        tidegate.nn.RNN(3, 4, nonlinearity="gelu")  # pyright: ignore[reportArgumentType]


BAD_CALLS = {
    "1-D input": lambda: (torch.randn(3),),
    "4-D input": lambda: (torch.randn(1, 2, 2, 3),),
    "wrong features": lambda: (torch.randn(5, 2, 4),),
    "wrong dtype": lambda: (torch.randn(5, 2, 3, dtype=torch.float64),),
    "no steps": lambda: (torch.randn(0, 2, 3),),
    "hx of another batch": lambda: (torch.randn(5, 2, 3), torch.randn(1, 3, 4)),
    "hx of another size": lambda: (torch.randn(5, 2, 3), torch.randn(1, 2, 5)),
    "hx of other layers": lambda: (torch.randn(5, 2, 3), torch.randn(2, 2, 4)),
    "2-D hx for a batch": lambda: (torch.randn(5, 2, 3), torch.randn(1, 4)),
    "3-D hx for no batch": lambda: (torch.randn(5, 3), torch.randn(1, 1, 4)),
}


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("mistake", BAD_CALLS)
def test_bad_calls_raise_as_torch_does(name: str, mistake: str) -> None:
    x, *hx = BAD_CALLS[mistake]()
    state = (hx[0] if name != "LSTM" else (hx[0], hx[0])) if hx else None
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        getattr(torch.nn, name)(3, 4)(x, state)
    with pytest.raises(theirs.type):
        getattr(tidegate.nn, name)(3, 4)(x, state)


def test_lstm_with_one_state_raises() -> None:
    with pytest.raises(RuntimeError, match=r"hx must be a tuple of 2 tensors \(h, c\), got one tensor"):
        tidegate.nn.LSTM(3, 4)(torch.randn(5, 2, 3), torch.zeros(1, 2, 4))  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_an_empty_batch_gives_an_empty_output() -> None:
    output, (h, c) = tidegate.nn.LSTM(3, 4)(torch.randn(5, 0, 3))
    assert output.shape == (5, 0, 4)
    assert h.shape == c.shape == (1, 0, 4)
