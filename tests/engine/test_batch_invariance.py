"""Inside `batch_invariant` a sequence's results are the same to the bit in every batch."""

import pytest
import torch
from torch import Tensor

import tidegate
from tidegate.cells import Cell, Step, cell, normalize, sigmoid, tanh
from tidegate.engine import BACKENDS
from tidegate.errors import BackendError
from tidegate.nn import GRU, LSTM, Recurrent

pytestmark = pytest.mark.skipif("llvm" not in [b.name for b in BACKENDS], reason="no LLVM backend")

STEPS, INPUTS = 6, 5


@cell(gates="a b c", states="h v")
def two_products(x, r, s):
    """A cell of two stages, with a normalisation."""
    a, b = sigmoid(x.a + r.a), tanh(x.b + r("b", s.v))
    c = normalize(x.c + r("c", a * s.h))
    return Step(h=a * s.h + (1 - a) * b, v=tanh(c), gates={"a": a, "b": b, "c": c})


def results(layer: Recurrent, x: Tensor, lengths: Tensor, rows: list[int]) -> list[Tensor]:
    """Output, states, and gradients of input and initial states, with the sequences first."""
    leaf = x[:, rows].clone().requires_grad_()
    first = [torch.full((1, len(rows), layer.hidden_size), 0.1, requires_grad=True) for _ in layer.cell.states]
    output, state = layer(leaf, tuple(first) if len(first) > 1 else first[0], lengths=lengths[rows])
    states = list(state) if isinstance(state, tuple) else [state]
    total = output.sin().sum() + sum((s.cos().sum() for s in states), torch.zeros(()))
    gradients = torch.autograd.grad(total, [leaf, *first])
    return [value.detach().transpose(0, 1) for value in (output, *states, *gradients)]


@pytest.mark.parametrize(
    ("made", "hidden"),
    [
        ("lstm", 130),
        *(pytest.param(*it, marks=pytest.mark.slow) for it in (("lstm", 33), ("gru", 65), (two_products, 40))),
    ],
)
def test_a_sequence_alone_and_in_batches(made: str | Cell, hidden: int) -> None:
    torch.manual_seed(0)
    layer, x, lengths = Recurrent(made, INPUTS, hidden), torch.randn(STEPS, 33, INPUTS), torch.arange(33) % (STEPS + 1)
    lengths[:4] = STEPS
    with tidegate.batch_invariant():
        whole = results(layer, x, lengths, list(range(33)))
        for rows in ([0], [6], [1, 6], [2, 0, 6], [30, 6, 3, 1, 0, 5, 9]):
            for found, expected in zip(results(layer, x, lengths, rows), whole, strict=True):
                assert torch.equal(found, expected[rows]), rows
    usual = results(layer, x, lengths, [0])
    assert not all(torch.equal(found, expected[:1]) for found, expected in zip(usual, whole, strict=True))
    for found, expected in zip(usual, whole, strict=True):
        torch.testing.assert_close(found, expected[:1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", [LSTM, pytest.param(GRU, marks=pytest.mark.slow)])
def test_a_stepper_computes_what_a_run_computes(kind: type[LSTM] | type[GRU]) -> None:
    torch.manual_seed(0)
    layer, x = kind(INPUTS, 70, num_layers=2), torch.randn(STEPS, 9, INPUTS)
    with torch.no_grad(), tidegate.batch_invariant():
        whole, _ = layer(x)
        for batch in (1, 2, 9):
            stepper = layer.stepper(batch)
            assert torch.equal(torch.stack([stepper(x[t, :batch]) for t in range(STEPS)]), whole[:, :batch])


def test_a_backward_is_computed_as_its_forward_was() -> None:
    torch.manual_seed(0)
    layer, x = LSTM(INPUTS, 130), torch.randn(STEPS, 5, INPUTS)
    made = []
    for rows in ([0], [0, 1, 2, 3, 4]):
        leaf = x[:, rows].clone().requires_grad_()
        with tidegate.batch_invariant():
            output, _ = layer(leaf)
        output.sum().backward()
        assert leaf.grad is not None
        made.append(leaf.grad[:, 0])
    assert torch.equal(*made)


@pytest.mark.slow
def test_compiled_programs_notice_the_context() -> None:
    torch.manual_seed(0)
    layer, x = LSTM(INPUTS, 130), torch.randn(STEPS, 1, INPUTS)
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    with torch.no_grad():
        usual = compiled(x)[0]
        with tidegate.batch_invariant():
            inside, expected = compiled(x)[0], layer(x)[0]
        assert torch.equal(inside, expected)
        assert torch.equal(usual, compiled(x)[0])
        assert torch.equal(usual, layer(x)[0])


def test_what_only_other_backends_can_run_is_refused() -> None:
    layer, x = LSTM(3, 4), torch.randn(2, 1, 3)
    with tidegate.batch_invariant():
        with pytest.raises(BackendError, match="'reference' cannot run lstm: its results depend on the batch, which"):
            LSTM(3, 4, backend="reference")(x)
        with pytest.raises(BackendError, match=r"No backend can run lstm inside batch_invariant\(\) \(llvm: .*meta"):
            layer.to("meta")(x.to("meta"))
        leaf = torch.randn(2, 1, 3, requires_grad=True)
        output, _ = LSTM(3, 4)(leaf)
        with pytest.raises(BackendError, match="first derivatives only"):
            torch.autograd.grad(output.sum(), leaf, create_graph=True)
