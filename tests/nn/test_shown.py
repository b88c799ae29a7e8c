"""What a prompt and a notebook show of cells, layers and what they return."""

from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

import tidegate
from tidegate.cells import gru, intervened, lstm
from tidegate.drawing.colours import number
from tidegate.engine import Record
from tidegate.lens import trace
from tidegate.nn import GRU, LSTM, RNN, Recurrent

X = torch.zeros(5, 2, 3)


@pytest.mark.parametrize("layer", [LSTM, GRU, RNN, lambda *sizes, **given: Recurrent("lstm", *sizes, **given)])
def test_a_layers_repr_names_the_options_that_differ_from_the_defaults(layer: Any) -> None:
    plain = repr(layer(3, 4))
    assert not any(name in plain for name in ("init", "forget_bias", "backend", "recompute", "layer_cells"))
    shown = repr(layer(3, 4, init="keras", backend="reference", recompute=True, batch_first=True))
    for text in ("init='keras'", "backend='reference'", "recompute=True", "batch_first=True"):
        assert text in shown
    assert "backend='llvm'" in repr(layer(3, 4, backend=tidegate.engine.BACKENDS[0]))


def test_other_options_are_shown_too() -> None:
    assert "forget_bias=1.0" in repr(LSTM(3, 4, forget_bias=1.0))
    layer = LSTM(3, 4, num_layers=2, proj_size=2)
    assert "cell" not in repr(layer)
    layer = LSTM(3, 4)
    layer.layer_cells = {0: intervened(lstm, {"c": {1: 0.0}})}
    assert "layer_cells={0: 'intervened(lstm)'}" in repr(layer)
    layer.cell = intervened(lstm, {"c": {1: 0.0}})
    assert "cell=intervened(lstm)" in repr(layer)


def test_a_cell_shows_its_equations_in_a_notebook() -> None:
    shown = gru._repr_latex_()
    assert shown.startswith("$$")
    assert shown.endswith("$$")
    assert gru.latex() in shown


def test_a_summary_shows_its_table() -> None:
    summary = tidegate.summary(LSTM(3, 4), X)
    assert repr(summary) == str(summary)
    html = summary._repr_html_()
    assert html.count("<tr>") == 3  # head, layer, total
    assert '<td style="text-align:right;padding:2px 8px">144</td>' in html


def test_an_explanation_shows_a_table_of_costs_and_its_text() -> None:
    layer = LSTM(3, 4, num_layers=2)
    for explanation in (layer.explain(X), layer.explain(X)[1, 0]):
        assert repr(explanation) == str(explanation)
        html = explanation._repr_html_()
        assert "bytes moved" in html
        assert "&gt; 4 hidden units" in html
    assert layer.explain(X)._repr_html_().count("<tr>") == 3


def test_a_trace_and_a_stepper_are_shown_on_one_line() -> None:
    layer = LSTM(3, 4)
    assert repr(layer.trace(X)).startswith("Trace(values={(0, 0): {'c': Tensor(5, 2, 4), 'f': Tensor(5, 2, 4), ")
    assert ", output=Tensor(5, 2, 4), state=(Tensor(1, 2, 4), Tensor(1, 2, 4)), " in repr(layer.trace(X))
    assert "\n" not in repr(layer.trace(X))
    assert repr(layer.stepper(2)) == "Stepper(LSTM(3, 4), batch=2)"
    assert len(repr(layer.layer_weights(0, 0))) < 200
    assert len(repr(trace(layer, X[:, 0]))) < 300


def valid_steps(values: torch.Tensor, batch_first: bool, every: int) -> list[torch.Tensor]:
    first, _, last = values if batch_first else values.transpose(0, 1)
    return [first, last[: -(-4 // every)]]


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_traces_table_leaves_padding_out(every: int, batch_first: bool) -> None:
    layer = LSTM(3, 5, bidirectional=True, batch_first=batch_first)
    x = torch.randn(7, 3, 3)
    made = layer.trace(x.transpose(0, 1) if batch_first else x, lengths=[7, 0, 4], names=Record(("i",), every))
    lowest = min(float(it.min()) for it in valid_steps(made[0, 0]["i"].detach(), batch_first, every))
    assert made.valid is not None
    assert f">{number(lowest)}<" in made._repr_html_()
    assert lowest > 0


def test_a_packed_traces_table_leaves_padding_out() -> None:
    layer = LSTM(3, 5)
    parts = [torch.randn(n, 3) for n in (2, 6, 3)]
    made = layer.trace(pack_sequence(parts, enforce_sorted=False))
    assert made.valid is not None
    assert made.valid[:, :, 0].sum(0).tolist() == [2, 6, 3]
    assert layer.trace(parts[0]).valid is None
