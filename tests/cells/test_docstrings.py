"""Equations written by a person, in docstrings, are those that the functions compute."""

import inspect
import re

import pytest

from tidegate.cells import CELLS, Cell, rnn_relu, rnn_tanh
from tidegate.nn import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell


@pytest.mark.parametrize("name", CELLS)
def test_docstring_holds_exactly_the_traced_equations(name: str) -> None:
    assert written(CELLS[name].doc) == traced(CELLS[name])
    assert CELLS[name].paper


@pytest.mark.parametrize("layer", [LSTM(2, 3), GRU(2, 3), RNN(2, 3)], ids=lambda layer: type(layer).__name__)
def test_docstring_of_a_drop_in_holds_exactly_its_cells_equations(layer: LSTM | GRU | RNN) -> None:
    assert written(inspect.getdoc(type(layer)) or "") == traced(layer.cell)


def test_docstring_of_rnn_cell_holds_its_cells_equation() -> None:
    """It names no gate and no step, and adds torch's second bias."""
    (equation,) = re.findall(r"h' = .*(?=, or)", inspect.getdoc(RNNCell) or "")
    for text, function in ((rnn_tanh.text(), "tanh"), (rnn_relu.text(), "relu")):
        terms = re.sub(r"_(h|t|\{t-1\})(?!\w)", "", text).removeprefix(f"h = {function}(").removesuffix(")")
        assert sorted([*terms.split(" + "), "b'"]) == sorted(equation[len("h' = tanh(") : -1].split(" + "))
    assert equation.startswith("h' = tanh(")


@pytest.mark.parametrize("layer", [LSTMCell(2, 3), GRUCell(2, 3)], ids=lambda layer: type(layer).__name__)
def test_docstring_of_a_step_cell_holds_no_other_equation(layer: LSTMCell | GRUCell) -> None:
    assert written(inspect.getdoc(type(layer)) or "") <= traced(layer.cell)


def written(doc: str) -> set[str]:
    """The equations in a docstring; several on a line stand two spaces or more apart."""
    parts = [part.strip().rstrip(".") for line in doc.splitlines() for part in re.split(r"  +|, or |: (?=h_t)", line)]
    return {squeezed(part) for part in parts if re.match(r"\w+_t = ", part)}


def traced(it: Cell) -> set[str]:
    return {squeezed(line) for line in it.text().splitlines()}


def squeezed(equation: str) -> str:
    """Without spaces, and with each sum's biases in one place, wherever they were written."""
    left, _, right = equation.replace(" ", "").partition("=")
    for bias in ("+b_n", "+b'_n"):
        right = right.replace(bias, "", 1) + bias if bias in right and "b'_n" in right else right
    return left + "=" + right
